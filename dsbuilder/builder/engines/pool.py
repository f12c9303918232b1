"""The engine for several cores: worker processes of ours, each making whole shards.

`python -m dsbuilder.worker` imports what stages need, binds the pipeline once, and forks a worker
for each connection it is sent; so start-up is paid once and pages are shared. The caller's own
process is never forked and its script never run again: no `__main__` guard, and no TensorFlow in a
worker.

A worker that dies costs its shard, which another one makes; a sample at which two workers died is
set aside, and so is one that takes longer than the limit. A shared page (`pulse.py`) says which it
was.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from dsbuilder import processes
from dsbuilder.builder.engines.pulse import Beat, Pulse
from dsbuilder.builder.task import Binding, Job, Lost, ShardResult, ShardTask
from dsbuilder.errors import CacheError, DataError, DsbuilderError, PluginError

_POLL_S = 0.1
_DEATHS = 2
_ERRORS: dict[str, type[DsbuilderError]] = {
    error.__name__: error for error in (DataError, PluginError, CacheError)
}


@dataclass
class _Worker:
    """A worker as this process sees it.

    Attributes:
      task: what it is at; `reported` samples of it were told to `on_progress`.
      number, since: the last beat that was seen, and when it was new.
      timed_out: whether it was ended for taking too long.
    """

    connection: Connection
    pulse: Pulse
    task: ShardTask
    reported: int = 0
    number: int = 0
    since: float = field(default_factory=time.monotonic)
    timed_out: bool = False

    def close(self) -> None:
        self.connection.close()
        self.pulse.close()


class Pool:
    """Makes shards in worker processes, for one job.

    Args:
      workers: how many.
      sample_timeout_s: how long one sample may take.
      modules: what is imported before workers are forked; with it, the process they come from is
        started at once, to be ready when the pipeline is.
    """

    def __init__(
        self, *, workers: int, sample_timeout_s: float, modules: Sequence[str] = ()
    ) -> None:
        self._workers = workers
        self._sample_timeout_s = sample_timeout_s
        self._nursery = _Nursery(modules) if modules else None
        self._is_prepared = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._nursery is not None:
            self._nursery.close()

    def prepare(self, binding: Binding) -> None:
        """Lets the process that workers come from bind the pipeline."""
        if self._nursery is None:
            self._nursery = _Nursery()
        self._nursery.take(binding)
        self._is_prepared = True

    def run(
        self, job: Job, tasks: Sequence[ShardTask], on_progress: Callable[[int], None]
    ) -> Iterator[ShardResult]:
        """Yields results as they are finished.

        Raises:
          CacheError: workers cannot be started.
          DataError: a sample cannot be made and the pipeline says to stop.
          RuntimeError: `prepare` was not called.
        """
        if not tasks:
            return
        if self._nursery is None or not self._is_prepared:
            raise RuntimeError(
                "expected prepare() before run(), found no pipeline for the workers."
            )
        run = _Run(self._nursery, job, list(tasks), on_progress, self._sample_timeout_s)
        yield from run.results(self._workers)


class _Nursery:
    """The process that workers are forked from; it ends when this end of its socket is closed."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        self._control, self._process = processes.start("dsbuilder.worker", *modules)

    def take(self, binding: Binding) -> None:
        """Sends the one pipeline; if it has died by then, `bear` will say so."""
        connection = Connection(os.dup(self._control.fileno()))
        with contextlib.suppress(BrokenPipeError):
            send(connection, {"binding": asdict(binding)})
        connection.close()

    def close(self) -> None:
        """Ends it, and with it all workers."""
        self._control.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def bear(self, job: Job, task: ShardTask) -> _Worker:
        """Returns a new worker that is at a task.

        Raises:
          CacheError: the process that workers come from has died.
        """
        ours, theirs = socket.socketpair()
        pulse = Pulse.create()
        try:
            socket.send_fds(self._control, [b"w"], [theirs.fileno(), pulse.fd])
        except OSError:
            raise CacheError(
                "expected worker processes, found that they cannot be started. "
                "What they printed stands above; --workers 0 builds in this process."
            ) from None
        theirs.close()
        worker = _Worker(Connection(ours.detach()), pulse, task)
        with contextlib.suppress(BrokenPipeError):  # died before it began: the next wait() tells
            send(worker.connection, {"job": asdict(job)})
        _give(worker, task)
        return worker

    @property
    def is_alive(self) -> bool:
        """Whether workers can still be forked."""
        return self._process.poll() is None


