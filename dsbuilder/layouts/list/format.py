"""Lists of labeled images: text, CSV, TSV and JSONL files -> entries with their lines.

A text file says `relative/path label` a line. If there are tabs in a line, they are the separator,
so that labels may have spaces; else the label is the last word, so that paths may have spaces. CSV
and TSV files open with a line of column names, a JSONL file holds an object a line. All are UTF-8,
with or without a byte order mark, with any line ends; blank lines are passed over. There are no
comments: a file's name may begin with `#`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.layouts import cells
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tables import (
    DELIMITERS,
    JSONL,
    TableRow,
    cut,
    lines,
    read_delimited,
    read_objects,
    read_text,
)
from dsbuilder.plugin import Record

_NOUN = "list of images"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a CSV, TSV or JSONL list are read; None says that there is none.

    Attributes:
      image: the path of the image.
      label: the class.
      group: records of one group never end in two splits; an empty cell names none.
      split: a split's name.
      labels: several classes, a list, or a text with `separator` between them.
      text: a text.
      values: a number or a list of numbers; of several columns, each one number.
      separator: what stands between several classes in a text.
    """

    image: str = "file_name"
    label: str | None = "label"
    group: str | None = None
    split: str | None = None
    labels: str | None = None
    text: str | None = None
    values: tuple[str, ...] = ()
    separator: str = ","

    @property
    def named(self) -> dict[str, str]:
        """What is read of one column -> the name of that column."""
        roles = ("image", "label", "group", "split", "labels", "text")
        return {role: getattr(self, role) for role in roles if getattr(self, role) is not None}

    @property
    def options(self) -> dict[str, str]:
        """The name of every column that is read -> the option that names it."""
        single = {name: f"{role}_column" for role, name in self.named.items()}
        return {**single, **dict.fromkeys(self.values, "value_columns")}


class Listed(NamedTuple):
    """One line of a list, as it stands there; None for what the list does not hold.

    Attributes:
      line: 1-based; where a quoted cell holds line ends, the first line of its row.
      image: the path as written.
      label: the class as written.
      group: the group.
      split: `train`, `validation` or `test`.
      labels: several classes.
      text: the text.
      value: the number, or the numbers.
    """

    line: int
    image: str
    label: str | None = None
    group: str | None = None
    split: str | None = None
    labels: list[str] | None = None
    text: str | None = None
    value: float | list[float] | None = None

    @property
    def targets(self) -> dict[str, Any]:
        """The labels that the line holds, by target name."""
        found = {
            "label": self.label,
            "labels": self.labels,
            "value": self.value,
            "text": self.text,
        }
        return {name: value for name, value in found.items() if value is not None}


def _unknown(image: str) -> None:
    """Knows no record of an image."""


def read_listing(
    path: Path,
    columns: Columns = Columns(),
    *,
    faults: Faults,
    stated: Callable[[str], Record | None] = _unknown,
) -> Iterator[Listed]:
    """Yields the entries of a list in its order.

    Args:
      faults: takes note of malformed lines, which are left out.
      stated: returns the record of an image without its labels; None if it is no path.

    Raises:
      DataError: the file is missing, is not UTF-8, or lacks a column.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in DELIMITERS:
        header, rows = read_delimited(path, DELIMITERS[suffix], faults, noun=_NOUN)
        _check_header(path, header, columns)
        return _entries(path, rows, columns, faults, stated)
    if suffix in JSONL:
        rows = read_objects(path, faults, noun=_NOUN)
        return _entries(path, rows, columns, faults, stated)
    if columns != Columns():
        raise DataError(
            f"{path}: expected a .csv, .tsv or .jsonl list where columns are named, "
            f"found '{path.name}'. Convert the list or remove the names of columns."
        )
    return read_lines(path, read_text(path, _NOUN), faults)


def read_lines(path: Path, text: str, faults: Faults) -> Iterator[Listed]:
    """Yields the entries of the text of a list that is neither a table nor JSONL.

    Args:
      path: how errors call it.
      faults: takes note of malformed lines.
    """
    for number, each in lines(text):
        line = each.strip()
        parts = re.split(r"\t+", line) if "\t" in line else line.rsplit(None, 1)
        if len(parts) == 2:
            yield Listed(number, parts[0].strip(), parts[1].strip())
        else:
            wanted = "'path<TAB>label'" if "\t" in line else "'path label'"
            message = f"expected {wanted}, found {cut(line)}. Correct the line."
            faults.add(f"{path}:{number}", message)


def _check_header(path: Path, header: Sequence[str], columns: Columns) -> None:
    for name, option in columns.options.items():
        if name not in header:
            raise DataError(
                f"{path}:1: there is no column '{name}'.{did_you_mean(name, header)} "
                f"Say which with {option}."
            )


def _entries(
    path: Path,
    rows: Iterator[TableRow],
    columns: Columns,
    faults: Faults,
    stated: Callable[[str], Record | None],
) -> Iterator[Listed]:
    for row in rows:
        image = row.cells.get(columns.image)
        record = stated(image.strip()) if isinstance(image, str) else None
        with faults.collecting(f"{path}:{row.line}", record=record):
            yield _entry(row, columns)


def _entry(row: TableRow, columns: Columns) -> Listed:
    for name, option in columns.options.items():
        if name not in row.cells:
            raise DataError(
                f"there is no key '{name}'.{did_you_mean(name, row.cells)} Say which with {option}."
            )
    found = row.cells
    image = _made(found, columns.image, _text)
    label = None if columns.label is None else _made(found, columns.label, _text)
    if not image or label == "":
        empty = "label" if image else "path"
        raise DataError(
            f"expected a path and a label, found an empty {empty}. Complete the line or remove it."
        )
    return Listed(
        line=row.line,
        image=image,
        label=label,
        group=_optional(found, columns.group, _text_or_none),
        split=_optional(found, columns.split, _split),
        labels=_optional(found, columns.labels, lambda cell: cells.names(cell, columns.separator)),
        text=_optional(found, columns.text, cells.text),
        value=_value(found, columns.values),
    )


def _made(found: Mapping[str, Any], column: str, make: Callable[[Any], Any]) -> Any:
    """Returns what is made of a column; an error names it."""
    try:
        return make(found[column])
    except DataError as error:
        raise DataError(f"{column}: {error} Correct the line.") from None


def _optional(found: Mapping[str, Any], column: str | None, make: Callable[[Any], Any]) -> Any:
    return None if column is None else _made(found, column, make)


def _value(found: Mapping[str, Any], columns: Sequence[str]) -> float | list[float] | None:
    if len(columns) > 1:
        return [_made(found, column, cells.number) for column in columns]
    return _made(found, columns[0], lambda cell: cells.values([cell])) if columns else None


def _text(cell: Any) -> str:
    return cells.text(cell).strip()


def _text_or_none(cell: Any) -> str | None:
    return None if cell is None else _text(cell) or None


def _split(cell: Any) -> str:
    word = _text(cell)
    split = split_named(word)
    if split is None:
        raise DataError(f"expected a split, found '{word}'.{did_you_mean(word, SPLIT_WORDS)}")
    return split
