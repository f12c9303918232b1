"""A split as a `tf.data.Dataset`.

Without stages of its own a stream consists of native ops, no Python per sample; with stages a feed
makes the batches, in this process or in workers, and TensorFlow takes them over. Either way a batch
is a function of (seed, epoch).

Which epoch an iterator yields is said by number, or counted: the first that is opened on a stream
yields epoch 0, each later one the next. Keras on JAX opens one more than there are epochs, so what
must be exact to the epoch, as the trainer must, takes `Stream.epochs`.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import DataError
from dsbuilder.pipelinefile.training import Sampling
from dsbuilder.sample import Signature
from dsbuilder.stream import tensorflow_instances, tensorflow_npy, tensorflow_tfrecord
from dsbuilder.stream.columns import columns_of, labels_of
from dsbuilder.stream.device_columns import PREFIX, device_specs
from dsbuilder.stream.feed import Batch, Feed, told
from dsbuilder.stream.reading import Images, Objects, Reading, check_shards, plain, plan
from dsbuilder.stream.sampling import Sampled
from dsbuilder.stream.tensorflow_handover import Handover, kept, weakly
from dsbuilder.stream.tensorflow_order import Batch as TensorBatch
from dsbuilder.stream.tensorflow_order import counted
from dsbuilder.stream.tensorflow_statistics import statistics, value_statistics
from dsbuilder.targets import ClassLabel, Instances

if TYPE_CHECKING:
    from dsbuilder.stream.tensorflow_device import DeviceStages

__all__ = ["Stream", "statistics", "stream", "value_statistics"]

Epochs = Callable[[int, int], tf.data.Dataset]
"""From the first epoch, and how many of its batches are left out, to the endless dataset."""

Epoch = Callable[[int | None, int], tf.data.Dataset]
"""From an epoch, and how many of its batches are left out, to its dataset.

