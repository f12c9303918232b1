"""Losses in the form in which Keras computes them, given what each of them is written for.

Tasks know truth as ids, or as weights of classes, and outputs as logits. A loss of Keras may want
ids (`sparse_...`), a number for each class, or probabilities in place of logits (`dice`, `tversky`,
`mean_squared_error` of classes). What it wants is told by its name and its arguments.
"""

import inspect
from dataclasses import replace
from typing import Any

import keras

from dsbuilder.plugin import Loss
from dsbuilder.tasks import Locate, Task
from dsbuilder.tasks.classify_binary import LossOfTwo
from dsbuilder.tasks.keras_losses import IDS
from dsbuilder.tasks.locate import mean_of_known, paired, split
from dsbuilder.train.lookup import KerasClass


class PluginLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """A loss of ours, as one of Keras."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(name=type(loss).__name__)
        self._loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the mean over a batch; ids stay whole numbers, which Keras would not leave."""
        values = self._loss.compute(y_true, y_pred)
        if sample_weight is not None:
            values = values * keras.ops.cast(sample_weight, values.dtype)
        return keras.ops.mean(values)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each sample."""
        return self._loss.compute(y_true, y_pred)


class ClassLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """A loss that is given a number for each class, of truth and of outputs.

    What is of no known class, such as the pixels that a mask ignores, adds nothing to it.
    """

    def __init__(self, loss: Any, task: Task, *, smoothing: float, probabilities: bool) -> None:
        """Wraps a loss.

        Args:
          smoothing: share of the truth that is spread over all classes alike (Szegedy et al. 2016).
          probabilities: whether the loss takes these and not logits.
        """
        super().__init__(name=getattr(loss, "name", "loss"))
        self._loss = loss
        self._task = task
        self._smoothing = smoothing
        self._probabilities = probabilities

    @property
    def of_batch(self) -> bool:
        """Whether the loss is one of a whole batch, which has no samples to weigh."""
        if isinstance(self._loss, PluginLoss):
            return False  # always of each sample, and maybe of one number of classes alone
        ones = keras.ops.ones((2, 2))
        return len(self._loss.call(ones, ones).shape) == 0

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the loss of a batch."""
        ops = keras.ops
        truth = ops.cast(self._task.by_class(y_true, ops), y_pred.dtype)
        known = ops.cast(ops.any(truth > 0, axis=-1, keepdims=True), y_pred.dtype)
        if not self._task.exclusive:
            known = ops.ones_like(known)  # none of several classes is an answer as well
        of = truth.shape[-1] if self._task.exclusive else 2
        truth = known * (truth * (1 - self._smoothing) + self._smoothing / of)
        outputs = y_pred
        if self._probabilities:
            turned = ops.softmax if self._task.exclusive else ops.sigmoid
            outputs = known * turned(y_pred)
        value = self._loss(truth, outputs, sample_weight)
        return value if self._probabilities else value / ops.maximum(ops.mean(known), 1e-7)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Never called: the wrapped loss sums up by itself."""
        raise NotImplementedError


class IdLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """A loss that is given ids and the probabilities of classes.

    What is of no known class, such as the pixels that a mask ignores, adds nothing to it: it is
    given as a class that is surely right.
    """

    def __init__(self, loss: Any, task: Task) -> None:
        super().__init__(name=loss.name)
        self._loss = loss
        self._task = task

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the loss of a batch."""
        ops = keras.ops
        truth = ops.cast(self._task.by_class(y_true, ops), y_pred.dtype)
        known = ops.any(truth > 0, axis=-1, keepdims=True)
        ids = ops.argmax(truth, axis=-1)  # 0 where none is known
        sure = ops.one_hot(ops.zeros_like(ids), truth.shape[-1], dtype=y_pred.dtype)
        value = self._loss(ids, ops.where(known, ops.softmax(y_pred), sure), sample_weight)
        return value / ops.maximum(ops.mean(ops.cast(known, y_pred.dtype)), 1e-7)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Never called: the wrapped loss sums up by itself."""
        raise NotImplementedError


class PointLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """A loss of numbers, as one of the places of points; those that are absent add nothing."""

    def __init__(self, loss: Any) -> None:
        super().__init__(name=loss.name)
        self._loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the mean over a batch of the means over the points of each sample."""
        ops = keras.ops
        places, known = split(y_true, ops)
        each = self._loss.call(places, paired(y_pred, ops))
        return ops.mean(mean_of_known(each, known, ops))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Never called: the sum is over known points."""
        raise NotImplementedError


def make_loss(loss: Loss | KerasClass | None, task: Task, *, smoothing: float = 0.0) -> Any:
    """Returns a task's loss, or the one that was chosen, as one of Keras.

    Args:
      smoothing: share of the truth that is spread over all classes alike, in [0, 1); 0 of a task
        without classes and with a loss of ids, see `fitting.check_fit`.

    Raises:
      TrainError: the loss is given what it does not take.
    """
    if isinstance(loss, KerasClass):
        return _of_keras(loss, task, smoothing)
    if not smoothing:
        own = task.loss() if loss is None else loss
        return PluginLoss(own) if isinstance(own, Loss) else own
    if loss is None:
        return ClassLoss(_cross_entropy(task), task, smoothing=smoothing, probabilities=False)
    soft = replace(loss, soft=True) if isinstance(loss, LossOfTwo) else loss
    return ClassLoss(PluginLoss(soft), task, smoothing=smoothing, probabilities=False)


def _of_keras(loss: KerasClass, task: Task, smoothing: float) -> Any:
    made = loss.make(from_logits=True, ignore_class=getattr(task.target, "ignore", None))
    of_ids = loss.use in IDS
    if task.exclusive is None or of_ids:
        if isinstance(task, Locate):
            return PointLoss(made)
        takes_logits = "from_logits" in inspect.signature(type(made)).parameters
        return IdLoss(made, task) if of_ids and not takes_logits else made
    probabilities = "from_logits" not in inspect.signature(type(made)).parameters
    # A hinge is of scores on either side of 0.
    probabilities = probabilities and "hinge" not in loss.use
    return ClassLoss(made, task, smoothing=smoothing, probabilities=probabilities)


def _cross_entropy(task: Task) -> Any:
    if task.exclusive:
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return keras.losses.BinaryCrossentropy(from_logits=True)
