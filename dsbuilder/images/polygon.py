"""Polygons <-> the pixels that they cover.

A pixel belongs to a polygon if its center lies inside, by the even-odd rule; so polygons that share
an edge neither overlap nor leave a gap. Coordinates are pixels from the top left corner of the
image, so the center of its first pixel is (0.5, 0.5).

An outline of a region runs along the edges of its pixels, so `fill`, which asks for their centers,
gives the region again. Pixels that touch at a corner alone are apart. A hole is part of the one
polygon: a way of no width leads from the outer outline to that of the hole and back, so that the
even-odd rule counts it as outside.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dsbuilder.errors import DataError

MOST_CROSSINGS = 500_000_000
"""Rows that the edges of a polygon may cross in all; an outline crosses hardly more than there are
pixels."""

_AT_ONCE = 1 << 22

Corner = tuple[int, int]
"""x, y of a corner of pixels."""
Point = tuple[float, float]
"""x, y in pixels."""

_Edges = dict[Corner, list[Corner]]


def fill(
    polygons: Sequence[Sequence[float]],
    size: tuple[int, int],
    box: tuple[int, int, int, int] | None = None,
) -> npt.NDArray[np.uint8]:
    """Returns the union of polygons, `(H, W)` uint8 of 0 and 1, or what a box of it holds.

    Args:
      polygons: each `[x0, y0, x1, y1, ...]` in pixels, finite; what lies outside the size is cut.
      size: (height, width) in pixels.
      box: (top, left, height, width) within the size; its pixels are those that the whole has
        there, bit by bit, and no others are computed. None takes all.

    Raises:
      DataError: the edges of a polygon cross more than `MOST_CROSSINGS` rows.
    """
    wanted = (0, 0, *size) if box is None else box
    mask = np.zeros(wanted[2:], np.uint8)
    for polygon in polygons:
        points = np.asarray(polygon, np.float64).reshape(-1, 2)
        if len(points):
            _paint(mask, points, size, wanted[:2])
    return mask


def area(polygon: Sequence[float]) -> float:
    """Returns the area of a polygon of x0, y0, x1, y1, ..., by the shoelace formula."""
    xs, ys = polygon[::2], polygon[1::2]
    around = zip(xs, ys, (*xs[1:], xs[0]), (*ys[1:], ys[0]), strict=True)
    return abs(sum(x * next_y - next_x * y for x, y, next_x, next_y in around)) / 2


def _paint(
    mask: npt.NDArray[np.uint8],
    points: npt.NDArray[np.float64],
    size: tuple[int, int],
    corner: tuple[int, int],
) -> None:
    """Adds a polygon `(n, 2)` xy to a mask, looking only at the box around it.

    Args:
      size: (height, width) of the image that the mask is a part of.
      corner: (top, left) of the mask in it.
    """
    left, top = (max(0, math.floor(low)) for low in points.min(axis=0))
    right, bottom = (
        min(side, math.ceil(high))
        for side, high in zip(size[::-1], points.max(axis=0), strict=True)
    )
    rows = range(max(top, corner[0]), min(bottom, corner[0] + mask.shape[0]))
    columns = range(max(left, corner[1]), min(right, corner[1] + mask.shape[1]))
    if len(rows) and len(columns):
        # Coordinates count from the polygon's own box, whatever part is asked for: so they are
        # rounded alike in every part.
        inside = _inside(
            points - (left, top),
            range(rows.start - top, rows.stop - top),
            range(columns.start - left, columns.stop - left),
        )
        mask[
            rows.start - corner[0] : rows.stop - corner[0],
            columns.start - corner[1] : columns.stop - corner[1],
        ] |= inside


def _inside(points: npt.NDArray[np.float64], rows: range, columns: range) -> npt.NDArray[np.uint8]:
    """Returns which pixels' centers lie inside: the ones right of an odd number of edges."""
    (x, y), (next_x, next_y) = points.T, np.roll(points, -1, axis=0).T
    first, last = (
        np.clip(np.ceil(bound - 0.5), rows.start, rows.stop).astype(np.int64)
        for bound in (np.minimum(y, next_y), np.maximum(y, next_y))
    )
    crossed = last - first  # rows of centers that an edge crosses; none of a level edge
    if crossed.sum() > MOST_CROSSINGS:
        raise DataError(
            f"expected a polygon whose edges cross at most {MOST_CROSSINGS} rows of pixels, found "
            f"{crossed.sum()} of {len(points)} points. Simplify it."
        )
    width = len(columns)
    crossings = np.zeros((len(rows), width + 1), np.uint8)
    for some in _in_parts(crossed):
        edge = np.repeat(some, crossed[some])
        before = np.cumsum(crossed[some]) - crossed[some]
        row = np.arange(len(edge)) - np.repeat(before, crossed[some]) + first[edge]
        share = (row + 0.5 - y[edge]) / (next_y - y)[edge]
        at = x[edge] + share * (next_x - x)[edge]
        column = np.clip(np.ceil(at - 0.5), columns.start, columns.stop).astype(np.int64)
        np.add.at(crossings, (row - rows.start, column - columns.start), 1)
    # Whether a number is odd survives the overflow of 8 bits: five times faster than in 64.
    right_of = np.cumsum(crossings, axis=1, dtype=np.uint8)[:, :width]
    inside: npt.NDArray[np.uint8] = right_of & np.uint8(1)
    return inside