None counts the iterators that are opened on it.
"""

Failed = Callable[[], Exception | None]
"""Returns what a batch could not be made for, if that is known."""

_NATIVE = {"tfrecord": tensorflow_tfrecord.native, "npy": tensorflow_npy.native}


class Stream(tf.data.Dataset):  # type: ignore[misc]  # TensorFlow has no types
    """A split, one epoch an iteration.

    `.map` and the like return a plain dataset, which counts its epochs as the stream does, but has
    not the attributes.

    Attributes:
      fresh: whether epochs differ, in samples, order or what stages draw.
      on_device: what finishes a batch, where stages are left to the device; else None.
      drawn: whether they differ by what stages draw.
      class_names: names of the first target with classes, in id order.
      num_samples: number of samples in an epoch, of this host.
      sampled: what sampling makes of classes; None where every sample comes once.
      signature: signature of every sample.
      batch_size: number of samples in a batch; the last of an epoch may have fewer.
      steps_per_epoch: batches in an epoch.
    """

    def __init__(
        self,
        dataset: tf.data.Dataset,
        *,
        reading: Reading,
        endless: Epochs,
        failed: Callable[[], Exception | None],
    ) -> None:
        self._dataset = dataset
        self._failed = failed
        self._endless = endless
        self.on_device: DeviceStages | None = _device_stages(reading)
        self.fresh: bool = reading.fresh
        self.drawn: bool = reading.refresher is not None and bool(reading.refresher.stages)
        self.class_names: tuple[str, ...] = next(
            (kind.class_names for kind in reading.signature.targets.values() if kind.class_names),
            (),
        )
        self.num_samples: int = reading.num_samples
        self.sampled: Sampled | None = reading.sampler.sampled if reading.sampler else None
        self.signature: Signature = reading.signature
        self.batch_size: int = reading.batch_size
        self.steps_per_epoch: int = reading.steps
        super().__init__(tf.data.experimental.to_variant(dataset))

    def epochs(self, start: int = 0, *, step: int = 0) -> tf.data.Dataset:
        """Returns the endless dataset of epoch `start`, `start + 1`, ...

        Each is what a stream with that `epoch` yields. It is meant for
        `model.fit(stream.epochs(start), steps_per_epoch=stream.steps_per_epoch)`.

        Args:
          step: number of batches of the first epoch that are left out; none of their images is
            decoded.
        """
        _check_epoch(start)
        if not 0 <= step < self.steps_per_epoch:
            raise ValueError(
                f"stream: expected a step in [0, {self.steps_per_epoch}), found {step}."
            )
        return self._endless(start, step)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Raises what a batch could not be made for, where TensorFlow says something of its own.

        Raises:
          DsbuilderError: a plugin's error as a PluginError with its notes, a damaged shard, or
            workers that cannot go on.
        """
        try:
            yield
        except tf.errors.OpError:
            failure = self._failed()
            if failure is None:
                raise
            raise failure from None

    def _inputs(self) -> list[tf.data.Dataset]:
        return [self._dataset]

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes of a batch."""
        return self._dataset.element_spec


def stream(
    dataset: StoredDataset,
    split: str,
    *,
    batch_size: int | None = None,
    images: Images | None = None,
    shuffle: bool | None = None,
    epoch: int | None = None,
    seed: int | None = None,
    drop_remainder: bool = False,
    start_step: int = 0,
    shuffle_buffer: int | None = None,
    cache_mb: float | None = None,
    shard: tuple[int, int] | None = None,
    keys: bool = False,
    pixels: bool = True,
    targets: Sequence[str] | None = None,
    instances: Objects = "masks",
    sampling: Sampling = "natural",
    sampled_by: str | None = None,
    stages: bool = True,
    plugins: Sequence[Path | str] = (),
    workers: int | None = None,
    on_device: bool = False,
) -> Stream:
    """Opens a split as a `tf.data.Dataset` of batches (images, label).

    Equal (seed, epoch) give equal batches, whatever the load of the machine and TensorFlow's global
    seed; every sample comes once an epoch, unless `sampling` says otherwise. Without `epoch` the
    train split is in a new order, and its stages draw anew, every time that the stream is iterated,
    so `model.fit(stream, epochs=9)` sees the epochs 0 to 8. (Keras on JAX may skip one: it opens an
    iterator more than there are epochs.) Other splits are the same every time. The label is what
    the target's kind says:

    * class: int64 `(B,)` ids, or float32 `(B, num_classes)` weights where classes are mixed;
    * multi-label: float32 `(B, num_classes)`, 0 or 1, between once mixed;
    * value: float32 `(B,)` or `(B, size)`;
    * text: UTF-8 strings `(B,)`;
    * mask: uint8 `(B, H, W)` ids;
    * boxes: a dict of `bbox` float32 `(B, n, 4)` as y_min, x_min, y_max, x_max in [0, 1], `label`
      int64 `(B, n)` ids, and each attribute `(B, n)`;
    * instances: what boxes have, `count` int64 `(B,)`, how many objects there are, and `masks`
      uint8 `(B, n, H, W)` of 0 and 1;
    * keypoints: a dict of `points` float32 `(B, n, k, 2)` as x, y in [0, 1], and `visibility` int64
      `(B, n, k)`.

    The n of boxes, instances and keypoints is the largest of the batch: other samples are padded
    with -1 in whole numbers (so `label >= 0` are the boxes that there are), 0 in floats and masks,
    "" in texts. Several targets come as a dict by name; without a target a batch is the images
    alone.

    Args:
      batch_size: samples in a batch; None is as the dataset's pipeline says, as for what follows.
      images: `uint8`, `(B, H, W, C)` as stored; `scale`, float32 in [0, 1]; `standardize`, float32
        less the mean and divided by the deviation that `statistics` returns.
      shuffle: None shuffles train alone; what is not shuffled comes in stored order.
      epoch: the only one that the stream yields, 0 or more; None for the next one every time.
      seed: of the order and the stages.
      drop_remainder: leaves out a last batch that is smaller.
      shuffle_buffer: None shuffles the whole split, reading it at random. Of tfrecord without
        stages, a number reads shards from end to end, for where reading at random is slow, and
        shuffles among so many encoded samples.
      start_step: number of batches that are left out of the only `epoch`; none of their images is
        decoded.
      cache_mb: of tfrecord without stages, memory that decoded samples may take, in 10**6 bytes: a
        split that fits is decoded once, and not once an epoch, unless it has boxes, instances or
        keypoints. None is an eighth of the memory that is available, 0 keeps none.
      shard: (index, count), the one of `count` hosts that this is; together they see an epoch once.
      keys: adds the samples' keys, UTF-8 strings `(B,)`, as a last item.
      pixels: False leaves the images out, in the same order; without stages none is decoded.
      targets: names of those that are yielded; None for all. Stages see all of them.
      instances: `masks`, or `ids`: in their place one map int32 `(B, H, W)` of all objects, which
        has the number of a pixel's object, from 1 on, or 0; smaller objects cover larger ones.
      sampling: of train; `natural` takes every sample once an epoch. `balanced` gives each class
        the same share of an epoch, which is as long as ever: samples of rare classes are repeated,
        and pass stages anew each time; those of frequent ones take turns from epoch to epoch.
        `square_root` is halfway. `sampling.py` has the law, also of samples of several classes.
      sampled_by: name of the target whose classes sampling goes by; None for the only one yielded
        that is a class, several classes or boxes.
      stages: False leaves out `stream.stages`: train as it is stored, then `stream.finish`.
      plugins: folders with the plugins that the pipeline's `stream` needs.
      workers: processes that make the batches where the split passes stages; 0 makes them in a
        thread of this process, and None is 0 where an epoch is soon made, else the number of cores
        up to 16. The batches are the same.
      on_device: whether stages that the pipeline puts on the device are left to the caller, who
        trains there: batches are then `((images, drawn), labels)`, which
        `stream.on_device(batch)` finishes, and `stream.on_device.into(model)` inside of the steps
        of a compiled Keras model. False applies all of them here.

    Raises:
      DataError: no such split or target, nothing to batch or to sample by, or images of several
        sizes.
      CacheError: a shard is missing or cut. (What is corrupt within raises a `tf.errors.OpError`
        when it is read; see `Stream.told`.)
      SpecError: a stage of the pipeline's `stream` is not there.
    """
    if epoch is not None:
        _check_epoch(epoch)
    asked: dict[str, Any] = {
        "batch_size": batch_size,
        "images": images,
        "shuffle": shuffle,
        "seed": seed,
        "targets": targets,
        "instances": instances,
        "sampling": sampling,
        "sampled_by": sampled_by,
        "stages": stages,
        "plugins": plugins,
        "drop_remainder": drop_remainder,
        "shuffle_buffer": shuffle_buffer,
        "cache_mb": cache_mb,
        "shard": shard or (0, 1),
        "keys": keys,
        "pixels": pixels,
        "on_device": on_device,
    }
    asked = plain(asked)
    reading = plan(dataset, split, **asked)
    check_shards(dataset, split)
    pinned = 0 if epoch is None and not reading.fresh else epoch
    _check_start(reading, pinned, start_step)
    if reading.refresher is None:
        finite, endless, failed = _native(reading)
    else:
        finite, endless, failed = _fed(reading, _Fed(reading, asked, workers))
    batches = finite(pinned, start_step)
    return Stream(batches, reading=reading, endless=endless, failed=failed)


def _check_epoch(epoch: int) -> None:
    if epoch < 0:
        raise ValueError(f"stream: expected an epoch of 0 or more, found {epoch}.")


def _check_start(reading: Reading, epoch: int | None, step: int) -> None:
    if not 0 <= step < reading.steps:
        raise ValueError(f"stream: expected a start_step in [0, {reading.steps}), found {step}.")
    if step and epoch is None:
        raise ValueError(
            f"stream: start_step {step} needs to know of which epoch. Say so: epoch=..."
        )


def _native(reading: Reading) -> tuple[Epoch, Epochs, Failed]:
    """Returns the functions from an epoch to its batches, and to those of all epochs from it on.

    And what says why a batch could not be made.
    """
    native = _NATIVE[reading.dataset.codec.name](reading)
    present = _presentation(reading)

    def load(picks: tf.Tensor) -> Any:
        return present(native.load(picks))

    def finite(epoch: int | None, step: int) -> tf.data.Dataset:
        if epoch is None:
            picks = counted().flat_map(native.picks)
        else:
            picks = native.picks(tf.constant(epoch, tf.int64)).skip(step)
        return _finished(kept(picks, native.owner), load, reading.steps - step)

    def endless(start: int, step: int) -> tf.data.Dataset:
        picks = tf.data.Dataset.counter(start).flat_map(native.picks).skip(step)
        return _finished(kept(picks, native.owner), load, tf.data.INFINITE_CARDINALITY)

    return finite, endless, native.failed


def _fed(reading: Reading, fed: "_Fed") -> tuple[Epoch, Epochs, Failed]:
    """Returns the same three functions for a split that passes stages."""
    spec, present = _feed_spec(reading), _presentation(reading)

    def finite(epoch: int | None, step: int) -> tf.data.Dataset:
        epochs = count() if epoch is None else repeat(epoch)  # `next` of either is atomic
        taken = fed.taken(lambda: [next(epochs)], step, spec)
        return _finished(taken, present, reading.steps - step)

    def endless(start: int, step: int) -> tf.data.Dataset:
        taken = fed.taken(lambda: count(start), step, spec)
        return _finished(taken, present, tf.data.INFINITE_CARDINALITY)

    return finite, endless, lambda: fed.failure


class _Fed:
    """The batches of a feed as datasets; what makes them lasts as long as one of these."""

    def __init__(self, reading: Reading, asked: Mapping[str, Any], workers: int | None) -> None:
        # Here, for where no worker processes run.
        from dsbuilder.stream.worker_feed import WorkerFeed, enough_workers

        self._feed = Feed(reading)
        count = enough_workers(reading, workers)
        self._crew = WorkerFeed(self._feed, asked, workers=count) if count else None
        # After the crew, to be told of the end before that is closed.
        self._handover = Handover(shared=self._crew is not None)

    @property
    def failure(self) -> Exception | None:
        """The exception that a batch could not be made for."""
        return self._handover.failure

    def taken(
        self, epochs: Callable[[], Iterable[int]], start: int, spec: Mapping[str, tf.TensorSpec]
    ) -> tf.data.Dataset:
        """Returns the batches of epochs, of the first from `start` on, as a dataset of columns."""
        batches = weakly(self._batches)

        def generate() -> Iterator[Batch]:
            found: Iterator[Batch] = batches(epochs(), start)
            return found

        return kept(tf.data.Dataset.from_generator(generate, output_signature=spec), self)

    def _batches(self, epochs: Iterable[int], start: int) -> Iterator[Batch]:
        from dsbuilder import memory  # here, as for workers

        # TensorFlow has told the C library by now to give every image back to the kernel
        # (`ApplyPython311MemoryPatch`, of a dataset that a generator makes): half of all time would
        # go into clearing pages.
        memory.keep_freed()
        if self._crew is None:
            made = self._told(self._feed.batches_of(epochs, start))
        else:
            made = self._crew.batches_of(epochs, start, self._handover.is_over)
        return self._handover.through(made)

    def _told(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yields batches; what they fail with is an error of ours, as it is from workers."""
        try:
            yield from batches
        except Exception as error:
            raise told(error) from error


