"""The tfrecord codec by native ops: shards read side by side, samples shuffled, then decoded.

The order depends on (seed, epoch) alone: shards are opened in a shuffled order, read in turns, and
records are shuffled within a buffer; if the split fits into it, that is a full permutation. Where
an epoch picks samples by `sampling.py`, a record is left out or repeated as it is read, before it
is shuffled: of a split that does not fit, what is repeated comes within about a buffer. JPEG is
decoded with the exact DCT and upsampling, as the dataset's own codec does.
"""

import itertools
from collections.abc import Callable

import tensorflow as tf

from dsbuilder.sample import Feature
from dsbuilder.stream.columns import PADDING, Column
from dsbuilder.stream.reading import Reading
from dsbuilder.stream.sampling import Sampler
from dsbuilder.stream.tensorflow_order import (
    Batch,
    Native,
    grouped,
    keyed_seed,
    permutation,
    shuffled,
)

_SHARDS_AT_ONCE = 8
_RUN = 16  # records read from a shard before it is the next one's turn
_BUFFER_BYTES = 128_000_000
_LEAST_BUFFER = 1024


def native(reading: Reading) -> Native:
    """Opens a split."""

    def picks(epoch: tf.Tensor) -> tf.data.Dataset:
        return grouped(reading, _shuffled(reading, _records(reading, epoch), epoch))

    return Native(picks=picks, load=Examples(reading).decode)


def images(reading: Reading) -> tf.data.Dataset:
    """Returns every image of the split in stored order, one by one, of whatever size."""
    examples = Examples(reading)
    stored = _records(reading, tf.constant(0, tf.int64))
    return stored.map(examples.decode_image, tf.data.AUTOTUNE, deterministic=True)


def columns(reading: Reading) -> tf.data.Dataset:
    """Returns what targets hold in stored order, in batches by feature; no image is decoded."""
    parsed = {column.stored: _parsing(column.feature) for column in reading.columns}
    stored = _records(reading, tf.constant(0, tf.int64)).batch(reading.batch_size)
    return stored.map(lambda serialized: tf.io.parse_example(serialized, parsed))


def _records(reading: Reading, epoch: tf.Tensor) -> tf.data.Dataset:
    codec, folder = reading.dataset.codec, reading.dataset.path
    paths = [str(folder / name) for shard in reading.shards for name in codec.files(shard.stem)]
    files, first = tf.constant(paths), tf.constant(_first_records(reading), tf.int64)
    read = _picked(reading.sampler, epoch) if reading.sampler else _whole
    if not reading.shuffle:
        records = tf.data.Dataset.from_tensor_slices((files, first)).flat_map(read)
    else:
        order = permutation(len(paths), keyed_seed(reading, "shards", epoch))
        ordered = (tf.gather(files, order), tf.gather(first, order))
        records = tf.data.Dataset.from_tensor_slices(ordered).interleave(
            read,
            cycle_length=min(len(paths), _SHARDS_AT_ONCE),
            block_length=_RUN,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
    index, count = reading.shard
    return records.shard(count, index) if count > 1 else records


def _first_records(reading: Reading) -> list[int]:
    """Returns the place in the split of each shard's first record."""
    return [0, *itertools.accumulate(shard.samples for shard in reading.shards[:-1])]


def _whole(file: tf.Tensor, first: tf.Tensor) -> tf.data.Dataset:
    """Returns every record of a shard once."""
    return tf.data.TFRecordDataset(file)


def _picked(
    sampler: Sampler, epoch: tf.Tensor
) -> Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]:
    """Returns the function from a shard to its records, as often as an epoch picks each."""
    counts = sampler.counts(epoch)

    def repeated(places: tf.Tensor, records: tf.Tensor) -> tf.Tensor:
        return tf.repeat(records, tf.gather(counts, places))

    def read(file: tf.Tensor, first: tf.Tensor) -> tf.data.Dataset:
        numbered = tf.data.TFRecordDataset(file).enumerate(first)
        return numbered.batch(_RUN).map(repeated).unbatch()

    return read


