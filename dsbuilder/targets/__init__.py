"""The kinds of label, one file each, and the table that finds them by name."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from dsbuilder.sample import Target
from dsbuilder.targets.boxes import Boxes, BoxSet
from dsbuilder.targets.class_label import ClassLabel
from dsbuilder.targets.keypoints import Keypoints, PointSet
from dsbuilder.targets.mask import Mask
from dsbuilder.targets.multi_label import MultiLabel
from dsbuilder.targets.text import Text
from dsbuilder.targets.value import Value

KINDS: Mapping[str, type[Target]] = {
    kind.kind: kind for kind in (ClassLabel, MultiLabel, Value, Text, Mask, Boxes, Keypoints)
}

__all__ = [
    "KINDS",
    "BoxSet",
    "Boxes",
    "ClassLabel",
    "Keypoints",
    "Mask",
    "MultiLabel",
    "PointSet",
    "Text",
    "Value",
    "counted",
    "from_json",
    "stated",
    "to_json",
]


def to_json(target: Target) -> dict[str, Any]:
    """Returns a target as JSON values; `from_json` reads them back."""
    options = {field.name: getattr(target, field.name) for field in fields(target)}  # type: ignore[arg-type]
    return {"kind": target.kind, **options}


def from_json(data: Mapping[str, Any]) -> Target:
    """Returns the target that `to_json` described."""
    options = {name: _tuples(value) for name, value in data.items() if name != "kind"}
    return KINDS[data["kind"]](**options)


def counted(kinds: Mapping[str, Target], values: Mapping[str, Any]) -> Iterator[str]:
    """Yields the classes that a sample counts for, each as often as it counts.

    Those of the first target with classes go by their names; those of others follow the name of
    the target: `mask/sky`.
    """
    for prefix, name, kind in _classified(kinds):
        yield from (f"{prefix}{each}" for each in kind.classes(values[name]))


def stated(kinds: Mapping[str, Target], raw: Mapping[str, Any]) -> Iterator[str]:
    """Yields the classes that the labels of a record count for, as `counted` those of a sample."""
    for prefix, name, kind in _classified(kinds):
        yield from (f"{prefix}{each}" for each in kind.stated(raw[name]))


def _classified(kinds: Mapping[str, Target]) -> Iterator[tuple[str, str, Target]]:
    found = ((name, kind) for name, kind in kinds.items() if kind.class_names)
    for place, (name, kind) in enumerate(found):
        yield (f"{name}/" if place else ""), name, kind


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value