def _feed_spec(reading: Reading) -> dict[str, tf.TensorSpec]:
    size = reading.batch_size if reading.drop_remainder else None
    image = reading.handed.image
    spec = {
        "image": tf.TensorSpec([size, *image.shape], image.dtype),
        "key": tf.TensorSpec([size], tf.string),
    }
    for name, kind in reading.handed.targets.items():
        for column in columns_of(name, kind):
            shape = [size, *column.shape(image.shape)]
            spec[column.name] = tf.TensorSpec(shape, column.feature.dtype)
    for name, (dtype, sides) in device_specs(reading.device).items() if reading.device else ():
        spec[name] = tf.TensorSpec([size, *sides], dtype)
    return spec


def _finished(dataset: tf.data.Dataset, last: Callable[[Any], Any], steps: int) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    plain = tf.autograph.experimental.do_not_convert(last)
    batches = dataset.map(plain, num_parallel_calls=tf.data.AUTOTUNE)
    counted = batches.apply(tf.data.experimental.assert_cardinality(steps))
    return counted.prefetch(tf.data.AUTOTUNE).with_options(options)


def _presentation(reading: Reading) -> Callable[[TensorBatch], Any]:
    """Returns the function from a batch by names to what a stream yields."""
    convert = _conversion(reading)

    def present(batch: TensorBatch) -> Any:
        labels = {
            name: _label(reading, name, value)
            for name, value in labels_of(reading.handed, batch).items()
        }
        items: list[Any] = [convert(batch["image"])] if reading.pixels else []
        if reading.device is not None:
            drawn = {name: each for name, each in batch.items() if name.startswith(PREFIX)}
            items = [(batch["image"], drawn)]
        if labels:
            items.append(labels if len(labels) > 1 else next(iter(labels.values())))
        if reading.keys:
            items.append(batch["key"])
        return tuple(items) if len(items) > 1 else items[0]

    return present


