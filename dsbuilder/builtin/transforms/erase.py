"""Random erasing: a rectangle of the image is overwritten."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsbuilder.builtin.transforms.eight_bits import checked
from dsbuilder.plugin import (
    Params,
    Range,
    Sample,
    Signature,
    Transform,
    draw_seed,
    generator,
    transform,
)

_TRIES = 100
_MOST_RATIO = 1e3


@transform("erase", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Erase(Transform):
    """Overwrites a rectangle of random area, shape and place (random erasing).

    Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang, "Random Erasing Data Augmentation" (2020), whose
    probability is the stage's `p`; 0.5 there. Where no rectangle fits in a hundred tries nothing is
    erased. Labels stay: of what may be hidden whole, as small objects in boxes, mind `area`.

    Attributes:
      area: share of the image that is erased, in (0, 1].
      ratio: height / width of the rectangle, above 0, up to 1000.
      fill: `noise`, every value drawn by itself; `mean` of the image; or a value in [0, 255].
    """

    area: Range = Range(0.02, 0.4)
    ratio: Range = Range(0.3, 1 / 0.3)
    fill: Literal["noise", "mean"] | int = "noise"

    def __post_init__(self) -> None:
        self.area.check("area", 0.0, 1.0)
        self.ratio.check("ratio", 0.0, _MOST_RATIO)
        for option in ("area", "ratio"):
            if getattr(self, option).low <= 0:
                raise ValueError(
                    f"{option}: expected values above 0, found {getattr(self, option).low:g}."
                )
        if isinstance(self.fill, int) and not 0 <= self.fill <= 255:
            raise ValueError(f"fill: expected a value in [0, 255], found {self.fill}.")

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature as it is."""
        return checked(signature)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws the rectangle, [top, left, height, width] in pixels or None, and a seed."""
        height, width, _ = sample.image.shape
        return {"box": self._box(height, width, rng), "seed": draw_seed(rng)}

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the sample without what was in the rectangle; alpha stays."""
        if params["box"] is None:
            return sample
        top, left, height, width = params["box"]
        image = sample.image.copy(order="C")
        colors = min(image.shape[2], 3)
        image[top : top + height, left : left + width, :colors] = self._filling(
            sample.image[:, :, :colors], (height, width, colors), params["seed"]
        )
        return sample.replace(image=image)

    def _filling(self, image: np.ndarray, shape: tuple[int, ...], seed: int) -> np.ndarray:
        if self.fill == "noise":
            return generator("erase", seed).integers(0, 256, shape, np.uint8)
        value = image.mean(axis=(0, 1)).round() if self.fill == "mean" else self.fill
        return np.broadcast_to(np.asarray(value, np.uint8), shape)

    def _box(self, rows: int, columns: int, rng: np.random.Generator) -> list[int] | None:
        for _ in range(_TRIES):
            area = self.area.draw(rng) * rows * columns
            ratio = math.exp(rng.uniform(math.log(self.ratio.low), math.log(self.ratio.high)))
            height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 1 <= height <= rows and 1 <= width <= columns:
                top = int(rng.integers(rows - height + 1))
                left = int(rng.integers(columns - width + 1))
                return [top, left, height, width]
        return None
