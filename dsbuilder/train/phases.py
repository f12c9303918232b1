"""Which phase comes next: a function of the epochs so far, so a killed training finds its way back.

The first phase trains what the model builder left trainable. The second, if there is one, starts
from the best model and also trains the last layers that the builder had frozen, at a lower rate.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.run import Row

Name = Literal["train", "fine_tune"]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a training with one optimizer and one choice of trained layers.

    Attributes:
      name: `train` or `fine_tune`.
      epochs: most epochs that it has.
      learning_rate: learning rate that its schedule takes shares of.
      schedule_epochs: number of epochs that its schedule is laid over.
      unfreeze: number of the last frozen layers that are trained.
    """

    name: Name
    epochs: int
    learning_rate: float
    schedule_epochs: int
    unfreeze: int = 0


def phases_of(options: TrainOptions) -> tuple[Phase, ...]:
    """Returns the phases in their order."""
    epochs, tuning = options.length.epochs, options.length.fine_tune
    first = Phase(
        name="train",
        epochs=epochs,
        learning_rate=options.optimizer.learning_rate,
        schedule_epochs=options.optimizer.schedule_epochs or epochs,
    )
    if tuning is None:
        return (first,)
    second = Phase(
        name="fine_tune",
        epochs=tuning.epochs,
        learning_rate=tuning.learning_rate,
        schedule_epochs=tuning.epochs,
        unfreeze=tuning.layers,
    )
    return (first, second)


def extended(
    options: TrainOptions, *, epochs: int | None, schedule_epochs: int | None
) -> TrainOptions:
    """Returns the options of a run that goes on with another number of epochs; None is as it was.

    The schedule stays laid over the epochs that the run was started with unless it is said
    otherwise: laid over more, the learning rate of the next epoch would jump.
    """
    optimizer, before = options.optimizer, options.length.epochs
    if epochs not in (None, before) and optimizer.schedule_epochs is None:
        optimizer = replace(optimizer, schedule_epochs=before)
    if schedule_epochs is not None:
        optimizer = replace(optimizer, schedule_epochs=schedule_epochs)
    return replace(options, epochs=epochs or before, optimizer=optimizer)


def next_phase(
    options: TrainOptions, rows: Sequence[Row], *, stop_after: int | None = None
) -> tuple[Phase, int] | None:
    """Returns the phase of the next epoch and how many epochs it has left; None if all are done.

    A phase that was left is never entered again.

    Args:
      stop_after: number of epochs, of all phases, after which the training is left; None for all.
    """
    before_stop = sys.maxsize if stop_after is None else stop_after - len(rows)
    if before_stop <= 0:
        return None
    phases = phases_of(options)
    names = [phase.name for phase in phases]
    start = names.index(rows[-1].phase) if rows and rows[-1].phase in names else 0
    monitor = Monitor.of(vars(options))
    for phase in phases[start:]:
        done = [row for row in rows if row.phase == phase.name]
        left = phase.epochs - len(done)
        if left > 0 and not is_over(rows, phase.name, options.length.patience, monitor):
            return phase, min(left, before_stop)
    return None


def best_row(rows: Sequence[Row], monitor: Monitor) -> Row | None:
    """Returns the row of the best value, the first of equals."""
    return min(rows, key=monitor.value, default=None)


def is_over(rows: Sequence[Row], phase: str, patience: int | None, monitor: Monitor) -> bool:
    """Whether the last `patience` epochs of a phase brought nothing better than what was before."""
    best = best_row(rows, monitor)
    if patience is None or best is None:
        return False
    since = [row for row in rows if row.phase == phase and row.epoch > best.epoch]
    return len(since) >= patience


def unfreeze(model: Any, count: int) -> None:
    """Makes the last `count` frozen layers that have weights trainable.

    Batch normalization is neither counted nor unfrozen. Trained on few images it would replace the
    statistics that the layers after it were made for.

    Raises:
      TrainError: the model has no frozen layers.
    """
    frozen = frozen_layers(model) if count else []
    for layer in frozen[-count:]:
        layer.trainable = True


def frozen_layers(model: Any) -> list[Any]:
    """Returns the layers that can be unfrozen, in their order; see `unfreeze`.

    Raises:
      TrainError: there are none.
    """
    import keras

    frozen = [
        layer
        for layer in leaves(model)
        if layer.weights
        and not layer.trainable
        and not isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not frozen:
        raise TrainError(
            "train.fine_tune: the model has no frozen layers. "
            "Remove fine_tune, or let the model freeze what it has loaded."
        )
    return frozen


def leaves(model: Any) -> Iterator[Any]:
    """Yields the layers of a model in their order, those of nested models in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        else:
            yield layer
