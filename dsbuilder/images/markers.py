"""Markers painted on an image, and where they are seen after something was done to it.

What is done is done several times with the same params: to the plain image, and to paintings of it.
Markers are numbered from 1, and painting k has those whose number has bit k. Where the result of a
painting differs from that of the plain image, the bit is set; so a pixel says which marker it
shows, whatever became of its color, and a few paintings tell many markers apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

_FAINTEST = 16.0
"""Levels by which a painting differs at least where a marker is seen."""
_RELATIVE = 0.3
"""The same as a share of the largest difference: a compression leaves faint traces around it."""
_LEAST_PART = 0.15
"""Share of a marker's pixels that must be seen, of as many as it has in an image made smaller."""


@dataclass(frozen=True, kw_only=True)
class Marker:
    """A disk, its middle and radius in pixels; pixel (0, 0) lies between 0 and 1."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Where a marker is seen: the middle of its pixels, and how many there are."""

    x: float
    y: float
    pixels: int


def grid(height: int, width: int) -> list[Marker]:
    """Returns markers spread evenly over an image: 16, of a small one 9."""
    of_side = 4 if min(height, width) >= 32 else 3
    steps = (np.arange(of_side) + 0.5) / of_side
    radius = max(0.7, 0.28 * min(height, width) / of_side)
    return [Marker(x=x * width, y=y * height, radius=radius) for y in steps for x in steps]


def paintings(image: np.ndarray, markers: Sequence[Marker]) -> list[np.ndarray]:
    """Returns the paintings of an image `(H, W, C)` uint8, one for each bit of the numbers.

    A marker is black or white, whichever is further from what it covers; where several overlap, the
    last lies on top.
    """
    height, width, channels = image.shape
    rows, columns = np.mgrid[:height, :width] + 0.5
    numbers, colors = np.zeros((height, width), np.int64), np.zeros((height, width), np.uint8)
    for number, marker in enumerate(markers, 1):
        inside = (rows - marker.y) ** 2 + (columns - marker.x) ** 2 <= marker.radius**2
        if not inside.any():
            row, column = int(marker.y), int(marker.x)
            inside[min(row, height - 1), min(column, width - 1)] = True
        numbers[inside] = number
        colors[inside] = 255 * (image[inside][:, : min(channels, 3)].mean() < 128)
    painted = []
    for bit in range(len(markers).bit_length()):
        copy, chosen = image.copy(), (numbers >> bit & 1).astype(bool)
        copy[chosen, : min(channels, 3)] = colors[chosen][:, None]
        copy.flags.writeable = False
        painted.append(copy)
    return painted


def sightings(
    plain: np.ndarray,
    painted: Sequence[np.ndarray],
    markers: Sequence[Marker],
    *,
    size: tuple[int, int],
) -> list[Sighting | None]:
    """Returns where each marker is seen; None of one that is not.

    Args:
      plain: what became of the plain image.
      painted: what became of its paintings, in their order.
      size: (height, width) of the image that the markers were painted on.
    """
    if any(each.shape != plain.shape for each in painted):
        return [None] * len(markers)
    numbers = np.zeros(plain.shape[:2], np.int64)
    for bit, each in enumerate(painted):
        apart = cv2.absdiff(each, plain)
        apart = apart if apart.ndim == 2 else apart.max(axis=2)
        scale = 1.0 if plain.dtype == np.uint8 else 255.0 / max(float(plain.max()), 1e-9)
        least = max(_FAINTEST / scale, _RELATIVE * float(apart.max()))
        numbers |= (apart > least).astype(np.int64) << bit
    least_part = _LEAST_PART * min(1.0, numbers.size / (size[0] * size[1]))
    return [
        _seen(numbers == number, least_part * np.pi * marker.radius**2)
        for number, marker in enumerate(markers, 1)
    ]


def _seen(shown: np.ndarray, least_pixels: float) -> Sighting | None:
    pixels = int(np.count_nonzero(shown))
    if pixels < max(1.0, least_pixels):
        return None
    rows, columns = np.nonzero(shown)
    return Sighting(x=float(columns.mean()) + 0.5, y=float(rows.mean()) + 0.5, pixels=pixels)
