"""IDX files of images and labels, as MNIST and Fashion-MNIST are given out."""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.layouts import numbered, tree
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.glance import glance
from dsbuilder.layouts.idx import format as idx
from dsbuilder.plugin import (
    ClassLabel,
    DataError,
    Recognition,
    Record,
    Source,
    Target,
    did_you_mean,
    source,
)
from dsbuilder.records.rows import Rows

_log = logging.getLogger(__name__)


@source("idx")
@dataclass(frozen=True, kw_only=True)
class Idx(Source):
    """Reads images and labels from pairs of IDX files.

        path/
          train-images-idx3-ubyte.gz      train-labels-idx1-ubyte.gz
          t10k-images-idx3-ubyte.gz       t10k-labels-idx1-ubyte.gz

    The word before `-images` names the split: t10k is the test split, the others are called train,
    training; validation, val, valid, dev; test, testing, eval, evaluation. Without one, the
    pipeline splits. Files are packed with gzip or not; where both lie there, the one that is not is
    read. `train-images.idx3-ubyte` is understood, too. Magic numbers and lengths are checked. Other
    files are skipped, counted, and reported in the log.

    The key of a record is the word and the place in its file, such as `train/00042`.

    Attributes:
      path: the folder of the files.
      classes: names of the labels 0, 1, 2, ...; by default the numbers found.
      prefix: what names begin with, where a folder holds several data sets, such as
        emnist-letters.
      transposed: whether rows and columns are exchanged, as they are in the files of EMNIST.
    """

    path: Path
    classes: tuple[str, ...] | None = None
    prefix: str | None = None
    transposed: bool = False

    def __post_init__(self) -> None:
        check_classes(self.classes)

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Looks for pairs of images and labels by their names, here or in the one folder below."""
        seen = glance(folder)
        inside = {path.rpartition("/")[0] for path in seen.files if _is_idx(path)}
        if len(inside) != 1:
            found = f"IDX files in {len(inside)} folders" if inside else "no IDX file"
            return Recognition(certainty=0, reason=found)
        place = inside.pop()
        names = [path.rpartition("/")[2] for path in seen.files if _is_idx(path)]
        return _recognised(place or ".", len(names), _pairs_of(names))

    def records(self) -> Iterator[Record]:
        """Yields a record for every image, in the order of the files.

        Raises:
          DataError: files are missing, damaged or cut, numbers of images and labels differ, a label
            has no name, or there is only one class.
        """
        below = tree.scan(self.path)
        pairs = _pairs(self, below)
        read = {path.name for pair in pairs.values() for path in (pair.images, pair.labels)}
        for note in below.notes(below.skipped(read)):
            _log.warning("%s: %s.", self.path, note)
        opened = _open(pairs)
        labels = {word: _labels(self, pair, opened[word].count) for word, pair in pairs.items()}
        found = {label for each in labels.values() for label in each}
        check_class_count(found, where=str(self.path), noun="classes")
        return (
            Record(
                key=f"{word}/{row:05d}",
                path=pair.images,
                targets={"label": label},
                split=pair.split,
            )
            for word, pair in pairs.items()
            for row, label in enumerate(labels[word])
        )

    def watches(self) -> Sequence[Path]:
        """Returns all that lies at or below `path`."""
        return tree.everything(self.path)

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns `label`, the class."""
        found = {record.targets["label"] for record in records}
        return {"label": ClassLabel(names=numbered.class_names(found, self.classes))}

    def read(self, record: Record) -> np.ndarray:
        """Returns the pixels of a record, `(H, W, 1)`, or `(H, W, C)` where files are of color."""
        rows, row = self._place(record)
        image = rows.image(row)
        return np.swapaxes(image, 0, 1) if self.transposed else image

    def identity(self, record: Record) -> str:
        """Returns the hash of a record's pixels and their shape."""
        rows, row = self._place(record)
        digest = hashlib.blake2b(rows.read(row), digest_size=16).hexdigest()
        return f"{rows.shape} {'transposed ' if self.transposed else ''}{digest}"

    def _place(self, record: Record) -> tuple[Rows, int]:
        word, _, row = record.key.rpartition("/")
        return self._opened[word], int(row)

    @cached_property
    def _opened(self) -> Mapping[str, Rows]:
        """The images of each word, opened once in a process."""
        return _open(_pairs(self))


_ROLES = ("image", "label")
_Place = tuple[str, str]
"""What stands for a pair of files: (prefix, part) of their names."""


@dataclass(frozen=True)
class _Pair:
    split: str | None
    images: Path
    labels: Path


