"""Curves over epochs as a picture: one panel a value, one line a split, numbers on both axes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from dsbuilder.report.canvas import FAINT, INK, LINE, PAPER
from dsbuilder.report.lettering import Lettering

_WIDTH, _HEIGHT = 520, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 44, 52
_COLORS = ((31, 98, 180), (214, 96, 20), (40, 140, 60), (150, 60, 150))
_TITLE, _SMALL = Lettering(16), Lettering(12)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One curve of a panel.

    Attributes:
      name: name in the legend.
      x, y: coordinates of its points; where y is not finite the curve has a gap.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        return [(x, y) for x, y in zip(self.x, self.y, strict=True) if math.isfinite(y)]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Curves that share their axes.

    Attributes:
      title: name of the y axis.
      curves: curves of the panel, of which at most four keep colors of their own.
      marks: (x, text) of vertical marks, such as the start of another phase.
      x_title: name of the x axis.
    """

    title: str
    curves: Sequence[Curve]
    marks: Sequence[tuple[float, str]] = ()
    x_title: str = "epoch"


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """From values to pixels along one axis."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)


def draw(panels: Sequence[Panel]) -> Image.Image:
    """Returns the panels side by side; without panels an empty picture that says so."""
    image = Image.new("RGB", (_WIDTH * max(1, len(panels)), _HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    if not panels:
        _SMALL.write(pen, (_LEFT, _TOP), "no epoch yet", fill=FAINT)
    for index, panel in enumerate(panels):
        _draw_panel(pen, panel, left=index * _WIDTH)
    return image


def ticks(low: float, high: float, *, at_most: int = 6) -> list[float]:
    """Returns round numbers that divide [low, high]: steps of 1, 2 or 5 times a power of ten."""
    if not low < high:
        return [low]
    rough = (high - low) / max(1, at_most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _draw_panel(pen: ImageDraw.ImageDraw, panel: Panel, *, left: int) -> None:
    points = [point for curve in panel.curves for point in curve.points]
    x_low, x_high = _range([x for x, _ in points], pad=0.0)
    y_low, y_high = _range([y for _, y in points], pad=0.05)
    x = _Scale(low=x_low, high=x_high, start=left + _LEFT, stop=left + _WIDTH - _RIGHT)
    y = _Scale(low=y_low, high=y_high, start=_HEIGHT - _BOTTOM, stop=_TOP)
    _TITLE.write(pen, (left + _LEFT, 12), panel.title, fill=INK)
    _draw_axes(pen, x, y)
    _draw_marks(pen, panel, x, y)
    middle = left + (_LEFT + _WIDTH - _RIGHT - _SMALL.width(panel.x_title)) // 2
    _SMALL.write(pen, (middle, _HEIGHT - 22), panel.x_title, fill=FAINT)
    for index, curve in enumerate(panel.curves):
        color = _COLORS[index % len(_COLORS)]
        _draw_line(pen, [(x(a), y(b)) for a, b in curve.points], color)
    _draw_legend(pen, panel.curves, right=left + _WIDTH - _RIGHT)


def _range(values: Sequence[float], *, pad: float) -> tuple[float, float]:
    """Returns the span of values, widened by a share; something around a single value."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        around = abs(low) * 0.1 or 0.5
        return low - around, high + around
    return low - pad * (high - low), high + pad * (high - low)


def _draw_axes(pen: ImageDraw.ImageDraw, x: _Scale, y: _Scale) -> None:
    for value in ticks(y.low, y.high):
        level, text = round(y(value)), _number(value)
        pen.line((x.start, level, x.stop, level), fill=LINE)
        place = (round(x.start) - 8 - _SMALL.width(text), level - 8)
        _SMALL.write(pen, place, text, fill=FAINT)
    for value in ticks(x.low, x.high, at_most=8):
        if value == int(value):
            column, text = round(x(value)), _number(value)
            pen.line((column, y.start, column, y.start + 4), fill=FAINT)
            place = (column - _SMALL.width(text) // 2, round(y.start) + 8)
            _SMALL.write(pen, place, text, fill=FAINT)
    pen.line((x.start, y.start, x.stop, y.start), fill=FAINT)
    pen.line((x.start, y.start, x.start, y.stop), fill=FAINT)


def _draw_marks(pen: ImageDraw.ImageDraw, panel: Panel, x: _Scale, y: _Scale) -> None:
    for value, text in panel.marks:
        column = round(x(value))
        for top in range(round(y.stop), round(y.start), 8):
            pen.line((column, top, column, top + 3), fill=FAINT)
        _SMALL.write(pen, (column + 4, round(y.stop)), text, fill=FAINT)


def _draw_line(
    pen: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], color: tuple[int, int, int]
) -> None:
    if len(points) > 1:
        pen.line(list(points), fill=color, width=2, joint="curve")
    if len(points) <= 40:  # beyond, dots hide the line
        for column, level in points:
            pen.ellipse((column - 3, level - 3, column + 3, level + 3), fill=color)


def _draw_legend(pen: ImageDraw.ImageDraw, curves: Sequence[Curve], *, right: int) -> None:
    for name, color in reversed(list(_legend(curves))):
        right -= _SMALL.width(name)
        _SMALL.write(pen, (right, 14), name, fill=INK)
        pen.line((right - 24, 22, right - 6, 22), fill=color, width=3)
        right -= 40


def _legend(curves: Sequence[Curve]) -> Iterator[tuple[str, tuple[int, int, int]]]:
    for index, curve in enumerate(curves):
        yield curve.name, _COLORS[index % len(_COLORS)]


def _number(value: float) -> str:
    return f"{value:.6g}"
