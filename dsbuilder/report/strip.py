"""Pictures in a row, each with its caption below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from dsbuilder.report.canvas import ALARM, FAINT, INK, LINE, PAPER, picture, placeholder
from dsbuilder.report.lettering import Lettering

GAP = 14
"""Pixels between two pictures, and around a strip."""

_SMALL = Lettering(12)
_MOST_LINES = 7


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One picture with its caption.

    Attributes:
      image: `(H, W, C)` as `canvas.picture` takes it; None shows as a crossed square.
      name: what it is called, on one line, its middle left out where it is too long.
      lines: what else to say, each wrapped; of very many lines the last are counted, not shown.
    """

    image: np.ndarray | None
    name: str = ""
    lines: Sequence[str] = ()


def draw_strip(cells: Sequence[Cell | None], *, side: int, columns: int) -> Image.Image:
    """Returns a strip of cells, `columns` wide; None leaves a place free.

    Args:
      side: of the square that every picture is fitted into, in pixels.
    """
    captions = [[] if cell is None else _caption(cell, side) for cell in cells]
    height = GAP + side + 6 + _SMALL.line_height * max(map(len, captions), default=0)
    strip = Image.new("RGB", (strip_width(side, columns), height), PAPER)
    draw = ImageDraw.Draw(strip)
    for place, (cell, caption) in enumerate(zip(cells, captions, strict=True)):
        if cell is None:
            continue
        left = column_left(place, side)
        _draw_picture(strip, draw, cell, left, side)
        first = INK if cell.image is not None else ALARM
        for line, text in enumerate(caption):
            top = GAP + side + 6 + line * _SMALL.line_height
            _SMALL.write(draw, (left, top), text, fill=FAINT if line else first)
    return strip


def strip_width(side: int, columns: int) -> int:
    """Returns the width of a strip in pixels."""
    return GAP + columns * (side + GAP)


def column_left(column: int, side: int) -> int:
    """Returns where a column begins, in pixels from the left."""
    return GAP + column * (side + GAP)


def _draw_picture(
    strip: Image.Image, draw: ImageDraw.ImageDraw, cell: Cell, left: int, side: int
) -> None:
    drawn = placeholder(side) if cell.image is None else picture(cell.image, side)
    x, y = left + (side - drawn.width) // 2, GAP + (side - drawn.height) // 2
    strip.paste(drawn, (x, y))
    if cell.image is not None:  # a white image would have no edge on white paper
        draw.rectangle((x - 1, y - 1, x + drawn.width, y + drawn.height), outline=LINE)


def _caption(cell: Cell, side: int) -> list[str]:
    lines = [_SMALL.elide(cell.name, side)]
    for text in cell.lines:
        lines.extend(_SMALL.wrap(text, side))
    if len(lines) > _MOST_LINES:
        more = len(lines) - _MOST_LINES + 1
        lines = [*lines[: _MOST_LINES - 1], f"… and {more} more lines"]
    return lines
