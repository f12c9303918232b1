"""mixup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import BatchParam, Mixer, Params, Sample, Signature, mixer

_ONE = 256


@mixer("mixup")
@dataclass(frozen=True, kw_only=True)
class Mixup(Mixer):
    """Blends an image with another of its split, and their labels alike (Zhang et al. 2018).

        image = w * image + (1 - w) * partner,  w ~ Beta(alpha, alpha)

    The partner is brought to the image's size (cropped, never distorted) unless it has it. The
    weight is rounded to a multiple of 1/256, the least that 8 bits can show; integer pixels are
    rounded to nearest, halves up.

    Attributes:
      alpha: above 0; small values mostly leave one of the two, 1 draws all weights alike.
    """

    partners: ClassVar[int] = 1
    batch_params: ClassVar[Mapping[str, BatchParam]] = {"weight": BatchParam("float32")}

    alpha: float = 0.2

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise ValueError(f"alpha: expected more than 0, found {self.alpha:g}.")

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the same image and soft targets."""
        if signature.image.dtype not in ("uint8", "uint16", "float32"):
            raise ValueError(
                f"expected uint8, uint16 or float32 images, found {signature.image.dtype}."
            )
        return super().output_signature(signature)

    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        """Draws the weight of the sample."""
        return {"weight": round(float(rng.beta(self.alpha, self.alpha)) * _ONE) / _ONE}

    def weights(self, params: Params) -> tuple[float, ...]:
        """The sample's weight and the rest."""
        return (params["weight"], 1.0 - params["weight"])

    def apply(self, sample: Sample, partners: Sequence[Sample], params: Params) -> Sample:
        """Returns the blend, of the sample's size."""
        from dsbuilder.images.encoding import fit

        image = sample.image
        partner = fit(partners[0].image, (image.shape[0], image.shape[1]), fit="crop")
        return sample.replace(image=_blend(image, partner, params["weight"]))

    def apply_batch(
        self, images: Any, partners: Sequence[Any], params: Mapping[str, Any], ops: Any
    ) -> Any:
        """Returns the blends, in integers as one is."""
        from dsbuilder.images import resampling

        size = (int(images.shape[1]), int(images.shape[2]))
        partner = resampling.fit(partners[0], size, ops, fit="crop")
        share = ops.cast(ops.round(params["weight"] * _ONE), "int32")[:, None, None, None]
        rest = ops.cast(resampling.round_to_bytes(partner, ops), "int32")
        total = share * ops.cast(images, "int32") + (_ONE - share) * rest + _ONE // 2
        return ops.cast(ops.floor_divide(total, _ONE), "uint8")


def _blend(one: np.ndarray, other: np.ndarray, weight: float) -> np.ndarray:
    if one.dtype.kind == "f":
        first, second = one.dtype.type(weight), one.dtype.type(1.0 - weight)
        return np.asarray(first * one + second * other, one.dtype)
    # In integers, equal on every machine: 255 * 256 + 128 still fits in 16 bits.
    wide: Any = np.uint16 if one.dtype == np.uint8 else np.uint32
    share = round(weight * _ONE)
    total, rest = one.astype(wide), other.astype(wide)
    total *= wide(share)
    rest *= wide(_ONE - share)
    total += rest
    total += wide(_ONE // 2)
    total >>= wide(8)
    return np.asarray(total, one.dtype)
