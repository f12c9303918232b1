"""Two images in one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsbuilder.images.encoding import fit
from dsbuilder.plugin import Mixer, Params, Sample, mixer


@mixer("side_by_side")
@dataclass(frozen=True, kw_only=True)
class SideBySide(Mixer):
    """Replaces the right part of an image by that of a partner; the label follows the area.

    Attributes:
      least: smallest share of either, in [0, 0.5].
    """

    least: float = 0.25

    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        """Draws the column from which on the partner is seen."""
        width = sample.image.shape[1]
        cut = round(float(rng.uniform(self.least, 1 - self.least)) * width)
        return {"cut": cut, "share": cut / width}

    def weights(self, params: Params) -> tuple[float, ...]:
        """The shares of area."""
        return (params["share"], 1 - params["share"])

    def apply(self, sample: Sample, partners: Sequence[Sample], params: Params) -> Sample:
        """Returns the image with its right part replaced."""
        image = sample.image.copy()
        partner = fit(partners[0].image, (image.shape[0], image.shape[1]), fit="crop")
        image[:, params["cut"] :] = partner[:, params["cut"] :]
        return sample.replace(image=image)
