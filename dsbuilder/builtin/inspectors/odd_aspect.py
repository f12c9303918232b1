"""Images much wider or higher than the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("odd_aspect")
@dataclass(frozen=True, kw_only=True)
class OddAspect(Inspector):
    """Finds images whose proportions are far from those of the others: strips, banners, slips.

    The width divided by the height is compared with the median of the set, so that a set of wide
    text lines has its own measure; and with the spread of its middle half, so that a set of many
    proportions is left in peace.

    Attributes:
      factor: number of times wider or higher than the median image, above 1.
      spreads: number of times the spread of the middle half beyond its ends (on a scale of
        logarithms), 0 or more.
    """

    factor: float = 3.0
    spreads: float = 3.0
    advice: ClassVar[str] = "Crop the image to what it shows, or leave it out."

    def __post_init__(self) -> None:
        if self.factor <= 1:
            raise ValueError(f"factor: expected more than 1, found {self.factor:g}.")
        if self.spreads < 0:
            raise ValueError(f"spreads: expected 0 or more, found {self.spreads:g}.")

    def measure(self, view: View) -> float | None:
        """Returns width / height."""
        return None if view.image is None else view.image.shape[1] / view.image.shape[0]

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the images of odd proportions."""
        measured = list(seen.measured())
        if not measured:
            return
        logs = np.log([aspect for _, aspect in measured])
        first, median, third = np.quantile(logs, (0.25, 0.5, 0.75))
        reach = self.spreads * (third - first)
        low = min(median - np.log(self.factor), first - reach)
        high = max(median + np.log(self.factor), third + reach)
        for (record, aspect), log in zip(measured, logs, strict=True):
            if not low <= log <= high:
                limit = round(float(np.exp(low if log < low else high)), 3)
                text = f"width / height is {aspect:.3g}; of the set, {np.exp(median):.3g}"
                yield Finding(key=record.key, text=text, value=round(aspect, 4), threshold=limit)
