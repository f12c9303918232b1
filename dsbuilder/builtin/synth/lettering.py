"""A line of text as ink: which pixels of it are drawn how far, and where each character lies.

A plain line is drawn by Pillow in one go. Whatever sets characters for themselves (spacing, turned
characters, vertical lines) draws each and lays it where its pen stands; boxes are measured on the
same places, through every change of form, so that a box fits what is seen and not what was meant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from dsbuilder.builtin.synth.bending import FINER, Bend, Shape
from dsbuilder.builtin.synth.fonts import Face, load
from dsbuilder.builtin.synth.planes import turned
from dsbuilder.builtin.synth.shaping import shaped
from dsbuilder.builtin.synth.words import units
from dsbuilder.images.bit_planes import bounds
from dsbuilder.plugin import check_size

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SMALLEST = 6
"""Pixels of the smallest size that a text is shrunk to; below, it could not be read."""

FAINT = 32
"""Of 255: ink of less is the edge of a stroke, and not counted to what a box holds."""

_VERTICAL_STEP = 1.1
_CORNERED = frozenset("、。，．")
"""What stands at the upper right of its square in vertical lines, at the lower left in others."""
_CORNER = 0.55
_STROKE_FINER = 4


@dataclass(frozen=True, kw_only=True)
class InkLayer:
    """Some ink at its place.

    Attributes:
      ink: `(H, W)` uint8, 255 for wholly drawn.
      top, left: where it lies in the line, in pixels; may be negative.
      text: the character that it is of; the whole text of a line's own layer.
      word: number of the word that the character stands in.
    """

    ink: np.ndarray
    top: int
    left: int
    text: str = ""
    word: int = 0

    @property
    def frame(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of the array in the line."""
        return self.top, self.left, self.top + self.ink.shape[0], self.left + self.ink.shape[1]

    def box(self) -> tuple[int, int, int, int] | None:
        """Returns (top, left, bottom, right) of what is clearly drawn; None if nothing is."""
        found = bounds(self.ink >= FAINT)
        if found is None:
            return None
        left, top, right, bottom = found
        return top + self.top, left + self.left, bottom + self.top, right + self.left

    def moved(self, down: int, right: int) -> Self:
        """Returns it at another place."""
        return replace(self, top=self.top + down, left=self.left + right)


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a line is set, as it was drawn for one sample; lengths are shares of the font's size.

    Attributes:
      spacing: room added between characters.
      weight: growth of strokes on either side.
      turns: degrees that each character is turned by, clockwise; none leaves all upright.
      vertical: whether characters stand one below the other.
      bend: the form of the whole line.
    """

    spacing: float = 0.0
    weight: float = 0.0
    turns: tuple[float, ...] = ()
    vertical: bool = False
    bend: Bend = field(default_factory=Bend)

    @property
    def by_characters(self) -> bool:
        """Whether characters are set for themselves."""
        return bool(self.spacing or self.turns or self.vertical)


@dataclass(frozen=True, kw_only=True)
class InkLine:
    """A line of text as ink.

    Attributes:
      ink: `(H, W)` uint8.
      characters: the ink of each character, at its place in `ink`; none unless they were asked for.
    """

    ink: np.ndarray
    characters: tuple[InkLayer, ...] = ()


def box(font: "FreeTypeFont", text: str) -> tuple[int, int, int, int]:
    """Returns (left, top, right, bottom) of a text's ink around its origin on the base line."""
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    return round(left), round(top), round(right), round(bottom)


