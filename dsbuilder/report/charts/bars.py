"""Amounts side by side: samples of named classes, and how often a value lies between two numbers.

Bars of several kinds, such as splits, are stacked, each in its color. A legend says what they stand
for, a tooltip what each bar is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.report.charts.axes import Axis, number, span, ticks
from dsbuilder.report.charts.svg import LINES, MARGIN, Heading, Page, shown, text_width

_NAME_ROOM = 130
_ROW, _BAR = 20, 14
_SWATCH = 18
_HEIGHT = 170
_BINS = 25


@dataclass(frozen=True, kw_only=True)
class Bars:
    """An amount of each kind for each of some names.

    Attributes:
      title: what it shows.
      kinds: names of what is stacked, such as splits.
      rows: name, and its amount of each kind.
    """

    title: str
    kinds: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]

    def table(self) -> Iterator[tuple[object, ...]]:
        """Yields the headings, then a row for each name."""
        yield ("", *self.kinds, "all")
        for name, amounts in self.rows:
            yield (name, *amounts, sum(amounts))

    def described(self) -> str:
        """Returns what a person would see, in sentences."""
        totals = [f"{name} {sum(amounts):,}" for name, amounts in self.rows]
        return f"Bars of {', '.join(self.kinds)}: {', '.join(totals)}."


@dataclass(frozen=True, kw_only=True)
class ValueHistogram:
    """How many values of each kind lie between two numbers.

    Attributes:
      title: what it shows.
      x_title: name of what is measured, with its unit.
      kinds: names of what is stacked, such as splits.
      edges: ends of the intervals, one more than there are intervals.
      counts: number of values in each interval, by kind.
    """

    title: str
    x_title: str
    kinds: tuple[str, ...]
    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls, values: Mapping[str, Sequence[float]], *, title: str, x_title: str
    ) -> "ValueHistogram | None":
        """Returns the histogram of values by kind, its edges round numbers; None of no value."""
        every = [each for some in values.values() for each in some]
        if not every:
            return None
        low, high = span(every)
        edges = ticks(low, high, at_most=_BINS)
        step = edges[1] - edges[0] if len(edges) > 1 else (high - low) or 1.0
        while edges[0] > low:
            edges.insert(0, edges[0] - step)
        while edges[-1] < high:
            edges.append(edges[-1] + step)
        counts = [np.histogram(some, edges)[0].tolist() for some in values.values()]
        return cls(
            title=title,
            x_title=x_title,
            kinds=tuple(values),
            edges=tuple(edges),
            counts=tuple(map(tuple, counts)),
        )

    def table(self) -> Iterator[tuple[object, ...]]:
        """Yields the headings, then a row for each interval."""
        yield (f"{self.x_title}, from", "to", *self.kinds)
        ends = zip(self.edges, self.edges[1:], strict=False)
        for (low, high), *found in zip(ends, *self.counts, strict=True):
            yield (number(low), number(high), *found)

    def described(self) -> str:
        """Returns what a person would see, in sentences."""
        sums = np.sum(self.counts, axis=0)
        most = int(np.argmax(sums))
        low, high = number(self.edges[most]), number(self.edges[most + 1])
        return (
            f"Histogram of {self.x_title} of {int(sums.sum()):,} values from "
            f"{number(self.edges[0])} to {number(self.edges[-1])}, most of them, "
            f"{int(sums[most]):,}, between {low} and {high}."
        )


def draw(chart: Bars | ValueHistogram, heading: Heading) -> str:
    """Returns a chart as the text of an SVG file."""
    page = Page(heading, description=chart.described())
    if len(chart.kinds) > 1:
        _draw_legend(page, chart.kinds)
    if isinstance(chart, Bars):
        _draw_rows(page, chart)
    else:
        _draw_intervals(page, chart)
    return page.to_text()


def _draw_legend(page: Page, kinds: Sequence[str]) -> None:
    page.top += 8
    x: float = MARGIN
    for index, name in enumerate(kinds):
        page.add("rect", kind=_color(index), x=x, y=page.top, width=10, height=10)
        page.text(name, x + _SWATCH, page.top + 9, kind="name")
        x += _SWATCH + text_width(name) + 14
    page.top += 16


def _color(index: int) -> str:
    return f"dot c{index % len(LINES)}"


def _draw_rows(page: Page, chart: Bars) -> None:
    """Draws a bar for each name, its sum behind it."""
    room = min(_NAME_ROOM, max((text_width(name) for name, _ in chart.rows), default=0.0))
    most = max((sum(amounts) for _, amounts in chart.rows), default=0) or 1
    left = MARGIN + room + 8
    width = page.width - MARGIN - left - text_width(f"{most:,}") - 8
    page.top += 8
    for name, amounts in chart.rows:
        page.text(name, left - 8, page.top + 11, kind="name", room=room, text_anchor="end")
        group, x = page.add("g"), left
        told = ", ".join(f"{k} {n:,}" for k, n in zip(chart.kinds, amounts, strict=True))
        page.add("title", f"{name}: {told}", under=group)
        for index, amount in enumerate(amounts):
            size = amount / most * width
            at: dict[str, Any] = {"x": x, "y": page.top, "width": size, "height": _BAR}
            page.add("rect", under=group, kind=_color(index), **at)
            x += size
        page.text(f"{sum(amounts):,}", x + 6, page.top + 11)
        page.top += _ROW


def _draw_intervals(page: Page, chart: ValueHistogram) -> None:
    """Draws columns over the axis of what is measured."""
    sums = np.sum(chart.counts, axis=0)
    page.top += 12
    top, bottom = page.top, page.top + _HEIGHT
    up = Axis(low=0.0, high=float(sums.max()) or 1.0, start=bottom, stop=top)
    labels = [tick for tick in up.ticks(at_most=5) if tick == int(tick)]
    left = MARGIN + max(text_width(f"{int(tick):,}") for tick in labels) + 8
    along = Axis(low=chart.edges[0], high=chart.edges[-1], start=left, stop=page.width - MARGIN - 8)
    for tick in labels:
        level = up(tick)
        page.add("path", kind="grid", d=f"M{shown(left)} {shown(level)}H{shown(along.stop)}")
        page.text(f"{int(tick):,}", left - 8, level + 4, text_anchor="end")
    for place, (low, high) in enumerate(zip(chart.edges, chart.edges[1:], strict=False)):
        if sums[place]:
            _draw_column(page, chart, place, (along(low), along(high)), up)
    for tick in along.ticks(at_most=7):
        page.add("path", kind="axis", d=f"M{shown(along(tick))} {shown(bottom)}v5")
        page.text(number(tick, 6), along(tick), bottom + 19, text_anchor="middle")
    page.add("path", kind="axis", d=f"M{shown(left)} {shown(bottom)}H{shown(along.stop)}")
    page.text(chart.x_title, (left + along.stop) / 2, bottom + 38, text_anchor="middle")
    page.top = bottom + 42


def _draw_column(
    page: Page, chart: ValueHistogram, place: int, ends: tuple[float, float], up: Axis
) -> None:
    """Draws what lies in one interval, a kind on the other."""
    group, below = page.add("g"), 0
    found = [(name, each[place]) for name, each in zip(chart.kinds, chart.counts, strict=True)]
    told = ", ".join(f"{name} {count:,}" for name, count in found)
    between = f"{number(chart.edges[place])} to {number(chart.edges[place + 1])}"
    page.add("title", f"{between}: {told}", under=group)
    for index, (_, count) in enumerate(found):
        high, low = up(below + count), up(below)
        at: dict[str, Any] = {
            "x": ends[0] + 0.5,
            "y": high,
            "width": ends[1] - ends[0] - 1,
            "height": low - high,
        }
        page.add("rect", under=group, kind=_color(index), **at)
        below += count
