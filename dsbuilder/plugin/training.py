"""What a training looks up by name: a loss, metrics, and the schedule of its learning rate.

A metric is a number that says how good a model is, defined once: the same class is watched while a
model trains, where a batch is tensors and an epoch's numbers are kept by a wrapper of Keras, and
measures a trained model, where a batch is arrays. So `collect` is given the module whose functions
it calls, and what both come to at the end of an epoch is equal.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.sample import Target


class _OfTargets:
    """What is for some kinds of target, or for all."""

    def check(self, target: Target) -> None:
        """Checks that the plugin is one of a target; `dsbuilder check` asks, so without Keras.

        Raises:
          TrainError: it is for another kind of target.
        """


class Loss(_OfTargets, ABC):
    """Says of each sample how far what a model yields is from the truth.

    Keras is imported in the body of `compute`, never at the top of the file: no other verb pays for
    it. `train.loss` names one.
    """

    @abstractmethod
    def compute(self, truth: Any, outputs: Any) -> Any:
        """Returns the loss of each sample, float32 `(B,)`, from tensors, with `keras.ops` alone.

        Args:
          truth: a batch of the target's values, as a stream yields them; of keypoints `(B, k, 3)`:
            x, y, and 1 if the point is known, else 0.
          outputs: what the model yields for the batch: logits of classes, numbers in their own
            units.
        """


class Metric(_OfTargets, ABC):
    """Says how good a model is over all samples of a split.

    `collect` keeps of every batch what the number needs, `result` makes the number of what was
    kept. `train.metrics` names further ones than those of a task.
    """

    adds_up: ClassVar[bool] = False
    """Whether the number needs no more than the sum of all rows; then no single row is kept."""

    greater_is_better: ClassVar[bool] = True
    """Whether a greater number is a better one: `train.monitor` may name the metric."""

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


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where a phase of a training is: all that a schedule knows.

    Attributes:
      step: number of batches that the phase has trained on.
      steps_per_epoch: batches in an epoch.
      epochs: number of epochs that the schedule is laid over. The phase may be shorter, as when it
        ends early, or longer, as when a run was given more epochs.
      monitored: the monitored value after each epoch of the phase so far, the lower the better.
    """

    step: int
    steps_per_epoch: int
    epochs: int
    monitored: Sequence[float] = ()

    @property
    def epoch(self) -> int:
        """Number of epochs that are over."""
        return self.step // self.steps_per_epoch

    @property
    def steps(self) -> int:
        """Number of batches that the schedule is laid over."""
        return self.steps_per_epoch * self.epochs

    def within(self, first: int = 0) -> float:
        """Returns how far the steps from `first` on are over, in [0, 1); it stays at the last."""
        left = self.steps - first
        return min(max(self.step - first, 0), max(left - 1, 0)) / max(left, 1)


class Schedule(ABC):
    """Says what share of its learning rate a phase of a training has in each of its steps."""

    @abstractmethod
    def share(self, moment: Moment) -> float:
        """Returns the share, 0 or more.

        A function of the moment alone, which a run records: so one that was killed goes on with the
        rates that it would have had.
        """
