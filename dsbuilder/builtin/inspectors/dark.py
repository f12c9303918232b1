"""Images in which nothing is bright."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("dark")
@dataclass(frozen=True, kw_only=True)
class Dark(Inspector):
    """Finds images in which even the brightest places are dark: underexposed, or a covered lens.

    A dark ground with a bright thing on it is no fault, so the 99th percentile of the luma is
    measured and not its mean.

    Attributes:
      below: the 99th percentile under which an image is dark, in [0, 1].
    """

    below: float = 0.2
    advice: ClassVar[str] = "Brighten the image, or leave it out."

    def __post_init__(self) -> None:
        if not 0 <= self.below <= 1:
            raise ValueError(f"below: expected a number in [0, 1], found {self.below:g}.")

    def measure(self, view: View) -> float | None:
        """Returns the 99th percentile of a dark image."""
        if view.gray is None:
            return None
        value = float(np.percentile(view.gray, 99)) / 255
        return value if value < self.below else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the dark images."""
        for record, value in seen.measured():
            text = f"99 % of the pixels are darker than {value:.2f} of white"
            yield Finding(key=record.key, text=text, value=round(value, 4), threshold=self.below)
