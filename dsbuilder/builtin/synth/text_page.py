"""Pages of text: paragraphs of wrapped lines, with boxes around them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dsbuilder.builtin.synth.fonts import Fonts, load
from dsbuilder.builtin.synth.grounds import Ground, painted
from dsbuilder.builtin.synth.labeling import box_targets, grouped, mask_of
from dsbuilder.builtin.synth.lettering import SMALLEST, InkLayer, fitting, plain
from dsbuilder.builtin.synth.planes import meeting
from dsbuilder.builtin.synth.shaping import right_to_left, shaped
from dsbuilder.builtin.synth.words import units
from dsbuilder.builtin.synth.writing import Writing
from dsbuilder.plugin import (
    CHANNELS,
    ImageSignature,
    Mode,
    Params,
    Range,
    Sample,
    Signature,
    Text,
    check_size,
    synthesizer,
)

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_MOST_WORDS = 10_000
_LEAST_MARGIN = 4


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line of a page.

    Attributes:
      text: what stands on it.
      words: each word's ink at its place in the page.
      paragraph: number of its paragraph.
    """

    text: str
    words: tuple[InkLayer, ...]
    paragraph: int


@synthesizer("text_page")
@dataclass(frozen=True, kw_only=True)
class TextPage(Writing):
    """Draws a page of paragraphs, whose lines are as long as the page is wide, in one font.

    Words are drawn as those of `text_line` are, and wrapped between them. What finds no room at the
    foot is left off, and is not in the text. The target `text` has a line break after each line and
    an empty line between paragraphs. A word wider than the page makes the font smaller. Scripts
    that are written from right to left are refused.

    Attributes:
      fonts, faces, strict, words, charset, frequencies, patterns, length: see `text_line`.
      separator: what stands between words; with an empty one, lines break after any character.
      size: size of the font in pixels, 6 or more, drawn for each page.
      height, width: sides of the page in pixels.
      margin: pixels kept free on every side, 4 or more.
      paragraphs: [low, high] paragraphs, both included.
      paragraph_words: [low, high] words of a paragraph, both included.
      line_spacing: distance of base lines, in sizes of the font, in [0.8, 4].
      indent: room before the first line of a paragraph, in sizes of the font, in [0, 8].
      align: `left`, `right`, `center` and `justified`, drawn from.
      color, background, tinted, pairs, contrast, ground, photos: see `text_line`.
      boxes: `lines`, `words` and `paragraphs`, targets of these names with the attribute `text`.
      mask: whether there is a target `mask`; see `text_line`.
    """

    fonts: Fonts
    faces: Literal["first", "all"] = "first"
    strict: bool = False
    words: Path | tuple[str, ...] | None = None
    charset: str | None = None
    frequencies: Path | Mapping[str, float] | None = None
    patterns: tuple[str, ...] = ()
    length: tuple[int, int] = (2, 9)
    separator: str = " "
    size: Range = Range(14, 22)
    height: int = 640
    width: int = 480
    margin: Range = Range(24, 48)
    paragraphs: tuple[int, int] = (1, 4)
    paragraph_words: tuple[int, int] = (15, 60)
    line_spacing: Range = Range(1.2, 1.6)
    indent: Range = Range(0, 0)
    align: tuple[Literal["left", "right", "center", "justified"], ...] = ("left",)
    color: Range | str = Range(0, 60)
    background: Range | str = Range(200, 255)
    tinted: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    contrast: float | None = None
    ground: tuple[Ground, ...] = ("plain",)
    photos: Path | None = None
    boxes: tuple[Literal["lines", "words", "paragraphs"], ...] = ("lines",)
    mask: bool = False

    def __post_init__(self) -> None:
        self._fonts.check(strict=self.strict)
        if found := right_to_left(self._wording.characters()):
            raise ValueError(
                f"expected characters that are written from left to right, found '{found[0]}' "
                f"(U+{ord(found[0]):04X}). Draw such texts by text_line."
            )
        self._fonts.check_words(self._wording.pool if self.words is not None else ())
        _ = self._inks, self._grounds
        self.size.check("size", SMALLEST, 1000)
        self.line_spacing.check("line_spacing", 0.8, 4)
        self.indent.check("indent", 0, 8)
        for option, most in (("paragraphs", 1000), ("paragraph_words", _MOST_WORDS)):
            low, high = getattr(self, option)
            if not 1 <= low <= high <= most:
                raise ValueError(
                    f"{option}: expected [low, high] with 1 <= low <= high <= {most}, found "
                    f"{[low, high]}."
                )
        if not self.align:
            raise ValueError("align: at least one is needed. Name one, such as left.")
        if self.separator.strip():
            raise ValueError(f"separator: expected blanks or nothing, found '{self.separator}'.")
        self._check_room()

    def _check_room(self) -> None:
        room = min(self.height, self.width) - 2 * round(self.margin.high)
        self.margin.check("margin", _LEAST_MARGIN, 10_000)
        if room < 4 * self.size.high:
            raise ValueError(
                f"expected room for a line of 4 characters within the margin, found {room} px. "
                "Make the page larger, or the margin or the font smaller."
            )

    def output_signature(self, mode: Mode) -> Signature:
        """Returns the page and the targets."""
        image = ImageSignature(height=self.height, width=self.width, channels=CHANNELS[mode])
        return Signature(
            image=image, targets={"text": Text(), **box_targets(self.boxes, (), mask=self.mask)}
        )

    def draw(self, rng: np.random.Generator) -> Params:
        """Draws the words, all of which the font of the first one has, the layout and colors."""
        first, font = self._fonts.write(lambda: self._wording.draw(rng), rng)
        counts = [
            int(rng.integers(self.paragraph_words[0], self.paragraph_words[1] + 1))
            for _ in range(int(rng.integers(self.paragraphs[0], self.paragraphs[1] + 1)))
        ]
        words = [
            [self._fonts.write(lambda: self._wording.draw(rng), rng, font)[0] for _ in range(count)]
            for count in counts
        ]
        words[0][0] = first
        drawn: Params = {
            "words": words,
            "font": font,
            "size": round(self.size.draw(rng)),
            "margin": round(self.margin.draw(rng)),
            "line_spacing": self.line_spacing.draw(rng),
            "indent": self.indent.draw(rng),
            "align": self.align[int(rng.integers(len(self.align)))],
            **self._inks.draw(rng),
        }
        self._inks.improve(drawn, rng)
        drawn.update(self._grounds.draw(self._inks, drawn["background"], rng))
        return drawn

    def content(self, params: Params) -> str | None:
        """The words."""
        return "\n".join(self.separator.join(words) for words in params["words"])

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the drawn page."""
        size = (self.height, self.width)
        check_size(*size)
        lines = self._lines(params)
        ink = np.zeros(size, np.uint8)
        for line in lines:
            for word in line.words:
                _lay(ink, word)
        ground = self._grounds.paint(params, size, self._inks.contrast)
        numbers = list(dict.fromkeys(line.paragraph for line in lines))
        paragraphs = [[line for line in lines if line.paragraph == n] for n in numbers]
        groups: dict[str, list[tuple[str, Sequence[InkLayer]]]] = {
            "lines": [(line.text, line.words) for line in lines],
            "words": [(word.text, [word]) for line in lines for word in line.words],
            "paragraphs": [
                (_text(each), [w for line in each for w in line.words]) for each in paragraphs
            ],
        }
        targets: dict[str, Any] = {"text": "\n\n".join(map(_text, paragraphs))}
        targets |= {kind: grouped(kind[:-1], groups[kind], size) for kind in self.boxes}
        if self.mask:
            targets["mask"] = mask_of(ink)
        image = painted([(ink, params["color"])], ground, mode)
        return Sample(key=key, image=image, targets=targets)

    def _lines(self, params: Params) -> list[_Line]:
        """Returns the lines that the page has room for."""
        margin = params["margin"]
        column = self.width - 2 * margin
        paragraphs = [_broken(words, self.separator) for words in params["words"]]
        font, size = self._font({word for words in paragraphs for word in words}, column, params)
        ascent, descent = font.getmetrics()
        step, indent = round(params["line_spacing"] * size), round(params["indent"] * size)
        base, lines = margin + ascent, list[_Line]()
        for number, words in enumerate(paragraphs):
            for row in _rows(font, words, self.separator, column, indent):
                if base + descent > self.height - margin:
                    return lines
                laid = _set(font, row, self.separator, params["align"])
                placed = tuple(each.moved(base, margin) for each in laid)
                text = self.separator.join(row.words)
                lines.append(_Line(text=text, words=placed, paragraph=number))
                base += step
            base += step // 2
        return lines

    def _font(
        self, words: Collection[str], column: int, params: Params
    ) -> tuple["FreeTypeFont", int]:
        """Returns the font in the drawn size, or the largest smaller one in which all words fit."""
        face, size = self._fonts.faces[params["font"]], params["size"]
        shaping = bool(shaped(self._wording.characters()))
        longest = sorted(words, key=lambda word: (-len(word), word))
        before = None
        while size != before:  # hinting makes a word wider in a smaller size, now and then
            before = size
            for word in longest:
                size = fitting(face, size, word, (None, column), shaping=shaping)
        return load(face, size, shaping=shaping), size


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """The words of one line before they are set.

    Attributes:
      words: the words.
      start: pixels before the first.
      column: pixels that the line may take, from its begin.
      last: whether it ends its paragraph.
    """

    words: tuple[str, ...]
    start: int
    column: int
    last: bool


def _broken(words: Sequence[str], separator: str) -> list[str]:
    """Returns the parts of a text that lines break between."""
    return list(words) if separator else units("".join(words))


def _rows(
    font: "FreeTypeFont", words: Sequence[str], separator: str, column: int, indent: int
) -> Iterator[_Measured]:
    """Yields the words of each line, as many as it has room for.

    A first word that is too long for the indent is indented as far as there is room.
    """
    gap, row, taken = font.getlength(separator), list[str](), 0.0
    start = min(indent, max(0, int(column - font.getlength(words[0]))))
    for word in words:
        width = font.getlength(word)
        if row and start + taken + gap + width > column:
            yield _Measured(words=tuple(row), start=start, column=column, last=False)
            row, start, taken = [], 0, 0.0
        taken += width + (gap if row else 0)
        row.append(word)
    yield _Measured(words=tuple(row), start=start, column=column, last=True)


def _set(font: "FreeTypeFont", row: _Measured, separator: str, align: str) -> Iterator[InkLayer]:
    """Yields the ink of each word of a line, its base line at 0."""
    gap, widths = font.getlength(separator), [font.getlength(word) for word in row.words]
    free = max(0.0, row.column - row.start - sum(widths) - gap * (len(widths) - 1))
    if align == "justified" and not row.last and len(widths) > 1:
        gap += free / (len(widths) - 1)
    pen = row.start + free * {"right": 1.0, "center": 0.5}.get(align, 0.0)
    for number, (word, width) in enumerate(zip(row.words, widths, strict=True)):
        layer = plain(font, word).moved(0, round(pen))
        yield replace(layer, word=number)
        pen += width + gap


def _lay(ink: np.ndarray, word: InkLayer) -> None:
    """Lays the ink of a word on the page; what an odd glyph has beyond the edge is cut."""
    place, part = meeting((word.top, word.left), word.ink.shape, ink.shape)
    np.maximum(ink[place], word.ink[part], out=ink[place])


def _text(lines: Sequence[_Line]) -> str:
    return "\n".join(line.text for line in lines)
