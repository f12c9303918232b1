"""The focal loss: a loss."""

from dataclasses import dataclass
from typing import Any

from dsbuilder.plugin import ClassLabel, Loss, Target, TrainError, loss


@loss("focal")
@dataclass(frozen=True, kw_only=True)
class Focal(Loss):
    """Counts what is already recognized for less (Lin et al. 2017): for classes that are rare.

    Attributes:
      gamma: exponent of the discount, 0 or more; 0 is the cross-entropy.
    """

    gamma: float = 2.0

    def __post_init__(self) -> None:
        if self.gamma < 0:
            raise ValueError(f"gamma: expected 0 or more, found {self.gamma:g}.")

    def check(self, target: Target) -> None:
        """Refuses what is not one class: `dsbuilder check` says so."""
        if not isinstance(target, ClassLabel):
            raise TrainError(f"focal: expected a target of kind class, found {target}.")

    def compute(self, truth: Any, outputs: Any) -> Any:
        """Returns `-(1 - p)^gamma log p` of each sample, p the probability of its class."""
        import keras  # here and not above: it takes seconds that only a training shall pay

        if len(truth.shape) == 1:  # ids; classes that are mixed come as weights
            truth = keras.ops.one_hot(truth, outputs.shape[-1])
        log_p = keras.ops.log_softmax(outputs)
        weights = (1 - keras.ops.exp(log_p)) ** self.gamma
        return -keras.ops.sum(keras.ops.cast(truth, log_p.dtype) * weights * log_p, axis=-1)
