"""License plates: a text on a plate with a border, seen from aside."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from dsbuilder.builtin.synth.fonts import Fonts
from dsbuilder.builtin.synth.grounds import Ground, Grounds, Inks, in_mode
from dsbuilder.builtin.synth.text_line import TextLine
from dsbuilder.plugin import (
    CHANNELS,
    ImageSignature,
    Mode,
    Params,
    Range,
    Sample,
    Signature,
    Synthesizer,
    synthesizer,
)

_FINER = 2
_LEAST_SIDE = 32
_ROUND = 0.12


@synthesizer("plate")
@dataclass(frozen=True, kw_only=True)
class Plate(Synthesizer):
    """Draws a license plate: a text of a pattern in one of some pairs of colors, within a border.

    The plate fills the image but for a margin, in which is what lies behind it; its corners are
    moved, as if it was seen from aside. A class of plates, a country's say, is a stage of its own.

    Attributes:
      fonts: see `text_line`.
      patterns: see `text_line`.
      pairs: colors of text and plate; the border has that of the text.
      height, width: sides of the image in pixels, 32 or more.
      margin: share of its height that is left around the plate, in [0.05, 0.3].
      perspective: share of the margin that each corner is moved by at the most, in [0, 1].
      ground: what is behind the plate, drawn for each: `plain`, `gradient`, `noise`, `photo`.
      photos: a folder of images, parts of which are grounds.
      boxes: `words` and `characters`, targets of these names; see `text_line`.
    """

    fonts: Fonts
    patterns: tuple[str, ...] = (r"[A-Z]{2}-\d{2}-[A-Z]{2}", r"[A-Z]{3} \d{3,4}")
    pairs: tuple[tuple[str, str], ...] = (
        ("black", "white"),
        ("black", "gold"),
        ("white", "#1d4ea0"),
    )
    height: int = 64
    width: int = 256
    margin: float = 0.15
    perspective: Range = Range(0, 0.8)
    ground: tuple[Ground, ...] = ("gradient", "noise")
    photos: Path | None = None
    boxes: tuple[Literal["words", "characters"], ...] = ()

    def __post_init__(self) -> None:
        for option in ("height", "width"):
            if getattr(self, option) < _LEAST_SIDE:
                raise ValueError(
                    f"{option}: expected {_LEAST_SIDE} or more pixels, found "
                    f"{getattr(self, option)}."
                )
        if not 0.05 <= self.margin <= 0.3:
            raise ValueError(f"margin: expected a share in [0.05, 0.3], found {self.margin:g}.")
        self.perspective.check("perspective", 0, 1)
        _ = self._text, self._grounds

    @property
    def _room(self) -> int:
        """Pixels around the plate."""
        return round(self.margin * self.height)

    @cached_property
    def _text(self) -> TextLine:
        """The plate as it is made, `_FINER` times larger."""
        height, width = (_FINER * (side - 2 * self._room) for side in (self.height, self.width))
        return TextLine(
            fonts=self.fonts,
            patterns=self.patterns,
            pairs=self.pairs,
            height=height,
            width=width,
            padding=max(2, height // 6),
            size=Range(height, height),  # as large as fits
            contrast=3.0,
            boxes=self.boxes,
        )

    @cached_property
    def _inks(self) -> Inks:
        """The colors behind the plate."""
        return Inks(background=Range(40, 220), tinted=True)

    @cached_property
    def _grounds(self) -> Grounds:
        return Grounds.of(self)

    def inputs(self) -> Mapping[str, str]:
        """Returns what each font lacks, and which fonts the machine has."""
        return self._text.inputs()

    def notes(self) -> Iterator[str]:
        """Yields which fonts are not used for every text."""
        return self._text.notes()

    def output_signature(self, mode: Mode) -> Signature:
        """Returns the canvas and the targets."""
        image = ImageSignature(height=self.height, width=self.width, channels=CHANNELS[mode])
        return self._text.output_signature(mode).replace(image=image)

    def draw(self, rng: np.random.Generator) -> Params:
        """Draws the text as `text_line` does, what is behind the plate, and its corners."""
        plate = {**self._text.draw(rng), "place": [0.5, 0.5]}
        behind: Params = self._inks.draw_background(rng)
        behind |= self._grounds.draw(self._inks, behind["background"], rng)
        reach = self.perspective.draw(rng)
        return {
            "plate": plate,
            "behind": behind,
            "corners": rng.uniform(-reach, reach, (4, 2)).tolist(),
        }

    def content(self, params: Params) -> str | None:
        """The text."""
        return self._text.content(params["plate"])

    def render(self, key: str, params: Params, mode: Mode) -> Sample:
        """Returns the plate before what is behind it."""
        sample = self._text.render(key, params["plate"], "rgb")
        plate, cover = _bordered(sample.image, params["plate"]["color"])
        matrix = self._matrix(plate.shape[:2], params["corners"])
        size = (_FINER * self.width, _FINER * self.height)
        seen = cv2.warpPerspective(plate, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        share = cv2.warpPerspective(cover, matrix, size)[..., None] / 255
        ground = self._grounds.paint(params["behind"], (self.height, self.width), 1.0)
        behind = cv2.resize(ground, size, interpolation=cv2.INTER_LINEAR)
        mixed = np.rint(seen * share + behind * (1 - share)).astype(np.uint8)
        image = cv2.resize(mixed, (self.width, self.height), interpolation=cv2.INTER_AREA)
        targets: dict[str, Any] = {"text": sample.targets["text"]}
        for kind in self.boxes:
            found = sample.targets[kind]
            targets[kind] = [
                {**each, "box": self._seen(each["box"], plate, matrix)} for each in found
            ]
        return Sample(key=key, image=in_mode(image, mode), targets=targets)

    def _matrix(self, plate: tuple[int, ...], corners: Any) -> np.ndarray:
        """Returns where the pixels of the plate go, on the canvas that is `_FINER` times larger."""
        height, width = plate
        room = _FINER * self._room
        flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        moved = flat + room + room * np.array(corners)
        matrix: np.ndarray = cv2.getPerspectiveTransform(
            flat.astype(np.float32), moved.astype(np.float32)
        )
        return matrix

    def _seen(self, box: list[float], plate: np.ndarray, matrix: np.ndarray) -> list[float]:
        """Returns the box around where a box of the plate went, in shares of the image's sides."""
        height, width = plate.shape[:2]
        left, top, right, bottom = np.array(box) * (width, height, width, height)
        around = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        moved = cv2.perspectiveTransform(around[None], matrix)[0]
        shares = moved / (_FINER * self.width, _FINER * self.height)
        low, high = shares.min(axis=0).clip(0, 1), shares.max(axis=0).clip(0, 1)
        return [*map(float, low), *map(float, high)]


def _bordered(image: np.ndarray, color: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns a plate with its border, and how far it covers its rounded rectangle, uint8."""
    from PIL import Image, ImageDraw

    height, width = image.shape[:2]
    line, radius = max(2, height // 20), round(_ROUND * height)
    plate, cover = Image.fromarray(image), Image.new("L", (width, height))
    frame = (line, line, width - 1 - line, height - 1 - line)
    ImageDraw.Draw(plate).rounded_rectangle(frame, radius, outline=tuple(color), width=line)
    ImageDraw.Draw(cover).rounded_rectangle((0, 0, width - 1, height - 1), radius + line, fill=255)
    return np.asarray(plate), np.asarray(cover)
