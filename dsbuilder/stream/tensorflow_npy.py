"""The npy codec by native ops: the rows of a batch are gathered from the memory map.

Images never pass through Python: the mapped file is seen as a tensor through dlpack, without a
copy, and `tf.gather` reads the rows of a batch from it. A gathered batch is memory of its own, so
nothing that is kept can change. Several shards are mapped as one array; where that cannot be, each
is gathered from by itself, and the rows are put back in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from dsbuilder.cache.npy import NpyCodec, load_array
from dsbuilder.cache.npy_joined import join_rows
from dsbuilder.records.arrays import row_splits
from dsbuilder.stream.columns import PADDING
from dsbuilder.stream.reading import Reading
from dsbuilder.stream.tensorflow_order import Batch, Native, Ordered


@dataclass(frozen=True)
class MappedRows:
    """The rows of an array of a split, as they lie in its shards.

    Attributes:
      arrays: one that holds all shards, or one of each.
      starts: int64 `(shards,)`, the place in the split of each shard's first row.
      first: int64 `(shards,)`, the row at which it lies in its array.
    """

    arrays: Sequence[tf.Tensor]
    starts: np.ndarray
    first: np.ndarray

    def gather(self, places: tf.Tensor) -> tf.Tensor:
        """Returns the rows at int64 `(B,)` places."""
        if len(self.starts) == 1:
            return tf.gather(self.arrays[0], places)
        shard = tf.searchsorted(self.starts, places, side="right") - 1
        row = places + tf.gather(self.first - self.starts, shard)
        if len(self.arrays) == 1:
            return tf.gather(self.arrays[0], row)
        count = len(self.arrays)
        rows = tf.dynamic_partition(row, shard, count)
        order = tf.dynamic_partition(tf.range(tf.size(places)), shard, count)
        parts = [tf.gather(each, own) for each, own in zip(self.arrays, rows, strict=True)]
        shape = [places.shape[0], *self.arrays[0].shape[1:]]
        return tf.ensure_shape(tf.dynamic_stitch(order, parts), shape)


@dataclass(frozen=True)
class Rows:
    """The open arrays of a split.

    Attributes:
      mapped: image `(n, H, W, C)` and each mask `(n, H, W)`, by the names of a batch.
      columns: what else every sample of the split has as much of.
      ragged: what they have any number of, as ragged tensors, each with what pads it.
    """

    mapped: Mapping[str, MappedRows]
    columns: Batch
    ragged: Mapping[str, tuple[tf.RaggedTensor, Any]]

    def gather(self, places: tf.Tensor) -> Batch:
        """Returns the samples at int64 `(B,)` places."""
        batch = {name: tf.gather(column, places) for name, column in self.columns.items()}
        for name, rows in self.mapped.items():
            batch[name] = rows.gather(places)
        for name, (values, padding) in self.ragged.items():
            batch[name] = tf.gather(values, places).to_tensor(padding)
        return batch


def open_rows(reading: Reading) -> Rows:
    """Maps the shards of a split.

    Raises:
      CacheError: a file is missing, cut, or not an array.
    """
    masks = {each for each in reading.columns if each.feature.kind == "mask"}
    ragged = {each for each in reading.columns if each.feature.is_ragged}
    plain = {each.name: each.stored for each in reading.columns if each not in masks | ragged}
    mapped = {each.name: each.stored for each in masks}
    mapped.update({"image": "image"} if reading.pixels else {})
    return Rows(
        mapped={name: _mapped(reading, array) for name, array in mapped.items()},
        columns={
            name: tf.constant(_joined(reading, array))
            for name, array in {**plain, **({"key": "key"} if reading.keys else {})}.items()
        },
        ragged={
            each.name: (_ragged(reading, each.stored), PADDING[each.feature.dtype])
            for each in ragged
        },
    )


def _joined(reading: Reading, array: str) -> np.ndarray:
    return np.concatenate([load_array(path) for path in _paths(reading, array)])


def _ragged(reading: Reading, array: str) -> tf.RaggedTensor:
    lengths = [np.diff(load_array(path)) for path in _paths(reading, row_splits(array))]
    return tf.RaggedTensor.from_row_lengths(_joined(reading, array), np.concatenate(lengths))


def _paths(reading: Reading, array: str) -> list[Path]:
    dataset = reading.dataset
    codec = dataset.codec
    if not isinstance(codec, NpyCodec):
        raise TypeError(f"expected the npy codec, found {codec.name}")
    place = codec.arrays.index(array)
    return [dataset.path / codec.files(shard.stem)[place] for shard in reading.shards]


def _mapped(reading: Reading, array: str) -> MappedRows:
    paths = _paths(reading, array)
    counts = [shard.samples for shard in reading.shards]
    starts = np.cumsum([0, *counts[:-1]], dtype=np.int64)
    joined = join_rows(paths)
    if joined is not None:
        return MappedRows([_tensor(joined.values)], starts, joined.first)
    apart = [_tensor(np.asarray(load_array(path, writable=True))) for path in paths]
    return MappedRows(apart, starts, np.zeros_like(starts))


def _tensor(array: np.ndarray) -> tf.Tensor:
    """Returns a view of an array, which dlpack wants to be one that could be written to."""
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def native(reading: Reading) -> Native:
    """Opens a split.

    Raises:
      CacheError: a file is missing, cut, or not an array.
    """
    ordered = Ordered(reading)
    return Native(picks=ordered.batches, load=open_rows(reading).gather, owner=ordered)
