"""How far a build is: a bar with rate and time left on a terminal, a line now and then elsewhere.

Everything goes to stderr, so that stdout holds results alone.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from dsbuilder.cli.screen import Screen

if TYPE_CHECKING:
    from rich.progress import Progress

Report = Callable[[int, int], None]
"""Called with (samples made or reused so far, samples in all)."""

_EVERY_S = 5.0


@contextlib.contextmanager
def samples(screen: Screen) -> Iterator[Report]:
    """Shows how many samples are made for as long as the block runs."""
    if not screen.shows_progress:
        yield lambda made, of: None
    elif sys.stderr.isatty():
        with _bar() as progress:
            yield _Bar(progress)
    else:
        yield _Lines()


def _bar() -> "Progress":
    from rich import progress as rich

    from dsbuilder.cli.screen import console

    return rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeRemainingColumn(),
        console=console(err=True),
        transient=True,
    )


@dataclass
class _Pace:
    """Samples a second since the first report; what was reused by then does not count."""

    began_s: float = field(default_factory=time.monotonic)
    before: int | None = None

    def rate(self, made: int) -> float:
        """Returns samples a second, 0 while unknown."""
        if self.before is None:
            self.before, self.began_s = made, time.monotonic()
        elapsed_s = time.monotonic() - self.began_s
        return (made - self.before) / elapsed_s if elapsed_s > 0 else 0.0


class _Bar:
    """A bar that moves while the source is read, and fills once the number of samples is known."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._reading = progress.add_task("reading the source", total=None, rate="")
        self._pace: _Pace | None = None

    def __call__(self, made: int, of: int) -> None:
        if self._pace is None:
            self._pace = _Pace()
            self._progress.remove_task(self._reading)
            self._making = self._progress.add_task("samples", total=of, completed=made, rate="")
        self._progress.update(self._making, completed=made, rate=f"{self._pace.rate(made):.0f}/s")


class _Lines:
    """A line every few seconds."""

    def __init__(self) -> None:
        self._pace = _Pace()
        self._next_s = time.monotonic() + _EVERY_S

    def __call__(self, made: int, of: int) -> None:
        rate = self._pace.rate(made)
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + _EVERY_S
        left = f", {(of - made) / rate:.0f} s left" if rate > 0 else ""
        click.echo(f"{made} of {of} samples, {rate:.0f}/s{left}", err=True)
