"""What a loss is: the number that a training makes small."""

from abc import ABC, abstractmethod
from typing import Any

from dsbuilder.sample import Target


class Loss(ABC):
    """Says of each sample how far what a model yields is from the truth.

    Keras is imported in the body of `compute`, never at the top of the file: no other verb pays for
    it. `train.loss` names one.
    """

    def check(self, target: Target) -> None:  # noqa: B027 - one that serves all checks nothing
        """Checks that the loss is one of a target; `dsbuilder check` asks, so without Keras.

        Raises:
          TrainError: it is for another kind of target.
        """

    @abstractmethod
    def compute(self, truth: Any, outputs: Any) -> Any:
        """Returns the loss of each sample, float32 `(B,)`, from tensors, with `keras.ops` alone.

        Args:
          truth: a batch of the target's values, as a stream yields them.
          outputs: what the model yields for the batch: logits of classes, numbers in their own
            units.
        """
