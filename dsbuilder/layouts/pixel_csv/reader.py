"""CSV files that hold pixels, a row an image."""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.layouts import numbered, tree
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.glance import glance
from dsbuilder.layouts.pixel_csv import format as pixel_csv
from dsbuilder.layouts.pixel_csv.format import Columns, Table
from dsbuilder.layouts.splits import split_named
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

_log = logging.getLogger(__name__)
_MOST_LOOKED_INTO = 20


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
    skipped and reported in the log.

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
    def recognise(cls, folder: Path) -> Recognition:
        """Looks at the first line of each CSV file at the top."""
        seen = glance(folder)
        names = [path for path in seen.ending("csv") if "/" not in path]
        tables = {name: _peek(folder / name) for name in names[:_MOST_LOOKED_INTO]}
        read = {name: table for name, table in tables.items() if table is not None}
        if not read:
            found = seen.count(len(names), "CSV file")
            return Recognition(certainty=0, reason=f"{found}, none with labels and pixels")
        name, first = next(iter(read.items()))
        count = len(first.pixels)
        pixels = "a column of pixels" if count == 1 else f"{count} columns of pixels"
        reason = f"{seen.count(len(read), 'CSV file')} with labels and {pixels}"
        is_sure = first.has_header or count >= 16
        return Recognition(
            certainty=0.9 if is_sure else 0.2,
            reason=reason,
            options={"path": name if len(names) == 1 else "."},
        )

    def records(self) -> Iterator[Record]:
        """Yields a record for every row, in the order of the files.

        Raises:
          DataError: there is no such file, a row is malformed, states an unknown split or class, or
            there is only one class.
        """
        _report(self, self._tables)
        rows = [row for word, table in self._tables.items() for row in _rows(word, table)]
        found = {label for _, label, _ in rows}
        named = _names(self, found)
        check_class_count(set(named.values()), where=str(self.path), noun="classes")
        return (
            Record(
                key=key,
                path=self._tables[key.rpartition("/")[0]].path,
                targets={"label": named[label]},
                split=split,
            )
            for key, label, split in rows
        )

    def watches(self) -> Sequence[Path]:
        """Returns all that lies at or below `path`."""
        return tree.everything(self.path)

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns `label`, the class."""
        found = {record.targets["label"] for record in records}
        return {"label": ClassLabel(names=numbered.class_names(found, self.classes))}

    def read(self, record: Record) -> np.ndarray:
        """Returns the pixels of a record, `(H, W, C)`.

        Raises:
          DataError: the row holds something other than the pixels of an image.
        """
        table, row = self._place(record)
        pixels = table.pixels(row)
        try:
            return pixels.reshape(pixel_csv.image_shape(len(pixels), self.size))
        except DataError as error:
            raise DataError(f"{table.path}:{table.lines[row]}: {error}") from None

    def identity(self, record: Record) -> str:
        """Returns the hash of a record's row, and the size that is asked for."""
        table, row = self._place(record)
        return f"{self.size} {hashlib.blake2b(table.line(row), digest_size=16).hexdigest()}"

    def _place(self, record: Record) -> tuple[Table, int]:
        word, _, row = record.key.rpartition("/")
        return self._tables[word], int(row)

    @cached_property
    def _tables(self) -> Mapping[str, Table]:
        """The files that are read, opened once in a process, by the word that keys begin with."""
        tables: dict[str, Table] = {}
        for path in _files(self):
            table = pixel_csv.open_table(path, self.label_column)
            if table is not None:
                tables[path.stem] = table
        if not tables:
            label = self.label_column or "label"
            raise DataError(
                f"{self.path}: expected a CSV file with a column '{label}' and columns of pixels, "
                "found none. Say which column holds labels with `label_column`, or check the path."
            )
        return tables


def _files(source: PixelCsv) -> list[Path]:
    if not source.path.is_dir():
        return [source.path]
    below = tree.scan(source.path)
    names = [path for path in below.files if "/" not in path and path.lower().endswith(".csv")]
    return [source.path / name for name in names]


def _peek(path: Path) -> Columns | None:
    try:
        return pixel_csv.read_columns(path)
    except DataError:
        return None  # no table of pixels, which is all that is asked


def _rows(word: str, table: Table) -> Iterator[tuple[str, str, str | None]]:
    """Yields (key, label, split) of every row."""
    words = [part for part in re.split(r"[^a-z]+", word.lower()) if split_named(part)]
    stated = split_named(words[0]) if len(words) == 1 else None
    for row in range(len(table.starts)):
        cells = table.cells(row)
        label = cells[table.columns.label].strip()
        if not label:
            raise DataError(
                f"{table.path}:{table.lines[row]}: expected a label, found an empty cell. "
                "Complete the line or remove it."
            )
        yield f"{word}/{row:05d}", label, table.split(cells, row) or stated


def _names(source: PixelCsv, found: set[str]) -> dict[str, str]:
    """Returns the name of the class that each label stands for."""
    if all(label.isdecimal() for label in found):
        try:
            return {label: numbered.name_of(int(label), source.classes) for label in found}
        except DataError as error:
            raise DataError(f"{source.path}: {error}") from None
    unknown = sorted(found - set(source.classes or found))
    if unknown:
        raise DataError(
            f"{source.path}: expected labels named in `classes`, found '{unknown[0]}'."
            f"{did_you_mean(unknown[0], source.classes or ())} Add it or correct its rows."
        )
    return {label: label for label in found}


def _report(source: PixelCsv, tables: Mapping[str, Table]) -> None:
    """Logs what is not read: files, and columns."""
    if source.path.is_dir():
        below = tree.scan(source.path)
        read = {table.path.name for table in tables.values()}
        for note in below.notes(below.skipped(read)):
            _log.warning("%s: %s.", source.path, note)
    for table in tables.values():
        passed = table.columns.passed
        if passed:
            columns = "1 column was" if len(passed) == 1 else f"{len(passed)} columns were"
            _log.warning("%s: %s skipped: %s.", table.path, columns, shortened(passed))
