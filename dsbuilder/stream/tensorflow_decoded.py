"""What the tfrecord codec decodes, kept in memory: a sample is decoded once, not once an epoch.

It stands before everything that is random, so batches are the same with it and without. Memory is
taken as samples are decoded, and given back with the stream.
"""

import contextlib
import mmap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from dsbuilder.stream.reading import Reading
from dsbuilder.stream.tensorflow_handover import weakly
from dsbuilder.stream.tensorflow_order import Batch

_SHARE_UNASKED = 1 / 8
"""Of the memory that is available, what a stream keeps at most where nobody says how much."""

_MEMINFO = Path("/proc/meminfo")
_GROUPS = Path("/sys/fs/cgroup")
_LIMITS = (
    (_GROUPS / "memory.max", _GROUPS / "memory.current"),
    (_GROUPS / "memory/memory.limit_in_bytes", _GROUPS / "memory/memory.usage_in_bytes"),
)
"""Where a container's limit of memory stands, and what of it is taken: of both kinds of groups."""


class Decoded:
    """The samples of a split by their places, numbers and pixels as tensors, texts as bytes.

    Args:
      load: function from places to the batch, which decodes them.
    """

    def __init__(self, reading: Reading, load: Callable[[tf.Tensor], Batch]) -> None:
        count = reading.dataset.num_samples(reading.split)
        self._load = load
        self._known = np.zeros(count, bool)
        self._arrays = {
            name: _memory((count, *shape), np.dtype(dtype))
            for name, (shape, dtype) in sorted(_numbers(reading).items())
        }
        self._tensors = {
            name: tf.experimental.dlpack.from_dlpack(array.__dlpack__())
            for name, array in self._arrays.items()
        }
        self._texts = {name: np.empty(count, object) for name in sorted(_texts(reading))}
        self._kept = {**self._arrays, **self._texts}

    def load(self, places: tf.Tensor) -> Batch:
        """Returns the samples at int64 `(B,)` places."""
        known = tf.numpy_function(weakly(self._knows), [places], tf.bool, stateful=True)
        known = tf.ensure_shape(known, [])
        again, decoded = self._again, self._decoded
        batch: Batch = tf.cond(known, lambda: again(places), lambda: decoded(places))
        return batch

    def _knows(self, places: np.ndarray) -> np.bool:
        return np.bool(self._known[places].all())

    def _again(self, places: tf.Tensor) -> Batch:
        batch = {name: tf.gather(kept, places) for name, kept in self._tensors.items()}
        if self._texts:
            dtypes = [tf.string] * len(self._texts)
            texts = tf.numpy_function(weakly(self._said), [places], dtypes)
            for name, text in zip(self._texts, texts, strict=True):
                batch[name] = tf.ensure_shape(text, places.shape)
        return batch

    def _said(self, places: np.ndarray) -> list[np.ndarray]:
        return [kept[places] for kept in self._texts.values()]

    def _decoded(self, places: tf.Tensor) -> Batch:
        batch = self._load(places)
        given = [batch[name] for name in self._kept]
        kept = tf.numpy_function(weakly(self._keep), [places, *given], tf.bool, stateful=True)
        with tf.control_dependencies([kept]):
            return {name: tf.identity(value) for name, value in batch.items()}

    def _keep(self, places: np.ndarray, *given: np.ndarray) -> np.bool:
        for kept, values in zip(self._kept.values(), given, strict=True):
            kept[places] = values
        self._known[places] = True
        return np.True_


def fits(reading: Reading) -> bool:
    """Whether a split is kept, as `Reading.cache_mb` says; boxes and the like never are."""
    if not reading.pixels or any(each.feature.is_ragged for each in reading.columns):
        return False
    sample = sum(
        int(np.prod(shape)) * np.dtype(dtype).itemsize
        for shape, dtype in _numbers(reading).values()
    )
    most = _available_bytes() * _SHARE_UNASKED
    if reading.cache_mb is not None:
        most = reading.cache_mb * 1e6
    return sample * reading.dataset.num_samples(reading.split) <= most


def _numbers(reading: Reading) -> dict[str, tuple[tuple[int, ...], str]]:
    """Returns shape and dtype of what is kept of a sample as numbers, by the names of a batch."""
    image = reading.dataset.signature.image
    found: dict[str, tuple[tuple[int | None, ...], str]] = {"image": (image.shape, image.dtype)}
    for column in reading.columns:
        if column.feature.kind == "mask":
            found[column.name] = (column.shape(image.shape), "uint8")
        elif column.feature.dtype != "string":
            found[column.name] = (column.shape(image.shape), column.feature.dtype)
    return {
        name: (tuple(int(n or 0) for n in shape), kind) for name, (shape, kind) in found.items()
    }


def _texts(reading: Reading) -> list[str]:
    named = [each.name for each in reading.columns if each.feature.dtype == "string"]
    masks = {each.name for each in reading.columns if each.feature.kind == "mask"}
    return [*(name for name in named if name not in masks), *(["key"] if reading.keys else [])]


def _memory(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Returns an array whose memory is taken page by page as it is written, and all given back."""
    size = max(int(np.prod(shape)) * dtype.itemsize, 1)
    return np.frombuffer(mmap.mmap(-1, size), dtype, int(np.prod(shape))).reshape(shape)


def _available_bytes() -> float:
    """Returns how much memory this process may still take, as the kernel and its group say.

    0 where nobody says.
    """
    found = []
    with contextlib.suppress(OSError, LookupError, ValueError):
        lines = dict(each.split(":", 1) for each in _MEMINFO.read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    for limit, used in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # `max` is no number, and no limit
            found.append(int(limit.read_text()) - int(used.read_text()))
    return max(min(found, default=0), 0)
