"""What a kind of target is trained for: its loss and its metrics, from logits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from dsbuilder.errors import TrainError
from dsbuilder.sample import SampleSpec
from dsbuilder.targets import ClassLabel


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is minimised, and what is reported beside it.

    Attributes:
      outputs: values that the model yields for one sample.
      loss: of (targets, logits).
      metrics: of the same.
    """

    outputs: int
    loss: Any
    metrics: Sequence[Any]


def _of_class(target: Any) -> Objective:
    """Cross-entropy from logits: softmax and logarithm in one, which stays finite far out.

    The accuracy of a soft target is the share of samples whose dominant class comes out on top.
    """
    if target.soft:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    return Objective(outputs=len(target.names), loss=loss, metrics=(accuracy,))


OBJECTIVES: Mapping[str, Callable[[Any], Objective]] = {ClassLabel.kind: _of_class}
"""By kind of target; a kind that is not here cannot be trained yet."""


def objective_of(signature: SampleSpec) -> Objective:
    """Returns what a model for a signature is trained for.

    Raises:
      TrainError: the signature does not have exactly one target, or one of a kind without a loss.
    """
    if len(signature.targets) != 1:
        found = ", ".join(signature.targets) or "none"
        raise TrainError(f"train: expected one target, found {found}. Train on another dataset.")
    ((name, target),) = signature.targets.items()
    if target.kind not in OBJECTIVES:
        raise TrainError(
            f"train: no built-in loss yet for the target '{name}' of kind '{target.kind}', "
            f"only for: {', '.join(OBJECTIVES)}."
        )
    return OBJECTIVES[target.kind](target)
