"""Batches of numpy arrays where the stream has stages: fresh in every epoch, without TensorFlow.

What a batch holds depends on (seed, split, epoch) and its place alone, so worker processes, each
with a feed of its own, make the same bytes (`worker_feed.py`):

* order: as `order.py` has it;
* a sample: `Refresher.refresh`, whose generators are those of (seed, stage, key, epoch), and of how
  often the epoch has picked the sample before, if it has;
* partners of a mixer: cached samples of the same batch, as `partners` pairs them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dsbuilder.errors import DsbuilderError, PluginError
from dsbuilder.pipeline import Refresher, Trace
from dsbuilder.sample import Sample
from dsbuilder.seeding import generator
from dsbuilder.stream.columns import columns_of
from dsbuilder.stream.device_columns import device_columns
from dsbuilder.stream.order import picks as picks_of
from dsbuilder.stream.places import Places
from dsbuilder.stream.reading import Reading

Batch = dict[str, np.ndarray]

Allocate = Callable[[tuple[int, ...], np.dtype], np.ndarray]
"""Returns an array of a shape and dtype for the images of a batch, whatever it holds."""


@dataclass(frozen=True)
class Feed:
    """The batches of a split that passes stages on its way.

    Attributes:
      reading: how the split is read; its `refresher` is not None.
    """

    reading: Reading

    def batches_of(self, epochs: Iterable[int], start: int = 0) -> Iterator[Batch]:
        """Yields the batches of epochs, one after the other; of the first from `start` on."""
        for epoch in epochs:
            yield from self.batches(epoch, start)
            start = 0

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yields the batches of an epoch from number `start` on; every array is new.

        Each holds `image` `(B, H, W, C)`, `key` `(B,)` UTF-8 bytes, and the columns of every
        target, as `columns.py` names them.

        Raises:
          CacheError: a shard is missing, cut or corrupt.
          Exception: a plugin's own, with notes that name stage, sample and params.
        """
        picks = self.picks(epoch)
        for step in range(start, self.reading.steps):
            yield self.batch(picks, epoch, step)

    def batch(
        self,
        picks: np.ndarray,
        epoch: int,
        step: int,
        *,
        allocate: Allocate = np.empty,
        at: Callable[[int], None] = lambda _: None,
    ) -> Batch:
        """Returns a batch of an epoch, `image` first; see `batches`.

        Args:
          picks: those of the epoch.
          allocate: where its images go.
          at: called before each sample is made, with its place in the batch.
        """
        size = self.reading.batch_size
        places, repeats = picks[step * size : (step + 1) * size].T.tolist()
        cached = []
        for number, place in enumerate(places):
            at(number)
            cached.append(self.stored(place))
        chosen = self._partners(len(cached), epoch, step)
        samples, drawn, host = [], [], self._host
        for number, (others, repeat) in enumerate(zip(chosen, repeats, strict=True)):
            at(number)
            trace, partners = Trace(), [cached[i] for i in others]
            fresh = host.refresh(cached[number], epoch, partners, trace, repeat=repeat)
            samples.append(host.finish(fresh, trace))
            if self.reading.device is not None:
                drawn.append(
                    self._refresher.draw(
                        samples[-1], cached[number], epoch, partners, repeat=repeat
                    )
                )
        batch = self._stack(samples, allocate)
        if self.reading.device is not None:
            batch |= device_columns(self.reading.device, drawn, chosen, cached)
        return batch

    def picks(self, epoch: int) -> np.ndarray:
        """Returns what `order.picks` does."""
        return picks_of(self.reading, epoch)

    def key(self, epoch: int, step: int, number: int) -> str:
        """Returns the key of a sample of a batch, by its place there."""
        place = self.picks(epoch)[step * self.reading.batch_size + number, 0]
        return self.stored(int(place)).key

    def prepare(self) -> None:
        """Reads what every batch needs, but opens no shard: so processes can share it."""
        _ = self.places.rows

    @property
    def _refresher(self) -> Refresher:
        if self.reading.refresher is None:
            raise PluginError("feed: the split passes no stages. Stream it.")
        return self.reading.refresher

    @cached_property
    def _host(self) -> Refresher:
        """The stages that are applied here."""
        return self._refresher if self.reading.device is None else self._refresher.host()

    @cached_property
    def places(self) -> Places:
        """Where the samples of the split lie."""
        return Places(self.reading)

    def stored(self, place: int) -> Sample:
        """Returns the sample at a place in stored order, before any stage of the stream."""
        sample = self.reading.dataset.codec.sample(*self.places.at(place))
        sample.image.flags.writeable = False  # a mixer shares it
        return sample

    def finished(self, place: int) -> Sample:
        """Returns the sample at a place in stored order, as a stream that draws nothing has it."""
        sample, refresher = self.stored(place), self.reading.refresher
        return sample if refresher is None else refresher.finish(sample, Trace())

    def _partners(self, size: int, epoch: int, step: int) -> Sequence[Sequence[int]]:
        mixer = self._refresher.mixer
        if mixer is None:
            return [()] * size
        reading = self.reading
        rng = generator(reading.seed, mixer.id, "partners", reading.split, epoch, step)
        return partners(size, mixer.plugin.partners, rng)

    def _stack(self, samples: Sequence[Sample], allocate: Allocate) -> Batch:
        images = [sample.image for sample in samples]
        into = allocate((len(images), *images[0].shape), images[0].dtype)
        batch = {
            "image": np.stack(images, out=into),
            "key": np.array([sample.key.encode() for sample in samples], object),
        }
        for name, kind in self.reading.handed.targets.items():
            for column in columns_of(name, kind):
                batch[column.name] = column.stack(samples, kind)
        return batch


def partners(size: int, count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Returns `count` partners for each of `size` samples of a batch, by their places in it.

    The samples stand in a random circle and take those that follow. None is its own partner unless
    it is alone; none is the same sample's partner twice while the batch lasts.
    """
    circle = rng.permutation(size)
    place = np.argsort(circle)
    others = max(size - 1, 1)
    steps = [1 + i % others if size > 1 else 0 for i in range(count)]
    return [tuple(int(circle[(place[i] + step) % size]) for step in steps) for i in range(size)]


def told(error: Exception) -> DsbuilderError:
    """Returns what a batch failed with as an error of ours, with its notes: a plugin's, if of none.

    So it crosses processes, and TensorFlow, as one that says where and why.
    """
    if isinstance(error, DsbuilderError):
        return error
    found = PluginError(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        found.add_note(note)
    return found
