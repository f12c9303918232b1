"""Polygons -> the pixels they cover, and their areas.

A pixel belongs to a polygon if its centre lies inside, by the even-odd rule; so polygons that share
an edge neither overlap nor leave a gap. Coordinates are pixels from the top left corner of the
image, so the centre of its first pixel is (0.5, 0.5).
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def fill(polygons: Sequence[Sequence[float]], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Returns the union of polygons, `(H, W)` uint8 of 0 and 1.

    Args:
      polygons: each `[x0, y0, x1, y1, ...]` in pixels, finite; what lies outside the size is cut.
      size: (height, width) in pixels.
    """
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        points = np.asarray(polygon, np.float64).reshape(-1, 2)
        if len(points):
            _paint(mask, points)
    return mask


def area(polygon: Sequence[float]) -> float:
    """Returns the area of a polygon of x0, y0, x1, y1, ..., by the shoelace formula."""
    xs, ys = polygon[::2], polygon[1::2]
    around = zip(xs, ys, (*xs[1:], xs[0]), (*ys[1:], ys[0]), strict=True)
    return abs(sum(x * next_y - next_x * y for x, y, next_x, next_y in around)) / 2


def _paint(mask: npt.NDArray[np.uint8], points: npt.NDArray[np.float64]) -> None:
    """Adds a polygon `(n, 2)` xy to a mask, looking only at the box around it."""
    height, width = mask.shape
    left, top = (max(0, math.floor(low)) for low in points.min(axis=0))
    right, bottom = (
        min(side, math.ceil(high))
        for side, high in zip((width, height), points.max(axis=0), strict=True)
    )
    if left < right and top < bottom:
        inside = _inside(points - (left, top), bottom - top, right - left)
        mask[top:bottom, left:right] |= inside


def _inside(points: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Returns which pixels' centres lie inside: the ones right of an odd number of edges."""
    (x, y), (next_x, next_y) = points.T, np.roll(points, -1, axis=0).T
    first, last = (
        np.clip(np.ceil(bound - 0.5), 0, height).astype(np.int64)
        for bound in (np.minimum(y, next_y), np.maximum(y, next_y))
    )
    crossed = last - first  # rows of centres that an edge crosses; none of a level edge
    edge = np.repeat(np.arange(len(points)), crossed)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + first[edge]
    share = (row + 0.5 - y[edge]) / (next_y - y)[edge]
    at = x[edge] + share * (next_x - x)[edge]
    column = np.clip(np.ceil(at - 0.5), 0, width).astype(np.int64)
    crossings = np.zeros((height, width + 1), np.uint8)
    np.add.at(crossings, (row, column), 1)
    # Whether a number is odd survives the overflow of 8 bits: five times faster than in 64.
    right_of = np.cumsum(crossings, axis=1, dtype=np.uint8)[:, :width]
    inside: npt.NDArray[np.uint8] = right_of & np.uint8(1)
    return inside
