"""Many records measured: in this process, or in worker processes of ours.

A worker is `python -m dsbuilder.inspection.worker`; the caller's own process is never forked and
its script never run again. What goes over a worker's connection is a task, records, and what was
measured of them; never pixels. Workers are handed a few records at a time, so nothing piles up.

A worker that dies costs the record it was at, which another one tries once more, and then it is
lost with its reason; one that takes too long over a record is ended, and that record is lost.
"""

import contextlib
import subprocess
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from dsbuilder import processes
from dsbuilder.errors import PluginError
from dsbuilder.inspection.measuring import Measurer, Measures, Task
from dsbuilder.sample import Record

_HANDFUL = 32
_DEATHS = 2
_POLL_S = 0.2

Progress = Callable[[int, int], None]
"""Called with (records measured so far, records in all)."""


@dataclass
class Measured:
    """What is known of all records so far.

    Attributes:
      measures: by place of the record; None where it is not yet measured, or lost.
      lost: why a record could not be measured, by place.
    """

    measures: list[Measures | None]
    lost: dict[int, str] = field(default_factory=dict)


def measure_here(measurer: Measurer, records: Sequence[Record], on_progress: Progress) -> Measured:
    """Measures records one after the other in this process."""
    measured = Measured([None] * len(records))
    for place, record in enumerate(records):
        measured.measures[place] = measurer.measure(record)
        on_progress(place + 1, len(records))
    return measured


def measure_apart(
    task: Task,
    records: Sequence[Record],
    on_progress: Progress,
    *,
    workers: int,
    sample_timeout_s: float,
) -> Measured:
    """Measures records in worker processes; the result is that of `measure_here`.

    Args:
      workers: how many processes, 1 or more.
      sample_timeout_s: how long one record may take before it is lost.

    Raises:
      PluginError: an inspector or the source failed, or workers cannot be started.
    """
    run = _Run(task, records, on_progress, sample_timeout_s)
    try:
        return run.go(workers)
    finally:
        for worker in run.busy.values():
            worker.end()


@dataclass
class _Worker:
    """A worker process and the records it was handed and has not yet answered."""

    connection: Connection
    process: subprocess.Popen[bytes]
    places: deque[int] = field(default_factory=deque)
    since: float = field(default_factory=time.monotonic)
    is_ready: bool = False

    @classmethod
    def start(cls, task: Task) -> "_Worker":
        ours, process = processes.start("dsbuilder.inspection.worker")
        worker = cls(Connection(ours.detach()), process)
        worker.tell(task)
        return worker

    def tell(self, message: Any) -> None:
        """Sends a message; if the worker has died by then, its connection will say so."""
        self.since = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(message)

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


@dataclass
class _Run:
    """One run over all records."""

    task: Task
    records: Sequence[Record]
    on_progress: Progress
    sample_timeout_s: float
    busy: dict[Connection, _Worker] = field(default_factory=dict)
    deaths: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.measured = Measured([None] * len(self.records))
        self.waiting = deque(range(len(self.records)))
        self.done = 0

    def go(self, workers: int) -> Measured:
        for _ in range(min(workers, -(-len(self.records) // _HANDFUL))):
            self._hire()
        while self.busy:
            for ready in wait(list(self.busy), timeout=_POLL_S):
                self._hear(self.busy[ready])  # type: ignore[index]  # returns what it was given
            for worker in list(self.busy.values()):
                self._watch(worker)
        return self.measured

    def _hire(self) -> None:
        worker = _Worker.start(self.task)
        self.busy[worker.connection] = worker
        self._hand(worker)

    def _hand(self, worker: _Worker) -> None:
        """Gives a worker its next records, or its leave."""
        handful = [self.waiting.popleft() for _ in range(min(_HANDFUL, len(self.waiting)))]
        if not handful:
            self._leave(worker)
            return
        worker.places.extend(handful)
        worker.tell([(place, self.records[place]) for place in handful])

    def _leave(self, worker: _Worker) -> None:
        del self.busy[worker.connection]
        worker.end()

    def _hear(self, worker: _Worker) -> None:
        try:
            place, found = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            self._mourn(worker, "")
            return
        if place == "plugin":
            raise PluginError(found)
        if place == "unforeseen":
            raise RuntimeError(f"unforeseen in a worker:\n{found}")
        worker.since = time.monotonic()
        if place == "ready":
            worker.is_ready = True
            return
        worker.places.remove(place)
        self.measured.measures[place] = found
        self._count()
        if not worker.places:
            self._hand(worker)

    def _count(self) -> None:
        self.done += 1
        self.on_progress(self.done, len(self.records))

    def _watch(self, worker: _Worker) -> None:
        if worker.is_ready and time.monotonic() - worker.since > self.sample_timeout_s:
            self._mourn(worker, f"it took more than {self.sample_timeout_s:g} s")

    def _mourn(self, worker: _Worker, reason: str) -> None:
        """Loses the record that a worker ended over, or lets another one try it again."""
        if not worker.is_ready:
            raise PluginError(
                "expected worker processes, found that they end before they begin. "
                "What they printed stands above; --workers 0 inspects in this process."
            )
        place, *rest = worker.places
        self.deaths[place] += 1
        if reason or self.deaths[place] >= _DEATHS:
            self.measured.lost[place] = reason or f"{_DEATHS} processes died over it"
            self._count()
        else:
            rest.insert(0, place)
        self.waiting.extendleft(reversed(rest))
        self._leave(worker)
        if self.waiting:
            self._hire()
