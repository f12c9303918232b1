"""Lists of labelled images: text, CSV, TSV and JSONL files -> entries with their lines.

A text file says `relative/path label` a line. If there are tabs in a line, they are the separator,
so that labels may have spaces; else the label is the last word, so that paths may have spaces. CSV
and TSV files open with a line of column names, a JSONL file holds an object a line. All are UTF-8,
with or without a byte order mark, with any line ends; blank lines are passed over. There are no
comments: a file's name may begin with `#`.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.formats.layout import SPLIT_WORDS, is_utf8, split_named

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSONL = (".jsonl", ".ndjson")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a CSV, TSV or JSONL list are read; None says that there is none.

    Attributes:
      image: the path of the image.
      label: the class.
      group: records of one group never end in two splits; an empty cell names none.
      split: a split's name.
    """

    image: str = "file_name"
    label: str = "label"
    group: str | None = None
    split: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """What is read -> the name of its column."""
        columns = {
            "image": self.image,
            "label": self.label,
            "group": self.group,
            "split": self.split,
        }
        return {role: name for role, name in columns.items() if name is not None}


class Entry(NamedTuple):
    """One line of a list, as it stands there.

    Attributes:
      line: 1-based; where a quoted cell holds line ends, the first line of its row.
      image: the path as written.
      label: the class as written.
      group: the group, or None.
      split: `train`, `validation`, `test`, or None.
    """

    line: int
    image: str
    label: str
    group: str | None = None
    split: str | None = None


def read_listing(path: Path, columns: Columns = Columns()) -> Iterator[Entry]:
    """Yields the entries of a list in its order.

    Raises:
      DataError: the file is missing, is not UTF-8, lacks a column, or has a malformed line.
    """
    text = _read_text(path)
    suffix = path.suffix.lower()
    if suffix in _DELIMITERS:
        return _read_table(path, text, columns)
    if suffix in _JSONL:
        return _read_objects(path, text, columns)
    if columns != Columns():
        raise DataError(
            f"{path}: expected a .csv, .tsv or .jsonl list where columns are named, "
            f"found '{path.name}'. Convert the list or remove the names of columns."
        )
    return read_lines(path, text)


def _read_text(path: Path) -> str:
    if not path.is_file():
        found = "a folder" if path.is_dir() else "none"
        raise DataError(f"{path}: expected a list of images, found {found}. Check the path.")
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: expected text in UTF-8, found the byte 0x{data[error.start]:02x}. "
            "Save the list as UTF-8."
        ) from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yields number and text of every line that is not blank."""
    # Not str.splitlines: it also cuts at characters that may stand in a label.
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        stripped = line.strip()
        if stripped:
            yield number, stripped


def read_lines(path: Path, text: str) -> Iterator[Entry]:
    """Yields the entries of the text of a list that is neither a table nor JSONL.

    Args:
      path: how errors call it.

    Raises:
      DataError: a line is malformed.
    """
    for number, line in _lines(text):
        parts = re.split(r"\t+", line) if "\t" in line else line.rsplit(None, 1)
        if len(parts) != 2:
            wanted = "'path<TAB>label'" if "\t" in line else "'path label'"
            raise DataError(
                f"{path}:{number}: expected {wanted}, found {_cut(line)}. Correct the line."
            )
        yield Entry(number, parts[0].strip(), parts[1].strip())


def _read_table(path: Path, text: str, columns: Columns) -> Iterator[Entry]:
    delimiter = _DELIMITERS[path.suffix.lower()]
    rows = _rows(path, text, delimiter)
    _, header = next(rows, (1, []))
    places = {
        role: _place(path, [cell.strip() for cell in header], role, name)
        for role, name in columns.named.items()
    }
    for number, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{path}:{number}: expected {len(header)} cells, found {len(row)}. "
                "Put a cell that holds the separator in double quotes."
            )
        yield _entry(path, number, {role: row[place] for role, place in places.items()})


def _rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    first = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield first, row
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}:{first}: expected cells separated by {delimiter!r}, found an error: {error}. "
            "Correct the line."
        ) from None


def _place(path: Path, header: Sequence[str], role: str, name: str) -> int:
    if header.count(name) > 1:
        raise DataError(
            f"{path}:1: expected the column '{name}' once, found it {header.count(name)} times. "
            "Rename the others."
        )
    if name not in header:
        raise DataError(
            f"{path}:1: expected a column '{name}', found none.{did_you_mean(name, header)} "
            f"Say which with {role}_column."
        )
    return header.index(name)


def _read_objects(path: Path, text: str, columns: Columns) -> Iterator[Entry]:
    for number, line in _lines(text):
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{path}:{number}: expected a JSON object, found {_cut(line)}: {error.msg}. "
                "Correct the line."
            ) from None
        if not isinstance(found, dict):
            raise DataError(
                f"{path}:{number}: expected a JSON object, found {_cut(line)}. "
                'Write {"file_name": ..., "label": ...} a line.'
            )
        cells = {
            role: _cell(path, number, found, role, name) for role, name in columns.named.items()
        }
        yield _entry(path, number, cells)


def _cell(path: Path, number: int, found: dict[str, Any], role: str, name: str) -> str:
    """Returns a text, or a whole number as text; of a group also null, as an empty text."""
    if name not in found:
        raise DataError(
            f"{path}:{number}: expected the key '{name}', found none.{did_you_mean(name, found)} "
            f"Say which with {role}_column."
        )
    value = found[name]
    if role == "group" and value is None:
        return ""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole and not (isinstance(value, str) and is_utf8(value)):
        raise DataError(
            f"{path}:{number}: {name}: expected a text or a whole number, "
            f"found {_cut(json.dumps(value))}. Correct the line."
        )
    return str(value)


def _entry(path: Path, number: int, cells: dict[str, str]) -> Entry:
    image, label = cells["image"].strip(), cells["label"].strip()
    if not image or not label:
        empty = "label" if image else "path"
        raise DataError(
            f"{path}:{number}: expected a path and a label, found an empty {empty}. "
            "Complete the line or remove it."
        )
    split = None
    if "split" in cells:
        split = split_named(cells["split"].strip())
        if split is None:
            raise DataError(
                f"{path}:{number}: expected a split, found '{cells['split']}'."
                f"{did_you_mean(cells['split'], SPLIT_WORDS)}"
            )
    return Entry(number, image, label, cells.get("group", "").strip() or None, split)


def _cut(line: str) -> str:
    return f"'{line}'" if len(line) <= 60 else f"'{line[:60]}...'"
