"""Cells of a table -> plain values of labels, and the targets that these make.

A cell is a text in CSV and TSV files, a JSON value elsewhere. Every function here raises a
DataError that says what was expected and found; the caller adds the place.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dsbuilder import typed_json
from dsbuilder.errors import DataError, shortened
from dsbuilder.layouts.classes import class_names
from dsbuilder.layouts.tables import cut
from dsbuilder.paths import is_utf8
from dsbuilder.plugin import Boxes, ClassLabel, MultiLabel, Record, Target, Value


def text(cell: Any) -> str:
    """Returns a text as it stands, or a whole number as text."""
    is_whole = isinstance(cell, int) and not isinstance(cell, bool)
    if is_whole or (isinstance(cell, str) and is_utf8(cell)):
        return str(cell)
    raise DataError(f"expected a text or a whole number, found {shown(cell)}.")


def names(cell: Any, separator: str) -> list[str]:
    """Returns the names of a list, or of a text with a separator between them; null has none."""
    if cell is None:
        return []
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
        return typed_json.loads(cell)
    except ValueError:
        return cell


def shown(cell: Any) -> str:
    """Returns a cell for a message."""
    return cut(json.dumps(cell, default=str))


def class_target(
    records: Sequence[Record], classes: Sequence[str] | None, name: str = "label"
) -> ClassLabel:
    """Returns the target of a name of records: `classes`, or the names found, sorted."""
    return ClassLabel(names=class_names((each.targets[name] for each in records), classes))


def multi_label_target(
    records: Sequence[Record], classes: Sequence[str] | None, name: str = "labels"
) -> MultiLabel:
    """Returns the target of a name of records: `classes`, or the names found, sorted."""
    found = (each for record in records for each in record.targets[name])
    return MultiLabel(names=class_names(found, classes))


def value_target(records: Sequence[Record], name: str = "value") -> Value:
    """Returns the target of a name of records.

    Raises:
      DataError: not all have the same count of numbers.
    """
    sizes: dict[int, str] = {}
    for each in records:
        value = each.targets[name]
        sizes.setdefault(len(value) if isinstance(value, list) else 0, each.key)
    if len(sizes) > 1:
        found = " and ".join(f"{size or 'one'} at '{key}'" for size, key in sizes.items())
        raise DataError(f"expected as many numbers in every value, found {found}.")
    return Value(size=next(iter(sizes), 0))


def box_target(
    records: Sequence[Record], classes: Sequence[str] | None, attributes: Iterable[str]
) -> Boxes:
    """Returns the target `objects` of records; the dtype of an attribute is what holds all found.

    Raises:
      DataError: a box lacks an attribute, or an attribute is neither numbers nor texts.
    """
    boxes = [box for each in records for box in each.targets["objects"]]
    return Boxes(
        names=class_names((box["label"] for box in boxes), classes),
        attributes=tuple((name, _dtype(name, [box[name] for box in boxes])) for name in attributes),
    )


def _dtype(name: str, values: Sequence[Any]) -> Any:
    if all(isinstance(each, str) for each in values):
        return "string"
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in values):
        kinds = shortened(sorted({type(each).__name__ for each in values}))
        raise DataError(
            f"attribute '{name}': expected numbers alone or texts alone, found {kinds}."
        )
    return "int64" if all(isinstance(each, int) for each in values) else "float32"


def targets_of(records: Sequence[Record], makers: Mapping[str, Any]) -> dict[str, Target]:
    """Returns the targets that the records have, of functions by target name, in their order."""
    present = records[0].targets if records else {}
    return {name: make() for name, make in makers.items() if name in present}
