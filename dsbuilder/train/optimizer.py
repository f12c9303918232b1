"""The optimizer of a phase: one of Keras by its name, and what is done to gradients around it."""

from typing import Any

import keras

from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import OptimizerOptions
from dsbuilder.train.lookup import KerasClass


def make_optimizer(
    chosen: KerasClass, options: OptimizerOptions, *, learning_rate: float, scaled: bool
) -> Any:
    """Returns a new optimizer.

    Args:
      scaled: whether the loss is scaled, as float16 needs it: by as much as its gradients stay
        finite with, which is found while it trains.

    Raises:
      TrainError: an option is not one of the optimizer's.
    """
    fixed: dict[str, Any] = {"learning_rate": learning_rate}
    clipped = {
        "clipnorm": options.clip_norm,
        "clipvalue": options.clip_value,
        "global_clipnorm": options.global_clip_norm,
    }
    fixed.update({name: value for name, value in clipped.items() if value is not None})
    if options.accumulate > 1:
        fixed["gradient_accumulation_steps"] = options.accumulate
    if options.average is not None:
        # Keras averages after every batch, whether or not that one changed a weight.
        momentum = options.average ** (1 / options.accumulate)
        fixed.update({"use_ema": True, "ema_momentum": momentum})
    made = chosen.make(fixed)
    return keras.optimizers.LossScaleOptimizer(made) if scaled else made


def check_accumulated(options: OptimizerOptions, *, steps: int) -> None:
    """Checks that every epoch changes weights.

    Raises:
      TrainError: gradients of more batches are added up than an epoch has.
    """
    if options.accumulate > steps:
        raise TrainError(
            f"train.optimizer.accumulate: expected at most the {steps} batches of an epoch, found "
            f"{options.accumulate}. Take smaller batches, or add up fewer."
        )


def unscaled(optimizer: Any) -> Any:
    """Returns the optimizer itself of one that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)
