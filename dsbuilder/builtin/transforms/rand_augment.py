"""RandAugment: some operations of a list, all of one size."""

from dataclasses import dataclass

import numpy as np

from dsbuilder.builtin.transforms.policy import OPERATIONS, Policy, signed, size_of
from dsbuilder.plugin import Params, Sample, transform

_MOST = 30


@transform("rand_augment", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class RandAugment(Policy):
    """Applies some of 14 operations, drawn with repetition, all of one size (RandAugment).

    E. Cubuk, B. Zoph, J. Shlens, Q. Le, "RandAugment: Practical automated data augmentation with a
    reduced search space" (2020). The list is the paper's; what a size means is what AutoAugment
    says of it, as most implementations have it: at 30 a shear by 0.3, a shift by 150/331 of the
    side, 30 degrees, a color factor of 0.1 or 1.9, 4 bits, everything inverted.

    Attributes:
      number: number of operations, at least 0; the paper's N.
      magnitude: size of every operation, in [0, 30]; the paper's M.
      fill: value of what comes in from outside, in [0, 255]; transparent where there is alpha.
    """

    number: int = 2
    magnitude: float = 9.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.number < 0:
            raise ValueError(f"number: expected 0 or more operations, found {self.number}.")
        if not 0 <= self.magnitude <= _MOST:
            raise ValueError(
                f"magnitude: expected a size in [0, {_MOST}], found {self.magnitude:g}."
            )

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws the operations and their directions."""
        drawn = [OPERATIONS[int(rng.integers(len(OPERATIONS)))] for _ in range(self.number)]
        share = self.magnitude / _MOST
        height, width = sample.image.shape[:2]
        return {
            "operations": [
                signed(use, size_of(use, share, height, width), rng)
                for use in drawn
                if use != "identity"
            ]
        }
