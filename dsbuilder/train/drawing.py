"""The charts of a run: what its files of numbers say, drawn for people.

runs/emoji-1/charts/
  training-loss.svg    the loss by epoch, from `results.csv`; so of every metric, and of the rate
  confusion.svg, .csv  of classes, which the best model takes for which
  roc.svg, .csv, ...   what `curves.json` holds, each with its points as a table

Of several heads the name of the target stands before: `color-confusion.svg`. Nothing is drawn that
does not stand in those files, so a chart that is lost can be drawn again.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsbuilder.dataset import StoredDataset
from dsbuilder.report.charts import files
from dsbuilder.report.charts.axes import number
from dsbuilder.report.charts.lines import Curve, LineChart
from dsbuilder.report.charts.matrix import Confusions
from dsbuilder.targets.stored import as_file_name
from dsbuilder.tasks import evaluations_of, task_of
from dsbuilder.train.run import CHARTS, RESULTS, Row, Run

_RATE = "learning_rate"
_SPLITS = ("train", "validation")


def draw_progress(
    run: Run, rows: Sequence[Row], dataset: StoredDataset, *, best: Row | None
) -> None:
    """Draws each value of a training by epoch.

    Args:
      rows: the epochs so far.
      dataset: what is trained on.
      best: the epoch that the best model is of.
    """
    samples = {split: dataset.num_samples(split) for split in _SPLITS if dataset.has_samples(split)}
    for name, chart in progress_charts(rows, best):
        files.write(
            _folder(run) / f"training-{as_file_name(name)}.svg",
            chart,
            title=chart.title,
            dataset=f"{dataset.name} {dataset.manifest.version}",
            samples=samples,
            score=_at_best(chart, best),
            numbers=f"../{RESULTS}",
        )


def progress_charts(rows: Sequence[Row], best: Row | None) -> Iterator[tuple[str, LineChart]]:
    """Yields the charts of a training by the names of their values."""
    changes = [
        (two.epoch - 0.5, two.phase)
        for one, two in itertools.pairwise(rows)
        if one.phase != two.phase
    ]
    marks = (*changes, *([(float(best.epoch), "best model")] if best is not None else []))
    for name in dict.fromkeys(name for row in rows for name in (*row.train, *row.validation)):
        of_splits = {
            split: [getattr(row, split).get(name) for row in rows]
            for split in _SPLITS
            if any(name in getattr(row, split) for row in rows)
        }
        yield name, _by_epoch(name, rows, of_splits, marks)
    rates: list[float | None] = [row.learning_rate for row in rows]
    if len(set(rates)) > 1:
        yield _RATE, _by_epoch("learning rate", rows, {"at its end": rates}, marks)


def _by_epoch(
    name: str,
    rows: Sequence[Row],
    values: dict[str, list[float | None]],
    marks: tuple[tuple[float, str], ...],
) -> LineChart:
    epochs = tuple(float(row.epoch) for row in rows)
    return LineChart(
        kind="training",
        title=f"{name[:1].upper()}{name[1:].replace('_', ' ')} by epoch",
        x_title="epoch",
        y_title=name,
        lines=tuple(Curve(name=each, x=epochs, y=tuple(found)) for each, found in values.items()),
        marks=marks,
    )


def _at_best(chart: LineChart, best: Row | None) -> str:
    """Returns in words what the last of the lines is at the best epoch."""
    if best is None:
        return ""
    line = chart.lines[-1]
    found = [y for x, y, _ in line.points if x == best.epoch]
    return f"{line.name} {number(found[0])} at epoch {best.epoch}" if found else ""


def draw_evaluation(run: Run) -> None:
    """Draws what the files of a run say of its best model.

    Raises:
      TrainError: they say what no run writes.
    """
    document = run.evaluation()
    dataset, samples = document["dataset"], {document["split"]: document["samples"]}
    for head, each in evaluations_of(document):
        task = task_of(each["kind"])
        confused = task.confusion(each)
        if confused is None:
            continue
        files.write(
            _folder(run) / f"{_before(head)}confusion.svg",
            Confusions(
                names=confused.names,
                cells=[(true, taken, count) for true, taken, count in confused.cells],
                class_samples=[of["samples"] for of in each["classes"]],
            ),
            title=f"Confusion matrix of {head}" if head else "Confusion matrix",
            dataset=dataset,
            samples=samples,
            score=f"{task.headline.replace('_', ' ')} {number(each[task.headline])}",
        )
    draw_curves(run)


def _before(head: str) -> str:
    return f"{as_file_name(head)}-" if head else ""


def draw_curves(run: Run) -> None:
    """Draws the charts that `curves.json` holds, if there is one.

    Raises:
      TrainError: it is none that a run writes.
      DataError: a chart cannot be written.
    """
    curves = run.curves()
    if curves is None:
        return
    several = len(curves.heads) > 1
    for head, charts in curves.heads.items():
        seen: Counter[str] = Counter()
        for chart in charts:
            seen[chart.kind] += 1
            again = f"-{seen[chart.kind]}" if seen[chart.kind] > 1 else ""
            files.write(
                _folder(run) / f"{_before(head if several else '')}{chart.kind}{again}.svg",
                chart,
                title=f"{head}: {chart.title}" if several else chart.title,
                dataset=curves.dataset,
                samples={curves.split: curves.samples},
                score=str(chart.score or ""),
            )


def _folder(run: Run) -> Path:
    """Returns the folder of charts, which is there then."""
    folder = run.path / CHARTS
    if folder.is_symlink():
        folder.unlink()  # never through a link that somebody left there
    folder.mkdir(exist_ok=True)
    return folder
