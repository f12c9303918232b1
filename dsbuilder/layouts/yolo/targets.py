"""The targets of YOLO sets: what `data.yaml` and, beside an export of ours, its sidecar say."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from dsbuilder.layouts import sidecar
from dsbuilder.layouts.classes import BACKGROUND
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.plugin import Boxes, Instances, Keypoints, Mask, Target

Polygons = Literal["boxes", "mask", "both", "instances"]
"""What becomes of polygons."""


@dataclass(frozen=True, kw_only=True)
class YoloTargets:
    """Names and targets that are read; None of what is not."""

    boxes: tuple[str, Boxes] | None = None
    instances: tuple[str, Instances] | None = None
    mask: tuple[str, Mask] | None = None
    points: tuple[str, Keypoints] | None = None

    @property
    def all(self) -> dict[str, Target]:
        """The targets by name."""
        return dict(
            each
            for each in (self.boxes, self.instances, self.mask, self.points)
            if each is not None
        )


def targets_of(
    path: Path, data: yolo.DataYaml, polygons: Polygons, stated: sidecar.Sidecar | None
) -> YoloTargets:
    """Returns the targets of a set: those of the sidecar, else what `data.yaml` says.

    Args:
      path: that of `data.yaml`, for messages.

    Raises:
      DataError: the sidecar is that of another set.
    """
    if polygons == "instances":
        return YoloTargets(instances=_instances(path, data, sidecar.first(stated, Instances)))
    boxes, points = sidecar.first(stated, Boxes), sidecar.first(stated, Keypoints)
    kinds = {type(each) for each in stated.targets.values()} if stated is not None else set()
    mask = sidecar.first(stated, Mask) if yolo.is_of_masks(kinds) else None
    names = tuple(data.names.values())
    if boxes is not None and not set(names) <= set(boxes[1].names):
        raise sidecar.misfit(str(path), names)
    if mask is not None and mask[1].names[1:] != names:
        raise sidecar.misfit(str(path), names)
    pose = data.pose
    if pose is not None and points is not None and points[1].names != pose.names:
        raise sidecar.misfit(str(path), pose.names)
    # Around keypoints that were exported without boxes there are some for other readers alone.
    has_boxes = polygons != "mask" and (boxes is not None or points is None or pose is None)
    name, target = boxes or ("objects", Boxes(names=names))
    found = YoloTargets(boxes=(name, replace(target, attributes=())) if has_boxes else None)
    if polygons != "boxes":
        classes = (BACKGROUND, *(name for name in names if name != BACKGROUND))
        found = replace(found, mask=mask or ("mask", Mask(names=classes)))
    if pose is not None:
        made = Keypoints(names=pose.names, swaps=pose.swaps)
        found = replace(found, points=points or ("keypoints", made))
    return found


def _instances(
    path: Path, data: yolo.DataYaml, stated: tuple[str, Instances] | None
) -> tuple[str, Instances]:
    names = tuple(data.names.values())
    if stated is not None and not set(names) <= set(stated[1].names):
        raise sidecar.misfit(str(path), names)
    name, target = stated or ("instances", Instances(names=names))
    return name, replace(target, attributes=())
