"""What mixers that paste parts of a partner into a sample share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsbuilder.plugin import Mixer, Params, Sample

Box = tuple[int, int, int, int]
"""Top, left, height and width in pixels."""


@dataclass(frozen=True, kw_only=True)
class Pasting(Mixer):
    """A mixer whose params say which `boxes` of the partner are pasted, and the sample's `weight`.

    Labels are weighted by the pixels that are left of each.

    Attributes:
      alpha: parameter of the Beta(alpha, alpha) that the weight is drawn from; above 0.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise ValueError(f"alpha: expected more than 0, found {self.alpha:g}.")

    def weights(self, params: Params) -> tuple[float, ...]:
        """The share of pixels that are the sample's, and the rest."""
        return (params["weight"], 1.0 - params["weight"])

    def apply(self, sample: Sample, partners: Sequence[Sample], params: Params) -> Sample:
        """Returns the sample with what is pasted, of its size."""
        from dsbuilder.images.encoding import fit

        image = sample.image.copy(order="C")
        partner = fit(partners[0].image, (image.shape[0], image.shape[1]), fit="crop")
        for top, left, height, width in params["boxes"]:
            place = np.s_[top : top + height, left : left + width]
            image[place] = partner[place]
        return sample.replace(image=image)


def pasted(image: np.ndarray, boxes: Sequence[Box]) -> Params:
    """Returns the params of boxes that do not overlap."""
    share = sum(height * width for _, _, height, width in boxes)
    height, width, _ = image.shape
    return {"boxes": [list(each) for each in boxes], "weight": 1.0 - share / (height * width)}
