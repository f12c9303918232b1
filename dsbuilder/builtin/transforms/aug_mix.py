"""AugMix: a mean of several chains of operations with the image itself."""

from dataclasses import dataclass

import numpy as np

from dsbuilder.builtin.transforms.eight_bits import checked
from dsbuilder.builtin.transforms.policy import GEOMETRIC, Operation, applied, signed, size_of
from dsbuilder.plugin import Geometry, Params, Sample, Signature, Transform, transform

_LEVELS = 10
_LONGEST = 3
_BITS = 4
"""Bits of a value that the mildest posterizing keeps: fewer than other policies do."""
_COLORS = ("autocontrast", "equalize", "posterize", "solarize")


@transform("aug_mix", geometry="breaks")
@dataclass(frozen=True, kw_only=True)
class AugMix(Transform):
    """Blends an image with the mean of several chains of mild operations (AugMix).

    D. Hendrycks, N. Mu, E. Cubuk, B. Zoph, J. Gilmer, B. Lakshminarayanan, "AugMix: A Simple Data
    Processing Method to Improve Robustness and Uncertainty" (2020): weights of the chains from a
    Dirichlet, that of the image from a Beta distribution. What lies in one place in one chain lies
    elsewhere in another, so boxes, masks and points go along only without `geometric`. The paper's
    loss over several versions of one image is not part of it.

    Attributes:
      severity: greatest size of an operation, in [1, 10]; of each, one in [0.1, severity] is drawn.
      width: number of chains, in [1, 100].
      depth: operations in a chain, in [0, 100]; 0 draws 1 to 3 for each.
      alpha: how even the weights are, above 0.
      geometric: whether operations that move pixels are among them: turns, shears and shifts.
      fill: value of what comes in from outside, in [0, 255].
    """

    severity: int = 3
    width: int = 3
    depth: int = 0
    alpha: float = 1.0
    geometric: bool = True
    fill: int = 128

    def __post_init__(self) -> None:
        for option, low, high in (
            *(("severity", 1, _LEVELS), ("width", 1, 100), ("depth", 0, 100)),
            ("fill", 0, 255),
        ):
            if not low <= getattr(self, option) <= high:
                raise ValueError(
                    f"{option}: expected a number in [{low}, {high}], found "
                    f"{getattr(self, option)}."
                )
        if not self.alpha > 0:
            raise ValueError(f"alpha: expected more than 0, found {self.alpha:g}.")

    @property
    def geometry(self) -> Geometry:
        """Whether chains move pixels, each in its own way."""
        return "breaks" if self.geometric else "fixed"

    def output_signature(self, signature: Signature) -> Signature:
        """Returns the signature as it is."""
        return checked(signature)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws the chains, their weights, and the weight of their mean."""
        return {
            "chains": [self._chain(sample, rng) for _ in range(self.width)],
            "weights": rng.dirichlet([self.alpha] * self.width).tolist(),
            "mixed": float(rng.beta(self.alpha, self.alpha)),
        }

    def _chain(self, sample: Sample, rng: np.random.Generator) -> list[Operation]:
        names = (*_COLORS, *(GEOMETRIC if self.geometric else ()))
        number = self.depth or int(rng.integers(1, _LONGEST + 1))
        height, width = sample.image.shape[:2]
        chain = []
        for _ in range(number):
            use = names[int(rng.integers(len(names)))]
            share = float(rng.uniform(0.1, self.severity)) / _LEVELS
            if use == "posterize":
                chain.append(signed(use, max(_BITS - int(_BITS * share), 1), rng))
            elif use.startswith("translate"):
                side = width if use == "translate_x" else height
                chain.append(signed(use, share * side / 3, rng))
            else:
                chain.append(signed(use, size_of(use, share, height, width), rng))
        return chain

    def apply(self, sample: Sample, params: Params) -> Sample:
        """Returns the blend."""
        image = sample.image
        mixed = params["mixed"]
        total = (1.0 - mixed) * image.astype(np.float64)
        for chain, weight in zip(params["chains"], params["weights"], strict=True):
            total += mixed * weight * applied(image, chain, self.fill)
        return sample.replace(image=np.rint(total).clip(0, 255).astype(np.uint8))
