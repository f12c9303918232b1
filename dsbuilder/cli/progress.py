"""How far a verb is: a bar on a terminal, a line a minute elsewhere, in training a line an epoch.

Everything goes to stderr, so that stdout holds results alone.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsbuilder.cli.screen import Screen, duration, echo, harmless

if TYPE_CHECKING:
    from rich.progress import Progress

    from dsbuilder.train.callbacks import Step
    from dsbuilder.train.run import Row

Report = Callable[[int, int], None]
"""Called with (samples made or reused so far, samples in all)."""

_EVERY_S = 60.0
_FEATURES = "features"
_ASKED = "samples asked about"
_READING = "reading the source"


@contextlib.contextmanager
def samples(screen: Screen, noun: str = "samples", *, before: str = _READING) -> Iterator[Report]:
    """Shows how many samples are made for as long as the block runs.

    Args:
      noun: what is counted.
      before: what is done until the first is counted; empty where another shows that.
    """
    if not screen.shows_progress:
        yield lambda made, of: None
    elif sys.stderr.isatty():
        bar = _Bar(_bar(), noun, before)
        try:
            yield bar
        finally:
            bar.stop()
    else:
        with _minutely(_Lines(noun, before)) as lines:
            yield lines


@contextlib.contextmanager
def working(screen: Screen, doing: str) -> Iterator[None]:
    """Shows what is done, and for how long, while the block runs: of work that nothing counts."""
    with samples(screen, before=doing):
        yield


def _bar() -> "Progress":
    from rich import progress as rich

    from dsbuilder.cli.screen import console

    return rich.Progress(
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[count]}", markup=False),
        rich.TextColumn("{task.fields[rate]}", markup=False),
        rich.TextColumn("{task.fields[left]}", markup=False),
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
        if self.before is None or made < self.before:  # records were inspected before
            self.before, self.began_s = made, time.monotonic()
        elapsed_s = time.monotonic() - self.began_s
        return (made - self.before) / elapsed_s if elapsed_s > 0 else 0.0


class _Bar:
    """A bar that moves while the source is read, and fills once the number of samples is known."""

    def __init__(self, progress: "Progress", noun: str, before: str) -> None:
        self._progress, self._noun = progress, noun
        self._pace: _Pace | None = None
        self._task = progress.add_task(before, total=None, count="", rate="", left="")
        if before:
            progress.start()

    def __call__(self, made: int, of: int) -> None:
        if self._pace is None:
            self._pace = _Pace()
            self._progress.reset(self._task, total=of, description=self._noun)
            self._progress.start()
        rate = self._pace.rate(made)
        self._progress.update(
            self._task,
            completed=made,
            total=of,
            count=f"{made}/{of}",
            rate=f"{rate:.0f}/s",
            left=f"{duration((of - made) / rate)} left" if rate > 0 else "",
        )

    def stop(self) -> None:
        """Takes the bar away."""
        self._progress.stop()


class _Lines:
    """What a line says of how far the work is; printed once a minute."""

    def __init__(self, noun: str = "samples", before: str = "") -> None:
        self._noun, self._before = noun, before
        self._began_s, self._pace = time.monotonic(), _Pace()
        self._next_s = self._began_s + _EVERY_S
        self._at: tuple[int, int] | None = None

    def __call__(self, made: int, of: int) -> None:
        self._pace.rate(made)
        self._at = (made, of)
        if time.monotonic() >= self._next_s:
            self.tell()

    def tell(self) -> None:
        """Tells how far it is, and waits for a minute before the next."""
        self._next_s = time.monotonic() + _EVERY_S
        if self._at is None:
            if self._before:
                echo(f"{self._before}, for {duration(time.monotonic() - self._began_s)}")
            return
        made, of = self._at
        rate = self._pace.rate(made)
        pace = f", {rate:.0f}/s, {duration((of - made) / rate)} left" if rate > 0 else ""
        echo(f"{made} of {of} {self._noun}{pace}")

    @property
    def waits_s(self) -> float:
        """For how long no line is due."""
        return self._next_s - time.monotonic()


@contextlib.contextmanager
def _minutely(lines: _Lines) -> Iterator[_Lines]:
    """Prints a line where it is due and nothing is reported, as within one large image."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(max(lines.waits_s, 0) + 0.1):
            if lines.waits_s <= 0:
                lines.tell()

    thread = threading.Thread(target=watch, name="a line a minute", daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        ended.set()
        thread.join()


class TrainingProgress:
    """Sees the start, every batch and every epoch of a training, and shows nothing."""

    def on_start(self, computing: str) -> None:
        """Called before the first batch."""

    def on_features(self, done: int, of: int) -> None:
        """Called as images pass frozen layers, once before an epoch."""

    def on_asked(self, done: int, of: int) -> None:
        """Called as samples are asked about, once all is trained."""

    def on_batch(self, step: "Step") -> None:
        """Called after every batch."""

    def on_epoch(self, row: "Row") -> None:
        """Called after every epoch."""


@contextlib.contextmanager
def epochs(screen: Screen) -> Iterator[TrainingProgress]:
    """Shows how far a training is for as long as the block runs."""
    if not screen.shows_progress:
        yield TrainingProgress()
    elif sys.stderr.isatty():
        progress = _epoch_bar()
        try:
            yield _EpochBar(progress)
        finally:
            progress.stop()
    else:
        yield _EpochLines()


def _epoch_bar() -> "Progress":
    from rich import progress as rich

    from dsbuilder.cli.screen import console

    return rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}", markup=False),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[metrics]}", markup=False),
        console=console(err=True),
        transient=True,
    )


