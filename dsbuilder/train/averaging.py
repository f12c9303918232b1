"""Averages of weights, in place of the weights, while a model is measured or saved for use.

Polyak and Juditsky (1992), here as an exponential moving average that the optimizer of Keras keeps.
Keras would put it into the model only when a training ends. What is trained on, and what
`last.keras` holds to go on with, are the weights themselves. Statistics of batch normalization are
moving averages anyway and are not averaged again.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from dsbuilder.train.optimizer import unscaled


@contextlib.contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Puts the averages into a model for as long as the block runs; bit for bit the same after."""
    if not _averages(model):
        yield
        return
    kept = _exchange(model, None)
    try:
        yield
    finally:
        _exchange(model, kept)


class Averaging(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Measures the averages on validation, and leaves the weights as they were trained."""

    def __init__(self) -> None:
        super().__init__()
        self._measured = contextlib.ExitStack()
        self._last: list[Any] | None = None

    def on_test_begin(self, logs: Any = None) -> None:
        """Puts the averages into the model."""
        self._measured.enter_context(averaged(self.model))

    def on_test_end(self, logs: Any = None) -> None:
        """Puts the weights back."""
        self._measured.close()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Takes down the weights, which Keras overwrites with the averages at the very end."""
        if _averages(self.model):
            self._last = [
                _value(each) for each in unscaled(self.model.optimizer)._trainable_variables
            ]

    def on_train_end(self, logs: Any = None) -> None:
        """Puts the weights back that Keras has overwritten."""
        if self._last is not None:
            _exchange(self.model, self._last)


def _averages(model: keras.Model) -> list[Any]:
    """Returns the averages of the weights that are trained; none where none are kept."""
    optimizer = unscaled(model.optimizer)
    return list(optimizer._model_variables_moving_average) if optimizer.use_ema else []


def _exchange(model: keras.Model, values: list[Any] | None) -> list[Any]:
    """Sets the trained weights, to the averages where `values` is None; returns what they were."""
    weights = unscaled(model.optimizer)._trainable_variables
    before = [_value(each) for each in weights]
    new = [_value(each) for each in _averages(model)] if values is None else values
    for weight, value in zip(weights, new, strict=True):
        weight.assign(value)
    return before


def _value(variable: Any) -> Any:
    return keras.ops.convert_to_numpy(variable).copy()
