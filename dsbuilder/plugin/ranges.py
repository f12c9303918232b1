"""An interval that a number is drawn from: an option of many plugins."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Range:
    """An interval that a number is drawn from; YAML writes `[low, high]`, or one number.

    Attributes:
      low, high: the bounds, `low <= high`.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(
                f"expected [low, high] with low <= high, found [{self.low}, {self.high}]."
            )

    def check(self, option: str, low: float, high: float) -> None:
        """Raises a ValueError unless the whole interval lies in [low, high]."""
        if not low <= self.low <= self.high <= high:
            raise ValueError(
                f"{option}: expected values in [{low:g}, {high:g}], "
                f"found [{self.low:g}, {self.high:g}]."
            )

    def draw(self, rng: np.random.Generator) -> float:
        """Draws uniformly from [low, high]."""
        return float(rng.uniform(self.low, self.high))
