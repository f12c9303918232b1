"""How often the class is among the first few: a metric."""

from dataclasses import dataclass
from typing import Any

from dsbuilder.plugin import ClassLabel, Metric, Target, TrainError, metric


@metric("top_k")
@dataclass(frozen=True, kw_only=True)
class TopK(Metric):
    """Says the share of samples whose class is among the k that are held to be most probable.

    Attributes:
      k: number of classes looked at, 1 or more.
    """

    k: int = 3

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k: expected 1 or more, found {self.k}.")

    def check(self, target: Target) -> None:
        """Refuses what is not one class: `dsbuilder check` says so."""
        if not isinstance(target, ClassLabel):
            raise TrainError(f"top_k: expected a target of kind class, found {target}.")

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns 1 for each sample whose class has fewer than k before it, else 0."""
        if len(truth.shape) == 2:  # weights of classes that are mixed: the dominant one counts
            truth = ops.argmax(truth, axis=-1)
        mine = ops.take_along_axis(outputs, ops.expand_dims(truth, -1), axis=-1)
        before = ops.sum(ops.where(ops.greater(outputs, mine), 1, 0), axis=-1, keepdims=True)
        return ops.where(before < self.k, 1.0, 0.0)
