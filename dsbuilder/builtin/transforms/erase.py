"""Random erasing: a rectangle of the image is overwritten."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from dsbuilder.builtin.transforms import philox
from dsbuilder.builtin.transforms.eight_bits import checked
from dsbuilder.plugin import (
    BatchParam,
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

    batch_params: ClassVar[Mapping[str, BatchParam]] = {
        "box": BatchParam("int32", (4,)),
        "key": BatchParam("uint32", (4,)),
    }

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

    def to_batch(self, params: Params) -> Mapping[str, Any]:
        """Returns the rectangle, one of no size for none, and the key of what fills it."""
        return {"box": params["box"] or [0] * 4, "key": philox.key_of("erase", params["seed"])}

    def apply_batch(self, images: Any, params: Mapping[str, Any], ops: Any) -> Any:
        """Returns the images without what was in the rectangles; alpha stays."""
        height, width, channels = (int(side) for side in images.shape[1:])
        box = ops.cast(params["box"], "int32")
        rows = ops.arange(height, dtype="int32")[None, :, None] - box[:, 0][:, None, None]
        columns = ops.arange(width, dtype="int32")[None, None, :] - box[:, 1][:, None, None]
        inside = (rows >= 0) & (rows < box[:, 2][:, None, None])
        inside = inside & (columns >= 0) & (columns < box[:, 3][:, None, None])
        colors = min(channels, 3)
        seen = ops.cast(images[..., :colors], "int32")
        if self.fill == "noise":
            place = (rows * box[:, 3][:, None, None] + columns)[..., None] * colors
            place = place + ops.arange(colors, dtype="int32")
            noise = philox.drawn_bytes(params["key"], height * width * colors, ops)
            place = ops.clip(place, 0, height * width * colors - 1)
            flat = ops.reshape(place, (-1, height * width * colors))
            filling = ops.reshape(
                ops.take_along_axis(noise, flat, axis=1), (-1, height, width, colors)
            )
        elif self.fill == "mean":
            means = ops.mean(ops.cast(seen, "float32"), axis=(1, 2), keepdims=True)
            filling = ops.cast(ops.round(means), "int32")
        else:
            filling = ops.full((1, 1, 1, 1), self.fill, dtype="int32")
        made = ops.cast(ops.where(inside[..., None], filling, seen), "uint8")
        return ops.concatenate([made, images[..., colors:]], axis=-1)

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
