"""What a search came to, in files: a patch to train with, a table of trials, and charts.

tuned.yaml         values of the best trial, and where the best third of all lay
trials.csv         a line a trial: what it said, how long it was trained, how good it is
charts/trials.svg  the score of trials by epoch; and of each option, the score by its value
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.actions.trial_runs import TrialRuns
from dsbuilder.cache import store
from dsbuilder.dataset import load
from dsbuilder.pipelinefile.tuning import Choices, Searched, SearchInterval
from dsbuilder.proposal.writing import Writer
from dsbuilder.report.charts import files
from dsbuilder.report.charts.axes import number
from dsbuilder.report.charts.lines import Curve, Kind, LineChart
from dsbuilder.search.halving import FACTOR
from dsbuilder.search.space import SearchOption, narrowed
from dsbuilder.targets.stored import as_file_name

PATCH = "tuned.yaml"
TABLE = "trials.csv"
CHARTS = "charts"

_NAMED = 6
"""Trials that a chart tells by their numbers; all others are one kind of line."""


@dataclass(frozen=True, kw_only=True)
class TunedTrial:
    """What a trial came to.

    Attributes:
      number: its number; 1 is the pipeline as it is.
      values: what it says of each option, by path; None where the pipeline says nothing.
      rung: number of rungs that it survived.
      epochs: number of epochs that it is judged after, those of its rung.
      score: what it is judged by; None if it failed.
      loss: loss on validation at the same epoch; None if it failed.
      scores: the same score after each epoch that it was trained for.
      seconds: time that it took.
      failed: why it did not go on; None if it could.
    """

    number: int
    values: Mapping[str, Any]
    rung: int
    epochs: int
    score: float | None
    loss: float | None
    scores: tuple[float | None, ...]
    seconds: float
    failed: str | None


@dataclass(frozen=True, kw_only=True)
class TunedOption:
    """What was learnt of an option.

    Attributes:
      path: where a pipeline says it.
      searched: its values.
      own: what the pipeline says of it; None for nothing.
      best: what the best trial says of it.
      good: where the best third of all trials lay; None where that is one value.
    """

    path: str
    searched: Searched
    own: Any
    best: Any
    good: Searched | None


def trials_of(runs: TrialRuns) -> tuple[TunedTrial, ...]:
    """Returns what trials came to, in their order."""
    return tuple(_trials(runs))


def _trials(runs: TrialRuns) -> Iterator[TunedTrial]:
    own = {each.path: each.own for each in runs.options}
    metric = runs.judge.metric
    for trial in runs.state.trials:
        rung = sum(trial.number in each for each in runs.state.rungs)
        rows = runs.run(trial.number).rows()
        until = min(runs.until(rung), len(rows))
        value, loss = runs.judge.score(runs.run(trial.number), until)
        failed = trial.failed is not None
        yield TunedTrial(
            number=trial.number,
            values=trial.values or own,
            rung=rung,
            epochs=until,
            score=None if failed else runs.judge.shown((value, loss)),
            loss=None if failed else loss,
            scores=tuple(row.validation.get(metric.name) for row in rows),
            seconds=round(trial.seconds, 1),
            failed=trial.failed,
        )


def _ranked(trials: Sequence[TunedTrial], *, greatest: bool) -> list[TunedTrial]:
    """Returns the trials that did not fail, the best first: by how far they came, then by score."""
    sign = -1 if greatest else 1
    known = [each for each in trials if each.score is not None]
    return sorted(known, key=lambda each: (-each.rung, sign * (each.score or 0.0), each.loss))


def options_of(
    options: Sequence[SearchOption], trials: Sequence[TunedTrial], best: int, *, greatest: bool
) -> tuple[TunedOption, ...]:
    """Returns what was learnt of each option.

    Args:
      best: number of the best trial.
      greatest: whether the greatest score is the best.
    """
    ranked = _ranked(trials, greatest=greatest)
    third = ranked[: -(-len(ranked) // FACTOR)]
    values = {each.number: each.values for each in trials}[best]
    return tuple(
        TunedOption(
            path=each.path,
            searched=each.searched,
            own=each.own,
            best=values[each.path],
            good=narrowed(each, [trial.values[each.path] for trial in third]),
        )
        for each in options
    )


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What of a search is written.

    Attributes:
      pipeline: the pipeline file.
      options, trials: see `TuneDocument`.
      takes: number of the trial whose values the patch applies; None for none.
      verdict: what is said of the best trial.
    """

    pipeline: Path
    options: Sequence[TunedOption]
    trials: Sequence[TunedTrial]
    takes: int | None
    verdict: str


def write(runs: TrialRuns, found: Findings) -> None:
    """Writes the patch, the table and the charts into the folder of a search."""
    store.write_text(runs.home / PATCH, _patch(runs, found))
    store.write_text(runs.home / TABLE, _table(runs, found))
    (runs.home / CHARTS).mkdir(exist_ok=True)
    dataset = load(runs.run(found.trials[0].number).config()["dataset"]["path"])
    for name, chart in _charts(runs, found):
        files.write(
            runs.home / CHARTS / f"{as_file_name(name)}.svg",
            chart,
            title=chart.title,
            dataset=f"{dataset.name} {dataset.manifest.version}",
            samples={"validation": dataset.num_samples("validation")},
            score=_best_score(runs, found),
        )


