"""The tfrecord codec: records are read where the ledger says that they lie, and decoded natively.

So a split is shuffled wholly, as `order.py` has it. Where it is slow to read at random, a
`shuffle_buffer` reads shards from end to end instead, side by side in a shuffled order, and
shuffles among so many records; where an epoch picks samples by `sampling.py`, a record is then left
out or repeated as it is read, and what is repeated comes within about a buffer. JPEG is decoded
with the exact DCT and upsampling, as the dataset's own codec does.
"""

import itertools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dsbuilder.errors import CacheError
from dsbuilder.sample import Feature
from dsbuilder.stream import order
from dsbuilder.stream.columns import PADDING, Column
from dsbuilder.stream.places import Places
from dsbuilder.stream.reading import Reading
from dsbuilder.stream.tensorflow_decoded import Decoded, fits
from dsbuilder.stream.tensorflow_handover import weakly
from dsbuilder.stream.tensorflow_order import Batch, Native, Ordered, grouped

_SHARDS_AT_ONCE = 8
_RUN = 16  # records read from a shard before it is the next one's turn


def native(reading: Reading) -> Native:
    """Opens a split.

    Raises:
      CacheError: a ledger is missing, or does not say where each sample of its shard lies.
    """
    examples = Examples(reading)
    if reading.shuffle and reading.shuffle_buffer is not None:
        buffered = _Buffered(reading, reading.shuffle_buffer)
        return Native(picks=buffered.batches, load=examples.decode, owner=buffered)
    records = Records(reading)

    def load(places: tf.Tensor) -> Batch:
        return examples.decode(records.read(places))

    decoded = Decoded(reading, load) if fits(reading) else None
    return Native(
        picks=records.ordered.batches,
        load=load if decoded is None else decoded.load,
        owner=(records, decoded),
        failed=lambda: records.failure,
    )


class Records:
    """The records of a split, read in any order.

    Attributes:
      ordered: the order in which they are.
      failure: the error that one could not be read for.
    """

    def __init__(self, reading: Reading) -> None:
        self.ordered = Ordered(reading)
        self.failure: CacheError | None = None
        self._places = Places(reading)
        _ = self._places.rows

    def read(self, places: tf.Tensor) -> tf.Tensor:
        """Returns the records at int64 `(B,)` places, string `(B,)`; checksums are compared."""
        read = tf.numpy_function(weakly(self._read), [places], tf.string, stateful=False)
        return tf.ensure_shape(read, places.shape)

    def _read(self, places: np.ndarray) -> np.ndarray:
        try:
            return np.array([self._places.payload(place) for place in places.tolist()], object)
        except CacheError as error:
            self.failure = error
            raise


def images(reading: Reading) -> tf.data.Dataset:
    """Returns every image of the split in stored order, one by one, of whatever size."""
    examples = Examples(reading)
    return _stored(reading).map(examples.decode_image, tf.data.AUTOTUNE, deterministic=True)


def columns(reading: Reading) -> tf.data.Dataset:
    """Returns what targets hold in stored order, in batches by feature; no image is decoded."""
    parsed = {column.stored: _parsing(column.feature) for column in reading.columns}
    stored = _stored(reading).batch(reading.batch_size)
    return stored.map(lambda serialized: tf.io.parse_example(serialized, parsed))


def _stored(reading: Reading) -> tf.data.Dataset:
    """Returns every record of the split in stored order."""
    return tf.data.Dataset.from_tensor_slices(_files(reading)).flat_map(tf.data.TFRecordDataset)


def _files(reading: Reading) -> tf.Tensor:
    codec, folder = reading.dataset.codec, reading.dataset.path
    paths = [str(folder / name) for shard in reading.shards for name in codec.files(shard.stem)]
    return tf.constant(paths)


class _Buffered:
    """The records of a split, read from end to end and shuffled within a buffer."""

    def __init__(self, reading: Reading, buffer: int) -> None:
        self._reading, self._buffer = reading, buffer

    def batches(self, epoch: tf.Tensor) -> tf.data.Dataset:
        """Returns the records of each batch of an epoch, string `(B,)`."""
        reading, asked = self._reading, [epoch]
        count, shards = reading.dataset.num_samples(reading.split), len(reading.shards)
        seed, ordered = tf.numpy_function(weakly(self._order), asked, [tf.int64] * 2, False)
        ordered = tf.ensure_shape(ordered, [shards])
        read: Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset] = _whole
        if reading.sampler is not None:
            counts = tf.numpy_function(weakly(self._counts), asked, tf.int64, stateful=False)
            read = _picked(tf.ensure_shape(counts, [count]))
        first = tf.constant(_first_records(reading), tf.int64)
        opened = tf.gather(_files(reading), ordered), tf.gather(first, ordered)
        records = tf.data.Dataset.from_tensor_slices(opened).interleave(
            read,
            cycle_length=min(shards, _SHARDS_AT_ONCE),
            block_length=_RUN,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        index, hosts = reading.shard
        records = records.shard(hosts, index) if hosts > 1 else records
        return grouped(reading, _shuffled(records, self._buffer, tf.ensure_shape(seed, [2])))

    def _order(self, epoch: np.int64) -> tuple[np.ndarray, np.ndarray]:
        seed = order.buffer_seed(self._reading, int(epoch))
        return np.array(seed, np.int64), order.shard_order(self._reading, int(epoch))

    def _counts(self, epoch: np.int64) -> np.ndarray:
        assert self._reading.sampler is not None
        return self._reading.sampler.counts(int(epoch))


def _first_records(reading: Reading) -> list[int]:
    """Returns the place in the split of each shard's first record."""
    return [0, *itertools.accumulate(shard.samples for shard in reading.shards[:-1])]


def _whole(file: tf.Tensor, first: tf.Tensor) -> tf.data.Dataset:
    """Returns every record of a shard once."""
    return tf.data.TFRecordDataset(file)


def _picked(counts: tf.Tensor) -> Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]:
    """Returns the function from a shard to its records, as often as an epoch picks each."""

    def repeated(places: tf.Tensor, records: tf.Tensor) -> tf.Tensor:
        return tf.repeat(records, tf.gather(counts, places))

    def read(file: tf.Tensor, first: tf.Tensor) -> tf.data.Dataset:
        numbered = tf.data.TFRecordDataset(file).enumerate(first)
        return numbered.batch(_RUN).map(repeated).unbatch()

    return read


def _shuffled(dataset: tf.data.Dataset, buffer: int, seed: tf.Tensor) -> tf.data.Dataset:
    """Returns a dataset of scalars shuffled among `buffer` elements, by the seed alone.

    `Dataset.shuffle` would do, were it not for TensorFlow's global seed: it changes every order,
    and after `tf.random.set_seed(0)` a seed that is a tensor fails. The raw op is given both seeds.
    """
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
