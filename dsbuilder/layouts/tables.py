"""Tables of text -> rows with their lines: CSV, TSV, JSONL and Parquet.

CSV and TSV files open with a line of column names, a JSONL file holds an object a line. These are
UTF-8, with or without a byte order mark, with any line ends; blank lines are passed over. Parquet
needs pyarrow, the extra `parquet`.
"""

import contextlib
import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dsbuilder import typed_json
from dsbuilder.errors import DataError
from dsbuilder.layouts.faults import Faults

DELIMITERS = {"csv": ",", "tsv": "\t"}
JSONL = ("jsonl", "ndjson")
WRITTEN = (*DELIMITERS, *JSONL)
"""Endings of the tables that can be written."""


class TableRow(NamedTuple):
    """One row of a table.

    Attributes:
      line: 1-based; where a quoted cell holds line ends, the first line of its row; in Parquet the
        number of the row.
      cells: cells by column; texts of CSV and TSV, else JSON values, or what Parquet holds.
    """

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Attributes:
      columns: columns in the order in which they first appear.
      rows: rows in the order of the file.
    """

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


def read_table(path: Path, faults: Faults) -> Table:
    """Returns a table; what its name ends in says of which form it is.

    Args:
      faults: takes note of malformed rows, which are left out.

    Raises:
      DataError: the file is missing, is not UTF-8, is damaged, names a column twice, or opens
        quotes that nothing closes; or it is Parquet and there is no pyarrow.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in DELIMITERS:
        header, found = read_delimited(path, DELIMITERS[suffix], faults)
        return Table(columns=header, rows=tuple(found))
    rows = tuple(_parquet(path) if suffix == "parquet" else read_objects(path, faults))
    return Table(
        columns=tuple(dict.fromkeys(name for row in rows for name in row.cells)), rows=rows
    )


def read_text(path: Path, noun: str = "table") -> str:
    """Returns a text file in UTF-8, without its byte order mark.

    Args:
      noun: what errors call the file.

    Raises:
      DataError: it is missing, cannot be read, or is not UTF-8.
    """
    if not path.is_file():
        problem = f"expected a {noun}, found a folder" if path.is_dir() else f"no such {noun}"
        raise DataError(f"{path}: {problem}. Check the path.")
    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(
            f"{path}: expected a {noun} that can be read, found: {error.strerror}. "
            "Change its permissions."
        ) from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: expected text in UTF-8, found the byte 0x{data[error.start]:02x}. "
            f"Save the {noun.partition(' ')[0]} as UTF-8."
        ) from None


def lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yields number and text of every line that is not blank; lines end in \n, \r or both."""
    # Not str.splitlines: it also cuts at characters that may stand in a label.
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line.strip():
            yield number, line


def read_delimited(
    path: Path, delimiter: str, faults: Faults, *, noun: str = "table"
) -> tuple[tuple[str, ...], Iterator[TableRow]]:
    """Returns the column names and the rows of a CSV or TSV file; see `read_table`."""
    rows = _cells(path, read_text(path, noun), delimiter)
    _, first = next(rows, (1, []))
    header = tuple(cell.strip() for cell in first)
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise DataError(
            f"{path}:1: expected the column '{twice[0]}' once, found it "
            f"{header.count(twice[0])} times. Rename the others."
        )
    return header, _delimited(path, header, rows, faults)


def _delimited(
    path: Path, header: tuple[str, ...], rows: Iterable[tuple[int, list[str]]], faults: Faults
) -> Iterator[TableRow]:
    for number, row in rows:
        if len(row) == len(header):
            yield TableRow(number, dict(zip(header, row, strict=True)))
        else:
            faults.add(
                f"{path}:{number}",
                f"expected {len(header)} cells, found {len(row)}. "
                "Put a cell that holds the separator in double quotes.",
            )


def _cells(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
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


def read_objects(path: Path, faults: Faults, *, noun: str = "table") -> Iterator[TableRow]:
    """Yields the rows of a JSONL file; see `read_table`."""
    for number, line in lines(read_text(path, noun)):
        try:
            found = typed_json.loads(line)
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            faults.add(
                f"{path}:{number}",
                f"expected a JSON object, found {cut(line.strip())}: {reason}. Correct the line.",
            )
            continue
        if isinstance(found, dict):
            yield TableRow(number, found)
        else:
            faults.add(
                f"{path}:{number}",
                f"expected a JSON object, found {cut(line.strip())}. "
                'Write {"file_name": ..., "label": ...} a line.',
            )


def _parquet(path: Path) -> Iterator[TableRow]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"{path}: pyarrow, which reads Parquet, is not installed. "
            "Install it with pip install pyarrow, or save the table as JSONL."
        ) from None
    try:
        rows = parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: expected a Parquet table, found: {reason}.") from None
    return (TableRow(number, row) for number, row in enumerate(rows, start=1))


def cut(line: str) -> str:
    """Returns a text in quotes for a message, at most 60 characters of it."""
    return f"'{line}'" if len(line) <= 60 else f"'{line[:60]}...'"


def check_written(path: Path) -> None:
    """Refuses a name that does not say of which form the table is.

    Raises:
      DataError: it ends otherwise than `WRITTEN`.
    """
    if path.suffix.lower().removeprefix(".") not in WRITTEN:
        endings = ", ".join(f".{each}" for each in WRITTEN)
        raise DataError(
            f"{path}: expected a table that ends in one of {endings}, found '{path.name}'. "
            "Choose another name."
        )


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a table as `read_table` reads it, whole or not at all; its ending says the form.

    Args:
      rows: a value for each column: a text, a number, a list of JSON values, or None, which is an
        empty cell. In CSV and TSV a list stands as JSON.

    Raises:
      DataError: the file cannot be written, or its name ends otherwise.
    """
    check_written(path)
    suffix = path.suffix.lower().removeprefix(".")
    delimiter = DELIMITERS.get(suffix)
    text = _objects(columns, rows) if delimiter is None else _cut(columns, rows, delimiter)
    # A spreadsheet takes a table without a mark for one in the encoding of its machine.
    marked = delimiter is not None and not text.isascii()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("x", encoding="utf-8-sig" if marked else "utf-8", newline="") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        raise DataError(
            f"{path}: the table cannot be written ({error.strerror or error}). Choose another path."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _objects(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    objects = (dict(zip(columns, row, strict=True)) for row in rows)
    return "".join(f"{typed_json.dumps(each)}\n" for each in objects)


def _cut(columns: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return typed_json.dumps(value) if isinstance(value, (list, tuple, dict)) else value
