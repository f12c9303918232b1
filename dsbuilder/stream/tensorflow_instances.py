"""The masks of instances by native ops: run lengths -> a mask an object, or one map of all."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dsbuilder.stream.tensorflow_order import Batch

Size = tuple[int, int]


def masks(parts: Batch, size: Size) -> Batch:
    """Returns the columns of instances with `masks` uint8 `(B, n, H, W)` of 0 and 1.

    Args:
      parts: the columns as they are stored, `masks` as run lengths int64 `(B, r)`; padding is
        negative, and counts as runs of no length.
      size: (height, width).
    """
    return {**parts, "masks": _of_each(parts, size, lambda found: found, (None, *size), tf.uint8)}


def ids(parts: Batch, size: Size) -> Batch:
    """Returns the columns of instances with `ids` int32 `(B, H, W)` in place of `masks`.

    A pixel has the number of its object, from 1 on as the other columns have them, or 0. Where
    objects cover each other it is of the one with the fewest pixels, as in a mask of classes; of
    equal ones the last.
    """
    rest = {name: part for name, part in parts.items() if name != "masks"}
    return {**rest, "ids": _of_each(parts, size, _mapped, size, tf.int32)}


def _of_each(
    parts: Batch,
    size: Size,
    made: Callable[[tf.Tensor], tf.Tensor],
    shape: tuple[int | None, ...],
    dtype: tf.DType,
) -> tf.Tensor:
    """Returns what is made of the masks `(n, H, W)` of each sample, one sample at a time."""
    most = tf.shape(parts["label"])[1]
    found = tf.map_fn(
        lambda runs: made(_decoded(runs, most, size)),
        parts["masks"],
        fn_output_signature=tf.TensorSpec(shape, dtype),
        parallel_iterations=1,
    )
    return tf.ensure_shape(found, [parts["masks"].shape[0], *shape])


def _decoded(runs: tf.Tensor, count: tf.Tensor, size: Size) -> tf.Tensor:
    """Returns the masks `(count, H, W)` of the runs of a sample, those it has not are empty."""
    lengths = tf.cast(tf.maximum(runs, 0), tf.int32)
    rest = count * size[0] * size[1] - tf.reduce_sum(lengths)
    values = tf.range(tf.size(lengths)) & 1
    # A run as a range of even or odd numbers: native, of which `tf.repeat` makes a table instead.
    starts = tf.concat([values, [0]], axis=0)
    limits = starts + 2 * tf.concat([lengths, [rest]], axis=0)
    flat = tf.raw_ops.RaggedRange(starts=starts, limits=limits, deltas=2).rt_dense_values
    return tf.reshape(tf.cast(flat & 1, tf.uint8), [-1, *size])


def _mapped(found: tf.Tensor) -> Any:
    """Returns the number of the object that each pixel `(H, W)` is of."""
    areas = tf.reduce_sum(tf.cast(found, tf.int32), axis=[1, 2])
    order = tf.argsort(areas, direction="DESCENDING", stable=True)
    places = tf.range(1, tf.size(order) + 1)[:, None, None]
    above = tf.reduce_max(tf.cast(tf.gather(found, order), tf.int32) * places, axis=0)
    return tf.gather(tf.concat([[0], order + 1], axis=0), tf.maximum(above, 0))
