"""The epochs of a phase: what surrounds every batch, and what is written down of every epoch."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.stream.tensorflow import Stream
from dsbuilder.tasks import Heads
from dsbuilder.train import archive, checkpoints
from dsbuilder.train.archive import Note
from dsbuilder.train.averaging import Averaging, averaged
from dsbuilder.train.callbacks import (
    DivergedError,
    NoiseByPosition,
    OnBatch,
    OnEpoch,
    OnFeatures,
    OnStart,
    Watch,
)
from dsbuilder.train.checkpoints import Checkpoints, Restored, Within, synchronize
from dsbuilder.train.devices import Devices
from dsbuilder.train.drawing import draw_progress
from dsbuilder.train.logs import Logs
from dsbuilder.train.lookup import Chosen
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.phases import Phase, best_row, is_over
from dsbuilder.train.precision import precision_of
from dsbuilder.train.rates import LearningRate, make_schedule
from dsbuilder.train.run import Row, Run


@dataclass(kw_only=True)
class Ongoing:
    """What every epoch of one training needs.

    Attributes:
      reopen: opens a split as `train` and `validation` are opened, but for what it is given.
      logs: what other programs are told; nothing where nobody says.
    """

    options: TrainOptions
    chosen: Chosen
    run: Run
    seed: int
    note: Note
    train: Stream
    validation: Stream | None
    dataset: StoredDataset
    devices: Devices
    reopen: Callable[..., Stream]
    on_start: OnStart = lambda computing: None
    on_batch: OnBatch = lambda step: None
    on_epoch: OnEpoch = lambda row: None
    on_features: OnFeatures = lambda done, of: None
    on_evaluated: OnFeatures = lambda done, of: None
    rows: list[Row] = field(default_factory=list)
    logs: Logs = field(default_factory=Logs)

    @property
    def heads(self) -> Heads:
        """What is learnt."""
        return self.note.heads

    @property
    def monitor(self) -> Monitor:
        """What says which epoch is the best."""
        return Monitor.of(vars(self.options))

    def write_progress(self) -> None:
        """Writes the epochs so far, as a table and as charts, and into logs for others."""
        self.run.write_rows(self.rows)
        draw_progress(self.run, self.rows, self.dataset, best=best_row(self.rows, self.monitor))
        self.logs.write_epochs(self.rows)

    def monitored(self, phase: Phase) -> list[float]:
        """Returns the monitored value after each epoch of a phase, the lower the better."""
        return [self.monitor.value(row) for row in self.rows if row.phase == phase.name]


@dataclass(frozen=True, kw_only=True)
class Way:
    """What the batches of an epoch pass.

    Attributes:
      model: what is trained, compiled: the network, or what follows its frozen layers.
      train: function from an epoch and a batch in it to what it trains on from there.
      validation: what it is measured on; None for nothing.
    """

    model: keras.Model
    train: Callable[[int, int], Any]
    validation: Any


def fit(
    training: Ongoing,
    network: keras.Model,
    phase: Phase,
    epochs: int,
    *,
    way: Way,
    state: Within | None = None,
) -> None:
    """Trains some epochs of a phase, each written down when it is over.

    Args:
      network: what is saved.
      epochs: number of epochs, 1 where the first one is begun already.
      way: what is trained of it, and on what.
      state: how far the first one is.

    Raises:
      TrainError: a loss is not finite. What is written is of the epochs before.
    """
    _tell(training, way.model)
    start, done = len(training.rows), state.step if state else 0
    steps, model = training.train.steps_per_epoch, way.model
    rate = LearningRate(
        phase,
        make_schedule(training.chosen.schedule),
        steps=steps,
        monitored=lambda: training.monitored(phase),
        first=done,
    )
    watch = Watch(
        phase,
        steps=steps,
        samples=training.train.num_samples,
        rate=lambda: rate.rate,
        on_batch=training.on_batch,
        keep=lambda row: _keep(training, network, model, row),
        first=done,
        seconds=state.seconds if state else 0.0,
    )

    write = _writer(training, network, model, phase, watch)
    minutes = training.options.checkpoint_minutes
    streamed = way.train(start, done)
    if state is not None and training.train.on_device is None:
        # Makes the variables that are to be set.
        model.test_on_batch(*keras.tree.map_structure(np.asarray, next(iter(streamed))))
    try:
        with training.train.told():
            model.fit(
                streamed,
                initial_epoch=start,
                epochs=start + epochs,
                steps_per_epoch=steps - done,
                shuffle=False,
                validation_data=way.validation,
                callbacks=[
                    NoiseByPosition(training.seed, network),
                    Restored(state, network),
                    rate,
                    Averaging(),
                    watch,
                    Checkpoints(minutes, steps=steps, first=done, write=write),
                ],
                verbose=0,
            )
    except DivergedError as error:
        training.run.checkpoint.unlink(missing_ok=True)  # its weights were on the way there
        raise TrainError(f"{training.run.path}: {error}. {_advice(training)}") from None


def _writer(
    training: Ongoing, network: keras.Model, model: keras.Model, phase: Phase, watch: Watch
) -> Callable[[int], None]:
    """Returns what writes a checkpoint within an epoch, after a number of its steps."""

    def write(step: int) -> None:
        watch.read()  # never of a loss that is not finite
        note = replace(training.note, rows=tuple(training.rows))
        found = checkpoints.within(
            model, network, phase=phase.name, step=step, seconds=watch.seconds
        )
        checkpoints.save(network, training.run.checkpoint, note, found)

    return write


def _tell(training: Ongoing, model: keras.Model) -> None:
    """Says once what a model is trained with."""
    if training.run.computing:
        return
    computing = (
        f"{keras.backend.backend()} on {training.devices}, {precision_of(model)}, "
        f"{'compiled by' if model.jit_compile else 'without'} XLA"
    )
    training.run = replace(training.run, computing=computing)
    training.on_start(computing)


def _advice(training: Ongoing) -> str:
    kept = f" The model of epoch {len(training.rows)} is kept." if training.rows else ""
    return (
        "Lower train.optimizer.learning_rate (`dsbuilder train --find-lr` proposes one), or set "
        f"global_clip_norm.{kept}"
    )


def _keep(training: Ongoing, network: keras.Model, model: keras.Model, row: Row) -> bool:
    """Writes an epoch of a network, of which a model is trained; says whether its phase is over.

    `last.keras` is written after `best.keras`: killed in between, the epoch is trained again.
    """
    synchronize(model)
    training.rows.append(row)
    note = replace(training.note, rows=tuple(training.rows))
    if best_row(training.rows, training.monitor) is row:
        with averaged(network):
            archive.save(network, training.run.best, note, optimizer=False)
    archive.save(network, training.run.last, note, optimizer=True)
    training.run.checkpoint.unlink(missing_ok=True)
    training.write_progress()
    training.on_epoch(row)
    patience = training.options.length.patience
    return is_over(training.rows, row.phase, patience, training.monitor)
