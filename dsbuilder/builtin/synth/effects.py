"""What is done to a line of text: an option for each effect, what is drawn of it, and how."""

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from dsbuilder.builtin.synth.bending import Bend
from dsbuilder.builtin.synth.grounds import Inks
from dsbuilder.builtin.synth.lettering import Style, grown
from dsbuilder.builtin.synth.words import units
from dsbuilder.plugin import Params, Range

NOTHING = Range(0, 0)
"""An effect that is not asked for."""

LIMITS: Mapping[str, tuple[float, float]] = {
    "weight": (0, 0.2),
    "spacing": (-0.5, 5),
    "slant": (-45, 45),
    "curve": (-180, 180),
    "perspective": (0, 0.45),
    "turn": (0, 180),
    "shadow": (0, 0.5),
    "outline": (0, 0.3),
}
"""The least and the greatest value of each effect."""


def check(options: Any) -> None:
    """Raises a ValueError unless the effects of a synthesizer's options may be."""
    for option, (low, high) in LIMITS.items():
        getattr(options, option).check(option, low, high)
    if not 0 <= options.effects <= 1:
        raise ValueError(f"effects: expected a share in [0, 1], found {options.effects:g}.")


def draw(options: Any, inks: Inks, drawn: Params, rng: np.random.Generator) -> Params:
    """Draws what the effects are; nothing of those that the options leave out.

    Args:
      options: a synthesizer with an option for each effect.
      drawn: its text and color.
    """
    found: Params = {}
    for option in LIMITS:
        amount: Range = getattr(options, option)
        if amount == NOTHING or (options.effects < 1 and rng.random() >= options.effects):
            continue
        value = amount.draw(rng)
        if option == "turn":
            count = len(units(drawn["text"]))
            found["turns"] = [float(each) for each in rng.uniform(-value, value, count)]
        elif option == "perspective":
            found["corners"] = rng.uniform(-value, value, (4, 2)).tolist()
        else:
            found[option] = value
        if option == "shadow":
            found["light"] = [float(rng.uniform(0, 360)), float(rng.uniform(0.3, 0.8))]
        if option == "outline":
            found["outline_color"] = inks.draw_outline(drawn["color"], rng)
    return found


def style_of(params: Params, *, vertical: bool) -> Style:
    """Returns how a line of drawn params is set."""
    return Style(
        spacing=params.get("spacing", 0.0),
        weight=params.get("weight", 0.0),
        turns=tuple(params.get("turns", ())),
        vertical=vertical,
        bend=Bend(
            slant=params.get("slant", 0.0),
            curve=params.get("curve", 0.0),
            corners=tuple((x, y) for x, y in params.get("corners", ())),
        ),
    )


def around(params: Params, size: int) -> int:
    """Returns the pixels around a text that its outline and its shadow take."""
    share = params.get("outline", 0.0) + 1.5 * params.get("shadow", 0.0)
    return int(np.ceil(share * size))


def below(ink: np.ndarray, params: Params, size: int) -> Iterator[tuple[np.ndarray, list[int]]]:
    """Yields how far shadow and outline cover each pixel, and their colors, the lower one first."""
    outlined = ink
    if "outline" in params:
        radius = params["outline"] * size
        margin = int(np.ceil(radius))
        outlined = grown(ink, radius)[
            margin : margin + ink.shape[0], margin : margin + ink.shape[1]
        ]
    if "shadow" in params:
        angle, strength = params["light"]
        length = params["shadow"] * size
        x, y = length * np.cos(np.radians(angle)), length * np.sin(np.radians(angle))
        moved = cv2.warpAffine(outlined, np.array([[1, 0, x], [0, 1, y]]), ink.shape[::-1])
        soft = cv2.GaussianBlur(moved, (0, 0), max(0.3, length / 4))
        dark = 0 if sum(params["background"]) > sum(params["color"]) else 255
        yield (soft * strength).astype(np.uint8), [dark] * 3
    if "outline" in params:
        yield outlined, params["outline_color"]
