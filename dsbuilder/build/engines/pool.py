"""The engine for several cores: worker processes of ours, each making whole shards.

`python -m dsbuilder.worker` binds the pipeline once, imports what its stages need, and forks a
worker for each connection it is sent; so start-up is paid once and pages are shared. The caller's
own process is never forked and its script never run again: no `__main__` guard, and no TensorFlow
in a worker. A worker that dies costs its shard, which another one makes.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import dsbuilder
from dsbuilder.build.task import Job, ShardResult, ShardTask
from dsbuilder.errors import CacheError, DataError, DsbuilderError, PluginError

_ATTEMPTS = 3
_ERRORS: dict[str, type[DsbuilderError]] = {
    error.__name__: error for error in (DataError, PluginError, CacheError)
}


@dataclass
class _Worker:
    """A worker as this process sees it: its connection, and the task it is at."""

    connection: Connection
    task: ShardTask | None = None
    reported: int = 0


@dataclass(frozen=True)
class Pool:
    """Makes shards in `workers` processes."""

    workers: int

    def run(
        self, job: Job, tasks: Sequence[ShardTask], on_progress: Callable[[int], None]
    ) -> Iterator[ShardResult]:
        """Yields results as they are finished.

        Raises:
          CacheError: a shard's worker died again and again.
          DataError: a sample cannot be made and the pipeline says to stop.
        """
        if not tasks:
            return
        with _Nursery(job) as nursery:
            yield from _Run(nursery, list(tasks), on_progress).results(self.workers)


class _Nursery:
    """The process that workers are forked from; it ends when this end of its socket is closed."""

    def __init__(self, job: Job) -> None:
        self._control, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dsbuilder.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=_environment(),
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        with contextlib.suppress(BrokenPipeError):
            send(Connection(os.dup(self._control.fileno())), {"job": asdict(job)})

    def __enter__(self) -> "_Nursery":
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def bear(self) -> _Worker:
        """Returns a new worker.

        Raises:
          CacheError: the process that workers come from has died.
        """
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"w"], [theirs.fileno()])
        except OSError:
            raise CacheError(
                "expected worker processes, found that they cannot be started. "
                "What they printed stands above; --workers 1 builds in this process."
            ) from None
        theirs.close()
        return _Worker(Connection(ours.detach()))


@dataclass
class _Run:
    """One run of tasks over workers."""

    nursery: _Nursery
    waiting: list[ShardTask]
    on_progress: Callable[[int], None]
    attempts: dict[str, int] = field(default_factory=dict)

    def results(self, count: int) -> Iterator[ShardResult]:
        self.waiting.sort(key=lambda task: task.samples)  # the largest is taken first
        busy: dict[Connection, _Worker] = {}
        for _ in range(min(count, len(self.waiting))):
            self._give(self.nursery.bear(), busy)
        try:
            while busy:
                for connection in wait(list(busy)):
                    worker = busy[connection]  # type: ignore[index]  # wait() returns what it was given
                    result = self._hear(worker, busy)
                    if result is not None:
                        yield result
        finally:
            for connection in busy:
                connection.close()

    def _give(self, worker: _Worker, busy: dict[Connection, _Worker]) -> None:
        if not self.waiting:
            busy.pop(worker.connection, None)
            worker.connection.close()
            return
        worker.task, worker.reported = self.waiting.pop(), 0
        busy[worker.connection] = worker
        with contextlib.suppress(BrokenPipeError):  # died before it began: the next wait() tells
            send(worker.connection, {"task": worker.task.to_json()})

    def _hear(self, worker: _Worker, busy: dict[Connection, _Worker]) -> ShardResult | None:
        try:
            message = receive(worker.connection)
        except (EOFError, OSError):
            self._mourn(worker, busy)
            return None
        if "progress" in message:
            worker.reported += message["progress"]
            self.on_progress(message["progress"])
            return None
        if "error" in message:
            raise _ERRORS.get(message["kind"], CacheError)(message["error"])
        result = ShardResult(**message["result"])
        self._give(worker, busy)
        return result

    def _mourn(self, worker: _Worker, busy: dict[Connection, _Worker]) -> None:
        """Gives the shard of a worker that died to a new one."""
        del busy[worker.connection]
        worker.connection.close()
        self.on_progress(-worker.reported)
        task = worker.task
        if task is None:
            return
        attempt = self.attempts.get(task.stem, 0) + 1
        self.attempts[task.stem] = attempt
        if attempt >= _ATTEMPTS:
            raise CacheError(
                f"{task.stem.replace('#', '-')}: expected a shard, found that {attempt} workers "
                "died over it, one after the other. Look for a plugin that crashes or needs too "
                "much memory; finished shards are kept."
            )
        self.waiting.append(task)
        self._give(self.nursery.bear(), busy)


def send(connection: Connection, message: dict[str, Any]) -> None:
    """Sends JSON values over a connection."""
    connection.send_bytes(json.dumps(message).encode())


def receive(connection: Connection) -> dict[str, Any]:
    """Returns the next message; raises EOFError when the other end is gone."""
    message: dict[str, Any] = json.loads(connection.recv_bytes())
    return message


def _environment() -> dict[str, str]:
    package = str(Path(dsbuilder.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": path, "NO_ALBUMENTATIONS_UPDATE": "1"}
