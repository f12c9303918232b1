"""Images much smaller or larger than the others."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector

_FEWEST = 20


@inspector("odd_size")
@dataclass(frozen=True, kw_only=True)
class OddSize(Inspector):
    """Finds images of a size unlike all others: thumbnails among photographs, one scan of a page.

    The side of a square of as many pixels is compared with the median of the set, and with the
    spread of its middle half, so that a set of many sizes is left in peace. Where nearly all images
    have one size to the pixel, any other one is a finding.

    Attributes:
      factor: number of times smaller or larger than the median image, above 1.
      spreads: number of times the spread of the middle half beyond its ends (on a scale of
        logarithms), 0 or more.
      share: share of the images that have one size from which any other is odd, in (0.5, 1]; 1 lets
        the factor alone count.
    """

    factor: float = 3.0
    spreads: float = 3.0
    share: float = 0.98
    advice: ClassVar[str] = "Find the image in the size of the others, or leave it out."

    def __post_init__(self) -> None:
        if self.factor <= 1:
            raise ValueError(f"factor: expected more than 1, found {self.factor:g}.")
        if self.spreads < 0:
            raise ValueError(f"spreads: expected 0 or more, found {self.spreads:g}.")
        if not 0.5 < self.share <= 1:
            raise ValueError(f"share: expected a number in (0.5, 1], found {self.share:g}.")

    def measure(self, view: View) -> tuple[int, int] | None:
        """Returns (height, width)."""
        return None if view.image is None else (view.image.shape[0], view.image.shape[1])

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the images of odd sizes."""
        sizes = {record.key: size for record, size in seen.measured()}
        if not sizes:
            return
        logs = np.log([math.sqrt(height * width) for height, width in sizes.values()])
        first, median, third = np.quantile(logs, (0.25, 0.5, 0.75))
        reach = self.spreads * (third - first)
        low = min(median - np.log(self.factor), first - reach)
        high = max(median + np.log(self.factor), third + reach)
        usual, count = Counter(sizes.values()).most_common(1)[0]
        is_rule = len(sizes) >= _FEWEST and self.share <= count / len(sizes) < 1
        for (key, size), log in zip(sizes.items(), logs, strict=True):
            side = round(float(np.exp(log)), 1)
            if not low <= log <= high:
                limit = round(float(np.exp(low if log < low else high)), 1)
                text = f"{size[1]} x {size[0]} pixels; the median side is {np.exp(median):.4g}"
                yield Finding(key=key, text=text, value=side, threshold=limit)
            elif is_rule and size != usual:
                text = f"{size[1]} x {size[0]} pixels; {count} others are {usual[1]} x {usual[0]}"
                yield Finding(key=key, text=text, value=side)