def _in_parts(crossed: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Returns the edges' numbers in parts that are small enough to be looked at in one go."""
    part = np.cumsum(crossed) // _AT_ONCE
    return np.split(np.arange(len(crossed)), np.flatnonzero(np.diff(part)) + 1)


def outlines(region: npt.NDArray[np.generic]) -> list[list[Corner]]:
    """Returns a polygon for each connected part of a region, in the order of their first pixels.

    Args:
      region: `(H, W)`; all that is not zero belongs to it.
    """
    import cv2  # late, since what a target is does not need it

    count, parts = cv2.connectedComponents((region != 0).astype(np.uint8), connectivity=4)
    return [_polygon(parts == number) for number in range(1, count)]


def _polygon(part: npt.NDArray[np.bool_]) -> list[Corner]:
    """Returns the outline of a connected part, those of its holes joined to it."""
    loops = sorted(_loops(_edges(part)), key=_span, reverse=True)
    return joined(loops)


def joined(polygons: Sequence[Sequence[Any]]) -> list[Any]:
    """Returns one polygon of one or more that do not cross: others hang on the first by ways.

    These lead along a row and a column, there and back, so that they cover nothing. What lies in
    another, as a hole does, is outside.

    Args:
      polygons: each of `Corner`s or `Point`s, as is what is returned.
    """
    first = polygons[0]
    whole = list(first)
    for other in polygons[1:]:
        corner = (other[0][0], first[0][1])
        whole += [first[0], corner, *other, other[0], corner]
    return whole


def _span(loop: list[Corner]) -> int:
    """Returns how wide a loop is, by which the outer one is told: it is wider than any hole."""
    xs = [x for x, _ in loop]
    return max(xs) - min(xs)


def _edges(part: npt.NDArray[np.bool_]) -> _Edges:
    """Returns the edges between inside and outside by their starts; the inside is on the right."""
    padded = np.pad(part, 1).astype(np.int8)
    edges: _Edges = {}
    down = np.diff(padded, axis=0)[:, 1:-1]
    for y, x in np.argwhere(down).tolist():
        start, end = ((x, y), (x + 1, y)) if down[y, x] > 0 else ((x + 1, y), (x, y))
        edges.setdefault(start, []).append(end)
    right = np.diff(padded, axis=1)[1:-1]
    for y, x in np.argwhere(right).tolist():
        start, end = ((x, y + 1), (x, y)) if right[y, x] > 0 else ((x, y), (x, y + 1))
        edges.setdefault(start, []).append(end)
    return edges


def _loops(edges: _Edges) -> Iterator[list[Corner]]:
    """Yields the corners of every closed way along the edges, each edge once."""
    while edges:
        start = next(iter(edges))
        steps: list[tuple[Corner, Corner]] = []
        place, heading = start, (0, 0)
        while place in edges:
            following = _turned(edges, place, heading)
            heading = following[0] - place[0], following[1] - place[1]
            steps.append((place, heading))
            place = following
        before = [heading, *(each for _, each in steps)]
        yield [place for (place, step), last in zip(steps, before, strict=False) if step != last]


def _turned(edges: _Edges, place: Corner, heading: Corner) -> Corner:
    """Takes the next edge: of two, the one to the right, which stays at the same pixel."""
    ends = edges[place]
    right = place[0] - heading[1], place[1] + heading[0]
    chosen = ends.index(right) if len(ends) > 1 and right in ends else 0
    end = ends.pop(chosen)
    if not ends:
        del edges[place]
    return end
