"""What a metric is: a number that says how good a model is, defined once.

The same class is watched while a model trains, where a batch is tensors and an epoch's numbers are
kept by a wrapper of Keras, and measures a trained model, where a batch is arrays. So `collect` is
given the module whose functions it calls, and what both come to at the end of an epoch is equal.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from dsbuilder.sample import Target


class Metric(ABC):
    """Says how good a model is over all samples of a split.

    `collect` keeps of every batch what the number needs, `result` makes the number of what was
    kept. `train.metrics` names further ones than those of a task.
    """

    adds_up: ClassVar[bool] = False
    """Whether the number needs no more than the sum of all rows; then no single row is kept."""

    def check(self, target: Target) -> None:  # noqa: B027 - one that serves all checks nothing
        """Checks that the metric is one of a target; `dsbuilder check` asks, so without Keras.

        Raises:
          TrainError: it is for another kind of target.
        """

    @abstractmethod
    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns what is kept of a batch, `(B, n)`: a row of numbers for each sample.

        Args:
          truth: a batch of the target's values, as a stream yields them.
          outputs: what the model yields for the batch.
          ops: `numpy` or `keras.ops`, whichever fits; call what both have, such as `ops.argmax`.
        """

    def result(self, rows: np.ndarray) -> float:
        """Returns the number; the mean of all rows unless a metric says otherwise.

        Args:
          rows: float32 or float64 `(N, n)`, of all samples; where the metric adds up, any number of
            rows whose sum is that of all samples' rows.
        """
        return float(np.mean(rows, dtype=np.float64))
