"""What augmentation does to one sample, looked at with painted markers.

A variant is made as a build or a stream makes it; then the same params are applied to paintings of
the original (`images/markers.py`), with a marker on every object and others spread over the image.
So what is left of the image is known, whether an object is still in it, how it was turned, and what
the original looks like when it is laid over the variant.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from dsbuilder.images import markers
from dsbuilder.images.markers import Marker, Sighting
from dsbuilder.pipeline.applying import AppliedStage, Mixing, Trace, apply_stages
from dsbuilder.pipelinefile.stages import AnyStage, MixStage
from dsbuilder.sample import Params, Sample
from dsbuilder.targets import BoxSet, InstanceSet

_MOST_OBJECTS = 15
_NUMBER = "number of the box"
"""An attribute that boxes have while it is looked where they go."""
_NO_BOXES = BoxSet(corners=np.zeros((0, 4), np.float32), classes=np.zeros(0, np.int64))
_LIKE_SIDE = 32
"""Side in pixels at which a variant is compared with its original."""
_FEWEST = 4
"""Markers that must be seen to know how an image was moved."""


@dataclass(frozen=True, kw_only=True)
class VariantLook:
    """One variant, and what became of its original in it.

    Attributes:
      key: key of the variant.
      root: key of its record.
      stages: ids of the stages that were applied.
      lost: number of things lost of each target, by stage and target.
      held: number of things that the original had of each target that can lose some. Both are
        empty behind a mixer: what is lost after it may be a partner's.
      shown: share of the original's area that is still seen, in [0, 1].
      hidden: number of objects whose box stays though nothing of their middle is seen.
      objects: number of objects that were looked at.
      mirrored: whether it is seen in a mirror; None if too little is seen to know.
      angle: degrees that it is turned, counter-clockwise in (-180, 180], after the mirror if there
        is one, which changes left and right; None likewise.
      likeness: correlation in [-1, 1] of the variant with its original laid over it; None likewise.
    """

    key: str
    root: str
    stages: tuple[str, ...]
    lost: Mapping[tuple[str, str], int]
    held: Mapping[str, int]
    shown: float
    hidden: int
    objects: int
    mirrored: bool | None
    angle: float | None
    likeness: float | None


def probe(
    stages: Sequence[AnyStage],
    original: Sample,
    variant: Sample,
    applied: Sequence[AppliedStage],
    mixing: Mixing,
) -> VariantLook:
    """Returns what became of a sample.

    Args:
      stages: the stages of the section, in order.
      original: the sample before them.
      variant: what they made of it, before `finish`.
      applied: what was applied, and what it drew.
      mixing: what a mixer mixed it with.
    """
    size = original.image.shape[:2]
    spread = markers.grid(*size)
    is_mixed = any(isinstance(each, MixStage) and each.id in _ids(applied) for each in stages)
    objects = [] if is_mixed else list(_objects(original))
    every = [*spread, *(marker for _, _, marker in objects)]
    tagged = original if is_mixed else _tagged(original)
    painted = markers.paintings(original.image, every)
    present = markers.sightings(original.image, painted, every, size=size)
    params = {each.stage: each.params for each in applied}
    again = [_apply(stages, params, tagged.replace(image=each), mixing) for each in painted]
    seen = markers.sightings(variant.image, [each.image for each in again], every, size=size)
    at = [(m, s) for m, was, s in zip(spread, present, seen, strict=False) if was is not None]
    left = {name: _left(again[0], name) for name in original.positional}
    looked = [
        number in known and sighting is None
        for (name, number, _), was, sighting in zip(
            objects, present[len(spread) :], seen[len(spread) :], strict=True
        )
        if was is not None and (known := left[name]) is not None
    ]
    matrix = _motion(at)
    mirrored, angle = (None, None) if matrix is None else turn_of(matrix)
    return VariantLook(
        key=variant.key,
        root=original.key,
        stages=tuple(params),
        lost={} if is_mixed else _lost(applied),
        held={} if is_mixed else _held(original),
        shown=sum(each is not None for _, each in at) / max(1, len(at)),
        hidden=sum(looked),
        objects=len(looked),
        mirrored=mirrored,
        angle=angle,
        likeness=None if matrix is None else _likeness(original.image, variant.image, matrix),
    )


def _lost(applied: Sequence[AppliedStage]) -> dict[tuple[str, str], int]:
    return {(each.stage, name): n for each in applied for name, n in each.lost.items()}


def _held(sample: Sample) -> dict[str, int]:
    kinds = sample.positional.items()
    return {name: kind.held(sample.targets[name]) for name, kind in kinds if kind.loses}


def _ids(applied: Sequence[AppliedStage]) -> set[str]:
    return {each.stage for each in applied}


def _apply(
    stages: Sequence[AnyStage], params: Mapping[str, Params], sample: Sample, mixing: Mixing
) -> Sample:
    return apply_stages(stages, sample, lambda stage, *_: params.get(stage.id), Trace(), mixing)


def _objects(sample: Sample) -> Iterator[tuple[str, int, Marker]]:
    """Yields target, number and marker of the first objects of a sample."""
    height, width = sample.image.shape[:2]
    for name in sample.positional:
        value = sample.targets[name]
        boxes = _boxes_of(value)
        corners = boxes.corners[:_MOST_OBJECTS] * np.array([width, height] * 2)
        for number, (left, top, right, bottom) in enumerate(corners.tolist()):
            x, y = (left + right) / 2, (top + bottom) / 2
            if isinstance(value, InstanceSet):  # the middle of a bent one may be beside it
                rows, columns = np.nonzero(value.mask(number))
                if not len(rows):  # smaller than a pixel: nothing of it can be seen
                    continue
                at = np.hypot(columns + 0.5 - x, rows + 0.5 - y).argmin()
                x, y = float(columns[at]) + 0.5, float(rows[at]) + 0.5
            radius = max(1.5, 0.2 * min(right - left, bottom - top))
            yield name, number, Marker(x=x, y=y, radius=radius)


def _boxes_of(value: Any) -> BoxSet:
    """Returns the boxes of the value of a target, none of one that has no objects."""
    if isinstance(value, InstanceSet):
        return value.boxes
    return value if isinstance(value, BoxSet) else _NO_BOXES


def _tagged(sample: Sample) -> Sample:
    """Returns a sample whose objects have their numbers as one more attribute."""
    targets = {**sample.targets}
    for name, value in sample.targets.items():
        boxes = _boxes_of(value)
        tagged = replace(boxes, attributes={**boxes.attributes, _NUMBER: np.arange(len(boxes))})
        if isinstance(value, InstanceSet):
            targets[name] = replace(value, boxes=tagged)
        elif isinstance(value, BoxSet):
            targets[name] = tagged
    return sample.replace(targets=targets)


def _left(sample: Sample, name: str) -> set[int] | None:
    """Returns the numbers of the objects that are left; None if a stage has not kept them."""
    numbers = _boxes_of(sample.targets.get(name)).attributes.get(_NUMBER)
    return None if numbers is None else set(numbers.tolist())


def _motion(at: Sequence[tuple[Marker, Sighting | None]]) -> np.ndarray | None:
    """Returns float64 `(2, 3)` that takes (x, y, 1) to where it went; None if too little is seen.

    Markers that are cut at an edge are a little off, so this is the fit of all that are seen.
    """
    found = [(marker, sighting) for marker, sighting in at if sighting is not None]
    before = np.array([(marker.x, marker.y, 1.0) for marker, _ in found])
    if len(found) < _FEWEST or np.linalg.matrix_rank(before) < 3:
        return None
    after = np.array([(sighting.x, sighting.y) for _, sighting in found])
    fit: np.ndarray = np.linalg.lstsq(before, after, rcond=None)[0].T
    return fit if abs(np.linalg.det(fit[:, :2])) > 1e-4 else None


def turn_of(matrix: np.ndarray) -> tuple[bool, float]:
    """Returns whether a motion mirrors, and by how many degrees it turns after that.

    The turn is that of the rotation nearest to the motion, once its mirror is taken out.
    """
    linear = matrix[:, :2]
    mirrored = bool(np.linalg.det(linear) < 0)
    (a, b), (c, d) = linear * np.array([-1, 1]) if mirrored else linear
    # Rows count downwards, so a turn that is positive here is clockwise.
    return mirrored, float(-np.degrees(np.arctan2(c - b, a + d)))


def turned(image: np.ndarray, *, mirrored: bool, angle: float) -> np.ndarray:
    """Returns an image `(H, W, C)` mirrored and then turned around its middle; edges go on."""
    flipped = np.ascontiguousarray(image[:, ::-1]) if mirrored else image
    height, width = image.shape[:2]
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, angle, 1.0)
    turned = cv2.warpAffine(flipped, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned).reshape(image.shape)


def _likeness(original: np.ndarray, variant: np.ndarray, matrix: np.ndarray) -> float | None:
    """Returns the correlation of a variant with its original where that is laid over it.

    Both are compared at a small size, where noise and fine texture are averaged out.
    """
    height, width = variant.shape[:2]
    # OpenCV counts from the middle of the first pixel.
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = (width, height)
    laid = cv2.warpAffine(gray_of(original), shifted, size)
    inside = cv2.warpAffine(np.ones(original.shape[:2], np.float32), shifted, size)
    scale = _LIKE_SIDE / max(height, width)
    small = (max(1, round(width * scale)), max(1, round(height * scale))) if scale < 1 else size
    one, other, known = (
        cv2.resize(each, small, interpolation=cv2.INTER_AREA)
        for each in (laid, gray_of(variant), inside)
    )
    return _correlation(one[known > 0.99], other[known > 0.99])


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Returns it; None where the first is even, 0 where the second is."""
    if one.size < 2 or one.std() < 1.0:
        return None
    if other.std() < 0.5:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def gray_of(image: np.ndarray) -> np.ndarray:
    """Returns the luma of an image as float32 `(H, W)` in levels of 8 bits."""
    values = image.astype(np.float32)
    if image.dtype != np.uint8:
        values *= 255.0 / max(float(values.max(initial=0.0)), 1e-9)
    if image.shape[2] < 3:
        return np.ascontiguousarray(values[..., 0])
    luma: np.ndarray = values[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
    return luma
