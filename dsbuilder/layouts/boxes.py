"""Boxes and keypoints: in pixels, as annotations have them, <-> shares of the image's sides.

An object's keypoints are written as COCO does, one after the other: x, y, visibility, with 0 for
what is absent, 1 for what is hidden and 2 for what is visible.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsbuilder.errors import DataError

TOLERANCE = 1e-2
"""How far outside of the image a corner may lie, as a share of the side, to be taken for a rounding
error and moved to the edge."""
TOLERANCE_PIXELS = 2.0
"""The same in pixels; the larger of the two counts."""

LEAST_INSIDE = 0.5
"""The share of a box that must lie in the image, or the record is set aside."""

Corners = Sequence[float]

_NUMBERS = frozenset((int, float))
_FAR = 1e9


@dataclass
class Clipping:
    """Counts the boxes that reach out of their image, at most half of them outside, and were cut.

    Attributes:
      boxes: their number; those that rounding alone took outside are not among them.
    """

    boxes: int = 0

    def cut(self, shares: Corners) -> list[float] | None:
        """Returns corners as shares of the sides, cut to [0, 1]; None if over half lies outside."""
        if _share_inside(shares) < LEAST_INSIDE:
            return None
        self.boxes += 1
        return _to_edges(shares)

    def notes(self) -> list[str]:
        """Returns a note on the boxes that were cut; none where there are none."""
        if not self.boxes:
            return []
        what = "1 box reaches" if self.boxes == 1 else f"{self.boxes} boxes reach"
        return [f"{what} out of the image by at most half, and {_is_cut(self.boxes)} at its edge"]


def _is_cut(count: int) -> str:
    return "is cut" if count == 1 else "are cut"


def from_corners(corners: Corners, size: tuple[int, int], clipping: Clipping) -> list[float]:
    """Returns [x_min, y_min, x_max, y_max] in pixels as shares of the sides, each in [0, 1].

    Args:
      size: (height, width) of the upright image.
      clipping: counts a box that is cut at the edge.

    Raises:
      DataError: not four finite numbers in that order, or a box of which over half lies outside.
    """
    _check(corners)
    x_min, y_min, x_max, y_max = corners
    if x_min > x_max or y_min > y_max:
        raise DataError(
            f"expected a box with x_min <= x_max and y_min <= y_max, found {list(corners)}."
        )
    height, width = size
    shares = [x_min / width, y_min / height, x_max / width, y_max / height]
    if lies_within(shares, size):
        return _to_edges(shares)
    cut = clipping.cut(shares)
    if cut is None:
        raise DataError(
            f"expected a box of which half lies in the image of {width} x {height} pixels, found "
            f"{[round(corner, 2) for corner in corners]}."
        )
    return cut


def lies_within(shares: Corners, size: tuple[int, int]) -> bool:
    """Whether corners as shares of the sides lie in the image, but for a rounding error."""
    height, width = size
    return all(
        -max(TOLERANCE, TOLERANCE_PIXELS / side)
        <= share
        <= 1 + max(TOLERANCE, TOLERANCE_PIXELS / side)
        for share, side in zip(shares, (width, height, width, height), strict=True)
    )


def _to_edges(shares: Corners) -> list[float]:
    return [min(1.0, max(0.0, share)) for share in shares]


def _share_inside(shares: Corners) -> float:
    """Returns the share of a box that lies in the image; of one without area that of its sides."""
    x_min, y_min, x_max, y_max = shares
    return _side_inside(x_min, x_max) * _side_inside(y_min, y_max)


def _side_inside(low: float, high: float) -> float:
    if low == high:
        return float(-TOLERANCE <= low <= 1 + TOLERANCE)
    return max(0.0, min(1.0, high) - max(0.0, low)) / (high - low)


def from_width_height(box: Corners, size: tuple[int, int], clipping: Clipping) -> list[float]:
    """Returns [x, y, width, height] in pixels, of the top left corner, as `from_corners` does."""
    _check(box)
    x, y, width, height = box
    if width < 0 or height < 0:
        raise DataError(f"expected [x, y, width, height] with sides >= 0, found {list(box)}.")
    return from_corners([x, y, x + width, y + height], size, clipping)


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
    left, top = x / size[1], y / size[0]
    if not lies_within([left, top, left, top], size):
        raise DataError(
            f"expected a keypoint inside the image of {size[1]} x {size[0]} pixels, found {[x, y]}."
        )
    return [*_to_edges([left, top]), int(visibility)]


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
