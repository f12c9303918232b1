"""The pixels of a region -> polygons that cover just these.

An outline runs along the edges of pixels, so `polygon.fill`, which asks for the centres of pixels,
gives the region again. Pixels that touch at a corner alone are apart. A hole is part of the one
polygon: a way of no width leads from the outer outline to that of the hole and back, so that the
even-odd rule counts it as outside.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

Point = tuple[int, int]
"""x, y of a corner of pixels, from the top left corner of the image."""

_Edges = dict[Point, list[Point]]


def outlines(region: npt.NDArray[np.generic]) -> list[list[Point]]:
    """Returns a polygon for each connected part of a region, in the order of their first pixels.

    Args:
      region: `(H, W)`; all that is not zero belongs to it.
    """
    count, parts = cv2.connectedComponents((region != 0).astype(np.uint8), connectivity=4)
    return [_polygon(parts == number) for number in range(1, count)]


def _polygon(part: npt.NDArray[np.bool_]) -> list[Point]:
    """Returns the outline of a connected part, those of its holes joined to it."""
    outer, *holes = sorted(_loops(_edges(part)), key=_span, reverse=True)
    polygon = list(outer)
    for hole in holes:
        corner = (hole[0][0], outer[0][1])
        polygon += [outer[0], corner, *hole, hole[0], corner]
    return polygon


def _span(loop: list[Point]) -> int:
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


def _loops(edges: _Edges) -> Iterator[list[Point]]:
    """Yields the corners of every closed way along the edges, each edge once."""
    while edges:
        start = next(iter(edges))
        steps: list[tuple[Point, Point]] = []
        place, heading = start, (0, 0)
        while place in edges:
            following = _turned(edges, place, heading)
            heading = following[0] - place[0], following[1] - place[1]
            steps.append((place, heading))
            place = following
        before = [heading, *(each for _, each in steps)]
        yield [place for (place, step), last in zip(steps, before, strict=False) if step != last]


def _turned(edges: _Edges, place: Point, heading: Point) -> Point:
    """Takes the next edge: of two, the one to the right, which stays at the same pixel."""
    ends = edges[place]
    right = place[0] - heading[1], place[1] + heading[0]
    chosen = ends.index(right) if len(ends) > 1 and right in ends else 0
    end = ends.pop(chosen)
    if not ends:
        del edges[place]
    return end
