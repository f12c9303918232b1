"""Pictures in a row, each with its caption below."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image, ImageDraw

from dsbuilder.report.canvas import ALARM, FAINT, INK, LINE, PAPER, picture, placeholder
from dsbuilder.report.lettering import Lettering
from dsbuilder.report.overlay import Overlay, lay, overlays_of
from dsbuilder.sample import Sample

GAP = 14
"""Pixels between two pictures, and around a strip."""

_SMALL = Lettering(12)
_MOST_LINES = 7


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One picture with its caption.

    Attributes:
      image: `(H, W, C)` as `canvas.picture` takes it; None shows as a crossed square.
      name: name of the picture, on one line, its middle left out where it is too long.
      lines: further lines, each wrapped; of very many lines the last are counted, not shown.
      overlays: marks that lie over the picture.
    """

    image: np.ndarray | None
    name: str = ""
    lines: Sequence[str] = ()
    overlays: Sequence[Overlay] = ()

    @classmethod
    def of(cls, sample: Sample, *, name: str, lines: Sequence[str]) -> Self:
        """Returns the picture of a sample, with what of its targets lies over it."""
        return cls(image=sample.image, name=name, lines=lines, overlays=overlays_of(sample))


def draw_strip(cells: Sequence[Cell | None], *, side: int) -> Image.Image:
    """Returns a strip of cells, as high as its highest picture needs; None leaves a place free.

    Args:
      side: side of the square that every picture is fitted into, in pixels.
    """
    drawn = {place: _Drawn.of(cell, side) for place, cell in enumerate(cells) if cell is not None}
    tallest = max((each.picture.height for each in drawn.values()), default=0)
    below = GAP + tallest + 6
    height = below + _SMALL.line_height * max((len(e.lines) for e in drawn.values()), default=0)
    strip = Image.new("RGB", (strip_width(side, len(cells)), height), PAPER)
    draw = ImageDraw.Draw(strip)
    for place, each in drawn.items():
        left = column_left(place, side)
        spare = ((side - each.picture.width) // 2, (tallest - each.picture.height) // 2)
        _paste(strip, draw, each.picture, (left + spare[0], GAP + spare[1]))
        for number, text in enumerate(each.lines):
            fill = FAINT if number else each.color
            _SMALL.write(draw, (left, below + number * _SMALL.line_height), text, fill=fill)
    return strip


def strip_width(side: int, columns: int) -> int:
    """Returns the width of a strip in pixels."""
    return GAP + columns * (side + GAP)


def column_left(column: int, side: int) -> int:
    """Returns where a column begins, in pixels from the left."""
    return GAP + column * (side + GAP)


@dataclass(frozen=True)
class _Drawn:
    """A cell as it is drawn: its picture, the lines of its caption, the color of the first."""

    picture: Image.Image
    lines: list[str]
    color: tuple[int, int, int]

    @classmethod
    def of(cls, cell: Cell, side: int) -> Self:
        if cell.image is None:
            return cls(placeholder(side), _caption(cell, side), ALARM)
        return cls(lay(picture(cell.image, side), cell.overlays), _caption(cell, side), INK)


def _paste(
    strip: Image.Image, draw: ImageDraw.ImageDraw, drawn: Image.Image, place: tuple[int, int]
) -> None:
    """Puts a picture in its place, in a frame: a white one would have no edge on white paper."""
    x, y = place
    strip.paste(drawn, place)
    draw.rectangle((x - 1, y - 1, x + drawn.width, y + drawn.height), outline=LINE)


def _caption(cell: Cell, side: int) -> list[str]:
    lines = [_SMALL.elide(cell.name, side)]
    for text in cell.lines:
        lines.extend(_SMALL.wrap(text, side))
    if len(lines) > _MOST_LINES:
        more = len(lines) - _MOST_LINES + 1
        lines = [*lines[: _MOST_LINES - 1], f"… and {more} more lines"]
    return lines
