"""A learning rate that rises, then falls to nearly 0: Smith, "A disciplined approach" (2018)."""

import math
from dataclasses import dataclass

from dsbuilder.plugin import Moment, Schedule, schedule


@schedule("one_cycle")
@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """Raises the learning rate to its full height, then lowers it far below where it began.

    The learning rate of the optimizer is the highest, which `dsbuilder train --find-lr` proposes.
    Both ways go along half a cosine.

    Attributes:
      warm_up: share of the steps in which it rises, in (0, 1).
      start: share that it begins with, in (0, 1].
      end: share that it comes to, in [0, 1].
    """

    warm_up: float = 0.3
    start: float = 0.04
    end: float = 4e-6

    def __post_init__(self) -> None:
        if not 0 < self.warm_up < 1:
            raise ValueError(f"warm_up: expected a share in (0, 1), found {self.warm_up:g}.")
        if not 0 < self.start <= 1:
            raise ValueError(f"start: expected a share in (0, 1], found {self.start:g}.")
        if not 0 <= self.end <= 1:
            raise ValueError(f"end: expected a share in [0, 1], found {self.end:g}.")

    def share(self, moment: Moment) -> float:
        """Returns the share, 1 at the step where the rise is over."""
        peak = max(round(self.warm_up * moment.steps), 1)
        if moment.step < peak:
            return _between(self.start, 1.0, moment.step / peak)
        return _between(1.0, self.end, moment.within(peak))


def _between(first: float, last: float, part: float) -> float:
    """Returns the value at a part of the way from one to the other along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * part)) / 2
