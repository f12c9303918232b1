"""Numbers far from all others, or outside of what is allowed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.plugin import Finding, Inspector, Seen, Value, View, inspector


@inspector("out_of_range")
@dataclass(frozen=True, kw_only=True)
class OutOfRange(Inspector):
    """Finds target values outside a range.

    Where no bounds are given, they are taken from the values: the quartiles, and `spreads` times
    the distance between them beyond. A unit that was mistaken or a 999 for "unknown" lies there.

    Attributes:
      low, high: what a value may be; null takes the bound from the values.
      spreads: distances between the quartiles beyond them, above 0.
    """

    low: float | None = None
    high: float | None = None
    spreads: float = 10.0
    advice: ClassVar[str] = "Correct the value, or leave the record out."

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(
                f"low: expected at most high, found low {self.low:g} and high {self.high:g}."
            )
        if self.spreads <= 0:
            raise ValueError(f"spreads: expected more than 0, found {self.spreads:g}.")

    def measure(self, view: View) -> tuple[float, ...] | None:
        """Returns the numbers of all value targets of a record, one after the other."""
        numbers = [each for _, _, value in view.values(Value) for each in np.ravel(value).tolist()]
        return tuple(numbers) or None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the records with a number out of range, the farthest of each."""
        measured = list(seen.measured())
        if not measured:
            return
        width = max(len(numbers) for _, numbers in measured)
        whole = [(record, numbers) for record, numbers in measured if len(numbers) == width]
        values = np.array([numbers for _, numbers in whole], np.float64)
        low, high = self._bounds(values)
        for (record, _), row in zip(whole, values, strict=True):
            beyond = np.maximum(low - row, row - high)
            worst = int(beyond.argmax())
            if beyond[worst] > 0:
                bounds = [float(low[worst]), float(high[worst])]
                text = f"{row[worst]:g} is outside of [{bounds[0]:g}, {bounds[1]:g}]"
                yield Finding(key=record.key, text=text, value=float(row[worst]), threshold=bounds)

    def _bounds(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lowest and the highest of each number."""
        first, third = np.quantile(values, (0.25, 0.75), axis=0)
        reach = self.spreads * (third - first)
        reach[reach == 0] = np.inf  # most are one number: the others are no mistakes
        low = first - reach if self.low is None else np.full_like(first, self.low)
        high = third + reach if self.high is None else np.full_like(third, self.high)
        return low, high
