"""A picture sheet: strips of pictures under column headings, as `dsbuilder preview` shows them."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from dsbuilder.errors import DataError
from dsbuilder.report.canvas import FAINT, INK, LINE, PAPER
from dsbuilder.report.lettering import Lettering
from dsbuilder.report.strip import GAP, Cell, column_left, draw_strip, strip_width

SIDE = 168
"""Pixels of a picture's square."""

_TITLE = Lettering(18)
_PLAIN = Lettering(13)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a picture sheet shows.

    Attributes:
      title: the first line.
      notes: lines below it.
      headings: of the columns.
      rows: cells of each row, at most as many as there are headings; None leaves a place free.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell | None]]
    notes: Sequence[str] = ()


def draw_sheet(sheet: Sheet, *, side: int = SIDE) -> Image.Image:
    """Returns a sheet as an RGB picture.

    Args:
      side: of the square that every picture is fitted into, in pixels.
    """
    columns = len(sheet.headings)
    width = strip_width(side, columns)
    strips = [draw_strip(row, side=side, columns=columns) for row in sheet.rows]
    head = _draw_head(sheet, width, side)
    height = head.height + sum(strip.height + GAP for strip in strips)
    page = Image.new("RGB", (width, height), PAPER)
    page.paste(head)
    draw, top = ImageDraw.Draw(page), head.height
    for strip in strips:
        draw.line((GAP, top, width - GAP, top), fill=LINE)
        page.paste(strip, (0, top + 1))
        top += strip.height + GAP
    return page


def _draw_head(sheet: Sheet, width: int, side: int) -> Image.Image:
    """Draws title, notes and headings."""
    inner = width - 2 * GAP
    notes = [line for note in sheet.notes for line in _PLAIN.wrap(note, inner)]
    lines = [(_TITLE, line, INK) for line in _TITLE.wrap(sheet.title, inner)]
    lines += [(_PLAIN, line, FAINT) for line in notes]
    height = GAP + sum(lettering.line_height for lettering, _, _ in lines) + GAP
    head = Image.new("RGB", (width, height + _PLAIN.line_height + 4), PAPER)
    draw, top = ImageDraw.Draw(head), GAP
    for lettering, line, fill in lines:
        lettering.write(draw, (GAP, top), line, fill=fill)
        top += lettering.line_height
    for column, heading in enumerate(sheet.headings):
        place = (column_left(column, side), height)
        _PLAIN.write(draw, place, _PLAIN.elide(heading, side), fill=INK)
    return head


def write_png(image: Image.Image, path: Path) -> None:
    """Writes a picture as PNG, whole or not at all.

    Raises:
      DataError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        image.save(temporary, format="PNG")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        reason = error.strerror or str(error)
        raise DataError(
            f"{path}: expected a picture file that can be written, found none ({reason}). "
            "Choose another path."
        ) from None