def coverage(font: "FreeTypeFont", text: str) -> np.ndarray:
    """Returns how far each pixel of a text's box is ink, `(H, W)` uint8, 255 for wholly."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = box(font, text)
    check_size(bottom - top, right - left)
    canvas = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=255, font=font, anchor="ls")
    return np.asarray(canvas)


Room = tuple[int | None, int | None]
"""(height, width) in pixels that a text may take; None is as much as it takes."""


def _nothing(size: int) -> int:
    return 0


def fitting(
    face: Face,
    size: int,
    text: str,
    room: Room,
    *,
    around: Callable[[int], int] = _nothing,
    shaping: bool | None = None,
) -> int:
    """Returns `size`, or the largest smaller size in which a plain line fits.

    Args:
      room: what it and what is around it may take.
      around: the pixels on every side of it that are drawn on too, in a size.
      shaping: whether the shaper lays it out; None where it needs one.

    Raises:
      ValueError: the text does not fit in a size that could be read.
    """
    shaping = bool(shaped(text)) if shaping is None else shaping
    for smaller in range(size, SMALLEST - 1, -1):
        left, top, right, bottom = box(load(face, smaller, shaping=shaping), text)
        if _fits(_taken((bottom - top, right - left), around(smaller)), room):
            return smaller
    raise _too_long(text, room)


def fitted(
    make: Callable[[int], InkLine],
    size: int,
    text: str,
    room: Room,
    around: Callable[[int], int] = _nothing,
) -> tuple[InkLine, int]:
    """Returns the line that `make` makes in `size`, or in a smaller size in which it fits; and it.

    Args:
      make: makes the line in a size.
      room, around: see `fitting`.

    Raises:
      ValueError: the text does not fit in a size that could be read.
    """
    while size >= SMALLEST:
        line = make(size)
        taken = _taken(line.ink.shape, around(size))
        if _fits(taken, room):
            return line, size
        sides = zip(room, taken, strict=True)
        share = min(side / own for side, own in sides if side is not None)
        size = min(size - 1, int(size * share) + 1)
    raise _too_long(text, room)


def _taken(size: tuple[int, ...], around: int) -> tuple[int, ...]:
    return tuple(side + 2 * around for side in size)


def _fits(size: tuple[int, ...], room: Room) -> bool:
    return all(side is None or taken <= side for taken, side in zip(size, room, strict=True))


def _too_long(text: str, room: Room) -> ValueError:
    sides = [f"{side} px {word}" for side, word in zip(room, ("high", "wide"), strict=True) if side]
    return ValueError(
        f"expected a text that fits into {' and '.join(sides)} in {SMALLEST} px or more, found "
        f"'{text}'. Make the canvas larger or the text shorter."
    )


def line_of(face: Face, size: int, text: str, style: Style, *, boxes: bool = False) -> InkLine:
    """Returns a line in a size in pixels.

    Args:
      boxes: whether the ink of each character is wanted too.
    """
    finer = FINER if style.bend else 1
    font = load(face, size * finer, shaping=bool(shaped(text)))
    single = boxes or style.by_characters
    characters = _characters(font, text, size * finer, style) if single else []
    whole = merged(characters) if style.by_characters else plain(font, text)
    layers = [whole, *characters] if boxes else [whole]
    if style.weight:
        fine = 1 if style.bend else _STROKE_FINER
        layers = [_heavier(each, style.weight * size * finer, fine) for each in layers]
    if style.bend:
        layers = _bent(layers, style.bend)
    ink, own = layers[0], layers[1:]
    return InkLine(ink=ink.ink, characters=tuple(each.moved(-ink.top, -ink.left) for each in own))


def plain(font: "FreeTypeFont", text: str) -> InkLayer:
    """Returns a text as Pillow draws it, around its origin on the base line."""
    left, top, _, _ = box(font, text)
    return InkLayer(ink=coverage(font, text), top=top, left=left, text=text)


def _characters(font: "FreeTypeFont", text: str, size: int, style: Style) -> list[InkLayer]:
    """Returns each character at its place; the pen begins at (0, 0)."""
    found: list[InkLayer] = []
    word, pen, before = 0, 0.0, ""
    for number, unit in enumerate(units(text)):
        before += unit
        if unit.isspace():
            word += 1
        if style.vertical:
            corner = _CORNER * size if unit in _CORNERED else 0
            across, down = corner - font.getlength(unit) / 2, pen - corner
            pen += size * (_VERTICAL_STEP + style.spacing) * (0.5 if unit.isspace() else 1)
        else:  # with what kerning takes from it
            across = font.getlength(before) - font.getlength(unit) + number * style.spacing * size
            down = 0.0
        left, top, right, bottom = box(font, unit)
        if right <= left or bottom <= top:
            continue
        layer = InkLayer(
            ink=coverage(font, unit),
            top=top + round(down),
            left=left + round(across),
            text=unit,
            word=word,
        )
        found.append(_rotated(layer, style.turns[number]) if style.turns else layer)
    return found


def _rotated(layer: InkLayer, degrees: float) -> InkLayer:
    """Returns a character turned clockwise around its middle."""
    ink = turned(layer.ink, -degrees)
    down, right = ((own - side) // 2 for own, side in zip(layer.ink.shape, ink.shape, strict=True))
    return _trimmed(replace(layer, ink=ink).moved(down, right))


def merged(layers: Sequence[InkLayer]) -> InkLayer:
    """Returns layers as one, each pixel as the darkest of them has it."""
    if not layers:
        return InkLayer(ink=np.zeros((1, 1), np.uint8), top=0, left=0)
    frames = np.array([each.frame for each in layers])
    (top, left), (bottom, right) = frames[:, :2].min(axis=0), frames[:, 2:].max(axis=0)
    check_size(bottom - top, right - left)
    ink = np.zeros((bottom - top, right - left), np.uint8)
    for each in layers:
        y, x, y_end, x_end = each.frame
        part = ink[y - top : y_end - top, x - left : x_end - left]
        np.maximum(part, each.ink, out=part)
    return InkLayer(ink=ink, top=int(top), left=int(left))


def _trimmed(layer: InkLayer) -> InkLayer:
    """Returns a layer without the rows and columns around it in which nothing is drawn."""
    found = bounds(layer.ink > 0)
    if found is None:
        return replace(layer, ink=np.zeros((1, 1), np.uint8))
    left, top, right, bottom = found
    return replace(layer, ink=layer.ink[top:bottom, left:right]).moved(top, left)


def _heavier(layer: InkLayer, radius: float, finer: int) -> InkLayer:
    ink = grown(layer.ink, radius, finer)
    margin = (ink.shape[0] - layer.ink.shape[0]) // 2
    return replace(layer, ink=ink).moved(-margin, -margin)


def grown(ink: np.ndarray, radius: float, finer: int = _STROKE_FINER) -> np.ndarray:
    """Returns ink whose strokes grew by a radius in pixels, with a margin that they fit in.

    Args:
      finer: steps that a pixel of the radius is counted in.

    Returns:
      `(H + 2 m, W + 2 m)` uint8, m the radius rounded up.
    """
    margin = int(np.ceil(radius))
    framed = np.pad(ink, margin)
    check_size(framed.shape[0] * finer, framed.shape[1] * finer)
    size = (framed.shape[1] * finer, framed.shape[0] * finer)
    fine = cv2.resize(framed, size, interpolation=cv2.INTER_LINEAR)
    side = 2 * round(radius * finer) + 1
    fine = cv2.dilate(fine, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    smoothed: np.ndarray = cv2.resize(fine, framed.shape[::-1], interpolation=cv2.INTER_AREA)
    return smoothed


def _bent(layers: Sequence[InkLayer], bend: Bend) -> list[InkLayer]:
    """Returns layers in another form, `FINER` times smaller; the first is the whole line."""
    shape = Shape(bend, layers[0].frame)
    found = []
    for each in layers:
        ink, (top, left) = shape.apply(each.ink, (each.top, each.left))
        found.append(_trimmed(replace(each, ink=ink, top=top, left=left)))
    return found
