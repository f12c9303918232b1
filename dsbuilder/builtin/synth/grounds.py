"""What a text lies on, and in which colors: chosen so that it can be read, and painted.

Contrast is that of WCAG 2: (L1 + 0.05) / (L2 + 0.05) of the lighter and the darker relative
luminance, 1 for equal colors and 21 for black on white; 4.5 is what it asks of small text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import cv2
import numpy as np

from dsbuilder.builtin.synth.files import Pictures, picture, state_of
from dsbuilder.images import color_name
from dsbuilder.plugin import Mode, Params, Range

Ground = Literal["plain", "gradient", "noise", "photo"]

_TRIES = 100
_MOST_CONTRAST = 21.0
_LEAST_SHARE = 5.0
"""Percent of a ground that may have less contrast than asked: specks, which no letter sinks in."""
_VEILS = 20
_FARTHEST = 3.0
"""Contrast on grounds that are not plain, if none is asked for: that of large text in WCAG 2."""


def luminance(color: Any) -> np.ndarray:
    """Returns the relative luminance of colors by WCAG 2, in [0, 1].

    Args:
      color: `(..., 3)` sRGB in [0, 255].
    """
    share = np.asarray(color, np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    found: np.ndarray = linear @ np.array([0.2126, 0.7152, 0.0722])
    return found


def contrast(one: Any, other: Any) -> np.ndarray:
    """Returns the contrast ratio of colors by WCAG 2, in [1, 21]."""
    first, second = luminance(one) + 0.05, luminance(other) + 0.05
    ratio: np.ndarray = np.maximum(first, second) / np.minimum(first, second)
    return ratio


@dataclass(frozen=True, kw_only=True)
class Inks:
    """The options of a synthesizer that say in which colors it draws; `TextLine` describes them."""

    background: Range | str
    tinted: bool
    color: Range | str = Range(0, 255)
    pairs: tuple[tuple[str, str], ...] = ()
    contrast: float = 1.0
    outline_color: Range | str = Range(0, 255)

    @classmethod
    def of(cls, options: Any) -> Self:
        """Returns those that a synthesizer has, with a contrast that goes with its grounds."""
        names = [each.name for each in fields(cls) if hasattr(options, each.name)]
        stated = {name: getattr(options, name) for name in names}
        return cls(**{**stated, "contrast": least_contrast(options.contrast, options.ground)})

    def __post_init__(self) -> None:
        options = ("color", "background", "outline_color")
        for option in options:
            ink = getattr(self, option)
            if isinstance(ink, Range):
                ink.check(option, 0, 255)
            else:
                color_name.parse(option, ink)
        if not 1 <= self.contrast <= _MOST_CONTRAST:
            raise ValueError(f"contrast: expected a ratio in [1, 21], found {self.contrast:g}.")
        for pair in self.pairs:
            colors = [color_name.parse("pairs", each) for each in pair]
            if (found := float(contrast(*colors))) < self.contrast:
                raise ValueError(
                    f"pairs: expected a contrast of {self.contrast:g} or more, found {found:.2f} "
                    f"of {' on '.join(pair)}. Change a color, or ask for less contrast."
                )
        if not self.pairs and self._most < self.contrast:
            raise ValueError(
                f"contrast: expected a ratio that 'color' and 'background' come to, at most "
                f"{self._most:.2f}, found {self.contrast:g}. Widen one of them, or ask for less."
            )

    @cached_property
    def _most(self) -> float:
        ends = [self._ends(ink) for ink in (self.color, self.background)]
        return max(float(contrast(one, other)) for one in ends[0] for other in ends[1])

    def _ends(self, ink: Range | str) -> list[Sequence[int]]:
        if isinstance(ink, str):
            return [color_name.parse("color", ink)]
        return [[round(ink.low)] * 3, [round(ink.high)] * 3]

    def draw(self, rng: np.random.Generator) -> dict[str, list[int]]:
        """Draws a color and a background, of any contrast: `improve` looks after that."""
        if self.pairs:
            front, back = self.pairs[int(rng.integers(len(self.pairs)))]
            return {
                "color": list(color_name.parse("pairs", front)),
                "background": list(color_name.parse("pairs", back)),
            }
        color = self._drawn(self.color, rng)
        return {"color": color, **self.draw_background(rng)}

    def draw_background(self, rng: np.random.Generator) -> dict[str, list[int]]:
        """Draws a background on which nothing is written, and which no pair goes with."""
        return {"background": self._drawn(self.background, rng)}

    def improve(self, drawn: dict[str, Any], rng: np.random.Generator) -> None:
        """Draws both anew until they have the contrast; after many tries, takes the farthest ends.

        Where they have it, nothing is drawn.
        """
        for _ in range(_TRIES):
            if contrast(drawn["color"], drawn["background"]) >= self.contrast:
                return
            drawn.update(self.draw(rng))
        ends = [(one, two) for one in self._ends(self.color) for two in self._ends(self.background)]
        farthest = max(ends, key=lambda pair: float(contrast(*pair)))
        drawn["color"], drawn["background"] = (list(each) for each in farthest)

    def draw_outline(self, color: Sequence[int], rng: np.random.Generator) -> list[int]:
        """Draws the color of an outline, with the contrast to that of the text if it can be had."""
        for _ in range(_TRIES):
            drawn = self._drawn(self.outline_color, rng)
            if contrast(color, drawn) >= self.contrast:
                return drawn
        return max(
            (list(each) for each in self._ends(self.outline_color)),
            key=lambda each: float(contrast(color, each)),
        )

    def draw_like(self, background: Sequence[int], rng: np.random.Generator) -> list[int]:
        """Draws a second color to go with a background: another one of the same option."""
        if self.pairs or isinstance(self.background, str):  # a shade of the color that is stated
            shade = float(rng.uniform(0.6, 1.0))
            return [round(shade * each) for each in background]
        return self._drawn(self.background, rng)

    def _drawn(self, ink: Range | str, rng: np.random.Generator) -> list[int]:
        if isinstance(ink, str):
            return list(color_name.parse("color", ink))
        if self.tinted:
            return [round(ink.draw(rng)) for _ in range(3)]
        return [round(ink.draw(rng))] * 3


def least_contrast(asked: float | None, grounds: Sequence[Ground]) -> float:
    """Returns the contrast that is asked for, or what goes with the grounds if none is."""
    if asked is not None:
        return asked
    return 1.0 if set(grounds) == {"plain"} else _FARTHEST


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """The options of a synthesizer that say what lies behind the text; see `TextLine`."""

    kinds: tuple[Ground, ...]
    photos: Path | None

    @classmethod
    def of(cls, options: Any) -> Self:
        """Returns those of a synthesizer."""
        return cls(kinds=options.ground, photos=options.photos)

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("ground: at least one is needed. Name one, such as plain.")
        if ("photo" in self.kinds) != (self.photos is not None):
            found = "no 'photos'" if self.photos is None else "'photos' and no such ground"
            raise ValueError(
                f"photos: expected a folder together with the ground 'photo', found {found}."
            )
        if self.photos is not None:
            _ = self._files

    @cached_property
    def _files(self) -> Pictures:
        if self.photos is None:
            return Pictures(folder=Path(), names=())
        found = Pictures.of(self.photos)
        if not found.names:
            raise ValueError(f"photos: there is no image below {self.photos}. Check the folder.")
        return found

    def draw(self, inks: Inks, background: Sequence[int], rng: np.random.Generator) -> Params:
        """Draws a ground: which, and what of it is random. A plain ground alone draws nothing."""
        if self.kinds == ("plain",):
            return {}
        kind = self.kinds[int(rng.integers(len(self.kinds)))]
        if kind == "gradient":
            other = inks.draw_like(background, rng)
            return {"ground": kind, "to": other, "angle": float(rng.uniform(0, 360))}
        if kind == "noise":
            return {
                "ground": kind,
                "deviation": float(rng.uniform(4, 24)),
                "grain": float(rng.uniform(0, 1.5)),
                "seed": int(rng.integers(2**32)),
            }
        if kind == "photo":
            place = {"zoom": float(rng.random()), "at": [float(rng.random()), float(rng.random())]}
            return {"ground": kind, "photo": self._files.draw(rng), **place}
        return {"ground": kind}

    def paint(self, params: Mapping[str, Any], size: tuple[int, int], ratio: float) -> np.ndarray:
        """Returns the ground of a size, `(H, W, 3)` uint8, on which a text can be read.

        One that is not plain is veiled with white or black, as little as it takes for 95 % of its
        pixels to have the contrast with the text's color.

        Args:
          params: what was drawn, the background among it, and the color unless `ratio` is 1.
          ratio: the contrast; 1 asks for none.
        """
        plain = np.empty((*size, 3), np.uint8)
        plain[:] = params["background"]
        kind = params.get("ground", "plain")
        if kind == "plain":
            return plain
        if kind == "gradient":
            painted = _gradient(plain, params["to"], params["angle"])
        elif kind == "noise":
            painted = _noisy(plain, params)
        else:
            pixels = photo(self._files.path(params["photo"]))
            painted = _crop(pixels, size, params["zoom"], params["at"])
        return painted if ratio <= 1 else _veiled(painted, params["color"], ratio)


def photo(path: Path) -> np.ndarray:
    """Returns the pixels of a file, upright, `(H, W, 3)` uint8; not to be written to.

    Raises:
      DataError: it cannot be read.
    """
    return _photo(path, state_of(path))


@lru_cache(maxsize=4)
def _photo(path: Path, state: object) -> np.ndarray:
    pixels = picture(path, "rgb")
    pixels.flags.writeable = False
    return pixels


def _gradient(plain: np.ndarray, other: Sequence[int], angle: float) -> np.ndarray:
    height, width = plain.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    along = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    share = ((along - along.min()) / max(float(np.ptp(along)), 1e-9))[..., None]
    shades: np.ndarray = np.rint(plain + share * (np.array(other) - plain)).astype(np.uint8)
    return shades


def _noisy(plain: np.ndarray, params: Mapping[str, Any]) -> np.ndarray:
    noise = np.random.default_rng(params["seed"]).normal(0, 1, plain.shape[:2])
    if params["grain"] > 0.3:
        noise = cv2.GaussianBlur(noise, (0, 0), params["grain"])
        noise /= max(float(noise.std()), 1e-9)
    noisy: np.ndarray = np.rint(plain + params["deviation"] * noise[..., None])
    return noisy.clip(0, 255).astype(np.uint8)


def _crop(
    pixels: np.ndarray, size: tuple[int, int], zoom: float, at: Sequence[float]
) -> np.ndarray:
    """Returns a part of a picture in a size, between all that fits and pixel by pixel."""
    most = np.array(pixels.shape[:2])
    largest = float((most / size).min())
    scale = largest if largest <= 1 else largest**zoom
    part = np.rint(scale * np.array(size)).astype(int).clip(1, most)
    top, left = (np.array(at) * (most - part + 1)).astype(int)
    cut = pixels[top : top + part[0], left : left + part[1]]
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    resized: np.ndarray = cv2.resize(cut, size[::-1], interpolation=way)
    return resized


def _veiled(ground: np.ndarray, color: Sequence[int], ratio: float) -> np.ndarray:
    veil = max((0, 255), key=lambda level: float(contrast([level] * 3, color)))
    for step in range(_VEILS + 1):
        share = step / _VEILS
        shown = np.rint(ground * (1 - share) + veil * share).astype(np.uint8)
        if np.percentile(contrast(shown, color), _LEAST_SHARE) >= ratio:
            break
    return shown


def painted(
    layers: Sequence[tuple[np.ndarray, Sequence[int]]], ground: np.ndarray, mode: Mode
) -> np.ndarray:
    """Returns `(H, W, C)` uint8: colors over a ground, the last on top, rounded to nearest.

    Args:
      layers: for each, how far it covers each pixel, `(H, W)` uint8, and its color.
      ground: `(H, W, 3)` uint8.
    """
    rgb = ground
    for mask, color in layers:
        weight = mask[..., None].astype(np.uint32)
        front = np.array(color, np.uint32)
        rgb = ((front * weight + rgb.astype(np.uint32) * (255 - weight) + 127) // 255).astype(
            np.uint8
        )
    return in_mode(rgb, mode)


def in_mode(rgb: np.ndarray, mode: Mode) -> np.ndarray:
    """Returns an opaque image, `(H, W, 3)` uint8, in a mode."""
    if mode == "gray":
        luma = rgb.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
        return ((luma + 0x8000) >> 16).astype(np.uint8)[..., None]
    if mode == "rgba":
        return np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], axis=2)
    return rgb
