"""How many images a second a stream brings, and how many the steps of a model take."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from dsbuilder.dataset import StoredDataset
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.stream.tensorflow import Stream
from dsbuilder.train.callbacks import NoiseByPosition
from dsbuilder.train.compiling import batches_of
from dsbuilder.train.precision import precision_of
from dsbuilder.train.run import Run
from dsbuilder.train.trainer import first_model, prepared

_WARM_STEPS = 3
_MOST_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class StepRate:
    """What the steps of a model take.

    Attributes:
      images: images a second, of one batch in memory that is trained on again and again.
      computing: what they are computed by: backend, devices, precision.
    """

    images: float
    computing: str


def stream_rate(stream: Stream, *, seconds: float) -> float:
    """Returns how many images a second a stream brings to one who does nothing with them."""
    with stream.told():
        batches = iter(stream.epochs(0))
        for _ in range(_WARM_STEPS):
            next(batches)
        began, images = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            batch = next(batches)
            images += int(_first(batch).shape[0])
        return images / (time.perf_counter() - began)


def _first(batch: Any) -> Any:
    """Returns one array of a batch, whatever it is made of."""
    return tf.nest.flatten(batch)[0]


def rates(
    dataset: StoredDataset, options: TrainOptions, *, plugins: tuple[Path, ...], seconds: float
) -> tuple[float, StepRate]:
    """Returns how many images a second a training's own stream brings, and a new model takes.

    Raises:
      SpecError, TrainError: it cannot be trained, as `train_dataset` says.
    """
    training = prepared(dataset, options, Run(path=Path()), plugins)
    brought = stream_rate(training.train, seconds=seconds)
    timer = _Timer(seconds)
    with training.devices.scope():
        model = first_model(training)
        batch = next(iter(batches_of(training, training.train.epochs(0), weighted=True)))
        model.fit(
            tf.data.Dataset.from_tensors(batch).repeat(),
            steps_per_epoch=_MOST_STEPS,
            shuffle=False,
            callbacks=[NoiseByPosition(training.seed, model), timer],
            verbose=0,
        )
    computing = f"{keras.backend.backend()} on {training.devices}, {precision_of(model)}"
    step = StepRate(images=int(_first(batch).shape[0]) / timer.step_s, computing=computing)
    return brought, step


class _Timer(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Times the steps that come after the first ones, which compile, and then ends."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._begun, self._steps, self.step_s = 0.0, -_WARM_STEPS, 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Waits for the step, and counts it."""
        float(logs["loss"])
        self._steps += 1
        if self._steps <= 0:
            self._begun = time.perf_counter()
            return
        spent = time.perf_counter() - self._begun
        self.step_s = spent / self._steps
        if spent > self._seconds:
            self.model.stop_training = True
