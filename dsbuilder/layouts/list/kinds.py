"""What the cells of columns seem to be: classes, one-hot classes, numbers, texts, boxes."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dsbuilder.layouts.cells import parsed
from dsbuilder.layouts.list.columns import Kind
from dsbuilder.layouts.list.objects import BoxForm, BoxUnit

Cells = Mapping[str, Sequence[str]]
"""Name of a column -> its cells in the order of the rows."""

_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")
_FLAGS = frozenset(("0", "1", "0.0", "1.0"))
_FEW, _MANY = 10, 20
_SEPARATORS = (",", "|", ";")
_AXIS = re.compile(r"(?:^|[-_. ])[a-z]$|(?<=[0-9])[a-z]$")


def filled(cells: Sequence[str]) -> list[str]:
    """Returns the cells that are not empty."""
    return [cell for cell in map(str.strip, cells) if cell]


def are_numbers(cells: Sequence[str]) -> bool:
    """Whether all cells that are not empty are numbers."""
    return all(_NUMBER.fullmatch(cell) for cell in filled(cells))


def kind_of(cells: Sequence[str]) -> tuple[Kind, str]:
    """Returns what the cells of one column are, and what stands between several classes."""
    found = filled(cells)
    different = len(set(found))
    many = different * 2 > len(found) if len(found) >= _FEW else different == len(found)
    if are_numbers(found):
        return ("value" if many or any("." in cell for cell in found) else "class"), ","
    if all(_is_vector(cell) for cell in found):
        return "value", ","
    for separator in _SEPARATORS:
        parts = [part.strip() for cell in found for part in cell.split(separator)]
        if len(parts) > 1.1 * len(found) and len(set(parts)) * 2 <= len(parts):
            return "classes", separator
    return ("text" if many else "class"), ","


def _is_vector(cell: str) -> bool:
    return cell.startswith("[") and isinstance(_numbers(cell), list)


def _numbers(cell: str) -> list[float] | None:
    found = parsed(cell)
    plain = isinstance(found, list) and all(type(each) in (int, float) for each in found)
    return found if plain else None


def are_series(names: Sequence[str]) -> bool:
    """Whether columns, two or more, are one vector by their names: `x, y`, `p1, p2`, `a_x, b_y`."""
    bare = {_AXIS.sub("", re.sub(r"[0-9]+", "", name.lower())).strip("-_. ") for name in names}
    of_points = {_AXIS.sub("", name.lower()) != name.lower() for name in names}
    return len(names) > 1 and (len(bare) == 1 or of_points == {True})


def are_flags(table: Cells, names: Sequence[str]) -> bool:
    """Whether columns, two or more, hold 0 and 1 alone."""
    return len(names) > 1 and all(
        set(map(str.strip, table[name])) <= _FLAGS and table[name] for name in names
    )


def flagged(table: Cells, names: Sequence[str]) -> list[list[str]]:
    """Returns the names of the columns that are 1, for each row of columns of 0 and 1."""
    rows = zip(*(table[name] for name in names), strict=True)
    return [
        [name for name, cell in zip(names, row, strict=True) if cell.strip().startswith("1")]
        for row in rows
    ]


class BoxColumns(NamedTuple):
    """The columns of boxes, and how their numbers are meant."""

    names: tuple[str, ...]
    form: BoxForm
    unit: BoxUnit


_FORMS: Sequence[tuple[BoxForm, Sequence[str]]] = (
    ("corners", ("xmin", "ymin", "xmax", "ymax")),
    ("corners", ("x1", "y1", "x2", "y2")),
    ("corners", ("x0", "y0", "x1", "y1")),
    ("corners", ("left", "top", "right", "bottom")),
    ("center", ("xcenter", "ycenter", "width", "height")),
    ("center", ("centerx", "centery", "width", "height")),
    ("center", ("xc", "yc", "w", "h")),
    ("center", ("cx", "cy", "w", "h")),
    ("width_height", ("xmin", "ymin", "width", "height")),
    ("width_height", ("x", "y", "width", "height")),
    ("width_height", ("x", "y", "w", "h")),
    ("width_height", ("left", "top", "width", "height")),
)
_BOXES = ("bbox", "box", "boundingbox")


def boxes_of(table: Cells) -> BoxColumns | None:
    """Returns the columns that hold the boxes of rows; None if there are none."""
    for prefix in ("", *_BOXES, "roi"):
        plain = {_plain(name).removeprefix(prefix): name for name in reversed(list(table))}
        for form, words in _FORMS:
            names = tuple(plain[word] for word in words if word in plain)
            if len(names) == len(words) and all(are_numbers(table[name]) for name in names):
                rows = _rows([table[name] for name in names])
                return BoxColumns(names, form, _unit(rows)) if rows else None
    single = next((name for name in table if _plain(name) in _BOXES), None)
    if single is None:
        return None
    rows = [numbers for cell in filled(table[single]) for numbers in [_numbers(cell)] if numbers]
    if not rows or any(len(row) != 4 for row in rows):
        return None
    # Of many boxes given as x, y, width, height some are smaller than they are far from the corner.
    ordered = all(row[2] > row[0] and row[3] > row[1] for row in rows) and len(rows) >= _MANY
    return BoxColumns((single,), "corners" if ordered else "width_height", _unit(rows))


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _rows(columns: Sequence[Sequence[str]]) -> list[list[float]]:
    rows = zip(*columns, strict=True)
    return [[float(cell) for cell in row] for row in rows if all(map(str.strip, row))]


def _unit(rows: Sequence[Sequence[float]]) -> BoxUnit:
    numbers = [number for row in rows for number in row]
    shares = max(numbers) <= 1.01 and any(number % 1 for number in numbers)
    return "shares" if shares else "pixels"


def cell_of(value: object) -> str | None:
    """Returns a JSON value as a text that a cell of a table would hold; None for what none does."""
    if value is None:
        return ""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        numbers = all(type(each) in (int, float) for each in value)
        names = all(isinstance(each, str) for each in value)
        return json.dumps(value) if numbers else ",".join(value) if names else None
    return None
