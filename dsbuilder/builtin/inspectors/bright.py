"""Images in which nothing is dark."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("bright")
@dataclass(frozen=True, kw_only=True)
class Bright(Inspector):
    """Finds images in which even the darkest places are bright: overexposed, or washed out.

    A white ground with a thin dark line on it is no fault, so the 1st percentile of the luma is
    measured and not its mean.

    Attributes:
      above: the 1st percentile over which an image is bright, in [0, 1].
    """

    above: float = 0.8
    advice: ClassVar[str] = "Darken the image, or leave it out."

    def __post_init__(self) -> None:
        if not 0 <= self.above <= 1:
            raise ValueError(f"above: expected a number in [0, 1], found {self.above:g}.")

    def measure(self, view: View) -> float | None:
        """Returns the 1st percentile of a bright image."""
        if view.gray is None:
            return None
        value = float(np.percentile(view.gray, 1)) / 255
        return value if value > self.above else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the bright images."""
        for record, value in seen.measured():
            text = f"99 % of the pixels are brighter than {value:.2f} of white"
            yield Finding(key=record.key, text=text, value=round(value, 4), threshold=self.above)
