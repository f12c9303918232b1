"""A learning rate that falls along half a cosine: Loshchilov and Hutter, "SGDR" (2017)."""

import math
from dataclasses import dataclass

from dsbuilder.plugin import Moment, Schedule, schedule


@schedule("cosine")
@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """Raises the learning rate in equal steps, if asked to, then lowers it along half a cosine.

    Attributes:
      warm_up: number of epochs in which it rises from nearly 0, 0 or more; 0.5 is half an epoch.
      end: share that it falls to, in [0, 1].
    """

    warm_up: float = 0.0
    end: float = 0.0

    def __post_init__(self) -> None:
        if self.warm_up < 0:
            raise ValueError(f"warm_up: expected 0 or more, found {self.warm_up:g}.")
        if not 0 <= self.end <= 1:
            raise ValueError(f"end: expected a share in [0, 1], found {self.end:g}.")

    def share(self, moment: Moment) -> float:
        """Returns `end + (1 - end) (1 + cos(pi x)) / 2`, x the part of the falling steps done."""
        rising = min(round(self.warm_up * moment.steps_per_epoch), moment.steps)
        if moment.step < rising:
            return (moment.step + 1) / (rising + 1)
        return self.end + (1 - self.end) * (1 + math.cos(math.pi * moment.within(rising))) / 2
