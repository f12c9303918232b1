"""Optimizers of Keras by name."""

import inspect
import re
from collections.abc import Mapping
from typing import Any

import keras

from dsbuilder.errors import TrainError, did_you_mean
from dsbuilder.pipelinefile.schema import OptimizerOptions


def make_optimizer(options: OptimizerOptions, *, learning_rate: float) -> Any:
    """Returns a new optimizer.

    Raises:
      TrainError: Keras has none of that name, or it does not take one of the options.
    """
    known = optimizers()
    if options.use not in known:
        hint = did_you_mean(options.use, known)
        raise TrainError(f"train.optimizer: unknown optimizer '{options.use}'.{hint}")
    cls = known[options.use]
    taken = set(inspect.signature(cls).parameters) - {"learning_rate", "kwargs", "name"}
    for option in options.options:
        if option not in taken:
            raise TrainError(
                f"train.optimizer.options: unknown option '{option}' of {options.use}."
                f"{did_you_mean(option, taken)}"
            )
    try:
        return cls(learning_rate=learning_rate, **options.options)
    except (ValueError, TypeError) as error:
        raise TrainError(f"train.optimizer: {options.use}: {error}") from error


def optimizers() -> Mapping[str, type]:
    """Returns the optimizers of Keras by their name in snake case."""
    base = keras.optimizers.Optimizer
    return {
        _snake(name): cls
        for name, cls in vars(keras.optimizers).items()
        if inspect.isclass(cls) and issubclass(cls, base) and cls is not base
    }


def _snake(name: str) -> str:
    """Adam -> adam, AdamW -> adamw, SGD -> sgd, LossScaleOptimizer -> loss_scale_optimizer."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name).lower()
