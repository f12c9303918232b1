"""The targets of VOC sets: what `classes`, a sidecar, `labelmap.txt` or VOC itself say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsbuilder.layouts import sidecar
from dsbuilder.layouts.classes import BACKGROUND
from dsbuilder.layouts.voc import format as voc
from dsbuilder.plugin import Boxes, Mask


@dataclass(frozen=True, kw_only=True)
class VocTargets:
    """What is known of the targets before an XML file is read.

    Attributes:
      box_name, mask_name: what the targets are called.
      boxes: the target of boxes, or without names where those that are found count.
      mask: the target of masks.
      values: id by color in masks; None where stored values are the ids.
      files: what all this was read from.
    """

    box_name: str
    boxes: Boxes
    mask_name: str
    mask: Mask
    values: Mapping[str, int] | None
    files: frozenset[str]


def targets_of(
    folder: Path, given: Sequence[str] | None, stated: sidecar.Sidecar | None
) -> VocTargets:
    """Returns what `given` classes, else the sidecar, else `labelmap.txt`, else VOC says."""
    box_name, boxes = sidecar.first(stated, Boxes) or ("objects", None)
    mask_name, mask = sidecar.first(stated, Mask) or ("mask", None)
    is_mapped = given is None and (folder / voc.LABELMAP).is_file()
    colors = voc.read_labelmap(folder / voc.LABELMAP) if is_mapped else {}
    names = tuple(name for name in (given or colors) if name != BACKGROUND)
    kept = voc.ATTRIBUTES if boxes is None else voc.kept_attributes(boxes)
    if boxes is None or given is not None:
        boxes = Boxes(names=names)
    if mask is None or given is not None:
        classes = tuple(colors) or (BACKGROUND, *(names or voc.CLASSES))
        mask = Mask(names=classes, ignore=voc.VOID)
    return VocTargets(
        box_name=box_name,
        boxes=replace(boxes, attributes=tuple((name, "int64") for name in kept)),
        mask_name=mask_name,
        mask=mask,
        values=_values(colors, mask) if colors else None,
        files=frozenset([voc.LABELMAP] if is_mapped else []),
    )


def _values(colors: Mapping[str, voc.Color], mask: Mask) -> dict[str, int]:
    ids = {name: number for number, name in enumerate(mask.names)}
    void = {} if mask.ignore is None else {voc.VOID_COLOR: mask.ignore}
    known = {color: ids[name] for name, color in colors.items() if name in ids}
    return {"#{:02x}{:02x}{:02x}".format(*color): n for color, n in {**void, **known}.items()}
