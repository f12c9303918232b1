"""Images without sharp edges, or without any across one direction."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from dsbuilder.images import scale
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector

_SIDE = 512
_LEAST_CONTRAST = 8
_LEAST_EDGE, _LEAST_RISE = 0.1, 1.8
_SMEARED, _LEAST_ACROSS = 0.85, 1.95
_LEAST_SIDE = 128
_EVEN = 10.0
_FINE, _MIDDLE, _COARSE = 1.0, 2.5, 4.0
_GRID, _PATCH = 8, 12
_WEAKEST = 0.005
_SHARPEST = 0.85
_ANGLES = np.arange(8) * np.pi / 8

Plane = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class _Steps:
    """The slopes of a band of an image, in gray levels a pixel, along its rows and columns."""

    x: Plane
    y: Plane


@inspector("blurred")
@dataclass(frozen=True, kw_only=True)
class Blurred(Inspector):
    """Finds images that are out of focus or smeared by motion.

    The image is brought to a long side of at most 512 pixels, about what a training sees, and
    measured in two ways, each as a part of what is the least for an image in focus; the worse one
    counts.

    One is the 99.5th percentile of the absolute Laplacian over the contrast (1st to 99th
    percentile): how sharp the sharpest edges are, whatever else there is. A sharp edge comes to
    about 1, one blurred by a Gaussian of deviation s pixels to 0.24 / s**2; 0.1 is the least.

    Noise, a black bar or a date have sharp edges of their own. So images of at least 128 pixels are
    smoothed by Gaussians of 1, 2.5 and 4 pixels; between them lie a fine and a coarse band. At a
    sharp edge the fine band rises with the coarse one and as steeply. By how much is the regression
    of the slopes of the one on those of the other, which noise does not change, since it is not in
    the coarse one. It is taken over 8 x 8 patches, strong edges first, and in 8 directions, of
    which the least counts: a smeared picture is soft along one. Of the patches the 85th percentile
    counts: a sharp thing before a soft ground is sharp, and a date on a soft picture is too little.
    Even rows and columns at the border, bars and frames, are cut off. Photographs in focus come to
    2.3 and more (256 x 256 pixels), after a Gaussian of 2 pixels to 1.6, smeared over 11 pixels to
    1.6 (medians, with and without noise); 1.8 is the least, and 1.95 where the
    direction is less than 0.85 as sharp as another.

    Attributes:
      below: the part of the least sharpness under which an image is blurred.
    """

    below: float = 1.0
    advice: ClassVar[str] = "Take a sharper image, or leave it out."

    def __post_init__(self) -> None:
        if self.below < 0:
            raise ValueError(f"below: expected 0 or more, found {self.below:g}.")

    def measure(self, view: View) -> float | None:
        """Returns the sharpness of a blurred image."""
        if view.gray is None:
            return None
        gray = _reduced(view.gray)
        low, high = _percentiles(gray, 0.01, 0.99)
        if high - low < _LEAST_CONTRAST:
            return None  # nothing that could be sharp; `uniform` looks at these
        edges = np.abs(cv2.Laplacian(gray, cv2.CV_16S))
        value = _percentiles(edges, 0.995)[0] / (high - low) / _LEAST_EDGE
        if value >= self.below and min(gray.shape) >= _LEAST_SIDE:
            value = _sharpness(_within_border(gray).astype(np.float32))
        return float(value) if value < self.below else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the blurred images."""
        for record, value in seen.measured():
            text = f"its sharpness is {value:.2f} of what an image in focus has at least"
            yield Finding(key=record.key, text=text, value=round(value, 4), threshold=self.below)


def _percentiles(values: np.ndarray, *parts: float) -> list[int]:
    """Returns the whole numbers below which parts of an image's values lie; by counting them."""
    upto = np.cumsum(np.bincount(values.ravel()))
    return [int(np.searchsorted(upto, part * upto[-1])) for part in parts]


def _reduced(gray: np.ndarray) -> np.ndarray:
    height, width = gray.shape
    ratio = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(height * ratio)), max(1, round(width * ratio)))
    return scale.resize(gray[:, :, None], size)[:, :, 0]


