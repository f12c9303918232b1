"""Planes of pixels: turned around their middle, and laid on larger ones."""

from collections.abc import Sequence

import cv2
import numpy as np

Place = tuple[slice, slice]
"""Rows and columns of a plane."""


def turned(planes: np.ndarray, degrees: float) -> np.ndarray:
    """Returns planes `(H, W, ...)` turned, on a canvas that holds all of them, the middle in its.

    Args:
      degrees: counter-clockwise.
    """
    height, width = planes.shape[:2]
    side = int(np.ceil(np.hypot(height, width))) + 2
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    found: np.ndarray = cv2.warpAffine(planes, matrix, (side, side), flags=cv2.INTER_LINEAR)
    return found


def meeting(at: Sequence[int], own: Sequence[int], size: Sequence[int]) -> tuple[Place, Place]:
    """Returns where a plane that is laid on another meets it, in the other and in itself.

    Args:
      at: (top, left) of it, in pixels; may be negative.
      own: (height, width) of it.
      size: (height, width) of the other; what is beyond is cut.
    """
    starts = [max(0, begin) for begin in at]
    ends = [min(side, begin + each) for side, begin, each in zip(size, at, own, strict=True)]
    ends = [max(start, end) for start, end in zip(starts, ends, strict=True)]
    place = (slice(starts[0], ends[0]), slice(starts[1], ends[1]))
    part = (
        slice(starts[0] - at[0], ends[0] - at[0]),
        slice(starts[1] - at[1], ends[1] - at[1]),
    )
    return place, part
