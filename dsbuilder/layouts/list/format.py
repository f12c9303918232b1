"""Lists of labeled images: text, CSV, TSV and JSONL files -> entries with their lines.

A text file says `relative/path label` a line. If there are tabs in a line, they are the separator,
so that labels may have spaces; else the label is the last word, so that paths may have spaces. CSV
and TSV files open with a line of column names, a JSONL file holds an object a line. All are UTF-8,
with or without a byte order mark, with any line ends; blank lines are passed over. There are no
comments: a file's name may begin with `#`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.list.columns import Columns, Listed, entry_of
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
USUAL = Columns()
"""What is read where no option names a column."""


def _unknown(image: str) -> None:
    """Knows no record of an image."""


def read_listing(
    path: Path,
    columns: Columns = USUAL,
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
    if columns != USUAL:
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
            yield Listed(number, parts[0].strip(), {"label": parts[1].strip()})
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
            yield entry_of(row, columns)
