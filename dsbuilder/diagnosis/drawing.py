"""The learning curve of a target as a chart: errors by number of samples, with the baseline."""

from pathlib import Path

from dsbuilder.diagnosis.learning_curve import CurvePoint, CurveVerdict
from dsbuilder.report.charts import files
from dsbuilder.report.charts.axes import number
from dsbuilder.report.charts.lines import Curve, LineChart
from dsbuilder.tasks.intervals import Interval


def draw(
    path: Path,
    verdict: CurveVerdict,
    *,
    title: str,
    error: str,
    baseline: float | None,
    dataset: str,
    validation: int,
) -> None:
    """Draws a learning curve, and writes what it shows as CSV beside it.

    Args:
      title: what it shows.
      error: name of the error.
      baseline: error that could be reached; None draws none.
      dataset: name and version of the dataset.
      validation: number of samples of validation.

    Raises:
      DataError: it cannot be written.
    """
    points = verdict.points
    lines = [_line("train", points), _line("validation", points)]
    if baseline is not None:
        ends = (points[0].samples, points[-1].samples)
        lines.append(Curve(name="baseline", x=ends, y=(baseline, baseline)))
    chart = LineChart(
        kind="learning",
        title=title,
        x_title="samples of train",
        y_title=error,
        lines=tuple(lines),
    )
    files.write(
        path,
        chart,
        title=title,
        dataset=dataset,
        samples={"validation": validation},
        score=f"{error} {number(points[-1].validation)}, {verdict.verdict}",
    )


def _line(name: str, points: tuple[CurvePoint, ...]) -> Curve:
    found: list[Interval | None] = [getattr(each, f"{name}_interval") for each in points]
    return Curve(
        name=name,
        x=tuple(each.samples for each in points),
        y=tuple(getattr(each, name) for each in points),
        between=tuple(None if each is None else (each.low, each.high) for each in found),
    )
