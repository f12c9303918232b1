"""Keypoints: in pixels, as annotations have them, <-> shares of the image's sides; left and right.

An object's points are written as COCO does, one after the other: x, y, visibility, with 0 for what
is absent, 1 for what is hidden and 2 for what is visible.
"""

from collections.abc import Sequence
from typing import Any

from dsbuilder.errors import DataError
from dsbuilder.layouts import boxes as box


def to_shares(numbers: Sequence[float], size: tuple[int, int]) -> list[list[float]]:
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
        left, top, *_ = box.from_corners([x, y, x, y], size)
    except DataError:
        raise DataError(
            f"expected a keypoint inside the image of {size[1]} x {size[0]} pixels, found {[x, y]}."
        ) from None
    return [left, top, int(visibility)]


def to_pixels(points: Any, visibility: Any, size: tuple[int, int]) -> list[float]:
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
