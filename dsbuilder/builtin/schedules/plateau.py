"""A learning rate that falls when nothing gets better any more."""

import math
from dataclasses import dataclass

from dsbuilder.plugin import Moment, Schedule, schedule


@schedule("plateau")
@dataclass(frozen=True, kw_only=True)
class Plateau(Schedule):
    """Multiplies the learning rate by a factor after epochs in which nothing got better.

    What has to get better is `train.monitor`, the loss on validation unless that says otherwise.

    Attributes:
      factor: factor of each fall, in (0, 1).
      patience: number of epochs without a better value before it falls, 1 or more.
      min_change: difference to the best from which a value counts as better, 0 or more.
      cooldown: number of epochs after a fall that are not counted, 0 or more.
      end: share that it never falls below, in [0, 1].
    """

    factor: float = 0.5
    patience: int = 3
    min_change: float = 1e-4
    cooldown: int = 0
    end: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.factor < 1:
            raise ValueError(f"factor: expected a factor in (0, 1), found {self.factor:g}.")
        if self.patience < 1:
            raise ValueError(f"patience: expected 1 or more, found {self.patience}.")
        if self.min_change < 0 or self.cooldown < 0:
            raise ValueError("min_change, cooldown: expected 0 or more, found less.")
        if not 0 <= self.end <= 1:
            raise ValueError(f"end: expected a share in [0, 1], found {self.end:g}.")

    def share(self, moment: Moment) -> float:
        """Returns the share after the epochs so far, gone through one by one."""
        share, best, waited, cooling = 1.0, math.inf, 0, 0
        for value in moment.monitored:
            if cooling:
                cooling, waited = cooling - 1, 0
            if value < best - self.min_change:
                best, waited = value, 0
            elif not cooling:
                waited += 1
                if waited >= self.patience:
                    share = max(share * self.factor, self.end)
                    waited, cooling = 0, self.cooldown
        return share
