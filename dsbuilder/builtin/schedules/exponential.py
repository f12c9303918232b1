"""A learning rate that falls by the same factor again and again."""

import math
from dataclasses import dataclass
from typing import Literal

from dsbuilder.plugin import Moment, Schedule, schedule


@schedule("exponential")
@dataclass(frozen=True, kw_only=True)
class Exponential(Schedule):
    """Multiplies the learning rate by `rate` every so many epochs or steps, little by little.

    Attributes:
      rate: factor, above 0, at most 1.
      every: number of epochs, or of steps, in which it falls by the factor, above 0.
      unit: what `every` counts, `epochs` or `steps`.
      staircase: whether it stays in between and then falls at once.
    """

    rate: float = 0.9
    every: float = 1.0
    unit: Literal["epochs", "steps"] = "epochs"
    staircase: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise ValueError(f"rate: expected a factor in (0, 1], found {self.rate:g}.")
        if self.every <= 0:
            raise ValueError(f"every: expected more than 0, found {self.every:g}.")

    def share(self, moment: Moment) -> float:
        """Returns `rate ** (step / every)`, the exponent a whole number in a staircase."""
        length = self.every * (moment.steps_per_epoch if self.unit == "epochs" else 1)
        exponent = moment.step / length
        return float(self.rate ** (math.floor(exponent) if self.staircase else exponent))
