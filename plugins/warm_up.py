"""A learning rate that begins small."""

from dataclasses import dataclass

from dsbuilder.plugin import Moment, Schedule, schedule


@schedule("warm_up")
@dataclass(frozen=True, kw_only=True)
class WarmUp(Schedule):
    """Raises the learning rate in equal steps, and then lets it stand.

    Attributes:
      over: number of epochs until it is whole, 1 or more.
    """

    over: int = 3

    def __post_init__(self) -> None:
        if self.over < 1:
            raise ValueError(f"over: expected 1 or more, found {self.over}.")

    def share(self, moment: Moment) -> float:
        """Returns the share of a step; it is asked for each."""
        return min(
            1.0, (moment.step + 1) / (min(self.over, moment.epochs) * moment.steps_per_epoch)
        )
