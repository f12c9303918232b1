"""Which options of `imagefolder` read an export of ours, as its signature says."""

from collections.abc import Mapping, Sequence
from typing import Any

from dsbuilder.layouts.imagefolder.format import file_column
from dsbuilder.plugin import Boxes, ClassLabel, Keypoints, Mask, MultiLabel, Target, Text, Value

_COLUMNS: Mapping[type[Target], tuple[str, str]] = {
    ClassLabel: ("label_column", "label"),
    MultiLabel: ("labels_column", "labels"),
    Text: ("text_column", "text"),
    Mask: ("mask_column", "mask"),
    Boxes: ("objects_column", "objects"),
    Keypoints: ("keypoints_column", "keypoints"),
}
"""Kind of target -> the option that names its column, and the column by default."""


def stated_options(targets: Mapping[str, Target], columns: Sequence[str]) -> dict[str, object]:
    """Returns the options that read the first target of each kind, where defaults do not.

    Args:
      columns: those that are there.
    """
    options: dict[str, object] = {}
    for kind, (option, default) in _COLUMNS.items():
        name, target = _first(targets, kind)
        if target is None:
            stored = file_column(default) if kind is Mask else default
            options |= {option: None} if stored in columns else {}
            continue
        options |= {} if name == default else {option: name}
        options |= _classes(target)
    name, target = _first(targets, Value)
    if name != "value" and (target is not None or "value" in columns):
        options["value_columns"] = () if target is None else (name,)
    return options


def _first(targets: Mapping[str, Target], kind: type[Target]) -> tuple[str, Target | None]:
    found = ((name, each) for name, each in targets.items() if isinstance(each, kind))
    return next(found, ("", None))


def _classes(target: Any) -> dict[str, object]:
    """Returns what a table does not say of a target."""
    if isinstance(target, ClassLabel):
        return {"classes": target.names} if len(target.names) > 1 else {}
    if isinstance(target, MultiLabel):
        return {"labels_classes": target.names}
    if isinstance(target, Mask):
        ignore = {} if target.ignore is None else {"ignore": str(target.ignore)}
        return {"mask_classes": target.names, **ignore}
    if isinstance(target, Boxes):
        attributes = tuple(name for name, _ in target.attributes)
        return {"object_classes": target.names, "attributes": attributes}
    if isinstance(target, Keypoints):
        return {
            "keypoint_names": target.names,
            "keypoint_swaps": target.swaps,
            "keypoint_edges": target.edges,
        }
    return {}
