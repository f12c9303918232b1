"""What happens within an epoch and after it: progress, noise by position, and the row it makes."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dsbuilder.seeding import rank
from dsbuilder.train.phases import Phase
from dsbuilder.train.run import Row


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far an epoch is.

    Attributes:
      epoch: its number, counted from 1 through all phases.
      phase: `train` or `fine_tune`.
      step, steps: number of batches done and of batches in all.
      metrics: mean loss of the epoch so far, and those metrics that are a mean.
    """

    epoch: int
    phase: str
    step: int
    steps: int
    metrics: Mapping[str, float]


OnBatch = Callable[[Step], None]
OnEpoch = Callable[[Row], None]


class Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Makes a row of every epoch and hands it on; ends the phase when it is told to."""

    def __init__(
        self, phase: Phase, *, steps: int, on_batch: OnBatch, keep: Callable[[Row], bool]
    ) -> None:
        """Makes a watch over one phase.

        Args:
          steps: batches in an epoch.
          on_batch: called after every batch.
          keep: called after every epoch, while the model is as the epoch left it; answers whether
            the phase is over.
        """
        super().__init__()
        self._phase = phase
        self._steps = steps
        self._on_batch = on_batch
        self._keep = keep
        self._epoch = 0
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        self._epoch, self._started = epoch + 1, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Reports the batch."""
        self._on_batch(
            Step(
                epoch=self._epoch,
                phase=self._phase.name,
                step=batch + 1,
                steps=self._steps,
                metrics={
                    name: value
                    for name, value in _floats(logs or {}).items()
                    if not math.isnan(value)  # what has no number before the epoch's end
                },
            )
        )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Reports the epoch and asks whether to go on."""
        values = _floats(logs or {})
        before = "val_"
        row = Row(
            epoch=epoch + 1,
            phase=self._phase.name,
            learning_rate=_short(
                keras.ops.convert_to_numpy(self.model.optimizer.learning_rate),
            ),
            train={name: value for name, value in values.items() if not name.startswith(before)},
            validation={
                name.removeprefix(before): value
                for name, value in values.items()
                if name.startswith(before)
            },
            seconds=time.monotonic() - self._started,
        )
        if self._keep(row):
            self.model.stop_training = True


class NoiseByPosition(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Seeds every dropout anew for each epoch, by (seed, epoch, place in the model).

    So an epoch of a resumed run drops what it would have dropped in a run that was never killed;
    Keras saves no state of its generators.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Sets the generators' states."""
        states = [v for v in self.model.variables if v.path.endswith("seed_generator_state")]
        for index, state in enumerate(states):
            key = rank(self._seed, "noise", epoch, index)
            state.assign(np.array([key >> 32, key & 0xFFFFFFFF], np.uint32))


def _floats(logs: Mapping[str, Any]) -> dict[str, float]:
    return {name: _short(value) for name, value in logs.items()}


def _short(value: Any) -> float:
    """Returns a float32 as the shortest number that stands for it: 0.01, not 0.00999999977."""
    return float(str(np.float32(value)))
