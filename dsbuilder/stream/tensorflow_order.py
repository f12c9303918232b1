"""The order of `order.py` as datasets, and what counts their iterations.

An epoch's order is asked of numpy once, as it begins; what follows of a stream without stages is
native ops.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import tensorflow as tf

from dsbuilder.stream import order
from dsbuilder.stream.reading import Reading
from dsbuilder.stream.tensorflow_handover import weakly

Batch = dict[str, tf.Tensor]
"""What one batch holds: `image`, each target by its name, and `key` where keys are asked for."""


@dataclass(frozen=True, kw_only=True)
class Native:
    """How a codec makes batches without stages.

    What decides the order is cheap and runs once after the other; what costs is apart, so that it
    runs in parallel, across the end of an epoch too.

    Attributes:
      picks: function from an epoch (int64 scalar) to the dataset of what makes up each of its
        batches.
      load: function from one of these to the batch.
      owner: what both need to be kept; see `tensorflow_handover.kept`.
      failed: function that returns what a batch could not be made for, if that is known.
    """

    picks: Callable[[tf.Tensor], tf.data.Dataset]
    load: Callable[[tf.Tensor], Batch]
    owner: Any
    failed: Callable[[], Exception | None] = lambda: None


class Ordered:
    """The batches of places of a split's epochs."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def batches(self, epoch: tf.Tensor) -> tf.data.Dataset:
        """Returns the places of each batch of an epoch, int64 `(B,)`."""
        places = tf.numpy_function(weakly(self._places), [epoch], tf.int64, stateful=False)
        places = tf.ensure_shape(places, [self._reading.num_samples])
        return grouped(self._reading, tf.data.Dataset.from_tensor_slices(places))

    def _places(self, epoch: np.int64) -> np.ndarray:
        return order.picks(self._reading, int(epoch))[:, 0]


def grouped(reading: Reading, elements: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset of scalars in batches."""
    return elements.batch(reading.batch_size, drop_remainder=reading.drop_remainder)


def counted() -> tf.data.Dataset:
    """Returns a dataset of one int64 scalar: 0 in the first iterator that reads it, then 1, 2, ...

    A native op counts, so that there is nothing of Python in a stream without stages.
    """
    # By name, not a `tf.Variable`: within a strategy's scope that would be mirrored on its devices.
    name = f"dsbuilder/iterations/{uuid4()}"

    def iterations() -> tf.Tensor:
        return tf.raw_ops.VarHandleOp(dtype=tf.int64, shape=[], shared_name=name)

    with tf.init_scope(), tf.device("CPU:0"):
        tf.raw_ops.AssignVariableOp(resource=iterations(), value=tf.constant(0, tf.int64))

    def count_up(_: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.ResourceCountUpTo(resource=iterations(), limit=2**62, T=tf.int64)

    return tf.data.Dataset.from_tensors(0).map(tf.autograph.experimental.do_not_convert(count_up))
