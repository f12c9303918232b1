"""Which learning rate a training may begin with; no run is written."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder.actions.document import Document
from dsbuilder.actions.train import Training
from dsbuilder.dataset import StoredDataset
from dsbuilder.report.charts import files
from dsbuilder.report.charts.lines import Curve, LineChart

if TYPE_CHECKING:
    from dsbuilder.train.rate_finder import RateStep

NO_RUN = Path("none")
"""Stands for the folder of a run where there is to be none; it is never made."""


@dataclass(frozen=True, kw_only=True)
class FindRateDocument(Document):
    """What losses are at growing learning rates.

    Attributes:
      proposed: rate at which the loss falls fastest.
      least: rate at which the smoothed loss is at its least; beyond it, training breaks out.
      steps: batches that were trained on, each at a higher rate.
      chart: file that it is drawn to, beside a CSV of the same name; None for none.
    """

    proposed: float
    least: float
    steps: tuple["RateStep", ...]
    chart: Path | None = None


def find_rate(
    training: Training,
    *,
    chart: Path | None = None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> FindRateDocument:
    """Trains a new model for some batches at growing rates and proposes one.

    Args:
      training: what `prepare` returned with `run=NO_RUN`.
      chart: SVG file that the losses are drawn to; None draws none.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      DataError: the chart cannot be written.
      TrainError: the loss falls at no rate, or the training cannot start.
    """
    with starting():
        from dsbuilder.train import rate_finder
    steps = rate_finder.find_rate(training.dataset, training.options, plugins=training.plugins)
    found = rate_finder.proposed(steps)
    known = [(each.smoothed, each.rate) for each in steps if each.smoothed is not None]
    if chart is not None:
        _draw(steps, found, training.dataset, chart)
    return FindRateDocument(
        proposed=found,
        least=min(known)[1],
        steps=tuple(steps),
        chart=chart,
        warnings=training.warnings,
    )


def _draw(steps: Sequence["RateStep"], proposed: float, dataset: StoredDataset, path: Path) -> None:
    """Draws the losses, and writes what is drawn as a table beside it."""
    rates = tuple(each.rate for each in steps)
    chart = LineChart(
        kind="rates",
        title="Loss at growing learning rates",
        x_title="learning rate",
        y_title="loss",
        lines=(
            Curve(name="of the batch", x=rates, y=tuple(each.loss for each in steps)),
            Curve(name="smoothed", x=rates, y=tuple(each.smoothed for each in steps)),
        ),
        marks=((proposed, "proposed"),),
    )
    files.write(
        path,
        chart,
        title=chart.title,
        dataset=f"{dataset.name} {dataset.manifest.version}",
        samples={"train": dataset.num_samples("train")},
        score=f"proposed {proposed:g}",
    )