class _EpochLines(TrainingProgress):
    """A line for what computes, for every epoch, and every few seconds while features are made."""

    def __init__(self) -> None:
        self._features, self._asked = _Lines(_FEATURES), _Lines(_ASKED)

    def on_start(self, computing: str) -> None:
        echo(f"training: {computing}")

    def on_features(self, done: int, of: int) -> None:
        self._features(done, of)

    def on_asked(self, done: int, of: int) -> None:
        self._asked(done, of)

    def on_epoch(self, row: "Row") -> None:
        echo(epoch_line(row))


class _EpochBar(_EpochLines):
    """A bar for the epoch that is under way, and a line for every one that is done.

    It is drawn from the first batch on: until then a note says that TensorFlow starts, and what
    that writes on stderr is held back.
    """

    def __init__(self, progress: "Progress") -> None:
        super().__init__()
        self._progress = progress
        self._what = ""
        self._pace = _Pace()
        self._task = progress.add_task("", total=None, rate="", metrics="")

    def on_features(self, done: int, of: int) -> None:
        self._move(_FEATURES, done, of, samples=done)

    def on_asked(self, done: int, of: int) -> None:
        self._move(_ASKED, done, of, samples=done)

    def on_batch(self, step: "Step") -> None:
        metrics = _metrics(step.metrics)
        self._move(
            f"epoch {step.epoch}", step.step, step.steps, samples=step.samples, metrics=metrics
        )

    def _move(self, what: str, done: int, of: int, *, samples: int, metrics: str = "") -> None:
        if what != self._what:
            self._what, self._pace = what, _Pace()
            self._progress.reset(self._task, total=of, description=what, rate="", metrics="")
            self._progress.start()
        rate = self._pace.rate(samples)
        self._progress.update(
            self._task,
            completed=done,
            rate=f"{rate:.0f} img/s" if rate else "",
            metrics=metrics,
        )

    def on_epoch(self, row: "Row") -> None:
        self._progress.console.print(epoch_line(row), soft_wrap=True)  # above the bar


def epoch_line(row: "Row") -> str:
    """Returns one epoch in a line."""
    parts = [f"epoch {row.epoch:3d}  {row.phase.replace('_', '-')}", _metrics(row.train)]
    if row.validation:
        parts.append(f"validation {_metrics(row.validation)}")
    return "  ".join([*parts, f"{row.seconds:.1f} s"])


def _metrics(values: Mapping[str, float]) -> str:
    """Returns values by name in a line, the loss first."""
    ordered = sorted(values.items(), key=lambda each: each[0] != "loss")
    return harmless(" ".join(f"{name} {value:.4f}" for name, value in ordered))
