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


class Neighbors:
    """The nearest others of each point, also as points are taken out.

    Attributes:
      distances: `(n, count)` float32, the nearest first; what is lacking is infinitely far.
      places: which points these are; -1 for what is lacking.
    """

    def __init__(self, points: Points, count: int) -> None:
        """Finds the nearest.

        Args:
          points: `(n, d)` float32.
          count: number of neighbors, 1 or more.
        """
        self._points = points
        self._cells = list(_cells(points))
        self._is_left = np.ones(len(points), np.bool_)
        self.distances = np.full((len(points), count), np.inf, np.float32)
        self.places = np.full((len(points), count), -1, np.int64)
        self._find(self._is_left)

    def keep(self, left: Places) -> None:
        """Takes out all points but some; only of what had one of them near is anything sought."""
        is_left = np.zeros_like(self._is_left)
        is_left[left] = True
        gone = self._is_left & ~is_left
        self._is_left = is_left
        self._find(is_left & (gone[self.places] & (self.places >= 0)).any(axis=1))

    def _find(self, sought: npt.NDArray[np.bool_]) -> None:
        """Finds the nearest of some points among those that are left."""
        self.distances[sought], self.places[sought] = np.inf, -1
        for cell in self._cells:
            members, rows = cell[self._is_left[cell]], cell[sought[cell]]
            for start in range(0, len(rows), _ROWS):
                piece = rows[start : start + _ROWS]
                apart, which = _among(self._points, piece, members, self.places.shape[1])
                _merge(self.distances, self.places, piece, apart, which)


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
    found: Points = left @ right.T
    found *= -2
    found += np.einsum("ij,ij->i", left, left)[:, None] + np.einsum("ij,ij->i", right, right)
    return np.maximum(found, 0, out=found)


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
