"""What a kind of target is trained for: its loss and its metrics, from logits or numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from dsbuilder.sample import ImageSpec, SampleSpec
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Value
from dsbuilder.train.units import StandardSquaredError, Units


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is minimised, and what is reported beside it.

    Attributes:
      outputs: the shape of what the model yields for one sample.
      loss: of (targets, outputs).
      metrics: of the same.
    """

    outputs: tuple[int | None, ...]
    loss: Any
    metrics: Sequence[Any]


def _of_class(target: ClassLabel, image: ImageSpec) -> Objective:
    """Cross-entropy from logits: softmax and logarithm in one, which stays finite far out.

    The accuracy of a soft target is the share of samples whose dominant class comes out on top.
    """
    if target.soft:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    return Objective(outputs=(len(target.names),), loss=loss, metrics=(accuracy,))


@keras.saving.register_keras_serializable(package="dsbuilder")  # type: ignore[untyped-decorator]
def agreement(truth: Any, logits: Any) -> Any:
    """Returns the share of classes that each sample rightly has or has not, from logits."""
    same = keras.ops.equal(truth >= 0.5, logits > 0)
    return keras.ops.mean(keras.ops.cast(same, "float32"), axis=-1)


def _of_multi_label(target: MultiLabel, image: ImageSpec) -> Objective:
    """Cross-entropy of each class by itself; the mean over classes of average precision."""
    accuracy = keras.metrics.MeanMetricWrapper(agreement, name="accuracy")
    precision = keras.metrics.AUC(
        curve="PR",
        name="average_precision",
        multi_label=True,
        num_labels=len(target.names),
        from_logits=True,
    )
    return Objective(
        outputs=(len(target.names),),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=(accuracy, precision),
    )


def _of_value(target: Value, image: ImageSpec) -> Objective:
    """The mean squared error; `objective_of` counts it in the units of the train split."""
    return Objective(
        outputs=(target.size or 1,),
        loss=keras.losses.MeanSquaredError(),
        metrics=(keras.metrics.MeanAbsoluteError(name="mean_absolute_error"),),
    )


def _of_mask(target: Mask, image: ImageSpec) -> Objective:
    """Cross-entropy from logits of every pixel that is of a known class."""
    classes = len(target.names)
    return Objective(
        outputs=(image.height, image.width, classes),
        loss=keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=target.ignore
        ),
        metrics=(
            keras.metrics.MeanIoU(
                classes, name="mean_iou", ignore_class=target.ignore, sparse_y_pred=False
            ),
        ),
    )


OBJECTIVES: Mapping[str, Callable[[Any, ImageSpec], Objective]] = {
    ClassLabel.kind: _of_class,
    MultiLabel.kind: _of_multi_label,
    Value.kind: _of_value,
    Mask.kind: _of_mask,
}
"""By kind of target, of those that `fitting.py` lets be trained."""


def objective_of(signature: SampleSpec, units: Units | None = None) -> Objective:
    """Returns what a model is trained for, whose signature `fitting.check_fit` returned.

    Args:
      units: in which errors of numbers count; None for their own.
    """
    (target,) = signature.targets.values()
    made = OBJECTIVES[target.kind](target, signature.image)
    if units is None:
        return made
    return replace(made, loss=StandardSquaredError(list(units.deviation)))
