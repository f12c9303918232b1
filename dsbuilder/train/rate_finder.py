"""Which learning rate to begin with: the range test of Smith, "Cyclical learning rates" (2017).

A new model is trained for some batches at a rate that grows by the same factor from one to the
next. The loss first stands, then falls, then breaks out; the rate where it falls fastest is a good
one to train with. Nothing is written.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.train.callbacks import NoiseByPosition
from dsbuilder.train.compiling import batches_of
from dsbuilder.train.rates import set_rate
from dsbuilder.train.run import Run
from dsbuilder.train.trainer import first_model, prepared

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 120
_KEPT = 0.9
_BROKEN_OUT = 4.0
_LEAST_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class RateStep:
    """One batch of a range test.

    Attributes:
      rate: learning rate that the batch was trained at.
      loss: loss of the batch; None where it is not finite.
      smoothed: moving average of the losses so far, free of its start at 0.
    """

    rate: float
    loss: float | None
    smoothed: float | None


def find_rate(
    dataset: StoredDataset, options: TrainOptions, *, plugins: Sequence[Path] = ()
) -> list[RateStep]:
    """Returns what the losses of a new model are at growing rates, until they break out.

    Raises:
      SpecError, TrainError: it cannot be trained, as `train_dataset` says.
    """
    training = prepared(dataset, options, Run(path=Path()), plugins)
    rising = _Rising()
    with training.devices.scope(), training.train.told():
        model = first_model(training)
        model.fit(
            batches_of(training, training.train.epochs(0), weighted=True),
            steps_per_epoch=STEPS,
            shuffle=False,
            callbacks=[NoiseByPosition(training.seed, model), rising],
            verbose=0,
        )
    return rising.steps


class _Rising(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Raises the rate, notes each batch's loss, and ends when it has broken out."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[RateStep] = []
        self._sum, self._best = 0.0, math.inf

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Sets the rate; the loss that is told is to be of this batch alone."""
        set_rate(self.model, LOWEST * (HIGHEST / LOWEST) ** (batch / (STEPS - 1)))
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Notes the loss."""
        rate = LOWEST * (HIGHEST / LOWEST) ** (batch / (STEPS - 1))
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            self.steps.append(RateStep(rate=rate, loss=None, smoothed=None))
            self.model.stop_training = True
            return
        self._sum = _KEPT * self._sum + (1 - _KEPT) * loss
        smoothed = self._sum / (1 - _KEPT ** (batch + 1))
        self._best = min(self._best, smoothed)
        self.steps.append(RateStep(rate=rate, loss=loss, smoothed=smoothed))
        if batch >= _LEAST_STEPS and smoothed > _BROKEN_OUT * self._best:
            self.model.stop_training = True


def proposed(steps: Sequence[RateStep]) -> float:
    """Returns the rate at which the smoothed loss falls fastest before it is at its least.

    Fastest by the logarithm of the rate; two significant digits.

    Raises:
      TrainError: it falls nowhere.
    """
    known = [(each.rate, each.smoothed) for each in steps if each.smoothed is not None]
    rates, losses = np.array(known).reshape(-1, 2).T
    least = int(losses.argmin()) if len(losses) else 0
    if least < 2:
        raise TrainError(
            f"learning rate: expected a loss that falls at one between {LOWEST:g} and {HIGHEST:g}, "
            "found that it does not. Check labels and images, or state a learning rate."
        )
    slopes = np.gradient(losses[: least + 1], np.log(rates[: least + 1]))
    return float(f"{rates[int(slopes.argmin())]:.2g}")
