"""The kinds of label, one file each, and the table that finds them by name."""

from collections.abc import Iterator, Mapping
from typing import Any

from dsbuilder.sample import Target
from dsbuilder.targets.boxes import Boxes, BoxSet
from dsbuilder.targets.class_label import ClassLabel
from dsbuilder.targets.instances import Instances, InstanceSet
from dsbuilder.targets.keypoints import Keypoints, PointSet
from dsbuilder.targets.mask import Mask
from dsbuilder.targets.multi_label import MultiLabel
from dsbuilder.targets.signature import (
    KINDS,
    from_json,
    signature_from_json,
    signature_to_json,
    targets_from_json,
    to_json,
)
from dsbuilder.targets.text import Text
from dsbuilder.targets.value import Value

__all__ = [
    "KINDS",
    "BoxSet",
    "Boxes",
    "ClassLabel",
    "InstanceSet",
    "Instances",
    "Keypoints",
    "Mask",
    "MultiLabel",
    "PointSet",
    "Text",
    "Value",
    "counted",
    "counted_as",
    "counts_of",
    "from_json",
    "signature_from_json",
    "signature_to_json",
    "stated",
    "targets_from_json",
    "to_json",
]


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


def counted_as(kinds: Mapping[str, Target], name: str, label: str) -> str:
    """Returns by what name a class of one target is `counted`."""
    prefix = next(prefix for prefix, each, _ in _classified(kinds) if each == name)
    return f"{prefix}{label}"


def counts_of(name: str, kinds: Mapping[str, Target], counts: Mapping[str, int]) -> dict[str, int]:
    """Returns how often classes of one target were `counted`, by their own names.

    Args:
      name: name of the target; one without classes has none.
      counts: number of times that each class was counted, of all targets.
    """
    prefixes = (prefix for prefix, each, _ in _classified(kinds) if each == name)
    prefix = next(prefixes, "")
    return {each: counts.get(f"{prefix}{each}", 0) for each in kinds[name].class_names}


def _classified(kinds: Mapping[str, Target]) -> Iterator[tuple[str, str, Target]]:
    found = ((name, kind) for name, kind in kinds.items() if kind.class_names)
    for place, (name, kind) in enumerate(found):
        yield (f"{name}/" if place else ""), name, kind
