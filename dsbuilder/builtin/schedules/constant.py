"""A learning rate that stays."""

from dataclasses import dataclass

from dsbuilder.plugin import Moment, Schedule, schedule


@schedule("constant")
@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """Keeps the learning rate as it is."""

    def share(self, moment: Moment) -> float:
        """Returns 1."""
        return 1.0
