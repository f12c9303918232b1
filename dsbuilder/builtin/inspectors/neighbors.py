"""The nearest neighbors of points, without comparing all with all where there are many.

Up to some thousands of points all are compared, by products of matrices. Of more, some stand as
pivots, evenly picked; a point lies in the cells of its three nearest pivots and is compared with
what lies there. Two points much nearer to each other than to most share a cell nearly always, which
is all that is asked of it here: 70,000 points of 54 numbers take some seconds of one core.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

_WHOLE = 4096
_PER_PIVOT = 512
_CELLS_EACH = 3
_LARGEST_CELL = 8192
_ROWS = 1024

Places = npt.NDArray[np.int64]
Points = npt.NDArray[np.float32]


def nearest(points: Points, count: int) -> tuple[Points, Places]:
    """Returns the distances `(n, count)` of the nearest others of each point, and their places.

    The nearest stand first; what is lacking is infinitely far, at place -1.

    Args:
      points: `(n, d)` float32.
      count: number of neighbors, 1 or more.
    """
    distances = np.full((len(points), count), np.inf, np.float32)
    places = np.full((len(points), count), -1, np.int64)
    for cell in _cells(points):
        for start in range(0, len(cell), _ROWS):
            rows = cell[start : start + _ROWS]
            apart, which = _among(points, rows, cell, count)
            _merge(distances, places, rows, apart, which)
    return distances, places


def _cells(points: Points) -> Iterator[Places]:
    """Yields places of points to compare with each other."""
    if len(points) <= _WHOLE:
        yield np.arange(len(points))
        return
    pivots = points[np.linspace(0, len(points) - 1, len(points) // _PER_PIVOT).astype(np.int64)]
    chosen = [
        np.argpartition(_squares(points[start : start + _ROWS], pivots), _CELLS_EACH)
        for start in range(0, len(points), _ROWS)
    ]
    homes = np.concatenate(chosen)[:, :_CELLS_EACH].ravel()
    order = np.argsort(homes, kind="stable")
    members = order // _CELLS_EACH
    for cell in np.split(members, np.flatnonzero(np.diff(homes[order])) + 1):
        for start in range(0, len(cell), _LARGEST_CELL):
            yield cell[start : start + _LARGEST_CELL]


def _squares(left: Points, right: Points) -> Points:
    """Returns the squared distances of all pairs, `(n, m)`."""
    lengths = np.einsum("ij,ij->i", left, left)[:, None] + np.einsum("ij,ij->i", right, right)
    found: Points = np.maximum(lengths - 2 * (left @ right.T), 0)
    return found


def _among(points: Points, rows: Places, cell: Places, count: int) -> tuple[Points, Places]:
    """Returns distances and places of the nearest of a cell for some of its points."""
    squares = _squares(points[rows], points[cell])
    squares[rows[:, None] == cell] = np.inf
    most = min(count, len(cell))
    which = np.argpartition(squares, most - 1, axis=1)[:, :most]
    apart = np.sqrt(np.take_along_axis(squares, which, axis=1))
    return apart, np.where(np.isinf(apart), -1, cell[which])


def _merge(distances: Points, places: Places, rows: Places, apart: Points, which: Places) -> None:
    """Keeps the nearest of what was known of some points and of what is new, each once."""
    count = distances.shape[1]
    both = np.concatenate([places[rows], which], axis=1)
    far = np.concatenate([distances[rows], apart], axis=1)
    order = np.argsort(both, axis=1, kind="stable")
    both, far = np.take_along_axis(both, order, 1), np.take_along_axis(far, order, 1)
    far[:, 1:][both[:, 1:] == both[:, :-1]] = np.inf
    order = np.argsort(far, axis=1, kind="stable")[:, :count]
    distances[rows] = np.take_along_axis(far, order, 1)
    places[rows] = np.where(np.isinf(distances[rows]), -1, np.take_along_axis(both, order, 1))
