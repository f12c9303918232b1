"""The tfrecord codec by native ops: shards read side by side, samples shuffled, then decoded.

The order depends on (seed, epoch) alone: shards are opened in a shuffled order, read in turns, and
records are shuffled within a buffer; if the split fits into it, that is a full permutation. JPEG is
decoded with the exact DCT and upsampling, as the dataset's own codec does.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dsbuilder.cache.codec import fixed_shape
from dsbuilder.dataset import Dataset
from dsbuilder.sample import Feature
from dsbuilder.stream.reading import Reading
from dsbuilder.stream.tensorflow_order import keyed_seed, permutation, shuffled

Batch = dict[str, tf.Tensor]

_SHARDS_AT_ONCE = 8
_RUN = 16  # records read from a shard before it is the next one's turn
_BUFFER_BYTES = 128_000_000
_LEAST_BUFFER = 1024


def batches(reading: Reading) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """Returns a function from an epoch (int64 scalar) to the dataset of its batches."""
    examples = Examples(reading)

    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        stored = _shuffled(reading, _records(reading, epoch), epoch)
        if reading.dataset.manifest.image == "raw":
            grouped = _batched(reading, stored)
            return grouped.map(examples.decode_raw, tf.data.AUTOTUNE, deterministic=True)
        decoded = stored.map(examples.decode, tf.data.AUTOTUNE, deterministic=True)
        return _batched(reading, decoded)

    return epoch_batches


def images(reading: Reading) -> tf.data.Dataset:
    """Returns every image of the split in stored order, one by one, of whatever size."""
    stored = _records(reading, tf.constant(0, tf.int64))
    examples = Examples(reading)
    return stored.map(lambda each: examples.decode(each)["image"], tf.data.AUTOTUNE)


def _records(reading: Reading, epoch: tf.Tensor) -> tf.data.Dataset:
    codec, folder = reading.dataset.codec, reading.dataset.path
    paths = [str(folder / name) for shard in reading.shards for name in codec.files(shard.stem)]
    files = tf.constant(paths)
    if not reading.shuffle:
        records = tf.data.TFRecordDataset(files)
    else:
        order = permutation(len(paths), keyed_seed(reading, "shards", epoch))
        records = tf.data.Dataset.from_tensor_slices(tf.gather(files, order)).interleave(
            tf.data.TFRecordDataset,
            cycle_length=min(len(paths), _SHARDS_AT_ONCE),
            block_length=_RUN,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
    index, count = reading.shard
    return records.shard(count, index) if count > 1 else records


def _shuffled(reading: Reading, records: tf.data.Dataset, epoch: tf.Tensor) -> tf.data.Dataset:
    if not reading.shuffle:
        return records
    buffer = reading.shuffle_buffer or _buffer(reading)
    return shuffled(records, buffer, keyed_seed(reading, "samples", epoch))


def _buffer(reading: Reading) -> int:
    """Returns how many encoded samples fit into the memory that a buffer may take, or all."""
    mean = sum(shard.size_bytes for shard in reading.shards) / reading.num_samples
    return min(reading.num_samples, max(_LEAST_BUFFER, int(_BUFFER_BYTES / mean)))


def _batched(reading: Reading, elements: tf.data.Dataset) -> tf.data.Dataset:
    return elements.batch(reading.batch_size, drop_remainder=reading.drop_remainder)


class Examples:
    """Decodes serialised Examples of a dataset into what a batch holds."""

    def __init__(self, reading: Reading) -> None:
        self._dataset: Dataset = reading.dataset
        self._names = {name: feature for name, (feature, _) in reading.columns.items()}
        if reading.keys:
            self._names["key"] = "key"
        features = {feature: _parsing(spec) for feature, spec in reading.columns.values()}
        text = tf.io.FixedLenFeature([], tf.string)
        self._features: dict[str, Any] = {"image": text, "key": text, **features}

    def decode(self, serialized: tf.Tensor) -> Batch:
        """Returns one sample of a string scalar."""
        parsed = tf.io.parse_single_example(serialized, self._features)
        batch = {name: parsed[feature] for name, feature in self._names.items()}
        return {"image": self._decode_image(parsed["image"]), **batch}

    def decode_raw(self, serialized: tf.Tensor) -> Batch:
        """Returns the samples of a string `(B,)`, whose pixels are stored raw."""
        parsed = tf.io.parse_example(serialized, self._features)
        batch = {name: parsed[feature] for name, feature in self._names.items()}
        shape = fixed_shape(self._dataset.signature)
        flat = tf.io.decode_raw(parsed["image"], self._dataset.signature.image.dtype)
        return {"image": tf.reshape(flat, [-1, *shape]), **batch}

    def _decode_image(self, data: tf.Tensor) -> tf.Tensor:
        spec = self._dataset.signature.image
        stored = self._dataset.manifest.image
        if stored == "raw":
            return tf.reshape(
                tf.io.decode_raw(data, spec.dtype), fixed_shape(self._dataset.signature)
            )
        if stored == "png":
            image = tf.io.decode_png(data, channels=spec.channels)
        else:
            image = tf.io.decode_jpeg(
                data, channels=spec.channels, dct_method="INTEGER_ACCURATE", fancy_upscaling=True
            )
        return tf.ensure_shape(image, spec.shape)


def _parsing(feature: Feature) -> tf.io.FixedLenFeature:
    return tf.io.FixedLenFeature(feature.shape, feature.dtype)
