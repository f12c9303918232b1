"""A role that does what its tasks say; workers import it by name."""

import mmap
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from dsbuilder.errors import DataError, Problem, SpecError
from dsbuilder.workers import NO_ITEM, At, Role


class OddError(DataError):
    """An error of a role's own, which no one else knows."""


@dataclass(frozen=True, kw_only=True)
class Acts:
    """A task: a word for each item."""

    name: str
    words: Sequence[str]
    lost: tuple[tuple[int, int, str], ...] = ()

    @property
    def samples(self) -> int:
        return len(self.words)

    def to_json(self) -> Any:
        return {"words": list(self.words), "lost": [item for item, _, _ in self.lost]}

    def without(self, item: int, part: int, reason: str) -> Self:
        return replace(self, lost=(*self.lost, (item, part, reason)))


class Actor(Role):
    """Does what the words of a task say."""

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._setup = setup
        if setup.get("fails"):
            raise SpecError([Problem("a.yaml:1", "no"), Problem("a.yaml:2", "no")])

    def start(self, job: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        self._job = job
        self._pages = [mmap.mmap(fd, 4096) for fd in descriptors]

    def run(self, task: Any, at: At) -> Any:
        for item, word in enumerate(task["words"]):
            if item not in task["lost"]:
                at(item, NO_ITEM, item)
                self._act(word)
        at(NO_ITEM, NO_ITEM, len(task["words"]))
        if "end" in task["words"]:
            os._exit(0)
        return {**self._setup, **self._job, "words": task["words"], "pid": os.getpid()}

    def _act(self, word: str) -> None:
        getattr(self, f"_{word.replace(' ', '_')}", lambda: None)()

    def _kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _kill_the_server(self) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)

    def _exit(self) -> None:
        os._exit(0)

    def _sleep(self) -> None:
        time.sleep(0.05 if self._job.get("quick") else 600)

    def _wait(self) -> None:
        """Says who it is in a file, and is done when that says to go on."""
        file = Path(self._job["file"])
        file.write_text(str(os.getpid()))
        while file.read_text() != "go on":
            time.sleep(0.01)

    def _write(self) -> None:
        self._pages[0][:5] = b"hello"

    def _full(self) -> None:
        raise OSError(28, "No space left on device")

    def _odd(self) -> None:
        raise OddError("odd: as told.")

    def _bug(self) -> None:
        raise ZeroDivisionError("as told")
