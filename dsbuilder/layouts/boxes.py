"""Boxes and keypoints: in pixels, as annotations have them, <-> shares of the image's sides.

An object's keypoints are written as COCO does, one after the other: x, y, visibility, with 0 for
what is absent, 1 for what is hidden and 2 for what is visible.
"""

import math
from collections.abc import Sequence
from typing import Any

from dsbuilder.errors import DataError

TOLERANCE = 1e-2
"""How far outside of the image a corner may lie, as a share of the side, to be taken for a rounding
error and moved to the edge."""
TOLERANCE_PIXELS = 2.0
"""The same in pixels; the larger of the two counts."""

Corners = Sequence[float]

_NUMBERS = frozenset((int, float))
_FAR = 1e9


def from_corners(corners: Corners, size: tuple[int, int]) -> list[float]:
    """Returns [x_min, y_min, x_max, y_max] in pixels as shares of the sides, each in [0, 1].

    Args:
      size: (height, width) of the upright image.

    Raises:
      DataError: not four finite numbers in that order, or a box that lies outside by more than a
        rounding error.
    """
    _check(corners)
    x_min, y_min, x_max, y_max = corners
    if x_min > x_max or y_min > y_max:
        raise DataError(
            f"expected a box with x_min <= x_max and y_min <= y_max, found {list(corners)}."
        )
    height, width = size
    shares = [x_min / width, y_min / height, x_max / width, y_max / height]
    if shares[0] >= 0 and shares[1] >= 0 and shares[2] <= 1 and shares[3] <= 1:
        return shares
    for share, side in zip(shares, (width, height, width, height), strict=True):
        slack = max(TOLERANCE, TOLERANCE_PIXELS / side)
        if not -slack <= share <= 1 + slack:
            raise DataError(
                f"expected a box inside the image of {width} x {height} pixels, found "
                f"{[round(corner, 2) for corner in corners]}."
            )
    return [min(1.0, max(0.0, share)) for share in shares]


def from_width_height(box: Corners, size: tuple[int, int]) -> list[float]:
    """Returns [x, y, width, height] in pixels, of the top left corner, as `from_corners` does."""
    _check(box)
    x, y, width, height = box
    if width < 0 or height < 0:
        raise DataError(f"expected [x, y, width, height] with sides >= 0, found {list(box)}.")
    return from_corners([x, y, x + width, y + height], size)


def to_width_height(corners: Corners, size: tuple[int, int]) -> list[float]:
    """Returns shares of the sides as [x, y, width, height] in pixels."""
    height, width = size
    x_min, y_min, x_max, y_max = corners
    return [
        float(x_min * width),
        float(y_min * height),
        float((x_max - x_min) * width),
        float((y_max - y_min) * height),
    ]


def check_flag(name: str, value: object, where: str) -> None:
    """Raises a DataError unless an attribute of a box is 0 or 1, as layouts have it.

    Args:
      where: what the error begins with.
    """
    if value not in (0, 1):
        raise DataError(
            f"{where}: expected the attribute '{name}' of boxes to be 0 or 1, found {value!r}. "
            "Export to another layout, such as imagefolder."
        )


def _check(box: Corners) -> None:
    if len(box) == 4 and all(type(each) in _NUMBERS and -_FAR < each < _FAR for each in box):
        return
    numbers = [
        each for each in box if isinstance(each, (int, float)) and not isinstance(each, bool)
    ]
    if len(box) != 4 or len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise DataError(f"expected a box of four numbers, found {list(box)}.")


def keypoints_to_shares(numbers: Sequence[float], size: tuple[int, int]) -> list[list[float]]:
    """Returns [x, y, visibility] of each point of an object, x and y as shares of the sides.

    Args:
      numbers: x, y and visibility of each point in turn, in pixels.
      size: (height, width) of the upright image.

    Raises:
      DataError: a visibility is none, or a point lies outside of the image by more than a rounding
        error.
    """
    triples = (numbers[start : start + 3] for start in range(0, len(numbers), 3))
    return [_point(x, y, visibility, size) for x, y, visibility in triples]


def _point(x: float, y: float, visibility: float, size: tuple[int, int]) -> list[float]:
    if visibility not in (0, 1, 2):
        raise DataError(f"expected a visibility of 0, 1 or 2, found {visibility!r}.")
    if visibility == 0:
        return [0.0, 0.0, 0]
    try:
        left, top, *_ = from_corners([x, y, x, y], size)
    except DataError:
        raise DataError(
            f"expected a keypoint inside the image of {size[1]} x {size[0]} pixels, found {[x, y]}."
        ) from None
    return [left, top, int(visibility)]


def keypoints_to_pixels(points: Any, visibility: Any, size: tuple[int, int]) -> list[float]:
    """Returns x, y and visibility of each point of an object in turn, in pixels.

    Args:
      points: `(k, 2)`, x, y as shares of the sides.
      visibility: `(k,)`.
    """
    height, width = size
    pairs = zip(points.tolist(), visibility.tolist(), strict=True)
    return [each for (x, y), seen in pairs for each in (x * width, y * height, float(seen))]


def sides(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Returns pairs of names that differ in `left` and `right`: what a mirror swaps."""
    pairs = ((name, name.replace("left", "right")) for name in names if "left" in name)
    return tuple((left, right) for left, right in pairs if right in names)
