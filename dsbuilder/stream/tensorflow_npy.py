"""The npy codec by native ops: the rows of a batch are gathered from the memory map.

Images never pass through Python: the mapped file is seen as a tensor through dlpack, without a
copy, and `tf.gather` reads the rows of a batch from it. A gathered batch is memory of its own, so
nothing that is kept can change. Of several shards each is gathered from by itself, and the rows are
put back in order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from dsbuilder.cache.npy import NpyCodec, load_array
from dsbuilder.records.arrays import row_splits
from dsbuilder.stream.columns import PADDING
from dsbuilder.stream.reading import Reading
from dsbuilder.stream.tensorflow_order import Batch, Native, Ordered


@dataclass(frozen=True)
class Rows:
    """The open arrays of a split.

    Attributes:
      mapped: memory maps of the image `(n, H, W, C)` and of each mask `(n, H, W)`, a tensor for
        each shard, by the names of a batch.
      starts: int64 `(shards,)`, the place in the split of each shard's first row.
      columns: what else every sample of the split has as much of.
      ragged: what they have any number of, as ragged tensors, each with what pads it.
    """

    mapped: Mapping[str, Sequence[tf.Tensor]]
    starts: np.ndarray
    columns: Batch
    ragged: Mapping[str, tuple[tf.RaggedTensor, Any]]

    def gather(self, places: tf.Tensor) -> Batch:
        """Returns the samples at int64 `(B,)` places."""
        batch = {name: tf.gather(column, places) for name, column in self.columns.items()}
        for name, shards in self.mapped.items():
            batch[name] = self._gather_mapped(shards, places)
        for name, (values, padding) in self.ragged.items():
            batch[name] = tf.gather(values, places).to_tensor(padding)
        return batch

    def _gather_mapped(self, shards: Sequence[tf.Tensor], places: tf.Tensor) -> tf.Tensor:
        if len(shards) == 1:
            return tf.gather(shards[0], places)
        shard = tf.searchsorted(self.starts, places, side="right") - 1
        row = places - tf.gather(self.starts, shard)
        count = len(shards)
        rows = tf.dynamic_partition(row, shard, count)
        order = tf.dynamic_partition(tf.range(tf.size(places)), shard, count)
        parts = [tf.gather(image, each) for image, each in zip(shards, rows, strict=True)]
        return tf.ensure_shape(
            tf.dynamic_stitch(order, parts), [places.shape[0], *shards[0].shape[1:]]
        )


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
    counts = [shard.samples for shard in reading.shards]
    return Rows(
        mapped={n: [_mapped(path) for path in _paths(reading, a)] for n, a in mapped.items()},
        starts=np.cumsum([0, *counts[:-1]], dtype=np.int64),
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


def _mapped(path: Path) -> tf.Tensor:
    # Dlpack wants memory that could be written to; mapped so, the file itself still cannot change.
    array = np.asarray(load_array(path, writable=True))
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def native(reading: Reading) -> Native:
    """Opens a split.

    Raises:
      CacheError: a file is missing, cut, or not an array.
    """
    ordered = Ordered(reading)
    return Native(picks=ordered.batches, load=open_rows(reading).gather, owner=ordered)
