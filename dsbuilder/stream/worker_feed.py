"""The batches of a feed, made by worker processes in shared memory.

A worker leaves a batch in a slot, the stream hands it on as it lies there, and the slot is given
back when whoever took the batch lets go of it: TensorFlow, say, which takes over arrays without a
copy. Whoever keeps many batches is given copies, so that workers always have slots to work in, and
memory stays bounded. Batches come in their order, whichever worker is faster.
"""

import os
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from dsbuilder.errors import option
from dsbuilder.pipelinefile.training import MOST_WORKERS
from dsbuilder.stream.batch_role import BatchRole, BatchTask, setup_of
from dsbuilder.stream.feed import Batch, Feed
from dsbuilder.stream.reading import Reading
from dsbuilder.workers import Crew, Placed, Slot, cores, system

SAMPLE_TIMEOUT_S = 60.0
_AHEAD = 2
"""Batches that a worker is given at a time, so that it has one to do while nobody looks."""

_HELD = 4
"""Batches that may be out uncopied."""

_WORKERS_UNASKED = 16
_MEMORY_UNASKED = 2e9
"""Bytes that the slots of so many workers may take."""

_SOON_MADE_PIXELS = 50_000_000
"""Below it, about a second's work, an epoch is not worth the start of processes."""


class WorkerFeed:
    """Makes the batches of a feed in worker processes; several runs of it may be under way.

    Args:
      feed: what they are the batches of.
      asked: what `plan` was asked for.
      workers: number of processes, 1 or more.
    """

    def __init__(self, feed: Feed, asked: Mapping[str, Any], *, workers: int) -> None:
        reading = feed.reading
        self._feed, self._workers = feed, workers
        self._crew = Crew(
            workers=workers,
            item_timeout_s=SAMPLE_TIMEOUT_S,
            instead=f"{option('workers 0')} makes the batches in this process.",
            modules=[BatchRole.__module__],
        )
        weakref.finalize(self, self._crew.close)
        setup = setup_of(reading.dataset.path, reading.split, asked)
        self._crew.prepare(f"{BatchRole.__module__}:{BatchRole.__name__}", setup)

    def batches_of(
        self, epochs: Iterable[int], start: int, is_over: Callable[[], bool]
    ) -> Iterator[Batch]:
        """Yields what `Feed.batches_of` does, in memory that is used again once it is let go.

        Args:
          epochs, start: as for `Feed.batches_of`.
          is_over: looked at while a batch is waited for; once it says so, no more is yielded.

        Raises:
          CacheError: workers cannot be started; a shard is missing, cut or corrupt.
          PluginError: a plugin's own, with notes that name stage, sample and params.
          DataError: workers die over a sample, or it takes longer than a minute.
        """
        lent = _Lent(self._workers * _AHEAD + 2 + _HELD)
        results = self._crew.serve(
            {},
            self._tasks(epochs, start, lent),
            ahead=_AHEAD,
            descriptors=[lent.fd],
            is_over=is_over,
        )
        done: dict[int, tuple[int, Placed]] = {}
        wanted = 0
        try:
            for task, placed in results:
                done[task.number] = (task.slot, placed)
                while wanted in done:
                    yield lent.taken(*done.pop(wanted))
                    wanted += 1
        finally:
            results.close()
            lent.close()

    def _tasks(
        self, epochs: Iterable[int], start: int, lent: "_Lent"
    ) -> Iterator[BatchTask | None]:
        size, steps = self._feed.reading.batch_size, self._feed.reading.steps
        places = (
            (epoch, step)
            for number, epoch in enumerate(epochs)
            for step in range(0 if number else start, steps)
        )
        for number, (epoch, step) in enumerate(places):
            while not lent.free:
                yield None
            slot = lent.free.pop()  # the one used last, whose memory is there
            yield BatchTask(
                number=number,
                epoch=epoch,
                step=step,
                slot=slot,
                samples=size,
                key_of=partial(self._feed.key, epoch, step),
            )


def enough_workers(reading: Reading, asked: int | None) -> int:
    """Returns how many processes make the batches of a split; see `stream`.

    Raises:
      ValueError: fewer than none.
    """
    if asked is not None:
        if asked < 0:
            raise ValueError(f"stream: expected workers of 0 or more, found {asked}.")
        return min(asked, MOST_WORKERS)
    image = reading.signature.image
    pixels = (image.height or 0) * (image.width or 0) * reading.num_samples
    if not (reading.refresher and reading.refresher.stages) or pixels < _SOON_MADE_PIXELS:
        return 0
    if not system.is_supported():
        return 0
    size = reading.batch_size * (image.height or 0) * (image.width or 0) * image.channels
    fitting = int(_MEMORY_UNASKED / (size * np.dtype(image.dtype).itemsize) - 2 - _HELD) // _AHEAD
    return max(min(cores(), _WORKERS_UNASKED, fitting), 1)


class _Lent:
    """The slots of a run.

    Attributes:
      free: numbers of those that a batch can be left in.
      held: numbers of those whose batch somebody has.
    """

    def __init__(self, count: int) -> None:
        self._slots = Slot.create(count)
        self.fd = self._slots[0].fd
        self.free = deque(range(count))
        self.held: set[int] = set()

    def taken(self, number: int, placed: Placed) -> Batch:
        """Returns the batch in a slot, which is free again once nobody has it any more."""
        batch, whole = self._slots[number].take(placed)
        if len(self.held) >= _HELD:
            batch = {name: array.copy() for name, array in batch.items()}
            self.free.append(number)
            return batch
        self.held.add(number)
        weakref.finalize(whole, self._give_back, number).atexit = False
        return batch

    def _give_back(self, number: int) -> None:
        """May be called in any thread."""
        self.held.discard(number)
        self.free.append(number)

    def close(self) -> None:
        """Gives the descriptor back; memory stays while an array of it lives."""
        os.close(self.fd)
