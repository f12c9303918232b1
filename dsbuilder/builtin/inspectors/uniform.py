"""Images that show nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.images import scale
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector

_SIDE = 32
_MOST_NOISE = 0.06
"""The noise of a bad frame, as a deviation; what varies more is a picture."""


@inspector("uniform")
@dataclass(frozen=True, kw_only=True)
class Uniform(Inspector):
    """Finds images of next to no contrast: one color, a blank page, an empty frame.

    Measured is the standard deviation of the channel that varies most, so that a pattern of colors
    of one brightness counts as a picture. The noise of a camera or scanner is no picture: of a
    larger image what is left after reducing it to 32 pixels counts, where little was there at all.

    Attributes:
      below: the deviation under which an image shows nothing, in [0, 1].
    """

    below: float = 0.01
    advice: ClassVar[str] = "Leave the image out."

    def __post_init__(self) -> None:
        if not 0 <= self.below <= 1:
            raise ValueError(f"below: expected a number in [0, 1], found {self.below:g}.")

    def measure(self, view: View) -> float | None:
        """Returns the deviation of an image that shows nothing."""
        if view.image is None:
            return None
        value = _deviation(view.image)
        if self.below <= value < _MOST_NOISE:
            height, width = (min(_SIDE, size) for size in view.image.shape[:2])
            value = _deviation(scale.resize(view.image, (height, width)))
        return value if value < self.below else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the images that show nothing."""
        for record, value in seen.measured():
            text = f"its colors differ by {value:.4f} of white"
            yield Finding(key=record.key, text=text, value=round(value, 5), threshold=self.below)


def _deviation(image: np.ndarray) -> float:
    """Returns the standard deviation of the channel that varies most, of white."""
    return float(np.std(image, axis=(0, 1), dtype=np.float64).max()) / 255
