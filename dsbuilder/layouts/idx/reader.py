"""IDX files of images and labels, as MNIST and Fashion-MNIST are given out."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.layouts import tree
from dsbuilder.layouts.catalog import SourceCatalog, digest, file_of
from dsbuilder.layouts.classes import (
    check_class_count,
    check_classes,
    name_of_number,
    numbered_names,
)
from dsbuilder.layouts.faults import FEW
from dsbuilder.layouts.idx.format import ROLES, open_images, pairs_of, parse_name, read_labels, word
from dsbuilder.layouts.idx.signs import signs_of
from dsbuilder.plugin import (
    Catalog,
    ClassLabel,
    DataError,
    Listing,
    Record,
    Signs,
    Source,
    did_you_mean,
    source,
)
from dsbuilder.plugin.sources import told
from dsbuilder.records.rows import ArrayRows


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
    files are skipped, counted, and reported.

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
    def signs(cls, folder: Path) -> Signs:
        """Looks for pairs of images and labels by their names, here or in the one folder below."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the files.

        Raises (when it is listed):
          DataError: files are missing, damaged or cut, numbers of images and labels differ, or
            there is only one class. One whose label has no name is a record with an error.
        """
        return _IdxCatalog(self)


class _IdxCatalog(SourceCatalog[Idx]):
    """The rows of files of images; the place of a record is its row."""

    def __init__(self, source: Idx) -> None:
        super().__init__(source)
        self._rows = functools.cache(open_images)  # each file is opened once in a process

    def scan(self) -> Listing:
        source = self._source
        below = tree.scan(source.path)
        pairs = _pairs(source, below)
        labels = {
            start: _labels(source, pair, self._rows(pair.images).count)
            for start, pair in pairs.items()
        }
        every = [each for named in labels.values() for each in named]
        found = {each for each in every if isinstance(each, str)}
        wrong = [str(each) for each in every if not isinstance(each, str)]
        if len(found) < 2 and len(wrong) > FEW * (len(every) - len(wrong)):
            raise DataError(told(wrong))
        check_class_count(found, where=str(source.path), noun="classes")
        read = {path.name for pair in pairs.values() for path in (pair.images, pair.labels)}
        records = [
            Record(
                key=f"{start}/{row:05d}",
                path=pair.images,
                targets={"label": label} if isinstance(label, str) else {},
                split=pair.split,
                place={"row": row},
                error=None if isinstance(label, str) else str(label),
            )
            for start, pair in pairs.items()
            for row, label in enumerate(labels[start])
        ]
        return Listing(
            records=records,
            targets={"label": ClassLabel(names=numbered_names(found, source.classes))},
            notes=below.notes(below.skipped(read)),
        )

    def watches(self) -> Sequence[Path]:
        return tree.everything(self._source.path)

    def read(self, record: Record) -> np.ndarray:
        rows, row = self._place(record)
        image = rows.image(row)
        return np.swapaxes(image, 0, 1) if self._source.transposed else image

    def identity(self, record: Record) -> str:
        rows, row = self._place(record)
        turned = "transposed " if self._source.transposed else ""
        return f"{rows.shape} {turned}{digest(rows.read(row))}"

    def _place(self, record: Record) -> tuple[ArrayRows, int]:
        return self._rows(file_of(record)), int(record.place["row"])


@dataclass(frozen=True)
class _Pair:
    split: str | None
    images: Path
    labels: Path


def _pairs(source: Idx, found: tree.Tree) -> dict[str, _Pair]:
    """Returns what is read, by the word that keys begin with."""
    pairs = pairs_of(path for path in found.files if "/" not in path)
    prefix = _chosen_prefix(source, sorted({prefix for prefix, _ in pairs}))
    chosen = {place: roles for place, roles in pairs.items() if place[0] == prefix}
    for roles in chosen.values():
        _check_whole(source, roles)
    return {word(place): _pair(source.path, roles) for place, roles in chosen.items()}


def _pair(folder: Path, roles: Mapping[str, str]) -> _Pair:
    name = parse_name(roles["image"])
    split = name.split if name is not None else None
    return _Pair(split, folder / roles["image"], folder / roles["label"])


def _check_whole(source: Idx, roles: Mapping[str, str]) -> None:
    if len(roles) == len(ROLES):
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
            f"{source.path}: there are no files such as train-images-idx3-ubyte.gz. Check the path."
        )
    if source.prefix is None and len(prefixes) > 1:
        raise DataError(
            f"{source.path}: expected the files of one data set, found {shortened(prefixes)}. "
            "Choose one with `prefix`."
        )
    prefix = prefixes[0] if source.prefix is None else source.prefix
    if prefix not in prefixes:
        raise DataError(
            f"{source.path}: no files begin with '{prefix}'.{did_you_mean(prefix, prefixes)}"
        )
    return prefix


def _labels(source: Idx, pair: _Pair, count: int) -> list[str | DataError]:
    """Returns the names of a pair's labels, of which there must be as many as images.

    An error stands for a label that has no name.
    """
    labels = read_labels(pair.labels).tolist()
    if len(labels) != count:
        raise DataError(
            f"{pair.labels}: expected {count} labels, as many as '{pair.images.name}' has images, "
            f"found {len(labels)}. Download both again."
        )
    named: dict[int, str | DataError] = {}
    for label in set(labels):
        try:
            named[label] = name_of_number(label, source.classes)
        except DataError as error:
            named[label] = error
    return [
        DataError(f"{pair.labels}: row {row}: {name}") if isinstance(name, DataError) else name
        for row, name in enumerate(named[label] for label in labels)
    ]
