"""Mean and deviation of the train split's pixels and numbers, for what is standardized.

Sums of pixels are whole numbers where pixels are, so the result does not depend on the order of
reading.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import tensorflow as tf

from dsbuilder.dataset import StoredDataset, load
from dsbuilder.stream import tensorflow_npy, tensorflow_tfrecord
from dsbuilder.stream.reading import Reading, check_shards
from dsbuilder.targets import Keypoints

_BATCH = 64
_TRAIN = "train"


def statistics(dataset: StoredDataset) -> tuple[np.ndarray, np.ndarray]:
    """Returns (mean, deviation) of each channel over the cached train split, float64 `(C,)`.

    They are of the pixels as they are stored: of uint8 in [0, 255]. Stages of the stream are not
    applied. The population's deviation; 1 for a channel that is constant. Reads the split once and
    remembers the answer while the process lives; nothing is written.

    Raises:
      DataError: there is no train split.
      CacheError: a shard is missing or cut.
    """
    dataset.shards(_TRAIN)
    mean, deviation = _measured(dataset.path, dataset.manifest.fingerprint)
    return mean.copy(), deviation.copy()


def value_statistics(dataset: StoredDataset, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns (mean, deviation) of each number of a value over the train split, float64 `(size,)`.

    The population's deviation; 1 for a number that is constant. Of keypoints the numbers are x and
    y of each, and those of absent ones do not count. Decodes no image.

    Args:
      target: the name of a target of kind value, or of keypoints of one object a sample.

    Raises:
      DataError: there is no train split.
      CacheError: a shard is missing or cut.
    """
    check_shards(dataset, _TRAIN)
    if isinstance(dataset.signature.targets[target], Keypoints):
        columns = [_statistics(each) for each in _places(dataset, target)]
        mean, deviation = zip(*columns, strict=True)
        return np.concatenate(mean), np.concatenate(deviation)
    return _statistics(_numbers(dataset, target))


def _statistics(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and deviation of each column of numbers `(n, size)`; 0 and 1 without any."""
    if not len(numbers):
        return np.zeros(numbers.shape[1]), np.ones(numbers.shape[1])
    numbers = numbers.astype(np.float64)
    deviation = numbers.std(axis=0)
    return numbers.mean(axis=0), np.where(np.ptp(numbers, axis=0) > 0, deviation, 1.0)


def class_counts(dataset: StoredDataset, target: str) -> np.ndarray:
    """Returns the samples of each class in the train split, float64 `(num_classes,)`.

    Of mixed classes each sample counts by its weights.

    Args:
      target: the name of a target of one class.

    Raises:
      DataError: there is no train split.
      CacheError: a shard is missing or cut.
    """
    check_shards(dataset, _TRAIN)
    found = _numbers(dataset, target)
    count = len(dataset.signature.targets[target].class_names)
    if found.shape[1] > 1:
        return np.asarray(found.sum(axis=0, dtype=np.float64))
    return np.bincount(found[:, 0].astype(np.int64), minlength=count).astype(np.float64)


def object_counts(dataset: StoredDataset, split: str, target: str) -> np.ndarray:
    """Returns the number of objects of every sample of a split, int64 `(n,)`.

    Args:
      target: the name of a target of keypoints.

    Raises:
      DataError: there is no such split.
      CacheError: a shard is missing or cut.
    """
    check_shards(dataset, split)
    name = f"{target}/visibility"
    found = [
        (batch[name] >= 0).any(axis=2).sum(axis=1) for batch in _stored(dataset, split, target)
    ]
    return np.concatenate(found)


def _places(dataset: StoredDataset, target: str) -> Iterator[np.ndarray]:
    """Yields where each keypoint is in the samples of the train split that know it, `(n, 2)`."""
    batches = list(_stored(dataset, _TRAIN, target))
    points, seen = (
        np.concatenate([batch[f"{target}/{part}"][:, 0] for batch in batches])
        for part in ("points", "visibility")
    )
    for place in range(points.shape[1]):
        yield points[seen[:, place] > 0, place]


def _numbers(dataset: StoredDataset, target: str) -> np.ndarray:
    """Returns what a target holds of every sample of the train split, `(n, size)`."""
    found = np.concatenate([batch[target] for batch in _stored(dataset, _TRAIN, target)])
    return np.asarray(found).reshape(len(found), -1)


def _stored(dataset: StoredDataset, split: str, target: str) -> Iterator[dict[str, np.ndarray]]:
    """Yields batches of the columns of a target by name, as they are stored; decodes no image."""
    signature = dataset.signature.replace(targets={target: dataset.signature.targets[target]})
    reading = Reading(
        dataset=dataset, split=split, batch_size=_BATCH, signature=signature, pixels=False
    )
    if dataset.codec.name == "tfrecord":
        for batch in tensorflow_tfrecord.columns(reading):
            yield {each.name: batch[each.stored].numpy() for each in reading.columns}
    else:
        rows = tensorflow_npy.open_rows(reading)
        ragged = {name: each.to_tensor(padding) for name, (each, padding) in rows.ragged.items()}
        yield {name: each.numpy() for name, each in {**rows.columns, **ragged}.items()}


@lru_cache(maxsize=16)
def _measured(path: Path, fingerprint: str) -> tuple[np.ndarray, np.ndarray]:
    dataset = load(path)
    check_shards(dataset, _TRAIN)
    count, first, second = (each.numpy().astype(np.float64) for each in _totals(dataset))
    mean = first / count
    deviation = np.sqrt(np.maximum(second / count - mean**2, 0.0))
    return mean, np.where(deviation > 0, deviation, 1.0)


def _totals(dataset: StoredDataset) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns pixels, and each channel's sum and sum of squares."""
    image_signature = dataset.signature.image
    whole = tf.int64 if image_signature.dtype == "uint8" else tf.float64

    def measure(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        pixels = tf.cast(tf.reshape(image, [-1, image_signature.channels]), whole)
        count = tf.shape(pixels, tf.int64)[0]
        return count, tf.reduce_sum(pixels, 0), tf.reduce_sum(pixels * pixels, 0)

    zero = tf.zeros([image_signature.channels], whole)
    measured = _images(dataset).map(measure, tf.data.AUTOTUNE, deterministic=True)
    totals: tuple[tf.Tensor, tf.Tensor, tf.Tensor] = measured.reduce(
        (tf.constant(0, tf.int64), zero, zero),
        lambda before, each: tuple(one + other for one, other in zip(before, each, strict=True)),
    )
    return totals


def _images(dataset: StoredDataset) -> tf.data.Dataset:
    reading = Reading(dataset=dataset, split=_TRAIN, batch_size=_BATCH, signature=dataset.signature)
    if dataset.codec.name == "tfrecord":
        return tensorflow_tfrecord.images(reading)
    rows = tensorflow_npy.open_rows(reading)
    places = tf.data.Dataset.range(dataset.num_samples(_TRAIN)).batch(_BATCH)
    return places.map(lambda each: rows.gather(each)["image"])
