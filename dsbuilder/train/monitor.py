"""What says which epoch is the best: the loss, or a metric, the least or the greatest."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from dsbuilder.errors import TrainError, did_you_mean
from dsbuilder.plugin import Metric
from dsbuilder.tasks import Heads
from dsbuilder.train.lookup import Chosen, KerasClass
from dsbuilder.train.run import Row

Watched = Mapping[str, Mapping[str, Metric | KerasClass]]
"""The metrics of each head, by its target."""


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """A value that every epoch has, and which is the best.

    Attributes:
      name: name of the value, as a row has it of each split.
      greatest: whether the best is the greatest, not the least.
    """

    name: str = "loss"
    greatest: bool = False

    @classmethod
    def of(cls, train: Mapping[str, Any]) -> Self:
        """Returns what a train section says, as a run keeps it."""
        greatest = train.get("monitor_mode") == "max"
        return cls(name=str(train.get("monitor", "loss")), greatest=greatest)

    def value(self, row: Row) -> float:
        """Returns the value of an epoch, on validation if it has one: the lower, the better."""
        value = (row.validation or row.train).get(self.name, math.nan)
        if not math.isfinite(value):
            return math.inf  # such as a precision where nothing was found yet
        return -value if self.greatest else value


def watched_of(heads: Heads, chosen: Chosen) -> Watched:
    """Returns what is watched of each head: the metrics of its task, and further ones."""
    return {name: {**task.metrics, **chosen.heads[name].metrics} for name, task in heads.items()}


def fault(name: str, watched: Watched) -> str | None:
    """Returns what is wrong with the name of a value; None if an epoch has it."""
    known = ["loss", *_values(watched)]
    if name in known:
        return None
    return f"expected a value of an epoch ({', '.join(known)}), found '{name}'." + did_you_mean(
        name, known
    )


def mode_of(name: str, watched: Watched) -> Literal["min", "max"]:
    """Returns whether the best of a value is its least or its greatest.

    Raises:
      TrainError: a metric of Keras does not say.
    """
    metric = _values(watched).get(name)
    if isinstance(metric, Metric):
        return "max" if metric.greater_is_better else "min"
    direction = "down" if metric is None else getattr(metric.make(), "_direction", None)
    if direction is None:
        raise TrainError(
            f"train.monitor: expected a metric that says whether more of it is better, found "
            f"'{name}'. Say it in train.monitor_mode: min or max."
        )
    return "max" if direction == "up" else "min"


def _values(watched: Watched) -> dict[str, Metric | KerasClass | None]:
    """Returns what an epoch has beside its loss, by the names that Keras gives; None is a loss."""
    found: dict[str, Metric | KerasClass | None] = {}
    for head, metrics in watched.items():
        before = f"{head}_" if len(watched) > 1 else ""
        found.update({f"{before}loss": None} if before else {})
        found.update({f"{before}{name}": metric for name, metric in metrics.items()})
    return found
