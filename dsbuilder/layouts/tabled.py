"""What sources of tables have in common: the targets that their columns make."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dsbuilder.errors import shortened
from dsbuilder.layouts.classes import class_names
from dsbuilder.plugin import Boxes, ClassLabel, DataError, MultiLabel, Record, Target, Value


def class_target(records: Sequence[Record], classes: Sequence[str] | None) -> ClassLabel:
    """Returns the target `label` of records: `classes`, or the names found, sorted."""
    return ClassLabel(names=class_names((each.targets["label"] for each in records), classes))


def multi_label_target(records: Sequence[Record], classes: Sequence[str] | None) -> MultiLabel:
    """Returns the target `labels` of records: `classes`, or the names found, sorted."""
    found = (name for each in records for name in each.targets["labels"])
    return MultiLabel(names=class_names(found, classes))


def value_target(records: Sequence[Record]) -> Value:
    """Returns the target `value` of records.

    Raises:
      DataError: not all have the same count of numbers.
    """
    sizes: dict[int, str] = {}
    for each in records:
        value = each.targets["value"]
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