def _within_border(gray: np.ndarray) -> np.ndarray:
    """Returns an image without the even rows and columns along its border."""
    for _ in range(2):
        first, last = _first_uneven(gray), len(gray) - _first_uneven(gray[::-1])
        if last - first < _PATCH:
            return gray
        gray = gray[first:last].T
    return gray


def _first_uneven(rows: np.ndarray) -> int:
    return next((n for n, row in enumerate(rows) if float(row.std()) >= _EVEN), len(rows))


def _sharpness(gray: Plane) -> float:
    """Returns how sharp an image is in its softest direction, as a part of the least."""
    rises = _rises(gray)
    if not rises:
        return float("inf")
    low, high = min(rises), max(rises)
    return low / (_LEAST_ACROSS if low < _SMEARED * high else _LEAST_RISE)


def _rises(gray: Plane) -> list[float]:
    """Returns how steep the fine band is against the coarse one, in each direction with edges.

    Args:
      gray: `(H, W)` float32, 12 x 12 pixels at least.
    """
    fine, coarse = _bands(gray)
    weights = coarse.x**2 + coarse.y**2
    height, width = gray.shape
    grid = (min(_GRID, width // _PATCH), min(_GRID, height // _PATCH))

    def pooled(plane: Plane) -> Plane:
        found: Plane = cv2.resize(plane * weights, grid, interpolation=cv2.INTER_AREA)
        return found

    own = (pooled(coarse.x**2), pooled(coarse.x * coarse.y), pooled(coarse.y**2))
    mixed = pooled(fine.x * coarse.y + fine.y * coarse.x) / 2
    shared = (pooled(fine.x * coarse.x), mixed, pooled(fine.y * coarse.y))
    found: list[float] = []
    for angle in _ANGLES:
        parts = np.cos(angle) ** 2, 2 * np.cos(angle) * np.sin(angle), np.sin(angle) ** 2
        energy = sum(part * plane for part, plane in zip(parts, own, strict=True))
        common = sum(part * plane for part, plane in zip(parts, shared, strict=True))
        strong = (energy > 0) & (energy >= _WEAKEST * energy.max())
        ranked = np.sort(common[strong] / energy[strong])
        found += [float(ranked[int(_SHARPEST * (len(ranked) - 1))])] if len(ranked) else []
    return found


def _bands(gray: Plane) -> tuple[_Steps, _Steps]:
    """Returns the slopes of the fine and the coarse band, at every second pixel of both axes.

    What is smooth is computed at half the size.
    """
    fine = _smoothed(gray, _FINE)
    half = np.ascontiguousarray(fine[::2, ::2])
    middle = _smoothed(half, (_MIDDLE**2 - _FINE**2) ** 0.5 / 2)
    coarse = _smoothed(middle, (_COARSE**2 - _MIDDLE**2) ** 0.5 / 2)
    height, width = half.shape
    rows, columns = np.s_[2 : 2 * height - 2 : 2], np.s_[2 : 2 * width - 2 : 2]
    right, left = fine[rows, 3 : 2 * width - 1 : 2], fine[rows, 1 : 2 * width - 3 : 2]
    below, above = fine[3 : 2 * height - 1 : 2, columns], fine[1 : 2 * height - 3 : 2, columns]
    first = _Steps((right - left) / 2, (below - above) / 2)
    second, third = _slopes(middle), _slopes(coarse)
    return (
        _Steps(first.x - second.x, first.y - second.y),
        _Steps(second.x - third.x, second.y - third.y),
    )


def _slopes(half: Plane) -> _Steps:
    """Returns the slopes within an image of half the size, a pixel of the whole."""
    x = (half[1:-1, 2:] - half[1:-1, :-2]) / 4
    return _Steps(x, (half[2:, 1:-1] - half[:-2, 1:-1]) / 4)


def _smoothed(plane: Plane, deviation: float) -> Plane:
    found: Plane = cv2.GaussianBlur(plane, (0, 0), deviation, borderType=cv2.BORDER_REFLECT)
    return found
