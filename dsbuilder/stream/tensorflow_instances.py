"""The masks of instances by native ops: run lengths -> a mask an object, or one map of all.

Pixels are counted through the masks of all objects of a sample, of which there may be more than
int32 holds.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dsbuilder.stream.tensorflow_order import Batch

Size = tuple[int, int]

_AT_ONCE = 1 << 20
"""Pixels of objects that are laid on a map at a time: of more, those of a crowded image fill the
memory."""


def masks(parts: Batch, size: Size) -> Batch:
    """Returns the columns of instances with `masks` uint8 `(B, n, H, W)` of 0 and 1.

    Args:
      parts: the columns as they are stored, `masks` as run lengths int64 `(B, r)`; padding is
        negative, and counts as runs of no length.
      size: (height, width).
    """
    return {**parts, "masks": _of_each(parts, _decoded, size, (None, *size), tf.uint8)}


def ids(parts: Batch, size: Size) -> Batch:
    """Returns the columns of instances with `ids` int32 `(B, H, W)` in place of `masks`.

    A pixel has the number of its object, from 1 on as the other columns have them, or 0. Where
    objects cover each other it is of the one with the fewest pixels, as in a mask of classes; of
    equal ones the last.
    """
    rest = {name: part for name, part in parts.items() if name != "masks"}
    return {**rest, "ids": _of_each(parts, _mapped, size, size, tf.int32)}


def _of_each(
    parts: Batch,
    made: Callable[[tf.Tensor, tf.Tensor, Size], tf.Tensor],
    size: Size,
    shape: tuple[int | None, ...],
    dtype: tf.DType,
) -> tf.Tensor:
    """Returns what is made of the run lengths of each sample, one sample at a time."""
    most = tf.shape(parts["label"], out_type=tf.int64)[1]
    found = tf.map_fn(
        lambda runs: made(tf.maximum(runs, 0), most, size),
        parts["masks"],
        fn_output_signature=tf.TensorSpec(shape, dtype),
        parallel_iterations=1,
    )
    return tf.ensure_shape(found, [parts["masks"].shape[0], *shape])


def _decoded(lengths: tf.Tensor, count: tf.Tensor, size: Size) -> tf.Tensor:
    """Returns the masks `(count, H, W)` of the runs of a sample, those it has not are empty."""
    rest = count * size[0] * size[1] - tf.reduce_sum(lengths)
    values = tf.range(tf.size(lengths, tf.int64)) & 1
    # A run as a range of even or odd numbers: native, of which `tf.repeat` makes a table instead.
    starts = tf.concat([values, [0]], axis=0)
    limits = starts + 2 * tf.concat([lengths, [rest]], axis=0)
    flat = tf.raw_ops.RaggedRange(
        starts=starts, limits=limits, deltas=tf.constant(2, tf.int64)
    ).rt_dense_values
    return tf.reshape(tf.cast(flat, tf.uint8) & 1, [-1, *size])


def _mapped(lengths: tf.Tensor, count: tf.Tensor, size: Size) -> Any:
    """Returns the number of the object that each pixel `(H, W)` is of.

    Laid on the map are only the pixels that objects cover, some at a time, each by the rank of its
    object: the fewer pixels that has, the higher.
    """
    pixels = size[0] * size[1]
    starts, ends = _ones(lengths, count, pixels)
    objects = starts // pixels
    areas = tf.math.unsorted_segment_sum(ends - starts, objects, count)
    order = tf.argsort(areas, direction="DESCENDING", stable=True)
    ranks = tf.cast(tf.math.invert_permutation(order), tf.int64) + 1
    first = tf.gather(ranks, objects) * pixels + starts % pixels
    last = first + ends - starts
    covered = tf.cumsum(ends - starts)
    parts = tf.range(tf.reduce_sum(ends - starts) // _AT_ONCE + 2) * _AT_ONCE
    bounds = tf.searchsorted(covered, parts)

    def laid(below: tf.Tensor, bound: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        some = slice(*bound)
        ranked = tf.raw_ops.RaggedRange(
            starts=first[some], limits=last[some], deltas=tf.constant(1, tf.int64)
        ).rt_dense_values
        above = tf.cast(ranked // pixels, tf.int32)
        return tf.tensor_scatter_nd_max(below, (ranked % pixels)[:, None], above)

    flat = tf.foldl(
        laid, (bounds[:-1], bounds[1:]), tf.zeros([pixels], tf.int32), parallel_iterations=1
    )
    return tf.reshape(tf.gather(tf.concat([[0], order + 1], axis=0), flat), size)


def _ones(lengths: tf.Tensor, count: tf.Tensor, pixels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns starts and ends of the runs of ones, cut where an object ends: none is of two."""
    ends = tf.cumsum(lengths)
    cuts = tf.sort(tf.concat([ends, tf.range(1, count + 1) * pixels], axis=0))
    starts = tf.concat([[0], cuts[:-1]], axis=0)[: tf.size(cuts)]
    is_one = tf.searchsorted(ends, starts, side="right") & 1 == 1
    kept = is_one & (starts < cuts) & (starts < tf.reduce_sum(lengths))
    return tf.boolean_mask(starts, kept), tf.boolean_mask(cuts, kept)
