"""Values along an axis: trainings, learning curves, ROC, precision, calibration, residuals.

Each line has a color, a pattern of dashes and a shape of mark, of which no two lines share all; so
they keep apart on paper without color as well. What is drawn is data that a run keeps as JSON.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from dsbuilder.report.charts.axes import Axis, number, span
from dsbuilder.report.charts.svg import DASHES, LINES, MARGIN, Heading, Page, shown, text_width

Kind = Literal[
    "training",
    "rates",
    "learning",
    "roc",
    "precision_recall",
    "calibration",
    "residuals",
    "values",
    "factors",
    "choices",
]
"""The last three are of points by what was tried: numbers, numbers by the logarithm, and what has
no order, which marks name."""
Point = tuple[float, float]

_OF_SHARES = ("roc", "precision_recall", "calibration")
"""Charts whose axes both go from 0 to 1."""
_BY_FACTORS = ("rates", "learning", "factors")
"""Charts along whose first axis equal factors are equal distances."""
_OF_POINTS = ("residuals", "values", "factors", "choices")
"""Charts whose points are not joined."""

_HEIGHT = 270
_ROW = 19
_SWATCH = 34
_EACH_MARKED = 40
"""Points up to which a line has a mark at each, with its numbers in a tooltip."""
_FEW_MARKS = 7
_MARK, _MOST_MARK = 3.0, 8.0
_CAP = 4.0
"""Half the width of the ends of an interval."""


@dataclass(frozen=True, kw_only=True)
class ChartScore:
    """One number that a chart comes to.

    Attributes:
      name: what it is, such as `average precision`.
      value: the number; None where there is none.
    """

    name: str
    value: float | None = None

    def __str__(self) -> str:
        return "" if self.value is None else f"{self.name} {number(self.value)}"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a chart, or one kind of points.

    Attributes:
      name: name in the legend.
      x, y: coordinates of its points; where one is None or not finite the line has a gap.
      score: number in the legend; None for none.
      counts: number of samples that each point stands for, which is the area of its mark.
      between: ends of the interval that the y of each point lies in; None where there is none.
    """

    name: str
    x: tuple[float | None, ...]
    y: tuple[float | None, ...]
    score: float | None = None
    counts: tuple[float, ...] | None = None
    between: tuple[tuple[float, float] | None, ...] | None = None

    @property
    def rows(self) -> list[tuple[float | None, float | None, float | None]]:
        """Its points with their counts, as they are given."""
        return list(zip(self.x, self.y, self.counts or (None,) * len(self.x), strict=True))

    @property
    def label(self) -> str:
        """What the legend says."""
        return self.name if self.score is None else f"{self.name}: {number(self.score)}"

    def runs(self) -> list[list[tuple[float, float, float | None]]]:
        """Returns its points between gaps."""
        known = [
            (x, y, count) if _is_finite(x) and _is_finite(y) else None for x, y, count in self.rows
        ]
        groups = itertools.groupby(known, lambda point: point is not None)
        return [list(points) for there, points in groups if there]  # type: ignore[arg-type]

    @property
    def points(self) -> list[tuple[float, float, float | None]]:
        """The points that can be drawn, each with its count."""
        return [point for run in self.runs() for point in run]


@dataclass(frozen=True, kw_only=True)
class LineChart:
    """Lines that share their axes, as `curves.json` of a run has them.

    Attributes:
      kind: which chart it is, which says how points are joined and where axes end.
      title: what it shows.
      x_title, y_title: names of the axes.
      lines: the lines.
      score: what it comes to; None if that is no one number.
      reference: line to compare with: `diagonal`, or `zero`.
      marks: (x, text) of marks along the first axis, such as the start of another phase.
    """

    kind: Kind
    title: str
    x_title: str
    y_title: str
    lines: tuple[Curve, ...]
    score: ChartScore | None = None
    reference: Literal["diagonal", "zero"] | None = None
    marks: tuple[tuple[float, str], ...] = ()

    def table(self) -> Iterator[tuple[object, ...]]:
        """Yields the headings, then a row for each point."""
        ends = any(line.between for line in self.lines)
        yield ("line", "x", "y", "count", *(("low", "high") if ends else ()))
        for line in self.lines:
            for row, between in zip(line.rows, line.between or [None] * len(line.x), strict=True):
                yield (line.name, *row, *((between or (None, None)) if ends else ()))

    def described(self) -> str:
        """Returns what a person would see, in sentences."""
        told = [f"Chart of {self.y_title} by {self.x_title}."]
        told.extend(map(_described, self.lines))
        told.extend(f"At {number(x)}: {text}." for x, text in self.marks)
        return " ".join(told)


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _described(line: Curve) -> str:
    points = line.points
    if not points:
        return f"{line.label}: no point."
    least, most = (pick(points, key=lambda point: point[1]) for pick in (min, max))
    return (
        f"{line.label}, {len(points)} points: first {number(points[0][1])}, last "
        f"{number(points[-1][1])}, least {number(least[1])} at {number(least[0])}, greatest "
        f"{number(most[1])} at {number(most[0])}."
    )


