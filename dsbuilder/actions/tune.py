"""A pipeline -> better values of its options, or that none were found.

Trials are compared on validation alone. The best one and the pipeline as it is are then trained
whole with other seeds, which no trial was chosen by, and their difference is told with its
interval; test is measured in these trainings, and decides nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dsbuilder import typed_json
from dsbuilder.actions.check_training import fitted
from dsbuilder.actions.chosen import completed
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.judge import check_validation, judge_of
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.search_space import SearchSpace, search_space
from dsbuilder.actions.seed_pairs import Gain, gain, gain_of_evaluations, train_pairs
from dsbuilder.actions.train import RUNS
from dsbuilder.actions.trial_runs import FEWEST, TrialProgress, TrialRuns
from dsbuilder.actions.tuned import (
    PATCH,
    Findings,
    TunedOption,
    TunedTrial,
    options_of,
    trials_of,
    write,
)
from dsbuilder.cache import fingerprint, store
from dsbuilder.errors import Problem, SpecError, TrainError
from dsbuilder.search.state import SearchState
from dsbuilder.tasks import heads_of
from dsbuilder.tasks.intervals import MOST_FOLDS
from dsbuilder.train.run import Run, new_run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

RESULT = "tuning.json"
SEEDS = 3
MINUTES = 30.0


@dataclass(frozen=True, kw_only=True)
class TuneDocument(Document):
    """What a search found.

    Attributes:
      folder: folder of the search, which holds a run for each trial.
      patch: file that `train --patch` takes.
      run: run of the best trial, trained whole and evaluated.
      metric: what trials are compared by on validation.
      greatest: whether the greatest value of it is the best.
      declared: whether the pipeline says what is searched; else it is that of the model in use.
      options: what is searched, and where good trials lay.
      trials: trials in their order; the first is the pipeline as it is.
      best: number of the best trial.
      seeds: seeds that it was compared with the pipeline by; none where that is the best.
      gains: the comparison, on validation and on the split that runs are evaluated on.
      beats: whether the best trial surely is better than the pipeline as it is.
      verdict: the same in words.
    """

    folder: Path
    patch: Path
    run: Path
    metric: str
    greatest: bool
    declared: bool
    options: tuple[TunedOption, ...]
    trials: tuple[TunedTrial, ...]
    best: int
    seeds: tuple[int, ...]
    gains: tuple[Gain, ...]
    beats: bool
    verdict: str


def tune(
    opened: OpenedPipeline,
    *,
    minutes: float = MINUTES,
    trials: int | None = None,
    seeds: int = SEEDS,
    seed: int | None = None,
    run: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
    on_trial: Callable[[TrialProgress], None] = lambda progress: None,
    on_note: Callable[[str], None] = lambda note: None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    **shown: "Unpack[Shown]",
) -> TuneDocument:
    """Searches better values of a pipeline's options by successive halving.

    A folder that was begun is gone on with, wherever it was left.

    Args:
      minutes: time for all of it, from which the number of trials follows; it is asked where
        `trials` is None.
      trials: number of trials, which makes the result independent of time.
      seeds: number of trainings, each with a seed, that the best trial is compared by.
      seed: seed of what trials say; None for that of the pipeline.
      run: folder of the search; None takes the next free `runs/name-tune-N`.
      workers: processes that make samples; see `build`.
      on_progress: called with samples made or reused so far, and samples in all, of each trial.
      on_trial: called when a trial is trained as far as its rung goes.
      on_note: called with what is decided on the way, in words.
      starting: what surrounds the start of TensorFlow, which takes seconds.
      shown: what is called as trainings go on; see `train/callbacks.py`.

    Raises:
      SpecError: the pipeline is wrong, or a value of its section `tune`.
      TrainError: there is no validation split, a training cannot start, there is too little time,
        or the folder holds another search.
    """
    _check_numbers(minutes, trials, seeds)
    asked = opened
    opened, _ = completed(opened)
    surveyed = opened.survey()
    check_validation(opened, surveyed)
    found = search_space(opened, surveyed)
    settings = opened.spec().settings
    chosen = settings.seed if seed is None else seed
    home = new_run(RUNS, f"{settings.name}-tune").path if run is None else run
    kind = fingerprint.digest(dict(opened.spec().resolved), repr(found.options), chosen, trials)
    on_note(f"search in {home}")
    with starting():
        from dsbuilder.train import trainer  # noqa: F401 - it takes seconds that are of no trial
    runs = TrialRuns(
        opened=opened,
        home=home,
        options=found.options,
        seed=chosen,
        judge=judge_of(surveyed.pipeline.spec, heads_of(fitted(surveyed))),
        seconds=None if trials is not None else 60 * minutes,
        reserved=2 * seeds,
        state=SearchState.read(home, kind),
        building={"workers": workers, "on_progress": on_progress},
        shown=shown,
        on_trial=on_trial,
        on_note=on_note,
    )
    best = runs.search(trials)
    return _finished(runs, best, seeds, found, asked.pipeline)


def _check_numbers(minutes: float, trials: int | None, seeds: int) -> None:
    wrong = None
    if trials is not None and trials < FEWEST:
        wrong = f"expected {FEWEST} trials or more, found {trials}"
    elif minutes <= 0:
        wrong = f"expected more than 0 minutes, found {minutes:g}"
    elif not 2 <= seeds <= MOST_FOLDS:
        wrong = f"expected 2 to {MOST_FOLDS} seeds, found {seeds}"
    if wrong is not None:
        raise SpecError([Problem("tune", f"{wrong}. Change their number.")])


def _finished(
    runs: TrialRuns, best: int, seeds: int, found: SearchSpace, pipeline: Path
) -> TuneDocument:
    """Compares the best trial with the pipeline as it is, and writes what was found."""
    compared = _compared(runs, best, seeds)
    trials = trials_of(runs)
    document = TuneDocument(
        folder=runs.home.absolute(),
        patch=(runs.home / PATCH).absolute(),
        run=compared.run.path.absolute(),
        metric=runs.judge.metric.name,
        greatest=runs.judge.metric.greatest,
        declared=found.declared,
        options=options_of(found.options, trials, best, greatest=runs.judge.metric.greatest),
        trials=trials,
        best=best,
        seeds=compared.seeds,
        gains=compared.gains,
        beats=compared.beats,
        verdict=compared.verdict,
        warnings=distinct(runs.warnings, _warnings(compared, runs.home)),
    )
    store.write_text(runs.home / RESULT, typed_json.dumps(document.to_json(), indent=1) + "\n")
    takes = best if document.beats else None
    write(
        runs,
        Findings(
            pipeline=pipeline,
            options=document.options,
            trials=trials,
            takes=takes,
            verdict=document.verdict,
        ),
    )
    return document


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """The best trial beside the pipeline as it is.

    Attributes:
      run: a whole run of the better one.
      verdict: which is the better one, in words.
    """

    run: Run
    seeds: tuple[int, ...] = ()
    gains: tuple[Gain, ...] = ()
    beats: bool = False
    verdict: str


def _compared(runs: TrialRuns, best: int, count: int) -> _Compared:
    if best == 1:
        runs.on_note("no trial is better than the pipeline as it is")
        run = runs.train(runs.run(1).path, {}, None)
        return _Compared(
            run=run, verdict="No trial beats the default: the pipeline stays as it is."
        )
    trials = {each.number: each for each in runs.state.trials}
    values = {"own": {}, "best": trials[best].values}
    seeds = _other_seeds(runs.opened, count)

    def train(name: str, seed: int) -> Run:
        runs.on_note(f"seed {seed}: {'default' if name == 'own' else f'trial {best}'}")
        folder = runs.home / "compared" / f"{name}-{seed}"
        return runs.train(folder, values[name], None, f"train.seed={seed}")

    if trials[1].failed is not None:
        verdict = f"Trial {best} beats the default, which does not come to its end."
        return _Compared(run=train("best", seeds[0]), beats=True, verdict=verdict)
    try:
        own, tried = train_pairs(seeds, train)
    except TrainError as error:
        run = runs.train(runs.run(1).path, {}, None)
        verdict = f"Trial {best} does not beat the default: by another seed it fails ({error})."
        return _Compared(run=run, seeds=seeds, verdict=verdict)
    judge = runs.judge
    scores = [[judge.shown(judge.score(run)) for run in each] for each in (own, tried)]
    metric = judge.metric
    on_validation = gain("validation", metric.name, *scores, greatest=metric.greatest)
    evaluated = gain_of_evaluations(own, tried, greatest=judge.headline_greatest)
    beats = on_validation.is_sure
    said = "beats the default" if beats else "does not beat the default"
    return _Compared(
        run=(tried if beats else own)[0],
        seeds=seeds,
        gains=(on_validation, *([evaluated] if evaluated and evaluated.split == "test" else [])),
        beats=beats,
        verdict=f"Trial {best} {said}: {on_validation}.",
    )


def _warnings(compared: _Compared, home: Path) -> Iterator[str]:
    """Yields where test does not hold what validation says."""
    test = next((each for each in compared.gains if each.split == "test"), None)
    if test is not None and compared.beats and not test.is_sure:
        yield (
            f"{home}: on test the gain is not sure: {test}. Validation, by which the trial was "
            "chosen, may flatter it: take more samples or seeds before it is relied on."
        )


def _other_seeds(opened: OpenedPipeline, count: int) -> tuple[int, ...]:
    """Returns seeds that no trial was trained by."""
    settings = opened.spec().settings
    own = settings.train.seed if settings.train is not None else None
    first = settings.seed if own is None else own
    return tuple(range(first + 1, first + 1 + count))
