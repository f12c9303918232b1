"""Images without a single sharp edge."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from dsbuilder.images import scale
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector

_SIDE = 512
_LEAST_CONTRAST = 8.0


@inspector("blurred")
@dataclass(frozen=True, kw_only=True)
class Blurred(Inspector):
    """Finds images that are out of focus or smeared by motion.

    The image is brought to a long side of at most 512 pixels, about what a training sees. Measured
    is the 99.5th percentile of the absolute Laplacian over the contrast (1st to 99th percentile):
    how sharp its sharpest edges are, whatever else it shows. A sharp edge comes to about 1; one
    blurred by a Gaussian of deviation s pixels to about 0.24 / s**2. Photographs in focus were
    measured at 0.34 to 1.7, emoji at 0.51 to 1.6, digits at 1 and more; the same photographs after
    a Gaussian of 2 pixels at 0.06 (median), of 3 pixels at 0.04.

    Attributes:
      below: the sharpness under which an image is blurred.
    """

    below: float = 0.1
    advice: ClassVar[str] = "Take a sharper image, or leave it out."

    def __post_init__(self) -> None:
        if self.below < 0:
            raise ValueError(f"below: expected 0 or more, found {self.below:g}.")

    def measure(self, view: View) -> float | None:
        """Returns the sharpness of a blurred image."""
        if view.gray is None:
            return None
        gray = _reduced(view.gray)
        low, high = np.percentile(gray, (1, 99))
        if high - low < _LEAST_CONTRAST:
            return None  # nothing that could be sharp; `uniform` looks at these
        edges = np.abs(cv2.Laplacian(gray.astype(np.float32), cv2.CV_32F))
        value = float(np.percentile(edges, 99.5) / (high - low))
        return value if value < self.below else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the blurred images."""
        for record, value in seen.measured():
            text = f"its sharpest edges come to {value:.3f} of its contrast"
            yield Finding(key=record.key, text=text, value=round(value, 4), threshold=self.below)


def _reduced(gray: np.ndarray) -> np.ndarray:
    height, width = gray.shape
    ratio = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(height * ratio)), max(1, round(width * ratio)))
    return scale.resize(gray[:, :, None], size)[:, :, 0]
