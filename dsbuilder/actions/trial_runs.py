"""The trials of a search: runs in one folder, trained by rungs and gone on with where they were.

runs/flowers-tune-1/
search.json      what is decided so far; see `search/state.py`
trial-1/, ...    a run for each trial, the first of the pipeline as it is
data/            datasets, where trials differ in how samples are made
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder.actions.folder_of_runs import train_in
from dsbuilder.actions.judge import ALL, Judge
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.search_space import assigned
from dsbuilder.actions.train import build_for_training
from dsbuilder.errors import CacheError, DsbuilderError, TrainError
from dsbuilder.search import halving, space
from dsbuilder.search.halving import Pace
from dsbuilder.search.space import SearchOption, Values
from dsbuilder.search.state import SearchState, SearchTrial
from dsbuilder.train.options import is_of_train
from dsbuilder.train.run import Run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

FEWEST = 3
"""Trials below which there is nothing to choose from."""
_ROOM = 1.2
"""By how much trials may take longer than the first one before time is short."""


@dataclass(frozen=True, kw_only=True)
class TrialProgress:
    """A trial that was trained as far as its rung goes.

    Attributes:
      trial: the trial.
      planned: number of trials that the search has; None while that is not known.
      epochs: number of epochs it has now.
      score: what it is judged by; None where it failed.
    """

    trial: SearchTrial
    planned: int | None
    epochs: int
    score: float | None


@dataclass(kw_only=True)
class TrialRuns:
    """Trains trials as far as their rungs go.

    Attributes:
      opened: the pipeline, with a model to train.
      home: folder of the runs.
      options: options that trials differ in.
      seed: seed of what they say of these.
      judge: what they are compared by.
      seconds: time that the search may take; None for any.
      reserved: number of whole trainings that are to follow in that time.
      state: what is decided so far.
      warnings: what a person should know of the first training.
      building: how datasets are built, as `build` takes it: `workers`, `on_progress`.
      shown: what is called as trainings go on.
    """

    opened: OpenedPipeline
    home: Path
    options: Sequence[SearchOption]
    seed: int
    judge: Judge
    seconds: float | None
    reserved: int
    state: SearchState
    building: Mapping[str, Any]
    shown: "Shown"
    on_trial: Callable[[TrialProgress], None]
    on_note: Callable[[str], None]
    warnings: tuple[str, ...] = ()
    _began_s: float = field(default_factory=time.monotonic)

    def search(self, trials: int | None) -> int:
        """Trains all trials; returns the number of the best of those that came to their end.

        Args:
          trials: number of trials; None for as many as there is time for.

        Raises:
          TrainError: the first trials all fail, or there is no time for a search.
        """
        # Its time is of no trial.
        build_for_training(replace(self.opened, out=self._out), **self.building)
        first = self._train_first()
        if self.state.planned is None:
            self._plan(first, trials)
        values = list(itertools.islice(self._values(), self.state.planned))
        self._train_rung(first, values)
        for rung in range(1, len(self.state.epochs)):
            self._train_survivors(first, rung)
        last = (*self.state.members(len(self.state.epochs) - 1), first)
        return halving.survivors({each: self.judge.score(self.run(each)) for each in last}, 1)[0]

    def run(self, number: int) -> Run:
        """Returns the run of a trial."""
        return Run(path=self.home / f"trial-{number}")

    def until(self, rung: int) -> int:
        """Returns after how many epochs a trial leaves a rung; the last one it never does."""
        return ALL if rung == len(self.state.epochs) - 1 else self.state.epochs[rung]

    def train(self, folder: Path, values: Values, stop_after: int | None, *more: str) -> Run:
        """Trains the pipeline with some values in a folder, as far as that is not done."""
        overrides = (*self.opened.overrides, *assigned(values), *more)
        opened = replace(self.opened, out=self._out, overrides=overrides)
        return train_in(folder, opened, stop_after=stop_after, **self.building, **self.shown)

    @property
    def _out(self) -> Path:
        """The folder of datasets: where all share one, that of the pipeline."""
        share = all(is_of_train(each.path) for each in self.options)
        return self.opened.out if share else self.home / "data"

    def _values(self) -> Iterator[Values]:
        return space.trials(self.options, self.seed)

    def _decide(self, **changes: Any) -> None:
        """Writes down what was decided, and the time that is spent."""
        now = time.monotonic()
        spent_s = self.state.spent_s + now - self._began_s
        self._began_s = now
        self.state = replace(self.state, spent_s=spent_s, **changes)
        self.state.write(self.home)

    def _left_s(self) -> float:
        if self.seconds is None:
            return float("inf")
        return self.seconds - self.state.spent_s - (time.monotonic() - self._began_s)

    def _train_first(self) -> int:
        """Trains the first trial that does not fail whole; returns its number."""
        values = list(itertools.islice(self._values(), FEWEST))
        failed = []
        for number, each in enumerate(values, 1):
            trial = self._train_trial(number, each, ALL, may_be_wrong=number > 1)
            if trial.failed is None:
                return number
            failed.append(trial.failed)
        raise TrainError(
            f"{self.home}: expected a trial that comes to its end, found that the first "
            f"{len(failed)} failed, the last one so: {failed[-1]}"
        )

    def _train_trial(
        self, number: int, values: Values, until: int, *, may_be_wrong: bool = True
    ) -> SearchTrial:
        """Trains a trial as far as that is not done; what fails has lost and is told.

        Args:
          until: number of its epochs.
          may_be_wrong: whether anything but a TrainError is the fault of its values.
        """
        known = {each.number: each for each in self.state.trials}
        trial = known.get(number) or SearchTrial(number=number, values=values)
        if trial.failed is not None or trial.whole:
            return trial
        started_s, before = time.monotonic(), len(self.run(number).rows())
        try:
            run = self.train(self.run(number).path, values, until)
            self.warnings = self.warnings or run.warnings  # of others there is the same to say
            trial = replace(trial, whole=until == ALL)
        except (OSError, CacheError):
            raise  # the disk's, not the trial's
        except Exception as error:
            if not (may_be_wrong or isinstance(error, TrainError)):
                raise
            ours = isinstance(error, DsbuilderError)
            why = str(error) if ours else f"{type(error).__name__}: {error}"
            trial = replace(trial, failed=why.splitlines()[0])
        if trial.failed or len(self.run(number).rows()) > before:
            trial = replace(trial, seconds=trial.seconds + time.monotonic() - started_s)
        self._decide(trials=self.state.with_trial(trial).trials)
        score = self.judge.score(self.run(number), until)
        self.on_trial(
            TrialProgress(
                trial=trial,
                planned=self.state.planned,
                epochs=len(self.run(number).rows()),
                score=None if trial.failed else self.judge.shown(score),
            )
        )
        return trial

    def _plan(self, first: int, trials: int | None) -> None:
        """Decides how many trials there are, and how long each rung is."""
        # As many as the first trial had, which may have ended early.
        epochs = sum(row.phase == "train" for row in self.run(first).rows())
        if trials is None:
            self._train_next(first, epochs)
            pace = self._pace(first)
            reserved_s = self._reserved_s(pace, epochs)
            available_s = (self._left_s() - reserved_s) / _ROOM
            trials = halving.most_trials(epochs, pace, available_s)
            if trials < FEWEST:
                needed_s = halving.cost_s(FEWEST, halving.rungs(FEWEST, epochs), pace) * _ROOM
                short_s = needed_s + reserved_s - self._left_s()
                raise TrainError(
                    f"{self.home}: expected time for {FEWEST} trials and a comparison of the best "
                    f"one, found that {short_s / 60:.1f} minutes more are needed. Give more "
                    "minutes and this folder, or fewer epochs and a new one."
                )
        planned = len(list(itertools.islice(self._values(), trials)))
        rungs = halving.rungs(planned, epochs)
        self._decide(planned=planned, epochs=rungs)
        counts = [planned]
        for _ in rungs[1:]:
            counts.append(halving.admitted(counts[-1]))
        told = (f"{n} for {each} epochs" for n, each in zip(counts, rungs, strict=True))
        self.on_note(f"{planned} trials: {', then '.join(told)}")

    def _train_rung(self, first: int, values: Sequence[Values]) -> None:
        """Trains all trials for the epochs of the first rung, as far as there is time."""
        until = self.until(0)
        for number, each in enumerate(values, 1):
            if number > FEWEST and not self._has_time(first, number):
                self._decide(planned=number - 1)
                self.on_note(f"trials take longer than the first one: {number - 1} it is")
                return
            if number != first:
                self._train_trial(number, each, until)

    def _train_survivors(self, first: int, rung: int) -> None:
        """Lets the best trials of a rung into the next one, and trains them on."""
        before, until = self.state.members(rung - 1), self.until(rung)
        trials = {each.number: each for each in self.state.trials}
        if len(self.state.rungs) < rung:
            scores = {
                number: self.judge.score(self.run(number), self.until(rung - 1))
                for number in before
                if trials[number].failed is None
            }
            count = halving.admitted(len(before))
            while count > 1 and self._cost_s(first, rung, count) > self._left_s():
                count -= 1
            chosen = halving.survivors(scores, count)
            self._decide(rungs=(*self.state.rungs, chosen))
        for number in self.state.members(rung):
            if number != first:
                self._train_trial(number, trials[number].values, until)

    def _has_time(self, first: int, trials: int) -> bool:
        """Whether the time suffices for a trial more in the first rung, and all that follows."""
        if self.seconds is None or len(self.state.trials) >= trials:
            return True
        pace = self._pace(first)
        return (
            pace.start_s
            + self.state.epochs[0] * pace.epoch_s
            + self._cost_s(first, 1, halving.admitted(trials))
            <= self._left_s()
        )

    def _cost_s(self, first: int, rung: int, trials: int) -> float:
        """Returns the time of a rung with some trials and of all that follows."""
        pace, epochs = self._pace(first), self.state.epochs
        total = self._reserved_s(pace, epochs[-1])
        for number in range(rung, len(epochs)):
            more = epochs[number] - epochs[number - 1]
            total += trials * (pace.start_s + more * pace.epoch_s)
            trials = halving.admitted(trials)
        return total

    def _reserved_s(self, pace: Pace, epochs: int) -> float:
        return self.reserved * (2 * pace.start_s + epochs * pace.epoch_s)

    def _train_next(self, first: int, epochs: int) -> None:
        """Trains the next trial as far as any first rung goes: how long a start takes, warm."""
        values = list(itertools.islice(self._values(), first + 1))
        if len(values) > first:
            self._train_trial(first + 1, values[-1], halving.rungs(epochs, epochs)[0])

    def _pace(self, first: int) -> Pace:
        """Returns how fast trials are: epochs as the first one's, or slower if those of others are.

        A start is as others had it: that of the first trial of a process takes longer.
        """
        trials = {each.number: each for each in self.state.trials if each.failed is None}
        first_s = [row.seconds for row in self.run(first).rows()]
        epoch_s = _median(first_s)
        others = {n: [row.seconds for row in self.run(n).rows()] for n in trials if n != first}
        warm = [_median(each) for each in others.values() if len(each) > 1]
        epoch_s = max(epoch_s, statistics.fmean(warm)) if warm else epoch_s
        starts_s = [
            (trials[number].seconds - epoch_s * len(each)) / self._starts(number)
            for number, each in others.items()
        ]
        start_s = statistics.fmean(starts_s or [trials[first].seconds - epoch_s * len(first_s)])
        return Pace(start_s=max(start_s, 0.0), epoch_s=epoch_s)

    def _starts(self, number: int) -> int:
        return 1 + sum(number in rung for rung in self.state.rungs)


def _median(seconds: Sequence[float]) -> float:
    """Returns the time of an epoch but the first, which compiles."""
    return statistics.median(seconds[1:] or seconds)
