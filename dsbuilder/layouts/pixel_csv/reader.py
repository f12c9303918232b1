"""CSV files that hold pixels, a row an image."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from dsbuilder.layouts.pixel_csv import format as pixel_csv
from dsbuilder.layouts.pixel_csv.format import PixelTable, RowPlace
from dsbuilder.layouts.pixel_csv.signs import signs_of
from dsbuilder.layouts.splits import split_named
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
from dsbuilder.plugin.sources import check_some_read


@source("pixel_csv")
@dataclass(frozen=True, kw_only=True)
class PixelCsv(Source):
    """Reads images whose pixels stand in CSV files, a row an image, and their labels.

        train.csv                          fer2013.csv
          label,pixel0,pixel1,...            emotion,pixels,Usage
          7,0,254,...                        3,70 80 82 ...,Training

    `path` is a file, or a folder of files whose names may have a split's name in them (train,
    training; validation, val, valid, dev; test, testing, eval, evaluation). A pixel has a column of
    its own, called by a number, such as pixel0, 1x1 or 0, or all stand in one column `pixels` with
    spaces between. Without a line of column names the label comes first. A column `Usage` states
    the split: PublicTest is the validation split, PrivateTest the test split. Labels are whole
    numbers, which stand for places in `classes`, or texts. Rows of color images hold each pixel's
    channels side by side. Files without a label or without pixels, and other files and columns, are
    skipped and reported.

    The key of a record is the name of its file and the place of its row, such as `train/00042`.

    Attributes:
      path: the file, or the folder.
      classes: class names in id order; by default the labels found.
      label_column: the column of labels; by default label, class, emotion, target, character, digit
        or y, in any case of letters.
      size: (height, width) of the images; by default they are square.
    """

    path: Path
    classes: tuple[str, ...] | None = None
    label_column: str | None = None
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_classes(self.classes)
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"size: expected sides of 1 or more, found {list(self.size)}.")

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks at the first line of each CSV file at the top."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the files.

        Raises (when it is listed):
          DataError: there is no such file, or there is only one class. A row that is malformed or
            states an unknown split or class is a record with an error.
        """
        return _PixelCsvCatalog(self)


class _PixelCsvCatalog(SourceCatalog[PixelCsv]):
    """The rows of files; the place of a record is where its line begins, and the line's number."""

    def __init__(self, source: PixelCsv) -> None:
        super().__init__(source)
        # Each file is opened once in a process; None stands for what is no table of pixels.
        self._table = functools.cache(
            functools.partial(pixel_csv.open_table, label=source.label_column)
        )

    def scan(self) -> Listing:
        source, tables = self._source, self._tables()
        rows = [each for table in tables for each in _rows(table)]
        named = _names(source, {each.label for each in rows if each.error is None})
        records = [_record(each, named) for each in rows]
        check_some_read(records)
        found = {name for name in named.values() if isinstance(name, str)}
        wrong = [each for each in records if each.error is not None]
        sound = len(records) - len(wrong)
        check_class_count(found, where=str(source.path), noun="classes", wrong=wrong, of=sound)
        return Listing(
            records=records,
            targets={"label": ClassLabel(names=numbered_names(found, source.classes))},
            notes=_notes(source, tables),
        )

    def watches(self) -> Sequence[Path]:
        return tree.everything(self._source.path)

    def read(self, record: Record) -> np.ndarray:
        table, row = self._place(record)
        pixels = table.pixels(row)
        try:
            return pixels.reshape(pixel_csv.image_shape(len(pixels), self._source.size))
        except DataError as error:
            raise DataError(f"{table.path}:{row.line}: {error}") from None

    def identity(self, record: Record) -> str:
        table, row = self._place(record)
        return f"{self._source.size} {digest(table.text(row))}"

    def _place(self, record: Record) -> tuple[PixelTable, RowPlace]:
        table = self._table(file_of(record))
        if table is None:
            raise DataError(f"{record.path}: expected labels and pixels, found neither.")
        return table, RowPlace(**record.place)

    def _tables(self) -> Sequence[PixelTable]:
        """Returns the files that are read."""
        source = self._source
        tables = [table for path in _files(source) if (table := self._table(path)) is not None]
        if not tables:
            label = source.label_column or "label"
            raise DataError(
                f"{source.path}: no CSV file has a column '{label}' and columns of "
                "pixels. Say which column holds labels with `label_column`, or check "
                "the path."
            )
        return tables