def _is_idx(path: str) -> bool:
    return idx.parse_name(path.rpartition("/")[2]) is not None


def _pairs_of(names: Iterable[str]) -> dict[_Place, dict[str, str]]:
    """Returns role -> the file's name of what belongs together; of two, that which is unpacked."""
    pairs: dict[_Place, dict[str, str]] = {}
    for name in sorted(names):  # so `...ubyte.gz` comes after `...ubyte`
        parsed = idx.parse_name(name)
        if parsed is not None:
            pairs.setdefault((parsed.prefix, parsed.part), {}).setdefault(parsed.role, name)
    return pairs


def _word(place: _Place) -> str:
    """Returns what keys begin with: the part, else the data set's name."""
    prefix, part = place
    return part or prefix or "all"


def _recognised(place: str, files: int, pairs: Mapping[_Place, Mapping[str, str]]) -> Recognition:
    whole = [each for each, roles in pairs.items() if len(roles) == len(_ROLES)]
    if not whole:
        reason = f"{files} IDX files, but no images with their labels"
        return Recognition(certainty=0, reason=reason)
    parts = ", ".join(sorted(_word(each) for each in whole))
    prefixes = sorted({prefix for prefix, _ in whole})
    options: dict[str, object] = {"path": place}
    comments: dict[str, str] = {}
    if len(prefixes) > 1:
        options["prefix"] = prefixes[0]
        comments["prefix"] = f"one of {', '.join(prefixes)}"
    if any("emnist" in prefix.lower() for prefix in prefixes):
        options["transposed"] = True
        comments["transposed"] = "the files of EMNIST hold columns where others hold rows"
    return Recognition(
        certainty=0.95 if len(whole) == len(pairs) else 0.6,
        reason=f"{files} IDX files, images and labels of {parts}",
        options=options,
        comments=comments,
    )


def _pairs(source: Idx, found: tree.Tree | None = None) -> dict[str, _Pair]:
    """Returns what is read, by the word that keys begin with."""
    found = found or tree.scan(source.path)
    pairs = _pairs_of(path for path in found.files if "/" not in path)
    prefix = _chosen_prefix(source, sorted({prefix for prefix, _ in pairs}))
    chosen = {place: roles for place, roles in pairs.items() if place[0] == prefix}
    for roles in chosen.values():
        _check_whole(source, roles)
    return {_word(place): _pair(source.path, roles) for place, roles in chosen.items()}


def _open(pairs: Mapping[str, _Pair]) -> dict[str, Rows]:
    return {word: idx.open_images(pair.images) for word, pair in pairs.items()}


def _pair(folder: Path, roles: Mapping[str, str]) -> _Pair:
    name = idx.parse_name(roles["image"])
    split = name.split if name is not None else None
    return _Pair(split, folder / roles["image"], folder / roles["label"])


def _check_whole(source: Idx, roles: Mapping[str, str]) -> None:
    if len(roles) == len(_ROLES):
        return
    there, missing = ("images", "labels") if "image" in roles else ("labels", "images")
    [name] = roles.values()
    raise DataError(
        f"{source.path}: expected images and labels, found {there} in '{name}' and no "
        f"file with their {missing}. Add it or move '{name}' away."
    )


def _chosen_prefix(source: Idx, prefixes: Sequence[str]) -> str:
    if not prefixes:
        raise DataError(
            f"{source.path}: expected files such as train-images-idx3-ubyte.gz, found none. "
            "Check the path."
        )
    if source.prefix is None and len(prefixes) > 1:
        raise DataError(
            f"{source.path}: expected the files of one data set, found {shortened(prefixes)}. "
            "Choose one with `prefix`."
        )
    prefix = prefixes[0] if source.prefix is None else source.prefix
    if prefix not in prefixes:
        raise DataError(
            f"{source.path}: expected files that begin with '{prefix}', found none."
            f"{did_you_mean(prefix, prefixes)}"
        )
    return prefix


def _labels(source: Idx, pair: _Pair, count: int) -> list[str]:
    """Returns the names of a pair's labels, of which there must be as many as images."""
    labels = idx.read_labels(pair.labels).tolist()
    if len(labels) != count:
        raise DataError(
            f"{pair.labels}: expected {count} labels, as many as '{pair.images.name}' has images, "
            f"found {len(labels)}. Download both again."
        )
    try:
        return [numbered.name_of(label, source.classes) for label in labels]
    except DataError as error:
        raise DataError(f"{pair.labels}: {error}") from None
