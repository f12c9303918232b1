"""The learning rate of every step: the share that a schedule says, of the rate of its phase.

It is set on the host, and only where it changes. In the graph of a step it would have to be a part
of the optimizer that is saved, and a schedule of one's own could not be written in plain Python.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from dsbuilder.errors import option
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.plugin import Moment, Schedule
from dsbuilder.train.lookup import KerasClass
from dsbuilder.train.phases import Phase

_BLOCK = 1024
"""Steps whose shares of a Keras schedule are computed at once: one by one takes a millisecond."""


class KerasSchedule(Schedule):
    """A schedule of Keras as one of ours: it counts the steps of a phase, its rate is a share."""

    def __init__(self, chosen: KerasClass) -> None:
        self._shares = _compiled(chosen.make(initial_learning_rate=1.0))
        self._first = -1
        self._known = np.zeros(0)

    def share(self, moment: Moment) -> float:
        """Returns the share, as Keras computes it."""
        first = moment.step - moment.step % _BLOCK
        if first != self._first:
            steps = np.arange(first, first + _BLOCK, dtype="int32")
            self._known = np.asarray(keras.ops.convert_to_numpy(self._shares(steps)))
            self._first = first
        return float(self._known[moment.step - first])


def _compiled(schedule: Any) -> Callable[[np.ndarray], Any]:
    """Returns the function from many steps to what a schedule yields for each."""

    def shares(steps: Any) -> Any:
        return keras.ops.vectorized_map(schedule, steps)

    if keras.backend.backend() != "tensorflow":
        return shares
    import tensorflow as tf

    # Traced once and not for every block.
    traced: Callable[[np.ndarray], Any] = tf.function(shares)
    return lambda steps: traced(tf.constant(steps))


def make_schedule(chosen: Schedule | KerasClass) -> Schedule:
    """Returns the schedule that was chosen."""
    return KerasSchedule(chosen) if isinstance(chosen, KerasClass) else chosen


def rate_at(phase: Phase, schedule: Schedule, moment: Moment) -> float:
    """Returns the learning rate of a step."""
    return phase.learning_rate * schedule.share(moment)


def beyond(options: TrainOptions, schedule: Schedule, *, steps: int) -> str | None:
    """Says at which rate epochs are trained that the schedule is not laid over; None without."""
    epochs = options.length.epochs
    laid = options.optimizer.schedule_epochs or epochs
    moment = Moment(step=laid * steps, steps_per_epoch=steps, epochs=laid, monitored=(0.0,) * laid)
    share = schedule.share(moment)
    if epochs <= laid or share == 1:
        return None
    return (
        f"train.epochs: the schedule is laid over {laid} epochs. Those after them begin at the "
        f"learning rate where it ended ({options.optimizer.learning_rate * share:.3g}). To lay it "
        f"over all, resume with {option(f'schedule-epochs {epochs}', 'schedule_epochs')}."
    )


class LearningRate(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Sets the learning rate of each step by its place in the phase."""

    def __init__(
        self,
        phase: Phase,
        schedule: Schedule,
        *,
        steps: int,
        monitored: Callable[[], Sequence[float]],
        first: int = 0,
    ) -> None:
        """Begins, or goes on with, a phase.

        Args:
          steps: batches in an epoch.
          monitored: the monitored value after each epoch of the phase so far.
          first: batches of the first epoch that are done already.
        """
        super().__init__()
        self._phase = phase
        self._schedule = schedule
        self._steps = steps
        self._monitored = monitored
        self._past: tuple[float, ...] = ()
        self._first = first
        self._rate: float | None = None

    @property
    def rate(self) -> float:
        """The rate of the step that is trained."""
        return self._rate or 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Takes down what the epochs before came to."""
        self._past = tuple(self._monitored())

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Sets the rate."""
        moment = Moment(
            step=len(self._past) * self._steps + self._first + batch,
            steps_per_epoch=self._steps,
            epochs=self._phase.schedule_epochs,
            monitored=self._past,
        )
        rate = rate_at(self._phase, self._schedule, moment)
        if rate != self._rate:
            set_rate(self.model, rate)
            self._rate = rate

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Begins the next epoch with its first step."""
        self._first = 0


def set_rate(model: keras.Model, rate: float) -> None:
    """Sets the learning rate of a model's optimizer while it trains."""
    if keras.backend.backend() == "jax":
        model.jax_state_sync()  # else the next step has the rate of the epoch's first
    model.optimizer.learning_rate = rate
