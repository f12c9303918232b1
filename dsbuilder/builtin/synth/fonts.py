"""Fonts: the faces of files, of folders and of the machine, and which characters each can draw.

A face has a character if it does not draw it as it draws what no font has. That is asked of the
drawing and not of the font's table, since a table may name a glyph that is empty or a box.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from dsbuilder.builtin.synth.files import files_below, state_of
from dsbuilder.builtin.synth.shaping import can_shape, is_format, shaped

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Fonts = tuple[Path, ...] | Literal["system"]
"""What the option `fonts` may be."""

SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})

_PROBE = 32
_UNASSIGNED = "\U0010ffff"
_MOST_FACES = 256
_TRIES = 1000


@dataclass(frozen=True, order=True)
class Face:
    """A face of a font file; a collection (.ttc) has several."""

    path: Path
    index: int = 0

    @property
    def name(self) -> str:
        """How messages and manifests call it."""
        return f"{self.path.name}#{self.index}" if self.index else self.path.name


def load(face: Face, size: int, *, shaping: bool = False) -> "FreeTypeFont":
    """Returns a font in a size in pixels.

    Args:
      shaping: whether it lays out texts by the shaper.

    Raises:
      ValueError: there is no such file, or it is no font.
    """
    if not face.path.is_file():
        raise ValueError(f"fonts: {face.path}: no such font file. Check the path.")
    return _loaded(face, size, shaping=shaping, state=state_of(face.path))


@lru_cache(maxsize=512)
def _loaded(face: Face, size: int, *, shaping: bool, state: object) -> "FreeTypeFont":
    from PIL import ImageFont

    try:
        engine = ImageFont.Layout.RAQM if shaping else ImageFont.Layout.BASIC
        return ImageFont.truetype(str(face.path), size, face.index, layout_engine=engine)
    except OSError as error:
        raise ValueError(f"fonts: expected a font, found {face.path}: {error}.") from error


def system_folders() -> list[Path]:
    """Returns where this machine keeps its fonts."""
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path("~/Library/Fonts")]
    local = [Path("~/.local/share/fonts"), Path("~/.fonts")]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), *local]


def faces_of(fonts: Fonts, which: Literal["first", "all"]) -> tuple[Face, ...]:
    """Returns the faces of files, of all font files of folders, or of the machine's, in order.

    Raises:
      ValueError: there is none, or one is no font. Of the machine's, what Pillow cannot draw in
        any size, such as a font of bitmaps, is left out.
    """
    if fonts == "system":
        folders = [each.expanduser() for each in system_folders()]
        found = [path for folder in folders for path in files_below(folder, SUFFIXES)]
        faces = tuple(face for path in found for face in _faces(path, which) if _is_font(face))
        if not faces:
            shown = ", ".join(map(str, folders))
            raise ValueError(f"fonts: this machine has none in {shown}. Name a file or a folder.")
        return faces
    if not fonts:
        raise ValueError("fonts: at least one font file is needed. Add one.")
    return tuple(face for path in fonts for own in _below(path) for face in _faces(own, which))


def _below(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    found = files_below(path, SUFFIXES)
    if not found:
        raise ValueError(f"fonts: {path} holds no font file (.ttf, .otf, .ttc). Check the folder.")
    return found


def _faces(path: Path, which: Literal["first", "all"]) -> Iterator[Face]:
    yield Face(path)
    if which == "all" and path.suffix.lower() in (".ttc", ".otc"):
        rest = (Face(path, index) for index in range(1, _MOST_FACES))
        for face in rest:
            if not _is_font(face):
                return
            yield face


def _is_font(face: Face) -> bool:
    try:
        load(face, _PROBE)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class FontSet:
    """The fonts that a synthesizer has, and which characters of its texts each of them lacks.

    Attributes:
      faces: the faces.
      characters: code points of all texts.
    """

    faces: tuple[Face, ...]
    characters: frozenset[str]

    @classmethod
    def of(cls, options: Any, characters: Iterable[str]) -> Self:
        """Returns those of a synthesizer whose texts are made of some code points."""
        faces = faces_of(options.fonts, options.faces)
        return cls(faces=faces, characters=frozenset(characters))

    def check(self, *, strict: bool) -> None:
        """Raises a ValueError that lists the characters which no font, or Pillow, can draw.

        Args:
          strict: whether every font must have every character.
        """
        if (needed := shaped(self.characters)) and not can_shape():
            raise ValueError(
                f"expected characters that are drawn one by one, from left to right, found "
                f"{listed(needed)}, which need a shaper that this Pillow is without (libraqm). "
                "Install Pillow from its wheel, or leave them out."
            )
        for face in self.faces:
            if strict and self.lacking[face]:
                raise ValueError(
                    f"fonts: {face.name} has no glyphs for {listed(sorted(self.lacking[face]))}. "
                    "Use another font, or leave these characters out."
                )
        nowhere = frozenset.intersection(*self.lacking.values())
        if nowhere:
            names = ", ".join(face.name for face in self.faces[:4])
            more = len(self.faces) - 4
            names += f" and {more} more" if more > 0 else ""
            raise ValueError(
                f"fonts: {names} {'has' if len(self.faces) == 1 else 'have'} no glyphs for "
                f"{listed(sorted(nowhere))}. Use another font, or leave these characters out."
            )

    @cached_property
    def lacking(self) -> Mapping[Face, frozenset[str]]:
        """The characters that each face has no glyph for."""
        wanted = sorted(self.characters)
        return {face: frozenset(_missing(face, wanted)) for face in self.faces}

    def able(self, text: str) -> list[int]:
        """Returns the places of the faces that have every character of a text."""
        found = set(text)
        composed = found - self.characters  # of some that a pattern has one after the other
        return [
            place
            for place, face in enumerate(self.faces)
            if found.isdisjoint(self.lacking[face])
            and not any(_is_missing(face, each, state_of(face.path)) for each in composed)
        ]

    def write(
        self, draw: Callable[[], str], rng: np.random.Generator, face: int | None = None
    ) -> tuple[str, int]:
        """Draws a text, again until a font has all of it, and one of these fonts.

        Args:
          draw: draws a text.
          face: place of the font that must have it; None draws one.

        Returns:
          The text, and the place of its font.

        Raises:
          ValueError: no font has all of any text that was drawn.
        """
        for _ in range(_TRIES):
            text = draw()
            able = self.able(text)
            if face is not None and face in able and text:
                return text, face
            if face is None and able and text:
                return text, able[int(rng.integers(len(able)))]
        raise ValueError(
            f"fonts: none has all characters of a text, tried with {_TRIES} texts such as "
            f"'{text[:20]}'. Add a font that has them, or make texts of each script by a "
            "stage of their own."
        )

    def check_words(self, words: Sequence[str]) -> None:
        """Raises a ValueError that names a word of which no font has all the characters."""
        if not any(self.lacking.values()):
            return
        for word in words:
            if not self.able(word):
                raise ValueError(
                    f"fonts: none has glyphs for all of '{word[:40]}'. Add a font that has them, "
                    "or make words of each script by a stage of their own."
                )

    def gaps(self) -> dict[str, str]:
        """Returns, by face that lacks some, how many characters it lacks: what a manifest says."""
        total, found = len(self.characters), dict[str, str]()
        for face, lacking in self.lacking.items():
            if lacking:
                again = face.name in found  # a font of another folder
                name = f"{face.path.parent.name}/{face.name}" if again else face.name
                found[name] = f"no glyphs for {len(lacking)} of {total} characters"
        return found

    def inputs(self, *, of_machine: bool) -> dict[str, str]:
        """Returns what decides beside the options: what each font lacks, and the machine's fonts.

        Args:
          of_machine: whether the fonts are those of the machine, which no option names.
        """
        own = {str(face.path): content_of(face) for face in self.faces} if of_machine else {}
        return {**self.gaps(), **own}

    def notes(self) -> Iterator[str]:
        """Yields which fonts are not used for every text, in one sentence."""
        gaps = self.gaps()
        if gaps:
            name, lacking = next(iter(gaps.items()))
            more = f"; nor are {len(gaps) - 1} more, as the manifest lists" if len(gaps) > 1 else ""
            yield (f"fonts: {name} has {lacking}, and is not used for texts with one of them{more}")


def content_of(face: Face) -> str:
    """Returns the hash of a face's file."""
    return hashlib.sha256(face.path.read_bytes()).hexdigest()[:32]


def listed(characters: Sequence[str]) -> str:
    """Returns characters with their codes, as a message shows them."""
    shown = ", ".join(f"'{each}' (U+{ord(each):04X})" for each in characters[:10])
    rest = len(characters) - 10
    return f"{shown} and {rest} more" if rest > 0 else shown


def _missing(face: Face, characters: Sequence[str]) -> Iterator[str]:
    """Yields what a face draws as it draws what no font has: as a box, or as nothing."""
    font = load(face, _PROBE)
    nothing, drawn = font.getmask(_UNASSIGNED).size, _drawing(font, _UNASSIGNED)
    for character in characters:
        if character.isspace() or is_format(character):
            continue
        mask = font.getmask(character)
        if mask.getbbox() is None or (mask.size == nothing and _drawing(font, character) == drawn):
            yield character


@lru_cache(maxsize=4096)
def _is_missing(face: Face, character: str, state: object) -> bool:
    return any(_missing(face, character))


def _drawing(font: "FreeTypeFont", character: str) -> bytes:
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (2 * _PROBE, 2 * _PROBE))
    ImageDraw.Draw(canvas).text((_PROBE // 2, _PROBE // 2), character, fill=255, font=font)
    return canvas.tobytes()
