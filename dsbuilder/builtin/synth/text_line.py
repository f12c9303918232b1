"""Lines of text.

Layout is Pillow's basic one, glyph after glyph, from left to right, unless the text needs a shaper:
that is a library that may or may not be on a machine. Where it is not, such a text is refused, so
that one pipeline never gives two kinds of pixels. What is drawn for an option that stands at its
default is drawn in one order, and nothing for any other option: a pipeline keeps its samples when
it is given an option of another kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dsbuilder.builtin.synth import effects
from dsbuilder.builtin.synth.effects import NOTHING
from dsbuilder.builtin.synth.fonts import Fonts
from dsbuilder.builtin.synth.grounds import Ground, painted
from dsbuilder.builtin.synth.labeling import box_list, box_targets, mask_of
from dsbuilder.builtin.synth.lettering import (
    SMALLEST,
    InkLine,
    Style,
    fitted,
    fitting,
    line_of,
)
from dsbuilder.builtin.synth.shaping import shaped
from dsbuilder.builtin.synth.writing import Writing
from dsbuilder.plugin import (
    CHANNELS,
    ClassLabel,
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


@synthesizer("text_line")
@dataclass(frozen=True, kw_only=True)
class TextLine(Writing):
    r"""Draws a word or a random string in one of the given fonts, on one line.

    Texts are in composed Unicode form (NFC) and of any script. One that is written from right to
    left, or has marks or letters that join, is laid out by the shaper in Pillow's wheel (libraqm);
    every other from left to right without ligatures. A text is never cut off: what does not fit is
    drawn in a smaller size. A font that lacks a character of a text is not used for it, and the
    manifest says what each font lacks. The label is the text itself, in the order in which it is
    read (no text then stands in two splits), or a class. Images with alpha are opaque. Lengths
    that are shares are shares of the font's size.

    Attributes:
      fonts: font files (TrueType, OpenType) and folders of them, or `system`: all of the machine.
      faces: `first` takes the first face of a collection (.ttc), `all` takes every one.
      strict: whether a font that lacks any character of any text is an error.
      words: a UTF-8 file with a word a line, or a list. One of this, `charset` and `patterns` is
        given.
      charset: `digits`, `letters` (a-z, A-Z), `alphanumeric`, or the characters themselves, that
        random strings are made of.
      frequencies: frequencies of characters of the charset, against 1 of those left out: a mapping,
        or a UTF-8 file with a character and a number a line. They are the charset if that is left
        out.
      patterns: regular expressions that texts are made by, such as `[A-Z]{2}-\d{3,4}`.
      length: [low, high] characters of a random string, both included, in [1, 10000].
      size: size of the font in pixels, 6 or more, drawn for each text.
      height: height of the image in pixels; null is as high as the text takes.
      width: width of the image in pixels; as wide as the text takes if left out.
      padding: pixels kept free on every side, 0 or more; where more room is left, the text's place
        in it is drawn.
      direction: `horizontal`, or `vertical`: characters one below the other.
      color: color of the text: gray values in [0, 255] to draw from, a color name or `#rrggbb`.
      background: the same behind the text.
      tinted: whether drawn gray values become colors, each channel drawn for itself.
      pairs: colors of text and background, `[[ink, ground], ...]`, drawn from in place of the two.
      contrast: least contrast ratio of text and background by WCAG 2, in [1, 21]; 3 if left out
        where the ground is not plain alone, else 1.
      ground: what is behind the text, drawn for each: `plain`, `gradient`, `noise`, `photo`.
      photos: a folder of images, parts of which are grounds.
      weight: growth of strokes on either side, as a share in [0, 0.2].
      spacing: room added between characters, as a share in [-0.5, 5].
      slant: degrees that letters lean to the right, in [-45, 45].
      curve: degrees that the line turns on an arc, in [-180, 180]; above 0 its middle is highest.
      perspective: share of its height that each corner of the line is moved by at the most, in
        [0, 0.45], as if it was seen from aside.
      turn: degrees that each character is turned by at the most, either way, in [0, 180].
      shadow: distance of a soft shadow, as a share in [0, 0.5].
      outline: width of a line around the strokes, as a share in [0, 0.3].
      outline_color: color of the outline; see `color`.
      effects: share of texts that each of the eight above is done to, drawn for each of them.
      label: `text` gives the target `text`; `class` gives the target `label`, one class for each
        word, or for each character if `length` is [1, 1].
      classes: class names in id order, for `label: class`; sorted if left out.
      boxes: `words` and `characters`, targets of these names: boxes around what is drawn, of
        words with the attribute `text`, of characters with a class for each.
      mask: whether there is a target `mask`: where the text covers at least half of a pixel.
    """

    fonts: Fonts
    faces: Literal["first", "all"] = "first"
    strict: bool = False
    words: Path | tuple[str, ...] | None = None
    charset: str | None = None
    frequencies: Path | Mapping[str, float] | None = None
    patterns: tuple[str, ...] = ()
    length: tuple[int, int] = (4, 8)
    size: Range = Range(18, 26)
    height: int | None = 32
    width: int | None = None
    padding: int = 3
    direction: Literal["horizontal", "vertical"] = "horizontal"
    color: Range | str = Range(0, 60)
    background: Range | str = Range(200, 255)
    tinted: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    contrast: float | None = None
    ground: tuple[Ground, ...] = ("plain",)
    photos: Path | None = None
    weight: Range = NOTHING
    spacing: Range = NOTHING
    slant: Range = NOTHING
    curve: Range = NOTHING
    perspective: Range = NOTHING
    turn: Range = NOTHING
    shadow: Range = NOTHING
    outline: Range = NOTHING
    outline_color: Range | str = Range(0, 255)
    effects: float = 1.0
    label: Literal["text", "class"] = "text"
    classes: tuple[str, ...] | None = None
    boxes: tuple[Literal["words", "characters"], ...] = ()
    mask: bool = False

    def __post_init__(self) -> None:
        self._fonts.check(strict=self.strict)
        self._check_measures()
        self._fonts.check_words(self._wording.pool if self.words is not None else ())
        _ = self._inks, self._grounds
        self._check_classes()
        self._check_setting()

    def _check_measures(self) -> None:
        self.size.check("size", SMALLEST, 1000)
        effects.check(self)
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
        elif self._wording.is_random:
            raise ValueError(
                "label: expected 'words', or length: [1, 1], to make classes of, found random "
                f"strings of {self.length[0]} to {self.length[1]} characters."
            )
        else:
            absent = sorted(set(self._wording.pool) - set(self._names))
            if absent:
                raise ValueError(f"classes: the word '{absent[0]}' is missing. Add it.")

    def _check_setting(self) -> None:
        """Refuses what sets characters for themselves for a script whose letters join."""
        apart = [option for option in ("spacing", "turn") if getattr(self, option) != NOTHING]
        apart += ["boxes"] if self.boxes else []
        apart += ["direction: vertical"] if self.direction == "vertical" else []
        if apart and (needed := shaped(self._wording.characters())):
            raise ValueError(
                f"{apart[0]}: expected characters that stand for themselves, found '{needed[0]}', "
                "which a shaper joins to its neighbors. Leave the option out, or the character."
            )
        if self.direction == "vertical" and (self.curve, self.slant) != (NOTHING, NOTHING):
            raise ValueError(
                "direction: expected horizontal lines to curve or slant, found vertical ones. "
                "Remove 'curve' and 'slant'."
            )

    @cached_property
    def _names(self) -> tuple[str, ...]:
        pool = self._wording.pool
        return tuple(sorted(set(pool))) if self.classes is None else self.classes

    def output_signature(self, mode: Mode) -> Signature:
        """Returns the canvas, of varying width if none is given, and the targets."""
        image = ImageSignature(height=self.height, width=self.width, channels=CHANNELS[mode])
        own = Text() if self.label == "text" else ClassLabel(names=self._names)
        more = box_targets(self.boxes, self._wording.classes(), mask=self.mask)
        return Signature(image=image, targets={self._target: own, **more})

    def draw(self, rng: np.random.Generator) -> Params:
        """Draws the text, its font and size, colors, the place in the room left, and effects."""
        text, font = self._fonts.write(lambda: self._wording.draw(rng), rng)
        drawn: Params = {
            "text": text,
            "font": font,
            "size": round(self.size.draw(rng)),
            **self._inks.draw(rng),
            "place": [float(rng.random()), float(rng.random())],
        }
        self._inks.improve(drawn, rng)
        drawn.update(self._grounds.draw(self._inks, drawn["background"], rng))
        drawn.update(effects.draw(self, self._inks, drawn, rng))
        return drawn

    def class_of(self, params: Params) -> str | None:
        """The text, where it is a class."""
        return params["text"] if self.label == "class" else None

    def content(self, params: Params) -> str | None:
        """The text; nothing where the label is a class, which every split needs."""
        return params["text"] if self.label == "text" else None

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the drawn text; its pixels depend on FreeType and the shaper in Pillow."""
        line, size = self._line(params)
        margin = self.padding + effects.around(params, size)
        height, width = (
            taken + 2 * margin if side is None else side
            for side, taken in zip((self.height, self.width), line.ink.shape, strict=True)
        )
        check_size(height, width)
        top, left = (
            margin + int(share * (side - 2 * margin - taken + 1))
            for share, side, taken in zip(
                params["place"], (height, width), line.ink.shape, strict=True
            )
        )
        ink = np.zeros((height, width), np.uint8)
        ink[top : top + line.ink.shape[0], left : left + line.ink.shape[1]] = line.ink
        ground = self._grounds.paint(params, (height, width), self._inks.contrast)
        image = painted([*effects.below(ink, params, size), (ink, params["color"])], ground, mode)
        placed = [each.moved(top, left) for each in line.characters]
        targets: dict[str, Any] = {self._target: params["text"]}
        targets |= {kind: box_list(kind, placed, (height, width)) for kind in self.boxes}
        if self.mask:
            targets["mask"] = mask_of(ink)
        return Sample(key=key, image=image, targets=targets)

    def _line(self, params: Params) -> tuple[InkLine, int]:
        """Returns the line in the drawn size, or a smaller one in which it fits; and that size."""
        text, face = params["text"], self._fonts.faces[params["font"]]
        style = effects.style_of(params, vertical=self.direction == "vertical")
        size, around = params["size"], partial(effects.around, params)
        room = (
            None if self.height is None else self.height - 2 * self.padding,
            None if self.width is None else self.width - 2 * self.padding,
        )
        if style == Style():  # measured without being drawn
            size = fitting(face, size, text, room, around=around)
        line, size = fitted(lambda size: line_of(face, size, text, style), size, text, room, around)
        return (line_of(face, size, text, style, boxes=True) if self.boxes else line), size

    @property
    def _target(self) -> str:
        return "text" if self.label == "text" else "label"
