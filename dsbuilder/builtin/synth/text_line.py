"""Lines of text.

Layout is Pillow's basic one, glyph after glyph, from left to right, unless the text needs a shaper:
that is a library that may or may not be on a machine. Where it is not, such a text is refused, so
that one pipeline never gives two kinds of pixels.
"""

import string
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from dsbuilder.builtin.synth.shaping import can_shape, is_format, is_mark, shaped
from dsbuilder.images import color_name
from dsbuilder.plugin import (
    CHANNELS,
    ClassLabel,
    ImageSignature,
    Mode,
    Params,
    Range,
    Sample,
    Signature,
    Synthesizer,
    Text,
    check_size,
    synthesizer,
)

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SMALLEST = 6
"""Pixels of the smallest size that a text is shrunk to; below, it could not be read."""

LONGEST = 10_000
"""Characters of the longest text; what is longer is no line."""

_PROBE = 32
_UNASSIGNED = "\U0010ffff"


@lru_cache(maxsize=512)
def load(path: Path, size: int, *, shaping: bool = False) -> "FreeTypeFont":
    """Returns a font in a size in pixels.

    Args:
      shaping: whether it lays out texts by the shaper.

    Raises:
      ValueError: there is no such file, or it is no font.
    """
    from PIL import ImageFont

    if not path.is_file():
        raise ValueError(f"fonts: {path}: no such font file. Check the path.")
    try:
        engine = ImageFont.Layout.RAQM if shaping else ImageFont.Layout.BASIC
        return ImageFont.truetype(str(path), size, layout_engine=engine)
    except OSError as error:
        raise ValueError(f"fonts: expected a font, found {path}: {error}.") from error


def units(text: str) -> list[str]:
    """Returns the characters of a text in composed form, each with its marks."""
    found: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if found and is_mark(character):
            found[-1] += character
        else:
            found.append(character)
    return found


def check_characters(fonts: Iterable[Path], characters: Iterable[str]) -> None:
    """Raises a ValueError that lists the characters which a font, or Pillow, cannot draw."""
    wanted = sorted(set(characters))
    if (needed := shaped(wanted)) and not can_shape():
        raise ValueError(
            f"expected characters that are drawn one by one, from left to right, found "
            f"{_listed(needed)}, which need a shaper that this Pillow is without (libraqm). "
            "Install Pillow from its wheel, or leave them out."
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
        if character.isspace() or is_format(character):
            continue
        if _drawing(font, character) in (nothing, b""):
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
    shaping = bool(shaped(text))
    for smaller in range(size, SMALLEST - 1, -1):
        font = load(path, smaller, shaping=shaping)
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
    check_size(bottom - top, right - left)
    canvas = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=255, font=font, anchor="ls")
    return np.asarray(canvas)


_CHARSETS = {
    "digits": string.digits,
    "letters": string.ascii_letters,
    "alphanumeric": string.ascii_letters + string.digits,
}