def _best_score(runs: TrialRuns, found: Findings) -> str:
    ranked = _ranked(found.trials, greatest=runs.judge.metric.greatest)
    name = runs.judge.metric.name.replace("_", " ")
    return f"{name} {number(ranked[0].score or 0.0)} of trial {ranked[0].number}"


def _patch(runs: TrialRuns, found: Findings) -> str:
    """Returns the patch: values to take, and the narrowed intervals to search on in."""
    writer = Writer()
    metric = runs.judge.metric.name.replace("_", " ")
    writer.remark(
        f"Found by `dsbuilder tune {found.pipeline}` in {len(found.trials)} trials, by {metric} on "
        "validation."
    )
    writer.remark(found.verdict)
    if found.takes is None:
        writer.remark("So no value is changed here.")
    else:
        writer.remark(f"Apply it: dsbuilder train {found.pipeline} --patch {runs.home / PATCH}")
        for each in found.options:
            own = "nothing" if each.own is None else each.own
            writer.entry(each.path, each.best, f"the pipeline says {own}")
    good = [each for each in found.options if each.good is not None]
    if good:
        writer.remark("Where the best third of the trials lay, to search on in with --patch.")
        writer.heading("tune")
        for each in good:
            writer.entry(each.path, _plain(each.good), f"of {each.searched}", depth=1)
    return writer.text() if found.takes is not None or good else writer.text() + "{}\n"


def _plain(searched: Searched | None) -> Any:
    if isinstance(searched, SearchInterval):
        scale = {} if searched.scale == "linear" else {"scale": searched.scale}
        return {"low": searched.low, "high": searched.high, **scale}
    return list(searched.values) if searched is not None else None


def _table(runs: TrialRuns, found: Findings) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    paths = [each.path for each in found.options]
    lines.writerow(["trial", *paths, "epochs", runs.judge.metric.name, "loss", "seconds", "failed"])
    for each in found.trials:
        values = [each.values.get(path) for path in paths]
        ends = [each.epochs, each.score, each.loss, each.seconds, each.failed]
        lines.writerow([each.number, *values, *ends])
    return text.getvalue()


def _charts(runs: TrialRuns, found: Findings) -> Iterator[tuple[str, LineChart]]:
    """Yields charts by the names of their files."""
    metric = runs.judge.metric
    ranked = _ranked(found.trials, greatest=metric.greatest)
    yield "trials", _by_epoch(metric.name, ranked)
    for each in found.options:
        if any(trial.values.get(each.path) is not None for trial in ranked):
            yield each.path, _by_value(metric.name, each, ranked)


def _by_epoch(metric: str, ranked: Sequence[TunedTrial]) -> LineChart:
    """Returns the scores of trials by epoch: the best ones and the default by themselves."""
    named = [each for place, each in enumerate(ranked) if place < _NAMED or each.number == 1]
    others = [each for each in ranked if each not in named]
    lines = [_line(_called(each), [each]) for each in named]
    if others:
        lines.append(_line(f"{len(others)} others", others))
    return LineChart(
        kind="training",
        title="Trials by epoch",
        x_title="epoch",
        y_title=metric.replace("_", " "),
        lines=tuple(lines),
    )


def _called(trial: TunedTrial) -> str:
    return "default" if trial.number == 1 else f"trial {trial.number}"


def _line(name: str, trials: Sequence[TunedTrial]) -> Curve:
    """Returns the scores of trials as one line, with a gap between two of them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for each in trials:
        x += [*map(float, range(1, len(each.scores) + 1)), None]
        y += [*each.scores, None]
    return Curve(name=name, x=tuple(x[:-1]), y=tuple(y[:-1]))


def _by_value(metric: str, option: TunedOption, ranked: Sequence[TunedTrial]) -> LineChart:
    """Returns scores by the values of an option, those after equally many epochs alike."""
    searched = option.searched
    choices = list(searched.values) if isinstance(searched, Choices) else []
    marks = [(float(place), str(each)) for place, each in enumerate(choices, 1)]
    own = _place(option.own, choices)
    if own is not None and not choices:
        marks.append((own, "default"))
    kind: Kind = "values"
    if not isinstance(searched, SearchInterval):
        kind = "choices"
    elif searched.scale == "log":
        kind = "factors"
    return LineChart(
        kind=kind,
        title=f"Trials by {option.path}",
        x_title=option.path,
        y_title=metric.replace("_", " "),
        lines=tuple(_after_rungs(option.path, choices, ranked)),
        marks=tuple(marks),
    )


def _after_rungs(
    path: str, choices: Sequence[Any], ranked: Sequence[TunedTrial]
) -> Iterator[Curve]:
    """Yields the scores of the trials of each rung by an option's value, the last rung first."""
    for rung in sorted({each.rung for each in ranked}, reverse=True):
        own = [each for each in ranked if each.rung == rung]
        epochs = max(each.epochs for each in own)
        yield Curve(
            name=f"after {epochs} epoch{'s' * (epochs != 1)}",
            x=tuple(_place(each.values.get(path), choices) for each in own),
            y=tuple(each.score for each in own),
        )


def _place(value: Any, choices: Sequence[Any]) -> float | None:
    """Returns where a value is drawn: a choice at its number, from 1."""
    if choices:
        return float(choices.index(value) + 1) if value in choices else None
    return float(value) if isinstance(value, (int, float)) else None