@dataclass(frozen=True, kw_only=True)
class _Labeled:
    """A row as it was read once.

    Attributes:
      key, label, split: key, label and split of the record, the label as it stands there.
      path, row: the file, and where in it the row lies.
      error: why it cannot be read; None if it can.
    """

    key: str
    label: str
    split: str | None
    path: Path
    row: RowPlace
    error: str | None = None


def _record(row: _Labeled, named: Mapping[str, str | DataError]) -> Record:
    """Returns the record of a row, with its label or with what is wrong with it."""
    name = named.get(row.label)
    error = row.error
    if isinstance(name, DataError):
        error = f"{row.path}:{row.row.line}: {name}"
    return Record(
        key=row.key,
        path=row.path,
        targets={"label": name} if error is None else {},
        split=row.split,
        place=row.row._asdict(),
        error=error,
    )


def _files(source: PixelCsv) -> list[Path]:
    if not source.path.is_dir():
        return [source.path]
    below = tree.scan(source.path)
    names = [path for path in below.files if "/" not in path and path.lower().endswith(".csv")]
    return [source.path / name for name in names]


def _rows(table: PixelTable) -> Iterator[_Labeled]:
    """Yields every row of a file."""
    stem = table.path.stem
    words = [part for part in re.split(r"[^a-z]+", stem.lower()) if split_named(part)]
    stated = split_named(words[0]) if len(words) == 1 else None
    for number, row in enumerate(table.rows()):
        found = _Labeled(
            key=f"{stem}/{number:05d}", label="", split=stated, path=table.path, row=row
        )
        try:
            yield _labeled(table, found)
        except DataError as error:
            yield replace(found, error=str(error))


def _labeled(table: PixelTable, found: _Labeled) -> _Labeled:
    """Returns a row with its label and split."""
    cells = table.cells(found.row)
    label = cells[table.columns.label].strip()
    if not label:
        raise DataError(
            f"{table.path}:{found.row.line}: expected a label, found an empty cell. Complete the "
            "line or remove it."
        )
    return replace(found, label=label, split=table.split(cells, found.row) or found.split)


def _names(source: PixelCsv, found: set[str]) -> dict[str, str | DataError]:
    """Returns the name of the class that each label stands for, or why it stands for none."""
    numbered = all(label.isdecimal() for label in found)
    named: dict[str, str | DataError] = {}
    for label in found:
        try:
            named[label] = _name(label, source.classes, numbered=numbered)
        except DataError as error:
            named[label] = error
    return named


def _name(label: str, classes: Sequence[str] | None, *, numbered: bool) -> str:
    if numbered:
        return name_of_number(int(label), classes)
    if classes is None or label in classes:
        return label
    if label.isdecimal():
        return name_of_number(int(label), classes)
    raise DataError(
        f"expected labels named in `classes`, found '{label}'.{did_you_mean(label, classes)} Add "
        "it or correct the row."
    )


def _notes(source: PixelCsv, tables: Sequence[PixelTable]) -> list[str]:
    """Says what is not read: files, and columns."""
    notes = []
    if source.path.is_dir():
        below = tree.scan(source.path)
        notes += below.notes(below.skipped({table.path.name for table in tables}))
    for table in tables:
        passed = table.columns.passed
        if passed:
            columns = "1 column was" if len(passed) == 1 else f"{len(passed)} columns were"
            notes.append(f"{table.path.name}: {columns} skipped: {shortened(passed)}")
    return notes