@synthesizer("text_line")
@dataclass(frozen=True, kw_only=True)
class TextLine(Synthesizer):
    """Draws a word or a random string in one of the given fonts, on one line.

    Texts are in composed Unicode form (NFC) and of any script. One that is written from right to
    left, or has marks or letters that join, is laid out by the shaper in Pillow's wheel (libraqm);
    every other from left to right without ligatures. A text is never cut off: what does not fit is
    drawn in a smaller size. The label is the text itself, in the order in which it is read (no text
    then stands in two splits), or a class. Images with alpha are opaque.

    Attributes:
      fonts: font files (TrueType, OpenType); each must have every character.
      words: a UTF-8 file with a word a line, or a list. Either this or `charset` is given.
      charset: `digits`, `letters` (a-z, A-Z), `alphanumeric`, or the characters themselves, that
        random strings are made of.
      length: [low, high] characters of a random string, both included, in [1, 10000].
      size: size of the font in pixels, 6 or more, drawn for each text.
      height: height of the image in pixels.
      width: width of the image in pixels; as wide as the text takes if left out.
      padding: pixels kept free on every side, 0 or more; where more room is left, the text's place
        in it is drawn.
      color: color of the text: gray values in [0, 255] to draw from, a color name or `#rrggbb`.
      background: the same behind the text.
      tinted: whether drawn gray values become colors, each channel drawn for itself.
      label: `text` gives the target `text`; `class` gives the target `label`, one class for each
        word, or for each character if `length` is [1, 1].
      classes: class names in id order, for `label: class`; sorted if left out.
    """

    fonts: tuple[Path, ...]
    words: Path | tuple[str, ...] | None = None
    charset: str | None = None
    length: tuple[int, int] = (4, 8)
    size: Range = Range(18, 26)
    height: int = 32
    width: int | None = None
    padding: int = 3
    color: Range | str = Range(0, 60)
    background: Range | str = Range(200, 255)
    tinted: bool = False
    label: Literal["text", "class"] = "text"
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.fonts:
            raise ValueError("fonts: at least one font file is needed. Add one.")
        if (self.words is None) == (self.charset is None):
            found = "neither" if self.words is None else "both"
            raise ValueError(f"expected either 'words' or 'charset', found {found}.")
        self._check_measures()
        for option, ink in (("color", self.color), ("background", self.background)):
            if isinstance(ink, Range):
                ink.check(option, 0, 255)
            else:
                color_name.parse(option, ink)
        check_characters(self.fonts, "".join(self._pool))
        self._check_classes()

    def _check_measures(self) -> None:
        if not 1 <= self.length[0] <= self.length[1]:
            raise ValueError(
                f"length: expected [low, high] with 1 <= low <= high, found {list(self.length)}."
            )
        if self.length[1] > LONGEST:
            raise ValueError(
                f"length: expected at most {LONGEST} characters, found {self.length[1]}."
            )
        self.size.check("size", SMALLEST, 1000)
        if self.padding < 0:
            raise ValueError(f"padding: expected 0 or more pixels, found {self.padding}.")
        least = 2 * self.padding + SMALLEST
        for option, side in (("height", self.height), ("width", self.width)):
            if side is not None and side < least:
                raise ValueError(
                    f"{option}: expected {least} or more pixels with a padding of {self.padding}, "
                    f"found {side}."
                )

    def _check_classes(self) -> None:
        if self.label == "text":
            if self.classes is not None:
                raise ValueError("classes: a label: text has no classes. Remove it.")
        elif self.words is None and self.length != (1, 1):
            raise ValueError(
                "label: expected 'words', or length: [1, 1], to make classes of, found random "
                f"strings of {self.length[0]} to {self.length[1]} characters."
            )
        else:
            absent = sorted(set(self._pool) - set(self._names))
            if absent:
                raise ValueError(f"classes: the word '{absent[0]}' is missing. Add it.")

    @cached_property
    def _pool(self) -> Sequence[str]:
        """The words, or the characters that strings are made of."""
        if self.charset is not None:
            return _characters(self.charset)
        return _read(self.words) if isinstance(self.words, Path) else _normalized(self.words or ())

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(sorted(set(self._pool))) if self.classes is None else self.classes

    def output_signature(self, mode: Mode) -> Signature:
        """Returns the canvas, of varying width if none is given, and the one target."""
        image = ImageSignature(height=self.height, width=self.width, channels=CHANNELS[mode])
        if self.label == "text":
            return Signature(image=image, targets={"text": Text()})
        return Signature(image=image, targets={"label": ClassLabel(names=self._names)})

    def draw(self, rng: np.random.Generator) -> Params:
        """Draws the text, its font and size, the colors, and the place in the room left."""
        return {
            "text": self._draw_text(rng),
            "font": int(rng.integers(len(self.fonts))),
            "size": round(self.size.draw(rng)),
            "color": self._draw_color("color", self.color, rng),
            "background": self._draw_color("background", self.background, rng),
            "place": [float(rng.random()), float(rng.random())],
        }

    def _draw_text(self, rng: np.random.Generator) -> str:
        if self.words is not None:
            return self._pool[int(rng.integers(len(self._pool)))]
        number = int(rng.integers(self.length[0], self.length[1] + 1))
        return "".join(self._pool[index] for index in rng.integers(len(self._pool), size=number))

    def _draw_color(self, option: str, ink: Range | str, rng: np.random.Generator) -> list[int]:
        if isinstance(ink, str):
            return list(color_name.parse(option, ink))
        if self.tinted:
            return [round(ink.draw(rng)) for _ in range(3)]
        return [round(ink.draw(rng))] * 3

    def class_of(self, params: Params) -> str | None:
        """The text, where it is a class."""
        return params["text"] if self.label == "class" else None

    def content(self, params: Params) -> str | None:
        """The text; nothing where the label is a class, which every split needs."""
        return params["text"] if self.label == "text" else None

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the drawn text; its pixels depend on FreeType and the shaper in Pillow."""
        text = params["text"]
        room = 2 * self.padding
        free = (self.height - room, None if self.width is None else self.width - room)
        font = fitting(self.fonts[params["font"]], params["size"], text, free)
        ink = coverage(font, text)
        width = ink.shape[1] + room if self.width is None else self.width
        check_size(self.height, width)
        top, left = (
            self.padding + int(share * (side - room - taken + 1))
            for share, side, taken in zip(
                params["place"], (self.height, width), ink.shape, strict=True
            )
        )
        mask = np.zeros((self.height, width), np.uint8)
        mask[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
        image = _painted(mask, params["color"], params["background"], mode)
        return Sample(key=key, image=image, targets={self._target: text})

    @property
    def _target(self) -> str:
        return "text" if self.label == "text" else "label"


def _characters(charset: str) -> list[str]:
    found = list(dict.fromkeys(units(_CHARSETS.get(charset, charset))))
    if not found or any(each.isspace() for each in found):
        raise ValueError(
            f"charset: expected {', '.join(_CHARSETS)} or characters without spaces, "
            f"found '{charset}'."
        )
    return found


def _read(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ValueError(
            f"words: {path} cannot be read ({reason}). Give a file with a word a line."
        ) from error
    return _normalized(text.split("\n"))


def _normalized(words: Sequence[str]) -> list[str]:
    found = [unicodedata.normalize("NFC", word.strip()) for word in words]
    found = [word for word in found if word]
    if not found:
        raise ValueError("words: at least one is needed. Add one.")
    longest = max(found, key=len)
    if len(longest) > LONGEST:
        raise ValueError(
            f"words: expected at most {LONGEST} characters, found {len(longest)} in "
            f"'{longest[:20]}...'."
        )
    return found


def _painted(
    mask: np.ndarray, color: Sequence[int], background: Sequence[int], mode: Mode
) -> np.ndarray:
    """Returns `(H, W, C)` uint8: a color over another, rounded to nearest."""
    weight = mask[..., None].astype(np.uint32)
    front, back = (np.array(each, np.uint32) for each in (color, background))
    rgb = ((front * weight + back * (255 - weight) + 127) // 255).astype(np.uint8)
    if mode == "gray":
        luma = rgb.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
        return ((luma + 0x8000) >> 16).astype(np.uint8)[..., None]
    if mode == "rgba":
        return np.concatenate([rgb, np.full((*mask.shape, 1), 255, np.uint8)], axis=2)
    return rgb
