"""A sheet of paper that was folded: light on one side of the crease, shade on the other."""

import math
from dataclasses import dataclass

import numpy as np

from dsbuilder.builtin.transforms.eight_bits import checked
from dsbuilder.plugin import Params, Range, Sample, Signature, Transform, transform

_CREASE = 0.003
"""Half the width of the crease itself, as a share of the short side."""
_MOST = 16


@transform("fold", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class FoldedPaper(Transform):
    """Shades an image as paper that was folded and opened again; targets stay.

    Along a straight crease at any angle one side is lighter and the other darker, which fades with
    the distance, and the crease itself is dark.

    Attributes:
      creases: number of creases, from 1 to 16.
      strength: change of values at the crease, as a share of them, in [0, 1].
      width: distance at which that has faded to a third, as a share of the short side, in (0, 1].
    """

    creases: int = 1
    strength: Range = Range(0.1, 0.3)
    width: Range = Range(0.03, 0.15)

    def __post_init__(self) -> None:
        if not 1 <= self.creases <= _MOST:
            raise ValueError(f"creases: expected 1 to {_MOST}, found {self.creases}.")
        self.strength.check("strength", 0.0, 1.0)
        self.width.check("width", 0.0, 1.0)
        if self.width.low <= 0:
            raise ValueError(f"width: expected values above 0, found {self.width.low:g}.")

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature as it is."""
        return checked(signature)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws of each crease a place in shares of the sides, an angle in degrees, its look."""
        return {
            "creases": [
                {
                    "x": round(float(rng.uniform(0.1, 0.9)), 4),
                    "y": round(float(rng.uniform(0.1, 0.9)), 4),
                    "angle": round(float(rng.uniform(0.0, 360.0)), 2),
                    "strength": round(self.strength.draw(rng), 4),
                    "width": round(self.width.draw(rng), 4),
                }
                for _ in range(self.creases)
            ]
        }

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the shaded sample; alpha stays."""
        image = sample.image.copy()
        colors = min(image.shape[2], 3)
        light = np.ones(image.shape[:2], np.float32)
        for each in params["creases"]:
            light *= 1 + _shading(image.shape[:2], **each)
        shaded = image[..., :colors] * light[..., None]
        image[..., :colors] = shaded.round().clip(0, 255).astype(np.uint8)
        return sample.replace(image=image)


def _shading(
    size: tuple[int, ...], *, x: float, y: float, angle: float, strength: float, width: float
) -> np.ndarray:
    """Returns by which share every pixel becomes lighter, float32 `(H, W)`."""
    height, width_px = size[:2]
    rows, columns = np.mgrid[:height, :width_px].astype(np.float32) + np.float32(0.5)
    turn = math.radians(angle)
    across = (columns - x * width_px) * math.cos(turn) + (rows - y * height) * math.sin(turn)
    away = across / min(height, width_px)
    slope = np.sign(away) * np.exp(-np.abs(away) / width)
    crease = np.exp(-((away / _CREASE) ** 2))
    shade: np.ndarray = (strength * (slope - crease)).astype(np.float32)
    return shade
