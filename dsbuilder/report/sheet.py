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

_LEAST_COLUMNS = 3  # so that the title has room
_TITLE = Lettering(18)
_PLAIN = Lettering(13)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Rows under one line of headings.

    Attributes:
      headings: headings of the columns, from the left; there may be fewer than columns.
      rows: cells of each row; None leaves a place free.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell | None]]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a picture sheet shows.

    Attributes:
      title: first line of the sheet.
      notes: lines below it.
      sections: sections from top to bottom.
    """

    title: str
    notes: Sequence[str] = ()
    sections: Sequence[Section]

    @property
    def columns(self) -> int:
        """As many as the longest row has cells."""
        rows = (row for section in self.sections for row in section.rows)
        return max(map(len, rows), default=1)


def draw_sheet(sheet: Sheet, *, side: int = SIDE) -> Image.Image:
    """Returns a sheet as an RGB picture.

    Args:
      side: side of the square that every picture is fitted into, in pixels.
    """
    width = strip_width(side, max(sheet.columns, _LEAST_COLUMNS))
    parts = [_draw_head(sheet, width)]
    for section in sheet.sections:
        parts.append(_draw_headings(section, width, side))
        parts.extend(_draw_row(row, width, side) for row in section.rows)
    page = Image.new("RGB", (width, sum(part.height for part in parts) + GAP), PAPER)
    top = 0
    for part in parts:
        page.paste(part, (0, top))
        top += part.height
    return page


def _draw_row(row: Sequence[Cell | None], width: int, side: int) -> Image.Image:
    """Draws a strip under a line."""
    strip = draw_strip(row, side=side)
    part = Image.new("RGB", (width, strip.height + GAP), PAPER)
    part.paste(strip, (0, 1))
    ImageDraw.Draw(part).line((GAP, 0, width - GAP, 0), fill=LINE)
    return part


def _draw_head(sheet: Sheet, width: int) -> Image.Image:
    """Draws the title and the notes."""
    inner = width - 2 * GAP
    lines = [(_TITLE, line, INK) for line in _TITLE.wrap(sheet.title, inner)]
    lines += [(_PLAIN, line, FAINT) for note in sheet.notes for line in _PLAIN.wrap(note, inner)]
    height = GAP + sum(lettering.line_height for lettering, _, _ in lines) + 4
    head = Image.new("RGB", (width, height), PAPER)
    draw, top = ImageDraw.Draw(head), GAP
    for lettering, line, fill in lines:
        lettering.write(draw, (GAP, top), line, fill=fill)
        top += lettering.line_height
    return head


def _draw_headings(section: Section, width: int, side: int) -> Image.Image:
    """Draws the line of headings; a last one may take up the columns that have none."""
    part = Image.new("RGB", (width, _PLAIN.line_height + 14), PAPER)
    draw = ImageDraw.Draw(part)
    for column, heading in enumerate(section.headings):
        left = column_left(column, side)
        is_last = column == len(section.headings) - 1
        text = _PLAIN.elide(heading, width - GAP - left if is_last else side)
        _PLAIN.write(draw, (left, 8), text, fill=INK)
    return part


def write_png(image: Image.Image, path: Path) -> None:
    """Writes a picture as PNG, whole or not at all.

    Raises:
      DataError: the file cannot be written.
    """
    _write(image, path, "PNG")


def write_webp(image: Image.Image, path: Path, *, quality: int) -> None:
    """Writes a picture as WebP, which is small, whole or not at all.

    Args:
      quality: quality of the picture, in [0, 100].

    Raises:
      DataError: the file cannot be written.
    """
    _write(image, path, "WEBP", quality=quality, method=6)


def _write(image: Image.Image, path: Path, form: str, **options: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        image.save(temporary, format=form, **options)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        reason = error.strerror or str(error)
        raise DataError(
            f"{path}: the picture cannot be written ({reason}). Choose another path."
        ) from None
