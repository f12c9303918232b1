"""One line of a YOLO label file: a box, a polygon, or a box with keypoints.

    0 0.5 0.5 0.25 0.1                      class x_center y_center width height
    0 0.1 0.1 0.4 0.1 0.4 0.3               class x1 y1 x2 y2 x3 y3 ...
    0 0.5 0.5 0.25 0.1 0.4 0.5 2 0 0 0      class, box, then x y of each point, or x y visibility

All but the class are shares of the image's sides. Whether there are keypoints, and how many, says
`data.yaml`; else a line of more than five words is a polygon.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dsbuilder.errors import DataError
from dsbuilder.layouts.boxes import TOLERANCE, Clipping
from dsbuilder.layouts.tables import cut

PosePoint = tuple[float, float, int]
"""x, y, and the visibility: 0 absent, 1 hidden, 2 visible."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LOW, _HIGH = -TOLERANCE, 1 + TOLERANCE
_MOST = 2.0
"""A share of a side that is larger was meant in pixels."""
_BOX = 5
_TRIANGLE = 7


class YoloObject(NamedTuple):
    """One object of a label file; numbers are shares of the image's sides, in [0, 1].

    Attributes:
      class_id: number of its class as `data.yaml` has it.
      corners: x_min, y_min, x_max, y_max; of a polygon those of the box around it.
      polygon: x0, y0, x1, y1, ...; empty where the line is of a box.
      points: keypoints, in the order of their names; empty where there are none.
    """

    class_id: int
    corners: tuple[float, float, float, float]
    polygon: tuple[float, ...] = ()
    points: tuple[PosePoint, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pose:
    """The keypoints that every object has.

    Attributes:
      names: names of the points, in their order.
      is_seen: whether each has a visibility; else one at 0, 0 is absent, the others are visible.
      swaps: pairs of names that change places when an image is mirrored.
      is_paired: whether it is known which do; else `swaps` is empty.
    """

    names: tuple[str, ...]
    is_seen: bool = True
    swaps: tuple[tuple[str, str], ...] = ()
    is_paired: bool = True


def parse(line: str, names: Mapping[int, str], pose: Pose | None, clipping: Clipping) -> YoloObject:
    """Returns the object of a line; what lies a rounding error outside is moved to the edge.

    So is what lies farther outside, of a box of which at least half is inside. Of a polygon that
    reaches so far, the points stay as they are.

    Args:
      clipping: counts such boxes.
      names: class id -> name.
      pose: the keypoints; None where there are none.

    Raises:
      DataError: the line has another number of words, one is no number or no class, or over half
        of the box lies outside.
    """
    words = line.split()
    _check_count(line, len(words), pose)
    wrong = [word for word in words if not _NUMBER.fullmatch(word)]
    if wrong:
        raise DataError(f"expected numbers alone, found {cut(wrong[0])}.")
    number, *rest = map(float, words)
    if number not in names:
        raise DataError(
            f"expected a class id of the {len(names)} classes of data.yaml, found '{words[0]}'."
        )
    class_id = int(number)
    if pose is not None:
        corners = _corners(rest[:4], clipping)
        return YoloObject(class_id, corners, points=_points(rest[4:], pose))
    if len(words) == _BOX:
        return YoloObject(class_id, _corners(rest, clipping))
    xs, ys = rest[::2], rest[1::2]
    around = (min(xs), min(ys), max(xs), max(ys))
    is_inside = all(_LOW <= number <= _HIGH for number in rest)
    polygon = tuple(map(_clipped, rest) if is_inside else rest)
    return YoloObject(class_id, _cut(around, "a polygon", clipping), polygon)


def written(row: YoloObject, *, is_seen: bool = True) -> str:
    """Returns the line of a polygon, a box, or a box with keypoints.

    Args:
      is_seen: whether the visibility of keypoints is written.
    """
    if row.polygon:
        return " ".join([str(row.class_id), *map(_word, row.polygon)]) + "\n"
    x_min, y_min, x_max, y_max = map(float, row.corners)
    box = ((x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min)
    words = [str(row.class_id), *map(_word, box)]
    for x, y, visibility in row.points:
        words += [_word(x), _word(y), *([str(visibility)] if is_seen else [])]
    return " ".join(words) + "\n"


def _word(number: float) -> str:
    return f"{number:.10f}".rstrip("0").rstrip(".")


def _check_count(line: str, found: int, pose: Pose | None) -> None:
    if pose is not None:
        each = 3 if pose.is_seen else 2
        count = _BOX + each * len(pose.names)
        if found != count:
            raise DataError(
                f"expected 5 + {len(pose.names)} x {each} = {count} words, as kpt_shape in "
                f"data.yaml says, found {found} in {cut(line.strip())}."
            )
    elif found != _BOX and (found < _TRIANGLE or not found % 2):
        hint = ""
        if found > _TRIANGLE:
            hint = " If these are keypoints, say how many with kpt_shape in data.yaml."
        raise DataError(
            "expected 'class x_center y_center width height', or a class and x y of three points "
            f"or more, found {found} words in {cut(line.strip())}.{hint}"
        )


def _corners(box: Sequence[float], clipping: Clipping) -> tuple[float, float, float, float]:
    x, y, width, height = box
    if width < 0 or height < 0 or max(map(abs, (x, y, width, height))) > _MOST:
        raise DataError(
            f"expected shares of the image's sides in [0, 1], found {x:g} {y:g} {width:g} "
            f"{height:g}. YOLO has no pixels in it."
        )
    corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return _cut(corners, "a box", clipping)


def _cut(
    corners: tuple[float, float, float, float], noun: str, clipping: Clipping
) -> tuple[float, float, float, float]:
    if not all(_LOW <= corner <= _HIGH for corner in corners):
        cut = clipping.cut(corners)
        if cut is None:
            raise DataError(
                f"expected {noun} of which half lies in the image, as shares of its sides in "
                f"[0, 1], found one from ({corners[0]:g}, {corners[1]:g}) to ({corners[2]:g}, "
                f"{corners[3]:g})."
            )
        corners = (cut[0], cut[1], cut[2], cut[3])
    left, top, right, bottom = map(_clipped, corners)
    return left, top, right, bottom


def _inside(numbers: Iterable[float], noun: str) -> tuple[float, ...]:
    found = tuple(numbers)
    wrong = [number for number in found if not _LOW <= number <= _HIGH]
    if wrong:
        raise DataError(
            f"expected {noun} in shares of the image's sides, in [0, 1], found {wrong[0]:g}."
        )
    return tuple(map(_clipped, found))


def _clipped(number: float) -> float:
    return min(1.0, max(0.0, number))


def _points(numbers: Sequence[float], pose: Pose) -> tuple[PosePoint, ...]:
    each = 3 if pose.is_seen else 2
    return tuple(
        _point(name, *numbers[each * place : each * (place + 1)])
        for place, name in enumerate(pose.names)
    )


def _point(name: str, x: float, y: float, visibility: float | None = None) -> PosePoint:
    if visibility is None:
        visibility = 2 if (x, y) != (0, 0) else 0
    if visibility not in (0, 1, 2):
        raise DataError(f"expected a visibility of 0, 1 or 2 of '{name}', found {visibility:g}.")
    if visibility == 0:  # whatever stands for its place
        return 0.0, 0.0, 0
    x, y = _inside((x, y), f"'{name}'")
    return x, y, int(visibility)