def _shuffled(reading: Reading, records: tf.data.Dataset, epoch: tf.Tensor) -> tf.data.Dataset:
    if not reading.shuffle:
        return records
    buffer = reading.shuffle_buffer or _buffer(reading)
    return shuffled(records, buffer, keyed_seed(reading, "samples", epoch))


def _buffer(reading: Reading) -> int:
    """Returns how many encoded samples fit into the memory that a buffer may take, or all."""
    mean = sum(shard.size_bytes for shard in reading.shards) / reading.num_samples
    return min(reading.num_samples, max(_LEAST_BUFFER, int(_BUFFER_BYTES / mean)))


class Examples:
    """Decodes serialized Examples of a dataset."""

    def __init__(self, reading: Reading) -> None:
        self._image = reading.dataset.signature.image
        self._stored = reading.dataset.manifest.image
        self._columns = reading.columns
        self._others = ("key",) if reading.keys else ()
        self._images = ("image",) if reading.pixels else ()
        self._parsed = {column.stored: _parsing(column.feature) for column in reading.columns}
        for name in (*self._images, *self._others):
            self._parsed[name] = tf.io.FixedLenFeature([], "string")

    def decode(self, serialized: tf.Tensor) -> Batch:
        """Returns the batch of a string `(B,)`."""
        parsed = tf.io.parse_example(serialized, self._parsed)
        batch = {column.name: self._column(column, parsed) for column in self._columns}
        batch.update({name: parsed[name] for name in self._others})
        return {**{name: self._pixels(parsed[name]) for name in self._images}, **batch}

    def _column(self, column: Column, parsed: Batch) -> tf.Tensor:
        """Returns a column `(B, ...)`; a mask is decoded from the PNG that it is stored as."""
        if column.feature.kind != "mask":
            return parsed[column.stored]
        size = column.shape(self._image.shape)

        def decompressed(data: tf.Tensor) -> tf.Tensor:
            return tf.ensure_shape(tf.io.decode_png(data, channels=1)[:, :, 0], size)

        return tf.map_fn(
            decompressed,
            parsed[column.stored],
            fn_output_signature=tf.TensorSpec(size, tf.uint8),
            parallel_iterations=1,
        )

    def decode_image(self, serialized: tf.Tensor) -> tf.Tensor:
        """Returns the image `(H, W, C)` of a string scalar."""
        image = tf.io.parse_single_example(serialized, {"image": self._parsed["image"]})["image"]
        return self._pixels(image[None])[0] if self._stored == "raw" else self._decompressed(image)

    def _pixels(self, data: tf.Tensor) -> tf.Tensor:
        """Returns the images `(B, H, W, C)` of a string `(B,)`."""
        shape, dtype = self._image.shape, self._image.dtype
        if self._stored == "raw":
            return tf.reshape(tf.io.decode_raw(data, dtype), [-1, *shape])
        # One batch is decoded by one thread, several at a time: less to hand over than by sample.
        return tf.map_fn(
            self._decompressed,
            data,
            fn_output_signature=tf.TensorSpec(shape, dtype),
            parallel_iterations=1,
        )

    def _decompressed(self, data: tf.Tensor) -> tf.Tensor:
        channels = self._image.channels
        if self._stored == "png":
            image = tf.io.decode_png(data, channels=channels)
        else:
            image = tf.io.decode_jpeg(
                data, channels=channels, dct_method="INTEGER_ACCURATE", fancy_upscaling=True
            )
        return tf.ensure_shape(image, self._image.shape)


def _parsing(feature: Feature) -> tf.io.FixedLenFeature | tf.io.FixedLenSequenceFeature:
    if feature.kind == "mask":
        return tf.io.FixedLenFeature([], "string")
    if not feature.is_ragged:
        return tf.io.FixedLenFeature(feature.shape, feature.dtype)
    # Of a batch, this is padded to the longest.
    return tf.io.FixedLenSequenceFeature(
        feature.shape[1:],
        feature.dtype,
        allow_missing=True,
        default_value=PADDING[feature.dtype],
    )
