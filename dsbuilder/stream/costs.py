"""What one image costs on its way into a batch: read, decoded, and passed through each stage.

Measured in this thread, with OpenCV kept to one as workers keep it, by the processor's time: so
several workers at once divide it, and another program on the machine hardly changes it.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from dsbuilder.cache.npy import NpyShard
from dsbuilder.pipeline import Refresher, Trace
from dsbuilder.sample import Sample
from dsbuilder.seeding import generator
from dsbuilder.stream.feed import Feed

Item = TypeVar("Item")

_MOST_SAMPLES = 256
_ROUNDS = 2
"""The first brings files into memory and sees what stages do at first; the last one counts."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds of one core that an image takes.

    Attributes:
      reading: time to take its bytes from the shard, which the system holds in memory by then.
      decoding: time to make pixels and targets of them.
      stages: time in each stage of the stream, by its id, in order; those of `finish` are one.
    """

    reading: float
    decoding: float
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def whole(self) -> float:
        """All of it."""
        return self.reading + self.decoding + sum(self.stages.values())


def measure(feed: Feed, *, seconds: float) -> Costs:
    """Returns what an image of a feed costs, by up to 256 of them.

    Args:
      seconds: time that a part may take at most, about.

    Raises:
      CacheError: a shard is missing, cut or corrupt.
      Exception: a plugin's own, with notes that name stage, sample and params.
    """
    count = min(feed.reading.dataset.num_samples(feed.reading.split), _MOST_SAMPLES)
    chosen = generator("costs").permutation(count).tolist()
    with _one_thread():
        reading = _per_item(chosen, lambda place: _read(feed, place), seconds)
        stored = _per_item(chosen, feed.stored, seconds)
        samples = [feed.stored(place) for place in chosen]
        stages = _stages(feed, samples, seconds)
    return Costs(reading=reading, decoding=max(stored - reading, 0.0), stages=stages)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _read(feed: Feed, place: int) -> object:
    """Takes the bytes of a sample; those of mapped pixels are copied once, as a batch does."""
    shard, offset, length = feed.places.at(place)
    if isinstance(shard, NpyShard):
        return shard.row(offset)[0].copy()
    return shard.read(offset, length)


def _per_item(items: Sequence[Item], work: Callable[[Item], object], seconds: float) -> float:
    """Returns the processor's seconds that an item takes, of as many as there is time for."""
    took = 0.0
    for _ in range(_ROUNDS):
        began, deadline, done = time.process_time(), time.monotonic() + seconds / _ROUNDS, 0
        for item in items:
            work(item)
            done += 1
            if time.monotonic() > deadline:
                break
        took = (time.process_time() - began) / max(done, 1)
    return took


def _stages(feed: Feed, samples: Sequence[Sample], seconds: float) -> dict[str, float]:
    """Returns the time of each stage: that of all up to it, less that of all before it."""
    refresher = feed.reading.refresher
    if refresher is None:
        return {}
    numbered = list(enumerate(samples))

    def passed(upto: Refresher) -> Callable[[tuple[int, Sample]], object]:
        mixer = upto.mixer
        partners = mixer.plugin.partners if mixer is not None else 0

        def work(item: tuple[int, Sample]) -> object:
            number, sample = item
            others = [samples[(number + 1 + i) % len(samples)] for i in range(partners)]
            fresh = upto.refresh(sample, 0, others, Trace())
            return upto.finish(fresh, Trace()) if upto.finish_stages else fresh

        return work

    parts = [
        (stage.id, replace(refresher, stages=refresher.stages[: number + 1], finish_stages=()))
        for number, stage in enumerate(refresher.stages)
    ]
    if refresher.finish_stages:
        parts.append(("stream/finish", refresher))
    bare = replace(refresher, stages=(), finish_stages=())
    before, found = _per_item(numbered, passed(bare), seconds), {}
    for name, upto in parts:
        whole = _per_item(numbered, passed(upto), seconds)
        found[name] = max(whole - before, 0.0)
        before = max(whole, before)
    return found
