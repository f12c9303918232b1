"""What a sample counts for in the loss by its class, so that rare classes are not passed over."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dsbuilder.errors import TrainError, did_you_mean
from dsbuilder.pipelinefile.training import ClassWeight
from dsbuilder.plugin import ClassLabel, Target


def fault(wanted: ClassWeight, target: Target) -> str | None:
    """Returns what is wrong with weights of classes; None if nothing is."""
    if not isinstance(target, ClassLabel):
        return f"expected a target of one class to weigh, found {target}. Leave it out."
    if isinstance(wanted, str):
        return None
    for name in wanted:
        if name not in target.names:
            return f"unknown class '{name}'.{did_you_mean(name, target.names)}"
    return None


def weights_of(
    wanted: ClassWeight, target: ClassLabel, counts: Callable[[], np.ndarray]
) -> np.ndarray:
    """Returns the weight of each class, float32 `(num_classes,)`.

    Balanced weights are in inverse proportion to the samples of a class, and 1 in the mean of all
    samples; classes that have none weigh 1.

    Args:
      counts: counts the samples of each class.

    Raises:
      TrainError: no sample is of any class.
    """
    if not isinstance(wanted, str):
        return np.array([wanted.get(name, 1.0) for name in target.names], np.float32)
    found = counts()
    there = found > 0
    if not there.any():
        raise TrainError("class_weight: expected samples of some class, found none of any.")
    weights = np.ones(len(found))
    weights[there] = found.sum() / (there.sum() * found[there])
    return weights.astype(np.float32)


def weigh(truth: Any, weights: np.ndarray, ops: Any = None) -> Any:
    """Returns what each sample of a batch counts for, float32 `(B,)`.

    Args:
      truth: ids `(B,)`, or weights of classes `(B, num_classes)`.
      ops: `keras.ops` where it runs in a step; None in the stream, with functions of TensorFlow.
    """
    if ops is not None:
        found = ops.convert_to_tensor(weights)
        if len(truth.shape) > 1:
            return ops.sum(ops.cast(truth, "float32") * found, axis=-1)
        return ops.take(found, truth)
    import tensorflow as tf

    table = tf.constant(weights)
    if len(truth.shape) > 1:
        return tf.linalg.matvec(tf.cast(truth, tf.float32), table)
    return tf.gather(table, truth)