def draw(chart: LineChart, heading: Heading) -> str:
    """Returns a chart as the text of an SVG file."""
    page = Page(heading, description=chart.described())
    _draw_legend(page, chart)
    plot = _Plot(page, chart)
    plot.draw_axes()
    for index, line in enumerate(chart.lines):
        plot.draw_line(index, line)
    return page.to_text()


def _draw_legend(page: Page, chart: LineChart) -> None:
    """Draws a sample of each line with its name, as many in a row as there is room for."""
    page.top += 6
    x: float = MARGIN
    for index, line in enumerate(chart.lines):
        room = page.width - 2 * MARGIN - _SWATCH
        needed = _SWATCH + min(text_width(line.label), room) + 14
        if x > MARGIN and x + needed - 14 > page.width - MARGIN:
            page.top, x = page.top + _ROW, MARGIN
        level = page.top + 10
        if chart.kind not in _OF_POINTS:
            drawn = f"M{shown(x)} {shown(level)}h26"
            page.add("path", kind=f"line {_look(index)}", d=drawn)
        page.add("path", kind=f"dot c{index % len(LINES)}", d=_mark(index, x + 13, level, _MARK))
        page.text(line.label, x + _SWATCH, level + 4, kind="name", room=room)
        x += needed
    page.top += _ROW + 4


def _look(index: int) -> str:
    """Returns the classes that a line looks by: its color and its dashes."""
    return f"c{index % len(LINES)} d{index % len(DASHES)}"