def _label(reading: Reading, name: str, value: Any) -> Any:
    """Returns a target's value as streamed: a class id as weights where train mixes classes.

    Instances have their masks, which are stored as run lengths.
    """
    target = reading.handed.targets[name]
    if isinstance(target, Instances):
        made = {"masks": tensorflow_instances.masks, "ids": tensorflow_instances.ids}
        height, width = reading.handed.image.shape[:2]
        return made[reading.instances](value, (int(height or 0), int(width or 0)))  # of one size
    if isinstance(target, ClassLabel) and target.soft and value.dtype == tf.int64:
        return tf.one_hot(value, len(target.names))
    return value


def _device_stages(reading: Reading) -> "DeviceStages | None":
    if reading.device is None:
        return None
    from dsbuilder.stream.tensorflow_device import DeviceStages  # Keras takes its time

    wanted = reading.images == "standardize"
    found = statistics(reading.dataset) if wanted else None
    return DeviceStages(reading, reading.device, found)


def _conversion(reading: Reading) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns what makes the stored pixels those that were asked for."""
    if reading.images == "uint8":
        return lambda images: images
    if reading.images == "scale":
        return lambda images: tf.cast(images, tf.float32) / 255.0
    mean, deviation = (each.astype(np.float32) for each in statistics(reading.dataset))
    if len(mean) != reading.signature.image.channels:
        raise DataError(
            f"{reading.dataset.where}: expected images of {len(mean)} channels to standardize, "
            f"found {reading.signature.image} after the stream's stages. Scale them instead."
        )
    return lambda images: (tf.cast(images, tf.float32) - mean) / deviation
