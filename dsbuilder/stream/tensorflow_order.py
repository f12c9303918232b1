"""Order by (seed, epoch), as native ops that also take an epoch which is only a tensor.

`Dataset.shuffle` would do, were it not for TensorFlow's global seed: it changes every order, and
after `tf.random.set_seed(0)` a seed that is a tensor fails. The raw op is given both seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import tensorflow as tf

from dsbuilder.seeding import rank
from dsbuilder.stream.reading import Reading

Batch = dict[str, tf.Tensor]
"""What one batch holds: `image`, each target by its name, and `key` where keys are asked for."""


@dataclass(frozen=True, kw_only=True)
class Native:
    """How a codec makes batches without Python.

    What decides the order is cheap and runs once after the other; what costs is apart, so that it
    runs in parallel, across the end of an epoch too.

    Attributes:
      picks: function from an epoch (int64 scalar) to the dataset of what makes up each of its
        batches.
      load: function from one of these to the batch.
    """

    picks: Callable[[tf.Tensor], tf.data.Dataset]
    load: Callable[[tf.Tensor], Batch]


def keyed_seed(reading: Reading, what: str, epoch: tf.Tensor) -> tf.Tensor:
    """Returns the int64 `(2,)` seed of an epoch for one purpose.

    Args:
      epoch: int64 scalar.
    """
    # Half of rank's range: a seed is a signed integer.
    parts = [rank(reading.seed, "shuffle", reading.split, what, i) >> 1 for i in (0, 1)]
    seed = tf.constant(parts, tf.int64)
    return tf.random.experimental.stateless_fold_in(seed, epoch)


def permutation(count: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns int64 `(count,)`: 0 to `count` - 1 in the order of a seed."""
    places = tf.range(count, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(places, seed=seed, alg="philox")


def shuffled(dataset: tf.data.Dataset, buffer: int, seed: tf.Tensor) -> tf.data.Dataset:
    """Returns a dataset of scalars shuffled among `buffer` elements, by the seed alone."""
    spec = dataset.element_spec
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=tf.constant(buffer, tf.int64),
        seed=seed[0],
        seed2=seed[1],
        reshuffle_each_iteration=False,
        output_types=[spec.dtype],
        output_shapes=[spec.shape],
    )
    return tf.data.experimental.from_variant(variant, spec)


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
