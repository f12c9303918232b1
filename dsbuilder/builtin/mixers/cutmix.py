"""CutMix: a rectangle of another image."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.builtin.mixers.pasting import Pasting, pasted
from dsbuilder.plugin import BatchParam, Params, Sample, mixer


@mixer("cutmix")
@dataclass(frozen=True, kw_only=True)
class Cutmix(Pasting):
    """Pastes a rectangle of another image of the split; labels mix by area (Yun et al. 2019).

    S. Yun, D. Han, S. Oh, S. Chun, J. Choe, Y. Yoo, "CutMix: Regularization Strategy to Train
    Strong Classifiers with Localizable Features" (2019). The rectangle has the image's proportions
    and a center anywhere; what of it lies outside is cut, and the labels' weights are those of the
    pixels that are left. The partner comes from the same place of the other image.

    Attributes:
      alpha: parameter of the Beta(alpha, alpha) of the weight, above 0; 1 is uniform.
    """

    batch_params: ClassVar[Mapping[str, BatchParam]] = {"box": BatchParam("int32", (4,))}

    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        """Draws the rectangle."""
        rows, columns, _ = sample.image.shape
        side = math.sqrt(1.0 - float(rng.beta(self.alpha, self.alpha)))
        middle = (float(rng.random()) * rows, float(rng.random()) * columns)
        (top, bottom), (left, right) = (
            [min(max(round(at + way * side * length / 2), 0), length) for way in (-1, 1)]
            for at, length in zip(middle, (rows, columns), strict=True)
        )
        return pasted(sample.image, [(top, left, bottom - top, right - left)])

    def to_batch(self, params: Params) -> Mapping[str, Any]:
        """Returns the rectangle."""
        return {"box": params["boxes"][0]}

    def apply_batch(
        self, images: Any, partners: Sequence[Any], params: Mapping[str, Any], ops: Any
    ) -> Any:
        """Returns the images with what is pasted."""
        from dsbuilder.images import resampling

        height, width = size = (int(images.shape[1]), int(images.shape[2]))
        partner = resampling.round_to_bytes(resampling.fit(partners[0], size, ops, fit="crop"), ops)
        top, left, tall, wide = (params["box"][:, side][:, None, None] for side in range(4))
        row = ops.arange(height, dtype="int32")[None, :, None]
        column = ops.arange(width, dtype="int32")[None, None, :]
        inside = (row >= top) & (row < top + tall) & (column >= left) & (column < left + wide)
        return ops.where(inside[..., None], partner, images)
