"""A chart in a file, and beside it the numbers that it shows."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from dsbuilder.cache import store
from dsbuilder.errors import DataError
from dsbuilder.report.charts import lines, matrix
from dsbuilder.report.charts.lines import LineChart
from dsbuilder.report.charts.matrix import Confusions
from dsbuilder.report.charts.svg import Heading


def write(
    path: Path,
    chart: LineChart | Confusions,
    *,
    title: str,
    dataset: str,
    samples: Mapping[str, int],
    score: str = "",
    numbers: str | None = None,
) -> None:
    """Writes a chart as SVG, and as CSV of the same name what it shows; each whole or not at all.

    Args:
      title, dataset, samples, score: what stands over it; see `svg.Heading`.
      numbers: the file that holds its numbers already, as seen from it; then no CSV is written.

    Raises:
      DataError: a file cannot be written.
    """
    table = path.with_suffix(".csv")
    heading = Heading(
        title=title, dataset=dataset, samples=samples, score=score, numbers=numbers or table.name
    )
    if isinstance(chart, LineChart):
        drawn = lines.draw(chart, heading)
    else:
        drawn = matrix.draw(chart, heading)
    try:
        if numbers is None:
            store.write_text(table, _comma_separated(chart))
        store.write_text(path, drawn)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"{path}: the chart cannot be written ({reason}). Choose another path."
        ) from None


def _comma_separated(chart: LineChart | Confusions) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(chart.table())
    return text.getvalue().encode("utf-8", "backslashreplace").decode()  # broken bytes of names
