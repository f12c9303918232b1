"""Arrays of numpy that hold many images each: `.npz` files, or a folder of `.npy` files."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.layouts import keys, sidecar, tree
from dsbuilder.layouts.arrays import labels
from dsbuilder.layouts.arrays.exported import ExportedArrays
from dsbuilder.layouts.arrays.format import ALL, CLASS_NAMES, roles_by_split
from dsbuilder.layouts.arrays.labels import Kind
from dsbuilder.layouts.arrays.signs import signs_of
from dsbuilder.layouts.catalog import SourceCatalog, digest, file_of
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.splits import split_named
from dsbuilder.plugin import (
    Catalog,
    DataError,
    Listing,
    Record,
    Signs,
    Source,
    Target,
    did_you_mean,
    source,
)
from dsbuilder.plugin.sources import check_some_read
from dsbuilder.records import arrays
from dsbuilder.records.arrays import Array
from dsbuilder.records.rows import ArrayRows


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
    other labels. Nothing is unpickled. Other arrays and files are skipped, counted, and reported.

    The key of a record is its text in the array of keys; without one, the split's name and the
    place, such as `train/00042`.

    Beside an `.npz` file that dsbuilder exported, `NAME.npz.dsbuilder.json` says of which kinds the
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
        unknown = [word for word in self.arrays or () if word != ALL and not split_named(word)]
        if unknown:
            hint = did_you_mean(unknown[0], (ALL, "train", "validation", "test"))
            raise ValueError(f"arrays: expected the names of splits, found '{unknown[0]}'.{hint}")

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks at the names of arrays in the folder's `.npz` and `.npy` files."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the arrays.

        Raises (when it is listed):
          DataError: arrays are missing, damaged, of another type or shape or of unequal lengths, or
            there is only one class. A row whose label has no name, or whose key is missing or there
            twice, is a record with an error.
        """
        return _ArraysCatalog(self)


class _ArraysCatalog(SourceCatalog[Arrays]):
    """The rows of arrays; the place of a record is its array in the file, and the row in it."""

    def __init__(self, source: Arrays) -> None:
        super().__init__(source)
        self._rows = functools.cache(Array.images)  # each is opened once in a process

    def scan(self) -> Listing:
        source, found = self._source, arrays.find(self._source.path)
        exported = _exported(source, found)
        parts = _parts_of(exported) if exported else _parts(source, found)
        classes = _classes(source, found)
        raws = {}
        for word, part in parts.items():
            count = self._rows(part.images).count
            raws[word] = (
                exported.raws(word, count) if exported else _raws(source, part, classes, count)
            )
        records = list(self._records(parts, raws))
        check_some_read(records)
        sound = [each for each in records if each.error is None]
        if exported is None and source.target in (None, "class"):
            labeled = {each.targets["label"] for each in sound}
            wrong = [each for each in records if each.error is not None]
            check_class_count(
                labeled, where=str(source.path), noun="classes", wrong=wrong, of=len(sound)
            )
        return Listing(
            records=records,
            targets=exported.targets if exported else _target(source, sound, classes),
            notes=_notes(source, found, parts, exported),
        )

    def _records(
        self, parts: Mapping[str, "_Part"], raws: Mapping[str, Sequence[Mapping[str, Any]]]
    ) -> Iterator[Record]:
        rows = [(word, row) for word, found in raws.items() for row in range(len(found))]
        stated = [key for word, found in raws.items() for key in _keys(word, parts[word], found)]
        taken = {""}
        for (word, row), (key, group) in zip(rows, keys.with_groups(stated), strict=True):
            images, labels = parts[word].images, raws[word][row]
            problems = [str(each) for each in labels.values() if isinstance(each, DataError)]
            if key in taken:
                found = f"'{key}' again. Rename it" if key else "none. Fill it in"
                where = f"{parts[word].keys}: row {row}"
                problems.append(f"{where}: expected every key once, found {found}.")
            yield Record(
                key=f"{word}/row {row:05d}" if key in taken else key,
                path=images.file,
                targets={} if problems else labels,
                group=group,
                split=split_named(word),
                place={"member": images.member, "row": row},
                error=" ".join(problems) or None,
            )
            taken.add(key)

    def watches(self) -> Sequence[Path]:
        path = self._source.path
        beside = sidecar.place(arrays.root_of(path))
        return [*tree.everything(path), *([beside] if beside.is_file() else [])]

    def read(self, record: Record) -> np.ndarray:
        rows, row = self._place(record)
        return rows.image(row)

    def identity(self, record: Record) -> str:
        rows, row = self._place(record)
        return f"{rows.shape} {digest(rows.read(row))}"

    def _place(self, record: Record) -> tuple[ArrayRows, int]:
        array = Array(file=file_of(record), member=record.place["member"])
        return self._rows(array), int(record.place["row"])


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Arrays that belong together.

    Attributes:
      images, labels, keys: arrays of equal length; None where there are no keys, or the labels of
        an export, which lie in arrays of any names.
    """

    images: Array
    labels: Array | None
    keys: Array | None = None

    @property
    def all(self) -> tuple[Array, ...]:
        return tuple(each for each in (self.images, self.labels, self.keys) if each is not None)


def _exported(source: Arrays, found: Mapping[str, Array]) -> ExportedArrays | None:
    """Returns the arrays of an export; None of others, and where options say what to read."""
    if any(each is not None for each in (source.target, source.arrays, source.classes)):
        return None
    root = arrays.root_of(source.path)
    stated = sidecar.read(root)
    if stated is None:
        return None
    return ExportedArrays(where=str(root), targets=stated.targets, found=found)


def _parts_of(exported: ExportedArrays) -> dict[str, _Part]:
    """Returns what is read of an export, by the split's name."""
    return {
        split: _Part(images=exported.images(split), labels=None, keys=exported.keys(split))
        for split in exported.splits
    }


