"""Metrics in the form in which Keras computes them while a model trains.

A metric is defined once, in numpy's words (`plugin/training.py`). Here the rows that it collects of
a batch go into a variable, in whatever way the backend runs a step, and its number is computed in
numpy when an epoch ends: so it equals what `evaluate` says of the same model and split.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from dsbuilder.plugin import Metric
from dsbuilder.tasks import Task, collected
from dsbuilder.train.lookup import ChosenHead, KerasClass


class WatchedMetric(keras.metrics.Metric):  # type: ignore[misc]  # Keras has no types
    """A metric of ours, as one of Keras: it keeps an epoch's rows.

    Within a traced step there are no numbers yet: the mean so far stands for a metric that is one,
    and not a number for any other.
    """

    def __init__(self, metric: Metric, *, name: str, width: int, capacity: int) -> None:
        """Makes a metric that has seen nothing.

        Args:
          width: numbers in a row.
          capacity: number of rows of the longest split: its samples, or its batches of a metric
            that adds up.
        """
        super().__init__(name=name, dtype="float32")
        self._metric = metric
        self._rows = self.add_variable((capacity, width), "zeros", name="rows")
        self._filled = self.add_variable((), "zeros", dtype="int32", name="filled")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds the rows of a batch."""
        rows = keras.ops.cast(collected(self._metric, y_true, y_pred, keras.ops), "float32")
        place = keras.ops.stack([self._filled.value, 0])
        self._rows.assign(keras.ops.slice_update(self._rows.value, place, rows))
        self._filled.assign_add(keras.ops.shape(rows)[0])

    def result(self) -> Any:
        """Returns the number of the rows so far."""
        filled = _concrete(self._filled.value)
        if filled is not None:
            rows = keras.ops.convert_to_numpy(self._rows.value)[: int(filled)]
            return self._metric.result(rows) if len(rows) else 0.0
        if type(self._metric).result is not Metric.result:
            return keras.ops.convert_to_tensor(float("nan"))
        count = keras.ops.maximum(self._filled.value, 1) * self._rows.shape[1]
        return keras.ops.sum(self._rows.value) / keras.ops.cast(count, "float32")


def _concrete(value: Any) -> np.ndarray | None:
    """Returns a tensor's value; None while a step is traced."""
    try:
        return np.asarray(keras.ops.convert_to_numpy(value))
    except (NotImplementedError, TypeError):  # TensorFlow's and JAX's word for no value yet
        return None


def make_metrics(
    task: Task,
    chosen: ChosenHead,
    *,
    truth: np.ndarray,
    outputs: np.ndarray,
    samples: int,
    batches: int,
) -> list[Any]:
    """Returns what is watched of a head while it trains.

    Args:
      truth, outputs: a batch of one sample, of whatever values.
      samples: number of samples of the longest split.
      batches: number of its batches.
    """
    watched: list[Any] = []
    for name, metric in {**task.metrics, **chosen.metrics}.items():
        if isinstance(metric, KerasClass):
            watched.append(_of_keras(metric, name, task))
            continue
        capacity = batches if metric.adds_up else samples
        width = np.asarray(collected(metric, truth, outputs, np)).shape[1]
        watched.append(WatchedMetric(metric, name=name, width=width, capacity=capacity))
    return watched


class OfProbabilities(keras.metrics.Metric):  # type: ignore[misc]  # Keras has no types
    """A metric of Keras that is of probabilities, given those that logits stand for.

    Given logits, what is said over a half would be what has a probability over 0.62.
    """

    def __init__(self, metric: Any, *, exclusive: bool) -> None:
        """Wraps a metric.

        Args:
          exclusive: whether one class excludes the others.
        """
        super().__init__(name=metric.name, dtype="float32")
        self._metric = metric
        self._turned = keras.ops.softmax if exclusive else keras.ops.sigmoid

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        outputs = keras.ops.convert_to_tensor(y_pred)
        self._metric.update_state(y_true, self._turned(outputs), sample_weight=sample_weight)

    def result(self) -> Any:
        """Returns the number so far."""
        return self._metric.result()

    def reset_state(self) -> None:
        """Begins anew."""
        self._metric.reset_state()


def _of_keras(metric: KerasClass, name: str, task: Task) -> Any:
    """Returns a metric of Keras that takes what a head yields."""
    made = metric.make({"name": name}, from_logits=True)
    takes_logits = "from_logits" in inspect.signature(type(made)).parameters
    # A hinge is of scores on either side of 0.
    if task.exclusive is None or takes_logits or "hinge" in metric.use:
        return made
    return OfProbabilities(made, exclusive=task.exclusive)


def make_further(
    metrics: Mapping[str, Any], task: Task
) -> tuple[dict[str, Metric], dict[str, Any]]:
    """Returns what was watched beside a task's metrics: those of ours, and those of Keras made."""
    ours = {name: each for name, each in metrics.items() if isinstance(each, Metric)}
    keras_ones = {
        name: _of_keras(each, name, task)
        for name, each in metrics.items()
        if isinstance(each, KerasClass)
    }
    return ours, keras_ones
