"""The form of a line: slanted, on an arc, and seen from aside.

Coordinates are continuous, in pixels of the flat line, its box at (0, 0), y pointing down. Forward,
a point is slanted, laid on the arc, and seen in perspective; pixels are found backwards, each from
where it was. A flat line is drawn `FINER` times larger and averaged, so that edges stay smooth.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dsbuilder.plugin import check_size

FINER = 3

_BORDER_POINTS = 64
_MOST_PIXELS = 32_767  # that OpenCV's remap takes of a side


@dataclass(frozen=True, kw_only=True)
class Bend:
    """What is done to a line.

    Attributes:
      slant: degrees that upright strokes lean to the right.
      curve: degrees that the line turns from its begin to its end; above 0, its middle is highest.
      corners: shares of its height that the corners of the line are moved by, (x, y) of top left,
        top right, bottom right, bottom left; none sees it from the front.
    """

    slant: float = 0.0
    curve: float = 0.0
    corners: tuple[tuple[float, float], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.slant or self.curve or self.corners)


class Shape:
    """Where the points of one flat line go, and whence they came.

    Args of the constructor:
      frame: (top, left, bottom, right) of the line, `FINER` times larger than it is to be.
    """

    def __init__(self, bend: Bend, frame: tuple[int, int, int, int]) -> None:
        self._top, self._left, bottom, right = frame
        self._height, self._width = height, width = bottom - self._top, right - self._left
        self._shear = float(np.tan(np.radians(bend.slant)))
        angle = float(np.radians(bend.curve))
        self._radius = width / angle if abs(angle) > 1e-4 else 0.0
        self._matrix: np.ndarray | None = None
        if bend.corners:
            box = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
            moved = box + np.array(bend.corners, np.float64) * height
            self._matrix = cv2.getPerspectiveTransform(
                box.astype(np.float32), moved.astype(np.float32)
            )

    def apply(self, ink: np.ndarray, place: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
        """Returns a part of the line in its new form, `FINER` times smaller.

        Args:
          ink: `(H, W)` uint8.
          place: (top, left) of it.

        Returns:
          `(h, w)` uint8, and its (top, left), both in pixels of what is `FINER` times smaller.

        Raises:
          ValueError: the line is too long for that.
        """
        down, right = place[0] - self._top, place[1] - self._left
        low, high = self._extent(down, right, *ink.shape)
        first = np.floor(low / FINER).astype(int) - 1
        columns, rows = (np.ceil(high / FINER).astype(int) + 1 - first).tolist()
        check_size(rows * FINER, columns * FINER)
        longest = max(*ink.shape, rows * FINER, columns * FINER)
        if longest >= _MOST_PIXELS:
            raise ValueError(
                f"expected a line of less than {_MOST_PIXELS // FINER} px to slant, curve or see "
                f"from aside, found one of {longest // FINER} px. Shorten the text."
            )
        xs = first[0] * FINER + np.arange(columns * FINER, dtype=np.float32) + 0.5
        ys = first[1] * FINER + np.arange(rows * FINER, dtype=np.float32) + 0.5
        x, y = self.backward(*np.meshgrid(xs, ys))
        from_x, from_y = (x - right - 0.5).astype(np.float32), (y - down - 0.5).astype(np.float32)
        moved = cv2.remap(ink, from_x, from_y, cv2.INTER_LINEAR, borderValue=0)
        small = cv2.resize(moved, (columns, rows), interpolation=cv2.INTER_AREA)
        return small, (int(first[1]), int(first[0]))

    def _extent(
        self, top: int, left: int, height: int, width: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the least and the greatest (x, y) that a box of the flat line comes to."""
        steps = np.linspace(0, 1, _BORDER_POINTS)
        along, none = left + steps * width, np.full(_BORDER_POINTS, float(left))
        down = top + steps * height
        x = np.concatenate([along, along, none, none + width])
        y = np.concatenate([none - left + top, none - left + top + height, down, down])
        points = np.stack(self.forward(x, y), axis=1)
        return points.min(axis=0), points.max(axis=0)

    def forward(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns where points of the flat line go."""
        middle = self._height / 2
        x = x + self._shear * (middle - y)
        if self._radius:
            angle, radius = (x - self._width / 2) / self._radius, self._radius - (y - middle)
            x = self._width / 2 + radius * np.sin(angle)
            y = middle + self._radius - radius * np.cos(angle)
        return (x, y) if self._matrix is None else _seen(self._matrix, x, y)

    def backward(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns where points came from."""
        middle = self._height / 2
        if self._matrix is not None:
            x, y = _seen(np.linalg.inv(self._matrix), x, y)
        if self._radius:
            sign = 1.0 if self._radius > 0 else -1.0
            across, down = x - self._width / 2, y - (middle + self._radius)
            x = self._width / 2 + self._radius * np.arctan2(sign * across, -sign * down)
            y = middle + self._radius - sign * np.hypot(across, down)
        return x - self._shear * (middle - y), y


def _seen(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    across, down, far = matrix.tolist()
    share = far[0] * x + far[1] * y + far[2]
    return (
        (across[0] * x + across[1] * y + across[2]) / share,
        (down[0] * x + down[1] * y + down[2]) / share,
    )
