"""What the run folders below a folder came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.actions.document import Document
from dsbuilder.errors import TrainError
from dsbuilder.tasks import TASKS, evaluations_of, task_of
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.phases import best_row
from dsbuilder.train.run import CONFIG, EVALUATION, Row, Run


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One training run.

    Attributes:
      run: folder of the run.
      dataset: name and version of its dataset.
      model: name of its model builder.
      epochs: number of epochs that were trained.
      best_epoch: number of the epoch that the best model is of; None if there is none.
      validation: loss and metrics of that epoch on validation, by name.
      seconds: time that all epochs took.
      evaluation: how good its best model is; None if the run has not come to its end.
      headline: name of the number that says so; None if it is not known yet.
      score: value of that number in `evaluation`.
      interval: where it lies with 95 %: `low`, `high` and the `method`; None if that is not known.
    """

    run: Path
    dataset: str
    model: str
    epochs: int
    best_epoch: int | None
    validation: Mapping[str, float]
    seconds: float
    evaluation: Mapping[str, Any] | None
    headline: str | None
    score: float | None
    interval: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class RunsDocument(Document):
    """Training runs below a folder.

    Attributes:
      runs: all of them, by path.
    """

    runs: tuple[RunSummary, ...]


def runs(folder: Path | str = "runs") -> RunsDocument:
    """Lists training runs, and what each reached.

    Raises:
      TrainError: there is none.
    """
    found = [Run(path=path.parent) for path in sorted(Path(folder).rglob(CONFIG))]
    if not found:
        raise TrainError(f"{folder}: there are no runs. Train one with dsbuilder train PIPELINE.")
    return RunsDocument(runs=tuple(_summary(run) for run in found))


def _summary(run: Run) -> RunSummary:
    config, epochs = run.config(), run.rows()
    best = best_row(epochs, Monitor.of(config["train"]))
    evaluated = run.evaluation() if (run.path / EVALUATION).is_file() else None
    return RunSummary(
        run=run.path,
        dataset=f"{config['dataset']['name']} {config['dataset']['version']}",
        model=config["train"]["model"]["use"],
        epochs=len(epochs),
        best_epoch=best.epoch if best else None,
        validation=dict(best.validation) if best else {},
        seconds=round(sum(row.seconds for row in epochs), 1),
        evaluation=evaluated,
        headline=_headline(evaluated, best),
        **_score(evaluated),
    )


def _headline(evaluated: Mapping[str, Any] | None, best: Row | None) -> str | None:
    """Returns the name of the number; of several heads, that of the first."""
    if evaluated is not None:
        name, first = next(iter(evaluations_of(evaluated)))
        own = task_of(first["kind"]).headline
        return f"{name}_{own}" if name else own
    watched = {} if best is None else best.validation
    known = tuple(task.headline for task in TASKS.values())
    return next((each for each in watched if each.endswith(known)), None)


def _score(evaluated: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns the number and its interval."""
    if evaluated is None:
        return {"score": None, "interval": None}
    _, first = next(iter(evaluations_of(evaluated)))
    headline = task_of(first["kind"]).headline
    score = first.get(headline)
    interval = first.get("intervals", {}).get(headline)
    return {"score": score if isinstance(score, float) else None, "interval": interval}
