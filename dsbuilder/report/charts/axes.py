"""Values -> places along an axis, straight or by the logarithm, and the round numbers at it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From values to places.

    Attributes:
      low, high: ends of the values, low < high; above 0 of a logarithmic axis.
      start, stop: places of these ends.
      logarithmic: whether equal factors are equal distances.
    """

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Returns the place of a value; one beyond the ends is at the next end."""
        low, high, value = map(self._measure, (self.low, self.high, value))
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return self.start + share * (self.stop - self.start)

    def ticks(self, *, at_most: int = 6) -> list[float]:
        """Returns round numbers within the ends."""
        if not self.logarithmic:
            return ticks(self.low, self.high, at_most=at_most)
        powers = ticks(math.log10(self.low), math.log10(self.high), at_most=at_most)
        whole = [10.0**power for power in powers if power == int(power)]
        # Within one power of ten there is none or one.
        return whole if len(whole) > 1 else ticks(self.low, self.high, at_most=at_most)

    def _measure(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.logarithmic else value


def ticks(low: float, high: float, *, at_most: int = 6) -> list[float]:
    """Returns round numbers that divide [low, high]: steps of 1, 2 or 5 times a power of ten."""
    if not low < high:
        return [low]
    rough = (high - low) / max(1, at_most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(number * step, digits) + 0.0 for number in range(first, last + 1)]


def span(values: Sequence[float], *, pad: float = 0.0) -> tuple[float, float]:
    """Returns the ends of values, widened by a share; something around a single value."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        around = abs(low) * 0.1 or 0.5
        return low - around, high + around
    return low - pad * (high - low), high + pad * (high - low)


def number(value: float, digits: int = 4) -> str:
    """Returns a value as a person reads it, with that many digits that count."""
    return f"{value:.{digits}g}"
