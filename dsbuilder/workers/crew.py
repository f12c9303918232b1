"""The supervisor of worker processes: starts them, gives them tasks, retries what they died over.

Workers are processes of ours: the caller's own is never forked and its script never run again, so
no `__main__` guard is needed, and no worker holds what the caller imported.

A worker that dies costs its task, which another one is given; an item at which two workers died is
left out, and so is one that takes longer than the limit. The heartbeat says which it was. A worker
may have tasks ahead of the one that it is at, so that it has work where nobody looks. The time
of an item is counted by looks at its worker while that runs, so that a pause (Ctrl-Z, a suspended
laptop, a frozen container) is not taken for an item that hangs.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from dsbuilder.errors import CacheError
from dsbuilder.workers import failure, system
from dsbuilder.workers.channel import Channel
from dsbuilder.workers.heartbeat import Beat, Heartbeat
from dsbuilder.workers.role import NO_ITEM, CrewTask

T = TypeVar("T", bound=CrewTask)

_SERVER = "dsbuilder.workers.fork_server"
_POLL_S = 0.1
_LONGEST_LOOK_S = 0.5
"""What counts at most between two looks: if more has passed, this process was paused itself."""
_DEATHS = 2

Progress = Callable[[int], None]
"""Called with the number of samples done since the last call; negative where a task is retried."""


class Crew:
    """Worker processes of one role.

    Args:
      workers: number of processes, 1 or more.
      item_timeout_s: seconds that one item may take.
      instead: advice for a user where workers cannot run, as a sentence.
      modules: modules to import before workers are forked, each with `:function` if that is to be
        called. With them the fork server is started at once, to be ready when the role is.
    """

    def __init__(
        self, *, workers: int, item_timeout_s: float, instead: str, modules: Sequence[str] = ()
    ) -> None:
        system.check(instead)
        self._workers = workers
        self._item_timeout_s = item_timeout_s
        self._instead = instead
        self._server = _ForkServer(modules) if modules else None
        self._is_prepared = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self, role: str, setup: Mapping[str, Any]) -> None:
        """Lets the fork server make the role.

        Args:
          role: `module:Class` of a `Role`.
          setup: JSON values that it is made from.
        """
        if self._server is None:
            self._server = _ForkServer([role.partition(":")[0]])
        self._server.tell({"role": role, "setup": setup})
        self._is_prepared = True

    def run(
        self,
        job: Mapping[str, Any],
        tasks: Sequence[T],
        on_progress: Progress,
        *,
        descriptors: Sequence[int] = (),
    ) -> Iterator[tuple[T, Any]]:
        """Yields each task and its result as it is finished, in any order.

        A task is yielded without the items that had to be left out of it.

        Args:
          job: JSON values that the tasks have in common.
          descriptors: open files that every worker gets, such as shared memory.

        Raises:
          CacheError: workers cannot be started, or die over no item.
          Exception: what the role raised, of the same class; see `failure.py`.
          RuntimeError: `prepare` was not called.
        """
        if not tasks:
            return
        longest_first = iter(sorted(tasks, key=lambda task: -task.samples))
        yield from self._run(job, longest_first, descriptors, on_progress=on_progress).results()

    def serve(
        self,
        job: Mapping[str, Any],
        tasks: Iterator[T | None],
        *,
        ahead: int,
        descriptors: Sequence[int] = (),
        is_over: Callable[[], bool] = lambda: False,
    ) -> Generator[tuple[T, Any], None, None]:
        """Yields what `run` does of tasks that there is no list of: they are begun in their order.

        Workers are looked after while a result is waited for, and have something to do meanwhile.

        Args:
          job, descriptors: as for `run`.
          tasks: without end, if need be; None says that there is no task for now. There is one
            where no worker is at any.
          ahead: number of tasks that a worker is given at a time, 1 or more.
          is_over: looked at ten times a second; once it says so, no more is yielded.

        Raises:
          Exception: as for `run`.
        """
        run = self._run(job, tasks, descriptors, on_progress=lambda _: None)
        run.ahead, run.is_over = ahead, is_over
        yield from run.results()

    def close(self) -> None:
        """Ends the workers and the process that they come from; it may be called again."""
        if self._server is not None:
            self._server.close()

    def _run(
        self,
        job: Mapping[str, Any],
        tasks: Iterator[T | None],
        descriptors: Sequence[int],
        *,
        on_progress: Progress,
    ) -> "_Run[T]":
        if self._server is None or not self._is_prepared:
            raise RuntimeError("expected prepare() before run(), found no role for the workers.")
        return _Run(
            server=self._server,
            job=job,
            descriptors=descriptors,
            tasks=tasks,
            workers=self._workers,
            on_progress=on_progress,
            item_timeout_s=self._item_timeout_s,
            instead=self._instead,
        )


class _ForkServer:
    """The process that workers are forked from; it ends when this end of its socket is closed."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._control, theirs = Channel.pair()
        self._lock = threading.Lock()  # several runs may be under way, each in a thread
        # One thread in each numerical library, no standard input, and the package in reach wherever
        # this process found it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", _SERVER, str(theirs.fileno()), *modules],
            pass_fds=[theirs.fileno()],
            env=_environment(),
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._has_forked = False

    def tell(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Sends a message; if it has died by then, its workers will be missed."""
        with self._lock, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.send(message, descriptors)

    def fork(self) -> tuple[Channel, Heartbeat]:
        """Returns the channel and the heartbeat of a new worker."""
        ours, theirs = Channel.pair()
        heartbeat = Heartbeat.create()
        self.tell({"fork": True}, [theirs.fileno(), heartbeat.fd])
        self._has_forked = True
        theirs.close()
        return ours, heartbeat

    @property
    def is_alive(self) -> bool:
        """Whether workers can still be forked."""
        return self._process.poll() is None

    def close(self) -> None:
        """Ends it, and with it all workers; before the first one, without ending its imports."""
        self._control.close()
        if not self._has_forked:
            self._process.kill()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": path, "NO_ALBUMENTATIONS_UPDATE": "1"}


@dataclass
class _Worker(Generic[T]):
    """A worker as the supervisor sees it.

    Attributes:
      channel, heartbeat: connection to it, and count of its beats.
      tasks: tasks that it was given and has not answered; the first is the one that it is at.
      answered: count of the tasks that it has answered.
      reported: number of samples of its task that `on_progress` was told of.
      number: count of the last beat that was seen.
      spent_s: how long it has been running since that was new.
      timed_out: whether it was killed for taking too long.
    """

    channel: Channel
    heartbeat: Heartbeat
    tasks: deque[T] = field(default_factory=deque)
    answered: int = 0
    reported: int = 0
    number: int = 0
    spent_s: float = 0.0
    timed_out: bool = False

    def give(self, task: T) -> None:
        """Sends a task; if the worker has died by then, its channel will say so."""
        self.tasks.append(task)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.channel.send({"task": task.to_json()})

    def answer(self) -> T:
        """Returns the task that it has done; it is at the next one then."""
        self.answered += 1
        self.reported, self.spent_s = 0, 0.0
        return self.tasks.popleft()

    def beat(self) -> Beat:
        """Returns where it is in its task; at no item while it has not begun it."""
        beat = self.heartbeat.read()
        if beat.task == self.answered + 1:
            return beat
        return beat._replace(item=NO_ITEM, part=NO_ITEM, done=0)

    def kill(self) -> None:
        self.timed_out = True
        pid = self.heartbeat.read().pid
        with contextlib.suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self.channel.close()
        self.heartbeat.close()


@dataclass(kw_only=True)
class _Run(Generic[T]):
    """One run of tasks over workers.

    Attributes:
      again: tasks that a worker died over; they go before the others.
      ended: whether `tasks` has no more.
      open: workers by the descriptor of their channel.
    """

    server: _ForkServer
    job: Mapping[str, Any]
    descriptors: Sequence[int]
    tasks: Iterator[T | None]
    workers: int
    on_progress: Progress
    item_timeout_s: float
    instead: str
    ahead: int = 1
    is_over: Callable[[], bool] = lambda: False
    again: deque[T] = field(default_factory=deque)
    ended: bool = False
    open: dict[int, _Worker[T]] = field(default_factory=dict)
    deaths: Counter[tuple[str, int, int]] = field(default_factory=Counter)

    def results(self) -> Iterator[tuple[T, Any]]:
        try:
            looked = time.monotonic()
            self._deal()
            while self.open and not self.is_over():
                ready = set(wait(list(self.open), timeout=_POLL_S))
                for worker in [each for number, each in self.open.items() if number in ready]:
                    if worker.channel.fileno() in self.open:  # not closed since
                        yield from self._receive(worker)
                before, looked = looked, time.monotonic()
                for worker in list(self.open.values()):
                    self._check(worker, min(looked - before, _LONGEST_LOOK_S))
                self._deal()
        finally:
            for worker in self.open.values():
                if self.ahead > 1 and worker.tasks:
                    worker.kill()  # what nobody waits for any more may take long
                worker.close()

    def _deal(self) -> None:
        """Gives out tasks, to the workers with the fewest, and ends those for whom there are none.

        A worker is started for the first task that it gets.
        """
        while True:
            fewest = min((len(each.tasks) for each in self.open.values()), default=0)
            starts = len(self.open) < self.workers and (fewest or not self.open)
            if not starts and fewest >= self.ahead:
                return
            if (task := self._next()) is None:
                break
            worker = self._start() if starts else self._with(fewest)
            worker.give(task)
        if self.ended and not self.again:
            for number, worker in list(self.open.items()):
                if not worker.tasks:
                    del self.open[number]
                    worker.close()

    def _next(self) -> T | None:
        """Returns the task that is to be begun next; None if there is none, or none for now."""
        if self.again:
            return self.again.popleft()
        if self.ended:
            return None
        try:
            return next(self.tasks)
        except StopIteration:
            self.ended = True
            return None

    def _with(self, tasks: int) -> _Worker[T]:
        return next(each for each in self.open.values() if len(each.tasks) == tasks)

    def _start(self) -> _Worker[T]:
        channel, heartbeat = self.server.fork()
        worker: _Worker[T] = _Worker(channel, heartbeat)
        self.open[channel.fileno()] = worker
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            channel.send({"job": self.job}, self.descriptors)
        return worker

    def _receive(self, worker: _Worker[T]) -> Iterator[tuple[T, Any]]:
        try:
            message, _ = worker.channel.receive()
        except (EOFError, OSError):
            self._retry(worker)
            return
        if "failure" in message:
            failure.reraise(message["failure"])
        self._report(worker, worker.tasks[0].samples)
        task = worker.answer()
        self._deal()
        yield task, message["result"]

    def _report(self, worker: _Worker[T], done: int) -> None:
        self.on_progress(done - worker.reported)
        worker.reported = done

    def _check(self, worker: _Worker[T], elapsed_s: float) -> None:
        """Looks at a worker's heartbeat: how far it is, and whether it is stuck.

        Args:
          elapsed_s: time since the last look, of which a worker that is stopped spent none.
        """
        if not worker.tasks:
            return
        beat = worker.beat()
        if beat.number != worker.number or not beat.pid:
            worker.number, worker.spent_s = beat.number, 0.0
            self._report(worker, min(beat.done, worker.tasks[0].samples))
        elif not system.is_stopped(beat.pid):
            worker.spent_s += elapsed_s
        if (
            beat.item != NO_ITEM  # else no item is to blame: it writes the result, say
            and worker.spent_s > self.item_timeout_s
            and not worker.timed_out
        ):
            worker.kill()

    def _retry(self, worker: _Worker[T]) -> None:
        """Takes back the tasks of a worker that died, the first without the item that killed it."""
        beat = worker.beat()
        del self.open[worker.channel.fileno()]
        worker.close()
        self.on_progress(-worker.reported)
        if not beat.pid or not self.server.is_alive:
            raise CacheError(
                "expected worker processes, found that they cannot be started, or were all ended. "
                f"What they printed stands above; {self.instead}"
            )
        if not worker.tasks:
            return
        task = worker.tasks.popleft()
        place = (task.name, beat.item, beat.part)
        self.deaths[place] += 1
        if beat.item == NO_ITEM:
            self._check_whole(task, self.deaths[place])
        elif worker.timed_out:
            reason = f"TimeoutError: took more than {self.item_timeout_s:g} s"
            task = task.without(beat.item, beat.part, reason)
        elif self.deaths[place] >= _DEATHS:
            reason = f"{_DEATHS} workers died over it, one after the other"
            task = task.without(beat.item, beat.part, reason)
        self.again.extendleft(reversed([task, *worker.tasks]))
        self._deal()

    def _check_whole(self, task: T, deaths: int) -> None:
        if deaths > _DEATHS:
            raise CacheError(
                f"{task.name}: expected it to be finished, found that {deaths} workers died over "
                "it, at none of its samples. Look for too little memory; what is finished is kept."
            )
