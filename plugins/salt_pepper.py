"""Salt-and-pepper noise: the smallest useful transform."""

from dataclasses import dataclass

import numpy as np

from dsbuilder.plugin import Params, Range, Sample, Transform, draw_seed, transform


@transform("salt_pepper", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class SaltPepper(Transform):
    """Sets a random fraction of pixels to black or white; the label is kept.

    Attributes:
      density: fraction of pixels replaced, drawn once per sample, in [0, 1].
    """

    density: Range = Range(0.01, 0.05)

    def __post_init__(self) -> None:
        self.density.check("density", 0.0, 1.0)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws the density and a seed for the places."""
        return {"density": self.density.draw(rng), "seed": draw_seed(rng)}

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the noisy sample; an alpha channel is left as it is."""
        noise = np.random.default_rng(params["seed"]).random(sample.image.shape[:2])
        image = sample.image.copy()
        color = image[..., :3]  # a view: what is written to it stands in `image`
        color[noise < params["density"] / 2] = 0
        color[noise >= 1 - params["density"] / 2] = 255
        return sample.replace(image=image)