@dataclass
class _Run:
    """One run of tasks over workers."""

    nursery: _Nursery
    job: Job
    waiting: list[ShardTask]
    on_progress: Callable[[int], None]
    sample_timeout_s: float
    busy: dict[Connection, _Worker] = field(default_factory=dict)
    deaths: Counter[tuple[str, int, int]] = field(default_factory=Counter)

    def results(self, count: int) -> Iterator[ShardResult]:
        self.waiting.sort(key=lambda task: task.samples)  # the largest is taken first
        for _ in range(min(count, len(self.waiting))):
            self._bear(self.waiting.pop())
        try:
            while self.busy:
                yield from self._hear()
                for worker in list(self.busy.values()):
                    self._watch(worker)
        finally:
            for worker in self.busy.values():
                worker.close()

    def _bear(self, task: ShardTask) -> None:
        worker = self.nursery.bear(self.job, task)
        self.busy[worker.connection] = worker

    def _hear(self) -> Iterator[ShardResult]:
        for ready in wait(list(self.busy), timeout=_POLL_S):
            worker = self.busy[ready]  # type: ignore[index]  # wait() returns what it was given
            try:
                message = receive(worker.connection)
            except (EOFError, OSError):
                self._mourn(worker)
                continue
            if "unforeseen" in message:
                raise RuntimeError(f"unforeseen in a worker:\n{message['unforeseen']}")
            if "failed" in message:
                raise OSError(*message["failed"])
            if "error" in message:
                known = [_ERRORS[kind] for kind in message["kinds"] if kind in _ERRORS]
                raise (known or [CacheError])[0](message["error"])
            self._report(worker, worker.task.samples)
            self._next(worker)
            yield ShardResult(**message["result"])

    def _next(self, worker: _Worker) -> None:
        if self.waiting:
            _give(worker, self.waiting.pop())
            return
        del self.busy[worker.connection]
        worker.close()

    def _report(self, worker: _Worker, done: int) -> None:
        self.on_progress(done - worker.reported)
        worker.reported = done

    def _watch(self, worker: _Worker) -> None:
        """Takes a worker's pulse: how far it is, and whether it is stuck."""
        beat = worker.pulse.read()
        now = time.monotonic()
        if beat.number != worker.number or not beat.pid:
            worker.number, worker.since = beat.number, now
            self._report(worker, min(beat.done, worker.task.samples))
        elif beat.root < 0:
            return  # it writes the shard, which no sample is to blame for
        elif now - worker.since > self.sample_timeout_s and not worker.timed_out:
            worker.timed_out = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(beat.pid, signal.SIGKILL)

    def _mourn(self, worker: _Worker) -> None:
        """Gives the shard of a worker that died to a new one, without the sample that killed it."""
        beat, task = worker.pulse.read(), worker.task
        del self.busy[worker.connection]
        worker.close()
        self.on_progress(-worker.reported)
        if not beat.pid or not self.nursery.is_alive:
            raise CacheError(
                "expected worker processes, found that they end before they begin. "
                "What they printed stands above; --workers 0 builds in this process."
            )
        place = (task.stem, beat.root, beat.output)
        self.deaths[place] += 1
        if beat.root < 0:
            self._check_writing(task, self.deaths[place])
        elif worker.timed_out:
            reason = f"TimeoutError: took more than {self.sample_timeout_s:g} s"
            task = _without(task, beat, reason)
        elif self.deaths[place] >= _DEATHS:
            task = _without(task, beat, f"{_DEATHS} workers died over it, one after the other")
        self._bear(task)

    def _check_writing(self, task: ShardTask, deaths: int) -> None:
        if deaths > _DEATHS:
            raise CacheError(
                f"{task.stem.replace('#', '-')}: expected a shard, found that {deaths} workers "
                "died writing it. Look for too little memory; finished shards are kept."
            )


def _without(task: ShardTask, beat: Beat, reason: str) -> ShardTask:
    lost = Lost(root=beat.root, output=beat.output, reason=reason)
    return replace(task, lost=(*task.lost, lost))


def _give(worker: _Worker, task: ShardTask) -> None:
    worker.task, worker.reported, worker.since = task, 0, time.monotonic()
    with contextlib.suppress(BrokenPipeError):
        send(worker.connection, {"task": task.to_json()})


def send(connection: Connection, message: dict[str, Any]) -> None:
    """Sends JSON values over a connection."""
    connection.send_bytes(json.dumps(message).encode())


def receive(connection: Connection) -> dict[str, Any]:
    """Returns the next message; raises EOFError when the other end is gone."""
    message: dict[str, Any] = json.loads(connection.recv_bytes())
    return message
