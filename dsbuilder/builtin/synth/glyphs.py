"""Fonts: opening them, asking what they can draw, and drawing a line of text as coverage.

Layout is Pillow's basic one: glyph after glyph, from left to right. The other needs a library that
may or may not be on a machine, so that one pipeline would give different pixels.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SMALLEST = 6
"""Pixels of the smallest size that a text is shrunk to; below, it could not be read."""

_PROBE = 32
_UNASSIGNED = "\U0010ffff"


@lru_cache(maxsize=512)
def load(path: Path, size: int) -> "FreeTypeFont":
    """Returns a font in a size in pixels.

    Raises:
      ValueError: there is no such file, or it is no font.
    """
    from PIL import ImageFont

    if not path.is_file():
        raise ValueError(f"fonts: {path}: no such font file. Check the path.")
    try:
        return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise ValueError(f"fonts: expected a font, found {path}: {error}.") from error


def units(text: str) -> list[str]:
    """Returns the characters of a text in composed form, each with its combining marks."""
    found: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if found and unicodedata.combining(character):
            found[-1] += character
        else:
            found.append(character)
    return found


def check_characters(fonts: Iterable[Path], characters: Iterable[str]) -> None:
    """Raises a ValueError that lists the characters which a font cannot draw."""
    wanted = sorted(set(characters))
    turned = [each for each in wanted if unicodedata.bidirectional(each) in ("R", "AL")]
    if turned:
        raise ValueError(
            f"expected characters that are written from left to right, found {_listed(turned)}. "
            "Remove them."
        )
    for path in fonts:
        missing = list(_missing(path, wanted))
        if missing:
            raise ValueError(
                f"fonts: {path.name} has no glyphs for {_listed(missing)}. "
                "Use another font, or leave these characters out."
            )


def _listed(characters: list[str]) -> str:
    shown = ", ".join(f"'{each}' (U+{ord(each):04X})" for each in characters[:10])
    rest = len(characters) - 10
    return f"{shown} and {rest} more" if rest > 0 else shown


def _missing(path: Path, characters: list[str]) -> Iterator[str]:
    """Yields what a font draws as it draws what no font has: as a box, or as nothing."""
    font = load(path, _PROBE)
    nothing = _drawing(font, _UNASSIGNED)
    for character in characters:
        if not character.isspace() and _drawing(font, character) in (nothing, b""):
            yield character


def _drawing(font: "FreeTypeFont", character: str) -> bytes:
    mask = font.getmask(character)
    return bytes(repr(mask.size), "ascii") + bytes(mask) if any(mask) else b""


def box(font: "FreeTypeFont", text: str) -> tuple[int, int, int, int]:
    """Returns (left, top, right, bottom) of a text's ink around its origin on the base line."""
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    return round(left), round(top), round(right), round(bottom)


def fitting(path: Path, size: int, text: str, room: tuple[int, int | None]) -> "FreeTypeFont":
    """Returns the font in `size`, or in the largest smaller size in which a text fits.

    Args:
      room: (height, width) in pixels; None is as wide as it takes.

    Raises:
      ValueError: the text does not fit in a size that could be read.
    """
    height, width = room
    for smaller in range(size, SMALLEST - 1, -1):
        font = load(path, smaller)
        left, top, right, bottom = box(font, text)
        if bottom - top <= height and (width is None or right - left <= width):
            return font
    shown = f"{height} px high" + ("" if width is None else f" and {width} px wide")
    raise ValueError(
        f"expected a text that fits into {shown} in {SMALLEST} px or more, found '{text}'. "
        "Make the canvas larger or the text shorter."
    )


def coverage(font: "FreeTypeFont", text: str) -> np.ndarray:
    """Returns how far each pixel of a text's box is ink, `(H, W)` uint8, 255 for wholly."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = box(font, text)
    canvas = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=255, font=font, anchor="ls")
    return np.asarray(canvas)
