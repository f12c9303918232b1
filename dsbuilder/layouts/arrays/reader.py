"""Arrays of numpy that hold many images each: `.npz` files, or a folder of `.npy` files."""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.layouts import keys, tree
from dsbuilder.layouts.arrays import labels as arrays_labels
from dsbuilder.layouts.arrays import stated as arrays_export
from dsbuilder.layouts.arrays.labels import Kind
from dsbuilder.layouts.arrays.stated import Exported
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.glance import glance
from dsbuilder.layouts.splits import split_named
from dsbuilder.plugin import (
    DataError,
    Recognition,
    Record,
    Source,
    Target,
    did_you_mean,
    source,
)
from dsbuilder.records import arrays
from dsbuilder.records.arrays import Array
from dsbuilder.records.rows import Rows

_log = logging.getLogger(__name__)
_ROLES = {
    **dict.fromkeys(("x", "image", "images"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
    **dict.fromkeys(("key", "keys"), "keys"),
}
_NAMES = "class_names"


@source("arrays")
@dataclass(frozen=True, kw_only=True)
class Arrays(Source):
    """Reads images and labels from arrays of numpy: an `.npz` file, or a folder of arrays.

        mnist.npz              path/                    path/
          x_train  y_train       images.npy               train.npz
          x_test   y_test        labels.npy                 images  labels
                                                          test.npz
                                                            images  labels

    Images are uint8 `(N, H, W)` or `(N, H, W, C)` with 1, 3 or 4 channels. Arrays are known by
    their names: x, image or images; y, label, labels, target or targets; key or keys, which holds
    texts; each alone or with a split's name before or behind (train, training; validation, val,
    valid, dev; test, testing, eval, evaluation). An array `class_names` holds texts in id order.
    Without split names the pipeline splits. Labels `(N,)` or `(N, 1)` are whole numbers, which
    stand for places in the names of the classes, or texts, which are such names; `target` says of
    other labels. Nothing is unpickled. Other arrays and files are skipped, counted, and reported in
    the log.

    The key of a record is its text in the array of keys; without one, the split's name and the
    place, such as `train/00042`.

    An `.npz` file that dsbuilder exported has an array `signature`, which says of which kinds the
    targets are: unless an option below says what to read, all of them are read, with `@` in keys in
    place of what says that a sample was derived; what was made of one image is one group.

    Attributes:
      path: the `.npz` file, or the folder.
      classes: class names in id order; by default `class_names`, else the labels found.
      target: what labels are: `class`, the default; `multi_label`, a row of zeros and ones, one for
        each class; `value`, a number or a row of numbers; `text`.
      arrays: split -> [array of images, array of labels], where arrays have other names; `all`
        stands for a pair without a split.
    """

    path: Path
    classes: tuple[str, ...] | None = None
    target: Kind | None = None
    arrays: Mapping[str, tuple[str, str]] | None = None

    def __post_init__(self) -> None:
        check_classes(self.classes)
        unknown = [word for word in self.arrays or () if word != _ALL and not split_named(word)]
        if unknown:
            hint = did_you_mean(unknown[0], (_ALL, "train", "validation", "test"))
            raise ValueError(f"arrays: expected the names of splits, found '{unknown[0]}'.{hint}")

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Looks at the names of arrays in the folder's `.npz` and `.npy` files."""
        files = [path for path in glance(folder).files if arrays.is_array_file(path)]
        files = [path for path in files if "/" not in path]
        if not files:
            return Recognition(certainty=0, reason="no .npz or .npy file at the top")
        options: dict[str, object] = {
            "path": files[0] if len(files) == 1 and files[0].endswith("npz") else "."
        }
        try:
            found = arrays.find(folder / str(options["path"]))
            if arrays.SIGNATURE in found:
                return _recognised_export(found, options)
            parts = _parts_by_name(str(folder), found)
            kinds = {arrays_labels.likely(each.labels) for each in parts.values() if each.labels}
        except DataError as error:
            return Recognition(certainty=0, reason=str(error))
        if not parts:
            reason = f"{len(found)} arrays, none called images and labels"
            return Recognition(certainty=0.1 if found else 0, reason=reason)
        comments = {}
        if kinds != {"class"}:
            options["target"] = kinds.pop()
            comments["target"] = "as the type and shape of the labels say"
        reason = f"{len(found)} arrays, images and labels of {', '.join(parts)}"
        return Recognition(certainty=0.95, reason=reason, options=options, comments=comments)

    def records(self) -> Iterator[Record]:
        """Yields a record for every image, in the order of the arrays.

        Raises:
          DataError: arrays are missing, damaged, of another type or shape or of unequal lengths, a
            label has no name, a key is there twice, or there is only one class.
        """
        parts = _parts(self)
        raws = {word: self._raws(word, part) for word, part in parts.items()}
        _report(self, parts)
        if self._exported is None and self.target in (None, "class"):
            found = {raw["label"] for each in raws.values() for raw in each}
            check_class_count(found, where=str(self.path), noun="classes")
        return (
            Record(
                key=key,
                path=parts[place.word].images.file,
                targets=raws[place.word][place.row],
                group=place.group,
                split=split_named(place.word),
            )
            for key, place in self._places.items()
        )

    def _raws(self, word: str, part: "_Part") -> list[dict[str, Any]]:
        """Returns the raw labels of each row of a part, by target name."""
        count = self._opened[word].count
        if self._exported is not None:
            return arrays_export.raws(self._exported, arrays.find(self.path), word, count)
        if part.labels is None:
            return []
        kind = self.target or "class"
        found = arrays_labels.read(part.labels, kind, _classes(self))
        _check_count(part.labels, part, len(found), count)
        return [{arrays_labels.NAMES[kind]: raw} for raw in found]

    def watches(self) -> Sequence[Path]:
        """Returns all that lies at or below `path`."""
        return tree.everything(self.path)

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns `label`, the class; else `labels`, `value` or `text`; of an export its own."""
        if self._exported is not None:
            return self._exported.targets
        kind = self.target or "class"
        name = arrays_labels.NAMES[kind]
        raws = [record.targets[name] for record in records]
        try:
            return {name: arrays_labels.target(kind, raws, _classes(self))}
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None

    def read(self, record: Record) -> np.ndarray:
        """Returns the pixels of a record, `(H, W, C)`."""
        place = self._places[record.key]
        return self._opened[place.word].image(place.row)

    def identity(self, record: Record) -> str:
        """Returns the hash of a record's pixels and their shape."""
        place = self._places[record.key]
        rows = self._opened[place.word]
        digest = hashlib.blake2b(rows.read(place.row), digest_size=16).hexdigest()
        return f"{rows.shape} {digest}"

    @cached_property
    def _exported(self) -> Exported | None:
        """What the signature of an export says, unless options say what to read."""
        if any(each is not None for each in (self.target, self.arrays, self.classes)):
            return None
        return arrays_export.exported(arrays.find(self.path))

    @cached_property
    def _opened(self) -> Mapping[str, Rows]:
        """The images of each part, opened once in a process."""
        return {word: part.images.images() for word, part in _parts(self).items()}

    @cached_property
    def _places(self) -> Mapping[str, "_Place"]:
        """Where each record lies, by its key."""
        parts = _parts(self)
        found = [
            (key, word, row)
            for word, part in parts.items()
            for row, key in enumerate(_keys(word, part, self._opened[word].count))
        ]
        given = keys.with_groups([key for key, _, _ in found])
        places: dict[str, _Place] = {}
        for (_, word, row), (key, group) in zip(found, given, strict=True):
            if key in places:
                raise DataError(
                    f"{parts[word].keys}: expected every key once, found '{key}' again. Rename it."
                )
            places[key] = _Place(word=word, row=row, group=group)
        return places


_ALL = "all"


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a record lies: its part, and the row in it; with the group that it is of."""

    word: str
    row: int
    group: str | None


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Arrays that belong together.

    Attributes:
      images, labels, keys: of equal length; None where there are no keys, or the labels of an
        export, which lie in arrays of any names.
    """

    images: Array
    labels: Array | None
    keys: Array | None = None

    @property
    def all(self) -> tuple[Array, ...]:
        return tuple(each for each in (self.images, self.labels, self.keys) if each is not None)


def _parts(source: Arrays) -> dict[str, _Part]:
    """Returns what is read, by the split's name or `all`."""
    found = arrays.find(source.path)
    if source.arrays is not None:
        return {
            word: _Part(images=_named(source, found, images), labels=_named(source, found, labels))
            for word, (images, labels) in source.arrays.items()
        }
    if source._exported is not None:
        return {
            split: _Part(
                images=found[arrays.name_of("x", split, y=None)],
                labels=None,
                keys=found.get(arrays.name_of("key", split, y=None)),
            )
            for split in arrays_export.splits(found)
        }
    parts = _parts_by_name(str(source.path), found)
    if not parts:
        names = shortened(found) if found else "none"
        raise DataError(
            f"{source.path}: expected arrays such as x_train and y_train, or images and labels, "
            f"found {names}. Say which with `arrays`, or check the path."
        )
    return parts


def _named(source: Arrays, found: Mapping[str, Array], name: str) -> Array:
    if name not in found:
        raise DataError(
            f"{source.path}: expected an array '{name}', found none.{did_you_mean(name, found)}"
        )
    return found[name]


def _parts_by_name(where: str, found: Mapping[str, Array]) -> dict[str, _Part]:
    """Returns the pairs that arrays' names make.

    Raises:
      DataError: two arrays take one place, or one of a pair is missing.
    """
    roles: dict[str, dict[str, str]] = {}
    for name in found:
        parsed = _parse(name)
        if parsed is None:
            continue
        role, word = parsed
        other = roles.setdefault(word, {}).setdefault(role, name)
        if other != name:
            raise DataError(
                f"{where}: expected one array of {role}, found '{other}' and '{name}'. "
                "Choose with `arrays`."
            )
    for each in roles.values():
        missing = [role for role in ("images", "labels") if role not in each]
        if missing:
            raise DataError(
                f"{where}: expected images and labels, found {shortened(each.values())} and no "
                f"{missing[0]} with it. Say which with `arrays`."
            )
    return {
        word: _Part(**{role: found[name] for role, name in each.items()})
        for word, each in roles.items()
    }


def _parse(name: str) -> tuple[str, str] | None:
    """Returns (role, split's name or `all`) of an array's name; None if it says neither."""
    words = [word for word in re.split(r"[_.\- ]+", name.lower()) if word]
    roles = [_ROLES[word] for word in words if word in _ROLES]
    splits = [word for word in words if split_named(word)]
    if len(roles) != 1 or len(splits) > 1 or len(words) != 1 + len(splits):
        return None
    return roles[0], splits[0] if splits else _ALL


def _classes(source: Arrays) -> tuple[str, ...] | None:
    """Returns the names that numbers stand for; None where there are none."""
    if source.classes is not None:
        return source.classes
    array = arrays.find(source.path).get(_NAMES)
    if array is None:
        return None
    names = tuple(arrays_labels.texts(array, array.load().reshape(-1)))
    try:
        check_classes(names)
    except ValueError as error:
        raise DataError(f"{array}: {error}") from None
    return names


def _keys(word: str, part: _Part, count: int) -> list[str]:
    if part.keys is None:
        return [f"{word}/{row:05d}" for row in range(count)]
    values = part.keys.load()
    if values.ndim != 1 or values.dtype.kind not in "US":
        raise DataError(
            f"{part.keys}: expected one text an image, found {values.dtype} {values.shape}. "
            "Leave the array out or save texts."
        )
    _check_count(part.keys, part, len(values), count)
    keys = arrays_labels.texts(part.keys, values)
    if "" in keys:
        raise DataError(f"{part.keys}: expected a key in every row, found none in one. Fill it in.")
    return keys


def _check_count(array: Array, part: _Part, found: int, count: int) -> None:
    if found != count:
        raise DataError(
            f"{array}: expected {count} rows, as many as {part.images} has, found {found}. Save "
            "both again."
        )


def _recognised_export(found: Mapping[str, Array], options: Mapping[str, object]) -> Recognition:
    known = arrays_export.exported(found)
    shown = ", ".join(known.targets) if known is not None else ""
    reason = f"an export of dsbuilder: {len(found)} arrays of {shown or 'no targets'}"
    return Recognition(certainty=0.97, reason=reason, options=options)


def _report(source: Arrays, parts: Mapping[str, _Part]) -> None:
    """Logs what is not read: arrays, and files that hold none."""
    read = {array for part in parts.values() for array in part.all}
    found = arrays.find(source.path)
    named = {_NAMES}
    if source._exported is not None:
        named = {name for name in found if name.endswith(_NAMES)} | {arrays.SIGNATURE}
        named.update(*map(source._exported.names, parts))
    skipped = [name for name, array in found.items() if array not in read and name not in named]
    if skipped:
        count = "1 array was" if len(skipped) == 1 else f"{len(skipped)} arrays were"
        _log.warning("%s: %s skipped: %s.", source.path, count, shortened(skipped))
    if source.path.is_dir():
        below = tree.scan(source.path)
        files = {array.file.name for array in found.values()}
        for note in below.notes(below.skipped(files)):
            _log.warning("%s: %s.", source.path, note)
