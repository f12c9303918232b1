"""Captchas: a few characters that are bent and struck through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cv2
import numpy as np

from dsbuilder.builtin.synth.fonts import Fonts
from dsbuilder.builtin.synth.grounds import in_mode
from dsbuilder.builtin.synth.text_line import TextLine
from dsbuilder.plugin import Mode, Params, Range, Sample, Signature, Synthesizer, synthesizer

_MOST_STROKES = 100
_POINTS = 4


@synthesizer("captcha")
@dataclass(frozen=True, kw_only=True)
class Captcha(Synthesizer):
    """Draws random characters as captchas do: turned, bent, in colors, on noise, under strokes.

    It is `text_line` with some effects set; what else it can do has to be asked of `text_line`.

    Attributes:
      fonts: see `text_line`.
      charset: see `text_line`; what is easily taken for another, such as 0 and O, is left out.
      length: [low, high] characters, both included.
      height, width: sides of the image in pixels.
      size: size of the font in pixels, 6 or more.
      turn: degrees that each character is turned by at the most, in [0, 180].
      strokes: [low, high] strokes over the text, both included, in [0, 100].
      boxes: `characters` gives a target of this name: a box of each, with its class.
    """

    fonts: Fonts
    charset: str = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    length: tuple[int, int] = (4, 6)
    height: int = 64
    width: int = 192
    size: Range = Range(32, 42)
    turn: Range = Range(0, 25)
    strokes: tuple[int, int] = (1, 4)
    boxes: tuple[Literal["characters"], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.strokes[0] <= self.strokes[1] <= _MOST_STROKES:
            raise ValueError(
                f"strokes: expected [low, high] with 0 <= low <= high <= {_MOST_STROKES}, found "
                f"{list(self.strokes)}."
            )
        _ = self._text

    @cached_property
    def _text(self) -> TextLine:
        return TextLine(
            fonts=self.fonts,
            charset=self.charset,
            length=self.length,
            height=self.height,
            width=self.width,
            size=self.size,
            turn=self.turn,
            spacing=Range(-0.05, 0.15),
            slant=Range(-12, 12),
            curve=Range(-30, 30),
            perspective=Range(0, 0.15),
            weight=Range(0, 0.03),
            ground=("gradient", "noise"),
            color=Range(0, 150),
            background=Range(190, 255),
            tinted=True,
            contrast=3.0,
            boxes=self.boxes,
        )

    def inputs(self) -> Mapping[str, str]:
        """Returns what each font lacks, and which fonts the machine has."""
        return self._text.inputs()

    def notes(self) -> Iterator[str]:
        """Yields which fonts are not used for every text."""
        return self._text.notes()

    def output_signature(self, mode: Mode) -> Signature:
        """Returns the canvas and the targets."""
        return self._text.output_signature(mode)

    def draw(self, rng: np.random.Generator) -> Params:
        """Draws the text as `text_line` does, and the strokes."""
        drawn = self._text.draw(rng)
        number = int(rng.integers(self.strokes[0], self.strokes[1] + 1))
        return {**drawn, "strokes": [_stroke(rng) for _ in range(number)]}

    def content(self, params: Params) -> str | None:
        """The text."""
        return self._text.content(params)

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the text under its strokes."""
        sample = self._text.render(key, params, "rgb")
        image = sample.image.copy()
        sides = np.array([self.width, self.height])
        for stroke in params["strokes"]:
            points = _curve(np.array(stroke["points"]) * sides)
            cv2.polylines(
                image,
                [np.rint(points * 16).astype(np.int32)],
                isClosed=False,
                color=stroke["color"],
                thickness=stroke["thickness"],
                lineType=cv2.LINE_AA,
                shift=4,
            )
        return sample.replace(image=in_mode(image, mode))


def _stroke(rng: np.random.Generator) -> Params:
    """Draws a stroke from left to right; its points are shares of the sides."""
    x = (np.arange(_POINTS) + rng.uniform(0, 1, _POINTS)) / _POINTS
    return {
        "points": np.stack([x, rng.uniform(0.1, 0.9, _POINTS)], axis=1).tolist(),
        "color": rng.integers(0, 170, 3).tolist(),
        "thickness": int(rng.integers(1, 3)),
    }


def _curve(points: np.ndarray) -> np.ndarray:
    """Returns a smooth line by some points: the Bezier curve that they control, `(n, 2)`."""
    share = np.linspace(0, 1, 40)[:, None, None]
    between = points[None]
    while between.shape[1] > 1:  # de Casteljau, for all shares at once
        between = between[:, :-1] * (1 - share) + between[:, 1:] * share
    curve: np.ndarray = between[:, 0]
    return curve
