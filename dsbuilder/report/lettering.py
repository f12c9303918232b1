r"""Text in pictures: a font that has all its letters, or escapes where no installed font has them.

No font file is assumed: Pillow carries one for Latin letters. For a text beyond it, folders where
systems keep fonts are searched for the one that covers most of it; what that one lacks is written
as `\u4e2d`, so that no text ever shows as a row of boxes.
"""

import bisect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
_EXTENSIONS = (".ttf", ".otf", ".ttc")
_PREFERRED = ("NotoSans", "DejaVuSans", "Arial")
_MOST_FILES = 300

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Lettering:
    """Letters of one size.

    Attributes:
      size: height of the letters in pixels.
    """

    size: int

    @property
    def line_height(self) -> int:
        """Distance from one line of text to the next, in pixels."""
        return round(self.size * 1.35)

    def fit(self, text: str) -> tuple[Font, str]:
        """Returns a font and the text as that font can write it."""
        needed = frozenset(letter for letter in text if letter.isprintable() and letter != " ")
        font = _covering(needed, self.size)
        known = {letter for letter in needed if _has(font, letter)} | {" "}
        return font, "".join(each if each in known else _escaped(each) for each in text)

    def width(self, text: str) -> int:
        """Returns the width of a text in pixels."""
        font, shown = self.fit(text)
        return round(font.getlength(shown))

    def elide(self, text: str, width: int) -> str:
        """Returns a text that is no wider than `width` pixels, its middle left out if need be."""
        if self.width(text) <= width:
            return text
        kept = bisect.bisect_left(
            range(len(text)), True, key=lambda kept: self.width(_shortened(text, kept)) > width
        )
        return _shortened(text, kept - 1)

    def wrap(self, text: str, width: int) -> list[str]:
        """Returns the lines of a text, cut between words; a word that is too wide is elided."""
        lines: list[str] = []
        for word in text.split():
            joined = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(self.elide(word, width))
        return lines

    def write(
        self,
        draw: ImageDraw.ImageDraw,
        place: tuple[int, int],
        text: str,
        *,
        fill: tuple[int, int, int],
    ) -> None:
        """Writes one line of text, its upper left corner at (x, y)."""
        font, shown = self.fit(text)
        draw.text(place, shown, font=font, fill=fill)


@lru_cache(maxsize=512)
def _covering(letters: frozenset[str], size: int) -> Font:
    """Returns the first font that has all the letters, Pillow's own before installed ones.

    If none has, the one that has most of them.
    """
    own: Font = ImageFont.load_default(size)
    if all(_has(own, letter) for letter in letters):
        return own
    return max((own, *_installed(size)), key=lambda font: sum(_has(font, each) for each in letters))


@lru_cache(maxsize=8)
def _installed(size: int) -> tuple[Font, ...]:
    fonts = []
    for path in font_files()[:_MOST_FILES]:
        try:
            fonts.append(ImageFont.truetype(path, size))
        except OSError:
            continue  # of fixed sizes, as fonts of color pictures are, or damaged: not for us
    return tuple(fonts)


@lru_cache(maxsize=1)
def font_files() -> tuple[str, ...]:
    """Returns the installed font files, plain sans-serif ones first."""
    return tuple(sorted(_search(), key=_preference))


def _search() -> Iterator[str]:
    for folder in FONT_FOLDERS:
        for parent, _, names in os.walk(Path(folder).expanduser()):
            yield from (f"{parent}/{name}" for name in names if name.lower().endswith(_EXTENSIONS))


def _preference(path: str) -> tuple[int, int, str]:
    name = Path(path).stem
    places = [place for place, start in enumerate(_PREFERRED) if name.startswith(start)]
    return (places[0] if places else len(_PREFERRED), len(name), path)


@lru_cache(maxsize=4096)
def _has(font: Font, letter: str) -> bool:
    """Whether a font draws a letter as something else than what stands for a missing one."""
    if not isinstance(font, ImageFont.FreeTypeFont):
        return letter.isascii()
    drawn, missing = font.getmask(letter), font.getmask("\U0010ffff")
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)


def _shortened(text: str, kept: int) -> str:
    """Returns a text of which a third of the kept letters stand before the gap, the rest behind."""
    front = max(kept, 0) // 3
    return f"{text[:front]}…{text[len(text) - (max(kept, 0) - front) :]}"


def _escaped(letter: str) -> str:
    if letter.isascii():
        return f"\\x{ord(letter):02x}"
    return letter.encode("ascii", "backslashreplace").decode()
