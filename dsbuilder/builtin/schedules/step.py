"""A learning rate that falls at stated moments."""

from dataclasses import dataclass
from typing import Literal

from dsbuilder.plugin import Moment, Schedule, schedule


@schedule("step")
@dataclass(frozen=True, kw_only=True)
class StepDecay(Schedule):
    """Multiplies the learning rate by a factor at stated moments, or every so often.

    Attributes:
      factor: factor of each fall, in (0, 1].
      at: epochs, or steps, after which it falls, each once; instead of `every`.
      every: number of epochs, or of steps, between two falls, 1 or more.
      unit: what these count, `epochs` or `steps`.
    """

    factor: float = 0.1
    at: tuple[int, ...] = ()
    every: int | None = None
    unit: Literal["epochs", "steps"] = "epochs"

    def __post_init__(self) -> None:
        if not 0 < self.factor <= 1:
            raise ValueError(f"factor: expected a factor in (0, 1], found {self.factor:g}.")
        if (self.every is None) == (not self.at):
            raise ValueError(
                "expected either moments (at: [30, 60]) or a length (every: 30), found "
                f"{'both' if self.at else 'neither'}."
            )
        if min((*self.at, *([] if self.every is None else [self.every]))) < 1:
            raise ValueError("at, every: expected 1 or more, found less.")

    def share(self, moment: Moment) -> float:
        """Returns the factor to the power of the falls so far."""
        done = moment.epoch if self.unit == "epochs" else moment.step
        falls = done // self.every if self.every else sum(each <= done for each in self.at)
        return float(self.factor**falls)
