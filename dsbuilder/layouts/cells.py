"""Cells of a table -> plain values of targets.

A cell is a text in CSV and TSV files, a JSON value elsewhere. Every function here raises a
DataError that says what was expected and found; the caller adds the place.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

from dsbuilder.errors import DataError
from dsbuilder.layouts.tables import cut
from dsbuilder.paths import is_utf8


def text(cell: Any) -> str:
    """Returns a text as it stands, or a whole number as text."""
    is_whole = isinstance(cell, int) and not isinstance(cell, bool)
    if is_whole or (isinstance(cell, str) and is_utf8(cell)):
        return str(cell)
    raise DataError(f"expected a text or a whole number, found {shown(cell)}.")


def names(cell: Any, separator: str) -> list[str]:
    """Returns the names of a list, or of a text in which a separator stands between them."""
    parts = cell.split(separator) if isinstance(cell, str) else cell
    if not isinstance(parts, (list, tuple)):
        raise DataError(f"expected a list of names, found {shown(cell)}.")
    found = [text(part).strip() for part in parts]
    return [name for name in found if name]


def number(cell: Any) -> float:
    """Returns a number, or a text that says one; it is finite."""
    value = cell
    if isinstance(cell, str) and "_" not in cell:
        try:
            value = float(cell)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
        raise DataError(f"expected a finite number, found {shown(cell)}.")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def numbers(cell: Any) -> list[float]:
    """Returns the numbers of a list."""
    if not isinstance(cell, (list, tuple)):
        raise DataError(f"expected a list of numbers, found {shown(cell)}.")
    return [number(each) for each in cell]


def values(cells: Sequence[Any]) -> float | list[float]:
    """Returns the numbers of several cells, or of one cell the number or the numbers in it.

    Where a cell is text, several numbers stand there as JSON, `[1, 2.5]`.
    """
    if len(cells) > 1:
        return [number(cell) for cell in cells]
    cell = cells[0]
    found = parsed(cell) if isinstance(cell, str) and cell.startswith("[") else cell
    return numbers(found) if isinstance(found, (list, tuple)) else number(cell)


def parsed(cell: str) -> Any:
    """Returns the value of a text in JSON; a text that is none as it stands."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def shown(cell: Any) -> str:
    """Returns a cell for a message."""
    return cut(json.dumps(cell, default=str))
