"""What happens within an epoch and after it: progress, noise by position, and the row it makes."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import keras
import numpy as np

from dsbuilder.seeding import rank
from dsbuilder.train.checkpoints import noise_of
from dsbuilder.train.phases import Phase
from dsbuilder.train.run import Row


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far an epoch is.

    Attributes:
      epoch: its number, counted from 1 through all phases.
      phase: `train` or `fine_tune`.
      step, steps: number of batches done and of batches in all.
      samples: number of samples in the batches done, as far as batches are of one size.
      metrics: mean loss of the epoch so far, and those metrics that are a mean.
    """

    epoch: int
    phase: str
    step: int
    steps: int
    samples: int
    metrics: Mapping[str, float]


OnStart = Callable[[str], None]
OnBatch = Callable[[Step], None]
OnEpoch = Callable[[Row], None]
OnFeatures = Callable[[int, int], None]
"""Called with how many images have passed frozen layers, and how many there are in all."""


class Shown(TypedDict, total=False):
    """What is called as a training goes on.

    Attributes:
      on_start: called before the first batch, with what computes: devices, precision, XLA.
      on_batch: called after every batch.
      on_epoch: called after every epoch, when it is written.
      on_features: called as images pass frozen layers, once before an epoch.
      on_evaluated: called as the best model is asked about samples, once all epochs are over.
    """

    on_start: OnStart
    on_batch: OnBatch
    on_epoch: OnEpoch
    on_features: OnFeatures
    on_evaluated: OnFeatures


class DivergedError(Exception):
    """A loss that is not finite; its text says which, where, and at which rate."""


class Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Makes a row of every epoch and hands it on; ends the phase when it is told to.

    What a batch came to is read when the next one is under way, so that a device need not wait.
    """

    def __init__(
        self,
        phase: Phase,
        *,
        steps: int,
        samples: int,
        rate: Callable[[], float],
        on_batch: OnBatch,
        keep: Callable[[Row], bool],
        first: int = 0,
        seconds: float = 0.0,
    ) -> None:
        """Makes a watch over one phase.

        Args:
          steps, samples: batches and samples in an epoch.
          rate: tells the learning rate of the batch that is trained on.
          on_batch: called after every batch.
          keep: called after every epoch, while the model is as the epoch left it; answers whether
            the phase is over.
          first, seconds: batches of the first epoch that are done already, and the time they took.
        """
        super().__init__()
        self._phase = phase
        self._steps, self._samples = steps, samples
        self._rate = rate
        self._on_batch = on_batch
        self._keep = keep
        self._first = first
        self._before_s = seconds
        self._epoch = 0
        self._started = 0.0
        self._unread: tuple[int, float, Mapping[str, Any]] | None = None

    @property
    def seconds(self) -> float:
        """Time since the epoch began."""
        return self._before_s + time.monotonic() - self._started

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        self._epoch, self._started = epoch + 1, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Reports the batch before."""
        self.read()
        self._unread = self._first + batch + 1, self._rate(), logs or {}

    def read(self) -> None:
        """Reports the last batch, if that is not done.

        Raises:
          DivergedError: its loss is not finite.
        """
        if self._unread is None:
            return
        (step, rate, logs), self._unread = self._unread, None
        values = _floats(logs)
        if not math.isfinite(values.get("loss", 0.0)):
            raise DivergedError(_told(values["loss"], f"step {step} of epoch {self._epoch}", rate))
        # What has no number before the epoch's end is not shown.
        shown = {name: value for name, value in values.items() if not math.isnan(value)}
        self._on_batch(
            Step(
                epoch=self._epoch,
                phase=self._phase.name,
                step=step,
                steps=self._steps,
                samples=round(self._samples * step / self._steps),
                metrics=shown,
            )
        )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Reports the epoch and asks whether to go on."""
        self.read()
        values = _floats(logs or {})
        before = "val_"
        for name in ("loss", "val_loss"):
            if not math.isfinite(values.get(name, 0.0)):
                where = f"{'validation' if name != 'loss' else 'the end'} of epoch {epoch + 1}"
                raise DivergedError(_told(values[name], where, self._rate()))
        row = Row(
            epoch=epoch + 1,
            phase=self._phase.name,
            learning_rate=_short(self._rate()),
            train={name: value for name, value in values.items() if not name.startswith(before)},
            validation={
                name.removeprefix(before): value
                for name, value in values.items()
                if name.startswith(before)
            },
            seconds=self.seconds,
        )
        self._first, self._before_s = 0, 0.0
        if self._keep(row):
            self.model.stop_training = True


def _told(loss: float, where: str, rate: float) -> str:
    return f"expected a finite loss, found {loss} at {where}, at a learning rate of {rate:.3g}"


class NoiseByPosition(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Seeds every dropout anew for each epoch, by (seed, epoch, place in the model).

    So an epoch of a resumed run drops what it would have dropped in a run that was never killed;
    Keras saves no state of its generators.
    """

    def __init__(self, seed: int, network: keras.Model) -> None:
        """Makes the noise of a network, also where a part of it is what is trained."""
        super().__init__()
        self._seed = seed
        self._network = network

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Sets the generators' states."""
        for index, state in enumerate(noise_of(self._network)):
            key = rank(self._seed, "noise", epoch, index)
            state.assign(np.array([key >> 32, key & 0xFFFFFFFF], np.uint32))


def _floats(logs: Mapping[str, Any]) -> dict[str, float]:
    return {name: _short(value) for name, value in logs.items()}


def _short(value: Any) -> float:
    """Returns a float32 as the shortest number that stands for it: 0.01, not 0.00999999977."""
    return float(str(np.float32(value)))
