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
_LEAST_EDGE, _LEAST_RISE = 0.1, 1.757
_LEAST_SIDE = 128
_EVEN = 10.0
_FINE, _MIDDLE, _COARSE = 1.0, 2.5, 4.0
_GRID, _PATCH = 12, 12
_SHARPEST = 0.62
_DIRECTIONS = 8
_SPREAD = {0: 0.4, 1: 0.25, -1: 0.25, 2: 0.05, -2: 0.05}
"""Parts of a slope that count for its own direction and for those beside it."""

_LEAST_SIGNAL, _NOISE_LEFT = 30, 7.2e-4
"""White noise of deviation 1 leaves 7.2e-4 squared gray levels a pixel in the coarse band."""

_LEAST_NOISE = 2.0
_CURVES = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_MEDIAN_OF_CURVES = 6 * 0.6745
_THIN, _AROUND = np.ones((5, 5), np.uint8), np.ones((13, 13), np.uint8)
_STANDS_OUT, _SEEN = 30, 8
_LEAST_DRAWN, _OFTENER = 0.0005, 1.5

Gray = npt.NDArray[np.uint8]
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
    the coarse one. It is taken over 12 x 12 patches, strong edges first, in 8 directions, each from
    the slopes that point along it; the least counts: a smeared picture is soft along one. Patches
    count by the energy of their edges, where it exceeds that of the noise; what 38 % of it
    exceeds is the sharpness: a sharp thing before a soft ground is sharp. Even rows and columns at
    the border, bars and frames, are cut off, and thin strokes of one gray level, as a date has, are
    left out. Those are told by their level being repeated exactly: a date that a JPEG has altered
    since is not. Nearly all photographs in focus come to 1.8 and more; 1.757 is the least.

    Attributes:
      below: the part of the least sharpness under which an image is blurred, 0 or more.
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
            value = _sharpness(gray)
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


def _sharpness(gray: Gray) -> float:
    """Returns how sharp an image is in its softest direction, as a part of the least."""
    inner = _within_border(gray)
    inner = inner if min(inner.shape) >= _LEAST_SIDE else gray
    rises = _rises(inner.astype(np.float32), drawn=_drawn(inner), noise=_noise(inner))
    return min(rises, default=float("inf")) / _LEAST_RISE


def _drawn(gray: Gray) -> npt.NDArray[np.bool_]:
    """Returns which pixels lie near thin strokes that were drawn on, a date or letters.

    Lettering is sharp whatever the picture is. It has one gray level, which is then the most
    frequent of all that is thin by far; what a camera took varies from pixel to pixel.
    """
    above = cv2.subtract(gray, cv2.morphologyEx(gray, cv2.MORPH_OPEN, _THIN))
    below = cv2.subtract(cv2.morphologyEx(gray, cv2.MORPH_CLOSE, _THIN), gray)
    seen, strokes = (above > _SEEN) | (below > _SEEN), np.zeros(gray.shape, np.uint8)
    for thin in (above, below):
        counts = np.bincount(gray[thin > _STANDS_OUT], minlength=256)
        next_most, most = np.sort(counts)[-2:]
        if most >= max(_OFTENER * next_most, _LEAST_DRAWN * gray.size):
            strokes |= seen & (gray == counts.argmax())
    near: npt.NDArray[np.bool_] = cv2.dilate(strokes, _AROUND) > 0
    return near


def _noise(gray: Gray) -> float:
    """Returns the deviation of the noise, in gray levels.

    Immerkaer (1996), "Fast noise variance estimation": differences of the second order in both
    directions leave little but noise; of these the median, which edges do not change.
    """
    left = np.abs(cv2.filter2D(gray, cv2.CV_16S, _CURVES)[1:-1:2, 1:-1:2])
    return (_percentiles(left, 0.5)[0] if left.size else 0) / _MEDIAN_OF_CURVES


def _rises(gray: Plane, *, drawn: npt.NDArray[np.bool_], noise: float) -> list[float]:
    """Returns how steep the fine band is against the coarse one, in each direction with edges.

    Args:
      gray: `(H, W)` float32, 12 x 12 pixels at least.
      drawn: `(H, W)`, the pixels that do not count.
      noise: its deviation, in gray levels.
    """
    fine, coarse = _bands(gray)
    height, width = coarse.x.shape
    taken = ~drawn[2 : 2 * height + 2 : 2, 2 : 2 * width + 2 : 2]
    own, shared = _tallied(fine, _Steps(coarse.x * taken, coarse.y * taken))
    floor = (_LEAST_SIGNAL * _NOISE_LEFT * max(noise, _LEAST_NOISE) ** 2) ** 2
    found: list[float] = []
    for energy, common in zip(own, shared, strict=True):
        strong = energy > floor
        if strong.any():
            ratios, weights = common[strong] / energy[strong], np.sqrt(energy[strong])
            order = np.argsort(ratios)
            upto = np.cumsum(weights[order])
            found.append(float(ratios[order][np.searchsorted(upto, _SHARPEST * upto[-1])]))
    return found


def _tallied(fine: _Steps, coarse: _Steps) -> tuple[Plane, Plane]:
    """Returns the squared energy of the coarse band and what it shares with the fine one.

    Both are means over pixels, `(directions, patches)`.
    """
    height, width = coarse.x.shape
    energy = coarse.x**2 + coarse.y**2
    turn = cv2.phase(coarse.x, coarse.y) * np.float32(_DIRECTIONS / np.pi)
    rows, columns = (min(_GRID, 2 * size // _PATCH + 1) for size in (height, width))
    row, column = np.arange(height) * rows // height, np.arange(width) * columns // width
    patch = row[:, None] * columns + column
    place = np.rint(turn).astype(np.intp) % _DIRECTIONS * (rows * columns) + patch
    share = height * width / (rows * columns * _DIRECTIONS)

    def tallied(values: Plane) -> Plane:
        sums = np.bincount(place.ravel(), values.ravel(), _DIRECTIONS * rows * columns)
        each = sums.reshape(_DIRECTIONS, -1) / share
        found: Plane = np.zeros_like(each)
        for steps, part in _SPREAD.items():
            found += part * np.roll(each, steps, 0)
        return found

    return tallied(energy**2), tallied(energy * (fine.x * coarse.x + fine.y * coarse.y))


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
