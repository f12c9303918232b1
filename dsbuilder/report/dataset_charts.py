"""What the images and labels of a dataset are like, as charts: sizes, aspect, brightness, boxes."""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dsbuilder.cache.course import Course
from dsbuilder.dataset import StoredDataset
from dsbuilder.report.charts import bars
from dsbuilder.report.charts.bars import Bars, ValueHistogram
from dsbuilder.report.charts.svg import Heading
from dsbuilder.report.dataset_samples import MEASURED, Measured, measure
from dsbuilder.report.page.blocks import (
    Block,
    Charts,
    DataRow,
    DataTable,
    DrawnChart,
    Notes,
    table_of,
)

MOST_BARS = 30
"""Names up to which each has a bar of its own."""


def shapes(dataset: StoredDataset, course: Course | None) -> Iterator[Block]:
    """Yields charts of what images and labels are like, and of how many they tell.

    Args:
      course: how the dataset was built, which knows sizes of the source; None if that is lost.
    """
    found = {
        split: measure(dataset, split) for split in dataset.splits if dataset.has_samples(split)
    }
    drawing = _Drawing()
    image = dataset.signature.image
    varied = None in (image.height, image.width)
    sizes = course.source_sizes if course is not None else ()
    charts = [*drawing.of_source(sizes), *drawing.of_stored(found, varied=varied)]
    if any(each.objects for each in found.values()):
        charts.extend(drawing.of_boxes(found))
    known = [chart for chart in charts if chart is not None]
    if known:
        yield Charts(charts=known)
    if known or drawing.constant:
        source = f"{len(sizes)} files of the source and " if sizes else ""
        told = f"Measured on {source}at most {MEASURED} stored samples of each split."
        yield Notes(notes=[*drawing.constant, told])


def drawn(chart: Bars | ValueHistogram) -> DrawnChart:
    """Returns a chart with its table."""
    heading = Heading(title=chart.title, dataset="", numbers="the table behind it")
    table = table_of(chart.table(), chart.title)
    return DrawnChart(title=chart.title, svg=bars.draw(chart, heading), table=table)


@dataclass
class _Drawing:
    """Charts as they are drawn.

    Attributes:
      constant: sentences on what is the same everywhere, of which there is no chart.
    """

    constant: list[str] = field(default_factory=list)

    def of_source(self, sizes: Sequence[tuple[int, int]]) -> Iterator[DrawnChart | None]:
        """Yields charts of the files that were read, from their (height, width)."""
        if sizes:
            longer = [float(max(size)) for size in sizes]
            yield self._histogram(
                {"source": longer}, "Size of source images", "longer side, pixels"
            )
            ratios = [width / height for height, width in sizes if height]
            yield self._histogram({"source": ratios}, "Aspect of source images", "width / height")

    def of_stored(
        self, found: Mapping[str, Measured], *, varied: bool
    ) -> Iterator[DrawnChart | None]:
        """Yields charts of stored images.

        Args:
          varied: whether they are of several sizes.
        """
        if varied:
            sides = {
                split: [float(max(side)) for side in each.sides] for split, each in found.items()
            }
            yield self._histogram(sides, "Size of stored images", "longer side, pixels")
        light = {split: each.brightness for split, each in found.items()}
        yield self._histogram(light, "Brightness of stored images", "mean, from 0 to 255")

    def of_boxes(self, found: Mapping[str, Measured]) -> Iterator[DrawnChart | None]:
        """Yields charts of boxes: how many, how large, and of which classes."""
        objects = {split: list(map(float, each.objects)) for split, each in found.items()}
        yield self._histogram(objects, "Boxes in an image", "boxes")
        shares = {
            split: [100 * area**0.5 for area, _ in each.boxes] for split, each in found.items()
        }
        yield self._histogram(
            shares, "Size of boxes", "side of a square as large, percent of the image's"
        )
        yield _boxes_by_class(found)

    def _histogram(
        self, values: Mapping[str, Sequence[float]], title: str, x_title: str
    ) -> DrawnChart | None:
        every = {each for some in values.values() for each in some}
        if len(every) == 1:
            self.constant.append(f"{title}: {x_title} {every.pop():.4g}, all of them.")
            return None
        chart = ValueHistogram.of(values, title=title, x_title=x_title)
        return None if chart is None else drawn(chart)


def _boxes_by_class(found: Mapping[str, Measured]) -> DrawnChart | None:
    sizes: dict[str, list[float]] = {}
    counts = {split: Counter(name for _, name in each.boxes) for split, each in found.items()}
    for each in found.values():
        for area, name in each.boxes:
            sizes.setdefault(name, []).append(area)
    names = sorted(sizes, key=lambda name: -len(sizes[name]))[:MOST_BARS]
    if not names:
        return None
    amounts = {name: tuple(of[name] for of in counts.values()) for name in names}
    chart = Bars(title="Boxes by class", kinds=tuple(counts), rows=tuple(amounts.items()))
    headings = ["class", *counts, "median area, percent of the image"]
    rows = [
        DataRow(
            cells=[name, *amounts[name], f"{100 * statistics.median(sizes[name]):.2f}"],
            classes=[name],
        )
        for name in names
    ]
    table = DataTable(caption=chart.title, headings=headings, rows=rows, shows_caption=False)
    return DrawnChart(title=chart.title, svg=drawn(chart).svg, table=table)
