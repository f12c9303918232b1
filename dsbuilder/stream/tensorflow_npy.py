"""The npy codec by native ops: indices are shuffled, rows are gathered from the memory map.

Images never pass through Python: the mapped file is seen as a tensor through dlpack, without a
copy, and `tf.gather` reads the rows of a batch from it. A gathered batch is memory of its own, so
nothing that is kept can change. Of several shards each is gathered from by itself, and the rows are
put back in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from dsbuilder.cache.npy import NpyCodec, load_array
from dsbuilder.stream.reading import Reading
from dsbuilder.stream.tensorflow_order import Batch, Native, grouped, keyed_seed, permutation


@dataclass(frozen=True)
class Rows:
    """The open arrays of a split.

    Attributes:
      images: a tensor `(n, H, W, C)` for each shard.
      starts: int64 `(shards,)`, the place in the split of each shard's first row.
      columns: the other features of the whole split, by the names of a batch.
    """

    images: Sequence[tf.Tensor]
    starts: np.ndarray
    columns: Batch

    def gather(self, places: tf.Tensor) -> Batch:
        """Returns the samples at int64 `(B,)` places."""
        batch = {name: tf.gather(column, places) for name, column in self.columns.items()}
        return {"image": self._gather_images(places), **batch}

    def _gather_images(self, places: tf.Tensor) -> tf.Tensor:
        if len(self.images) == 1:
            return tf.gather(self.images[0], places)
        shard = tf.searchsorted(self.starts, places, side="right") - 1
        row = places - tf.gather(self.starts, shard)
        count = len(self.images)
        rows = tf.dynamic_partition(row, shard, count)
        order = tf.dynamic_partition(tf.range(tf.size(places)), shard, count)
        parts = [tf.gather(image, each) for image, each in zip(self.images, rows, strict=True)]
        return tf.ensure_shape(
            tf.dynamic_stitch(order, parts), [places.shape[0], *self.images[0].shape[1:]]
        )


def open_rows(reading: Reading) -> Rows:
    """Maps the shards of a split.

    Raises:
      CacheError: a file is missing, cut, or not an array.
    """
    features = {"key": "key"} if reading.keys else {}
    features.update({name: feature for name, (feature, _) in reading.columns.items()})
    counts = [shard.samples for shard in reading.shards]
    return Rows(
        images=[_mapped(path) for path in _paths(reading, "image")],
        starts=np.cumsum([0, *counts[:-1]], dtype=np.int64),
        columns={
            name: tf.constant(np.concatenate([load_array(p) for p in _paths(reading, feature)]))
            for name, feature in features.items()
        },
    )


def _paths(reading: Reading, feature: str) -> list[Path]:
    dataset = reading.dataset
    codec = dataset.codec
    if not isinstance(codec, NpyCodec):
        raise TypeError(f"expected the npy codec, found {codec.name}")
    place = ("image", *codec.features).index(feature)
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
    count = reading.dataset.num_samples(reading.split)
    index, hosts = reading.shard

    def picks(epoch: tf.Tensor) -> tf.data.Dataset:
        places = tf.range(count, dtype=tf.int64)
        if reading.shuffle:
            places = permutation(count, keyed_seed(reading, "samples", epoch))
        return grouped(reading, tf.data.Dataset.from_tensor_slices(places[index::hosts]))

    return Native(picks=picks, load=open_rows(reading).gather)
