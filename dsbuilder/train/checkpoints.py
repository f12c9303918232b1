"""`checkpoint.keras`: a training within an epoch, from which it goes on with the next batch.

Beside what `last.keras` holds, it holds what Keras does not save: the states of the generators of
dropout, and what loss and metrics have seen of the epoch. It lies there only until the epoch ends.
"""

import io
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dsbuilder.errors import TrainError
from dsbuilder.train import archive
from dsbuilder.train.archive import Note, Trained
from dsbuilder.train.phases import leaves

MEMBER = "checkpoint.npz"


@dataclass(frozen=True, kw_only=True)
class Within:
    """How far an epoch is, and what of it is not in a model's file.

    Attributes:
      phase: `train` or `fine_tune`.
      step: number of batches done, 1 or more.
      seconds: time that they took.
      noise: state of each generator of dropout.
      seen: variables of loss and metrics, in their order.
    """

    phase: str
    step: int
    seconds: float
    noise: Sequence[np.ndarray]
    seen: Sequence[np.ndarray]


def within(
    model: keras.Model, network: keras.Model, *, phase: str, step: int, seconds: float
) -> Within:
    """Returns how far a model in training is.

    Args:
      model: what is trained: the network, or what follows its frozen layers.
    """
    synchronize(model)
    return Within(
        phase=phase,
        step=step,
        seconds=seconds,
        noise=[keras.ops.convert_to_numpy(each) for each in noise_of(network)],
        seen=[keras.ops.convert_to_numpy(each) for each in model.metrics_variables],
    )


def synchronize(model: keras.Model) -> None:
    """Gives the variables of a model in training the values that it has reached."""
    if keras.backend.backend() == "jax":
        model.jax_state_sync()  # until then they are of the epoch's begin


def save(model: keras.Model, path: Path, note: Note, state: Within) -> None:
    """Writes a checkpoint, which appears whole or not at all.

    Args:
      note: what was there after the epoch before.

    Raises:
      TrainError: the folder cannot be written.
    """
    arrays: dict[str, Any] = {
        "phase": np.array(state.phase),
        "step": np.array(state.step),
        "seconds": np.array(state.seconds),
        **{f"noise{index}": each for index, each in enumerate(state.noise)},
        **{f"seen{index}": each for index, each in enumerate(state.seen)},
    }
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    archive.save(model, path, note, optimizer=True, further={MEMBER: data.getvalue()})


def load(path: Path, *, rows: int, plugins: Sequence[Path]) -> tuple[Trained, Within] | None:
    """Returns a checkpoint; None if there is none of the epoch that comes next.

    Args:
      rows: number of epochs that are over.

    Raises:
      TrainError: it cannot be read.
    """
    if not path.exists() or len(archive.read_note(path).rows) != rows:
        return None  # killed just before it was removed
    trained = archive.load_model(path, plugins=plugins)
    try:
        with zipfile.ZipFile(path) as file:
            arrays = dict(np.load(io.BytesIO(file.read(MEMBER)), allow_pickle=False))
        state = Within(
            phase=str(arrays["phase"]),
            step=int(arrays["step"]),
            seconds=float(arrays["seconds"]),
            noise=_numbered(arrays, "noise"),
            seen=_numbered(arrays, "seen"),
        )
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise TrainError(
            f"{path}: expected a checkpoint that a run wrote, found another ({error}). "
            "Remove it: the run then goes on after its last whole epoch."
        ) from None
    return trained, state


def _numbered(arrays: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    count = sum(key.startswith(name) for key in arrays)
    return [arrays[f"{name}{index}"] for index in range(count)]


def noise_of(model: keras.Model) -> list[Any]:
    """Returns the states of a model's generators, in an order that does not change.

    A dropout of nothing draws nothing: it has a generator, but loaded from a file it has none.
    """
    drawing = [layer for layer in leaves(model) if getattr(layer, "rate", None) != 0.0]
    found = (each for layer in drawing for each in layer.variables)
    return [each for each in found if each.path.endswith("seed_generator_state")]


class Restored(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Brings the first epoch of a `fit` to where a checkpoint was."""

    def __init__(self, state: Within | None, network: keras.Model) -> None:
        super().__init__()
        self._state = state
        self._network = network

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Sets what a model's file does not hold, once."""
        if self._state is None:
            return
        pairs = (
            (noise_of(self._network), self._state.noise),
            (self.model.metrics_variables, self._state.seen),
        )
        for variables, values in pairs:
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self._state = None


class Checkpoints(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Calls for a checkpoint every so many minutes within an epoch."""

    def __init__(
        self, minutes: float | None, *, steps: int, first: int, write: Callable[[int], None]
    ) -> None:
        """Begins with an epoch.

        Args:
          minutes: time between two; None for none.
          steps: batches in an epoch.
          first: batches of the first epoch that are done already.
          write: called with the number of batches done.
        """
        super().__init__()
        self._seconds = float("inf") if minutes is None else minutes * 60
        self._steps = steps
        self._first = first
        self._write = write
        self._next = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        self._next = time.monotonic() + self._seconds

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Writes one if it is time, but none where the epoch ends anyway."""
        done = self._first + batch + 1
        if done < self._steps and time.monotonic() >= self._next:
            self._write(done)
            self._next = time.monotonic() + self._seconds