def _mark(index: int, x: float, y: float, size: float) -> str:
    """Returns the path of a mark: a circle, a square, a triangle or a diamond.

    Beyond as many lines as colors and dashes make, the shapes are others.
    """
    r, at = size, f"M{shown(x)} {shown(y)}"
    shapes = (
        f"m-{r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 -{2 * r:.1f} 0z",
        f"m-{r:.1f} -{r:.1f}h{2 * r:.1f}v{2 * r:.1f}h-{2 * r:.1f}z",
        f"m0 -{1.2 * r:.1f}l{1.2 * r:.1f} {2.2 * r:.1f}h-{2.4 * r:.1f}z",
        f"m0 -{1.4 * r:.1f}l{1.4 * r:.1f} {1.4 * r:.1f}l-{1.4 * r:.1f} {1.4 * r:.1f}"
        f"l-{1.4 * r:.1f} -{1.4 * r:.1f}z",
    )
    return at + shapes[(index + index // math.lcm(len(LINES), len(DASHES))) % len(shapes)]


class _Plot:
    """The axes of a chart with what stands between them."""

    def __init__(self, page: Page, chart: LineChart) -> None:
        self._page, self._chart = page, chart
        points = [point for line in chart.lines for point in line.points]
        (x_low, x_high), (y_low, y_high) = self._ends(points)
        page.text(chart.y_title, MARGIN, page.top + 12, room=page.width - 2 * MARGIN)
        page.top += 20
        bottom = Axis(low=y_low, high=y_high, start=0, stop=-_HEIGHT)
        self._labels = [(tick, number(tick, 6)) for tick in bottom.ticks()]
        left = MARGIN + max(text_width(text) for _, text in self._labels) + 8
        self.x = Axis(
            low=x_low,
            high=x_high,
            start=left,
            stop=page.width - MARGIN - 8,
            logarithmic=chart.kind in _BY_FACTORS,
        )
        top = self._draw_marks()
        self.y = Axis(low=y_low, high=y_high, start=top + _HEIGHT, stop=top)
        page.top = top + _HEIGHT

    def _ends(
        self, points: Sequence[tuple[float, float, float | None]]
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Returns the ends of both axes."""
        if self._chart.kind in _OF_SHARES:
            return (0.0, 1.0), (0.0, 1.0)
        xs, ys = [x for x, *_ in points], [y for _, y, _ in points]
        between = (each for line in self._chart.lines for each in line.between or () if each)
        ys.extend(itertools.chain(*between))
        if self._chart.kind in _BY_FACTORS:
            low, high = span([x for x in xs if x > 0] or [0.1, 1.0])
            return (low, high), span(ys, pad=0.05)
        if self._chart.reference == "zero":
            ys.append(0.0)
        return span(xs, pad=0.0 if self._chart.kind == "training" else 0.03), span(ys, pad=0.05)

    def _draw_marks(self) -> float:
        """Draws marks along the first axis, their texts in rows that keep clear of each other.

        Returns:
          Where the plot begins below these rows.
        """
        ends: list[float] = []
        rows: list[tuple[float, int]] = []
        for value, text in self._chart.marks:
            place, width = self.x(value), text_width(text)
            start = place + 4 if place + 4 + width <= self._page.width else place - 4 - width
            row = next((n for n, end in enumerate(ends) if end + 8 <= start), len(ends))
            ends[row : row + 1] = [start + width]
            rows.append((place, row))
            self._page.text(text, start, self._page.top + 12 + row * _ROW)
        top = self._page.top + len(ends) * _ROW + 6
        for place, row in rows:
            y = self._page.top + row * _ROW
            self._page.add(
                "path", kind="mark", d=f"M{shown(place)} {shown(y)}V{shown(top + _HEIGHT)}"
            )
        return top

    def draw_axes(self) -> None:
        """Draws the axes with round numbers, and the line to compare with."""
        page, x, y = self._page, self.x, self.y
        for value, text in self._labels:
            level = shown(y(value))
            page.add("path", kind="grid", d=f"M{shown(x.start)} {level}H{shown(x.stop)}")
            page.text(text, x.start - 8, y(value) + 4, text_anchor="end")
        for value in self._ticks():
            if self._chart.kind == "training" and value != int(value):
                continue  # there is no half an epoch
            place = shown(x(value))
            page.add("path", kind="axis", d=f"M{place} {shown(y.start)}v5")
            page.text(number(value, 6), x(value), y.start + 19, text_anchor="middle")
        frame = f"M{shown(x.start)} {shown(y.stop)}V{shown(y.start)}H{shown(x.stop)}"
        page.add("path", kind="axis", d=frame)
        middle = (x.start + x.stop) / 2
        page.text(self._chart.x_title, middle, y.start + 38, text_anchor="middle")
        page.top = y.start + 42
        self._draw_reference()

    def _ticks(self) -> list[float]:
        """Returns the numbers at the first axis: of few sizes that were learnt, these; of choices
        none.
        """
        if self._chart.kind == "choices":
            return []
        if self._chart.kind == "learning":
            return sorted({x for line in self._chart.lines for x, *_ in line.points})
        return self.x.ticks(at_most=7)

    def _draw_reference(self) -> None:
        x, y, reference = self.x, self.y, self._chart.reference
        if reference is None:
            return
        if reference == "zero":
            one, other = (x.low, 0.0), (x.high, 0.0)
        else:
            low, high = max(x.low, y.low), min(x.high, y.high)
            one, other = (low, low), (high, high)
        d = f"M{self._place(one)}L{self._place(other)}"
        self._page.add("path", kind="mark", d=d)

    def _place(self, point: Point) -> str:
        return f"{shown(self.x(point[0]))} {shown(self.y(point[1]))}"

    def draw_line(self, index: int, line: Curve) -> None:
        """Draws a line with its marks."""
        group = self._page.add("g")
        self._page.add("title", line.label, under=group)
        if self._chart.kind not in _OF_POINTS:
            d = "".join(self._path([point[:2] for point in run]) for run in line.runs())
            self._page.add("path", kind=f"line {_look(index)}", under=group, d=d)
        self._draw_intervals(index, line, group)
        points = line.points
        each = len(points) <= _EACH_MARKED
        thinned = not each and line.counts is None and self._chart.kind not in _OF_POINTS
        step = -(-len(points) // _FEW_MARKS) if thinned else 1
        most = max((count or 0 for *_, count in points), default=0)
        for x, y, count in points[(index % _FEW_MARKS) * step // _FEW_MARKS :: step]:
            size = (
                _MARK if not most else _MARK + (_MOST_MARK - _MARK) * math.sqrt((count or 0) / most)
            )
            d = _mark(index, self.x(x), self.y(y), size)
            mark = self._page.add("path", kind=f"dot c{index % len(LINES)}", under=group, d=d)
            if each:
                samples = "" if count is None else f", {count:g} samples"
                told = f"{line.name}, {number(x)}: {number(y)}{samples}"
                self._page.add("title", told, under=mark)

    def _draw_intervals(self, index: int, line: Curve, group: ET.Element) -> None:
        """Draws the interval of each point as a bar with two ends."""
        for x, y, between in zip(line.x, line.y, line.between or (), strict=False):
            if between is not None and _is_finite(x) and _is_finite(y):
                place, (low, high) = self.x(x), map(self.y, between)  # type: ignore[arg-type]
                ends = "".join(
                    f"M{shown(place - _CAP)} {shown(end)}h{2 * _CAP:g}" for end in (low, high)
                )
                d = f"M{shown(place)} {shown(low)}V{shown(high)}{ends}"
                self._page.add("path", kind=f"line c{index % len(LINES)}", under=group, d=d)

    def _path(self, points: Sequence[Point]) -> str:
        """Returns the path through points; of precision and recall, in steps.

        Between two of these, precision may be anything (Davis and Goadrich 2006), so it is held
        as average precision counts it: at the point of the higher recall.
        """
        places = [(shown(self.x(x)), shown(self.y(y))) for x, y in points]
        start = f"M{places[0][0]} {places[0][1]}"
        if len(places) == 1:
            return f"{start}h0"
        if self._chart.kind != "precision_recall":
            return start + "".join(f"L{x} {y}" for x, y in places[1:])
        rising = points[-1][0] >= points[0][0]
        return start + "".join(f"V{y}H{x}" if rising else f"H{x}V{y}" for x, y in places[1:])