def _parts(source: Arrays, found: Mapping[str, Array]) -> dict[str, _Part]:
    """Returns what is read, by the split's name or `all`."""
    if source.arrays is not None:
        return {
            word: _Part(images=_named(source, found, images), labels=_named(source, found, labels))
            for word, (images, labels) in source.arrays.items()
        }
    parts = {
        word: _Part(**{role: found[name] for role, name in each.items()})
        for word, each in roles_by_split(str(source.path), found).items()
    }
    if not parts:
        named = "arrays such as x_train and y_train, or images and labels"
        problem = f"there are no {named}"
        if found:
            problem = f"expected {named}, found {shortened(found)}"
        raise DataError(f"{source.path}: {problem}. Say which with `arrays`, or check the path.")
    return parts


def _named(source: Arrays, found: Mapping[str, Array], name: str) -> Array:
    if name not in found:
        raise DataError(f"{source.path}: there is no array '{name}'.{did_you_mean(name, found)}")
    return found[name]


def _classes(source: Arrays, found: Mapping[str, Array]) -> tuple[str, ...] | None:
    """Returns the names that numbers stand for; None where there are none."""
    if source.classes is not None:
        return source.classes
    array = found.get(CLASS_NAMES)
    if array is None:
        return None
    names = tuple(labels.texts(array, array.load().reshape(-1)))
    try:
        check_classes(names)
    except ValueError as error:
        raise DataError(f"{array}: {error}") from None
    return names


def _keys(word: str, part: _Part, raws: Sequence[Any]) -> list[str]:
    count = len(raws)
    if part.keys is None:
        return [f"{word}/{row:05d}" for row in range(count)]
    values = part.keys.load()
    if values.ndim != 1 or values.dtype.kind not in "US":
        raise DataError(
            f"{part.keys}: expected one text an image, found {values.dtype} {values.shape}. "
            "Leave the array out or save texts."
        )
    _check_count(part.keys, part, len(values), count)
    return labels.texts(part.keys, values)


def _check_count(array: Array, part: _Part, found: int, count: int) -> None:
    if found != count:
        raise DataError(
            f"{array}: expected {count} rows, as many as {part.images} has, found {found}. Save "
            "both again."
        )


def _raws(
    source: Arrays, part: _Part, classes: Sequence[str] | None, count: int
) -> list[dict[str, Any]]:
    """Returns the raw labels of each row of a part, by target name."""
    if part.labels is None:
        return []
    kind = source.target or "class"
    found = labels.read(part.labels, kind, classes)
    _check_count(part.labels, part, len(found), count)
    return [{labels.NAMES[kind]: raw} for raw in found]


def _target(
    source: Arrays, records: Sequence[Record], classes: Sequence[str] | None
) -> dict[str, Target]:
    """Returns `label`, the class; else `labels`, `value` or `text`."""
    kind = source.target or "class"
    name = labels.NAMES[kind]
    try:
        return {name: labels.target(kind, [each.targets[name] for each in records], classes)}
    except DataError as error:
        raise DataError(f"{source.path}: {error}") from None


def _notes(
    source: Arrays,
    found: Mapping[str, Array],
    parts: Mapping[str, _Part],
    exported: ExportedArrays | None,
) -> list[str]:
    """Says what is not read: arrays, and files that hold none."""
    read = {array for part in parts.values() for array in part.all}
    named = {CLASS_NAMES}
    if exported is not None:
        named = {name for name in found if name.endswith(CLASS_NAMES)}
        named.update(*map(exported.names, parts))
    skipped = [name for name, array in found.items() if array not in read and name not in named]
    notes = []
    if skipped:
        count = "1 array was" if len(skipped) == 1 else f"{len(skipped)} arrays were"
        notes.append(f"{count} skipped: {shortened(skipped)}")
    if source.path.is_dir():
        below = tree.scan(source.path)
        files = {array.file.name for array in found.values()}
        files.add(sidecar.place(arrays.root_of(source.path)).name)
        notes += below.notes(below.skipped(files))
    return notes
