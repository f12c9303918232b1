"""TrivialAugment: one operation of any size."""

from dataclasses import dataclass

import numpy as np

from dsbuilder.builtin.transforms.policy import OPERATIONS, Policy, signed
from dsbuilder.plugin import Params, Sample, transform

_STEPS = 30
_MOST = {
    **dict.fromkeys(("shear_x", "shear_y"), 0.99),
    **dict.fromkeys(("translate_x", "translate_y"), 32.0),
    **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), 0.99),
    "rotate": 135.0,
}
"""What the greatest size is of an operation, in the paper's wide space."""


@transform("trivial_augment", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class TrivialAugment(Policy):
    """Applies one of 14 operations, of a size that is drawn as well: nothing is to be chosen.

    S. Mueller, F. Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation"
    (2021), its wide space: a shear by up to 0.99, a shift by up to 32 pixels, up to 135 degrees, a
    color factor of 0.01 to 1.99, 2 to 8 bits. It is meant for photographs of about 32 pixels a side
    and more; where a turn makes another class of an image, as of digits, choose another policy.

    Attributes:
      fill: value of what comes in from outside, in [0, 255]; transparent where there is alpha.
    """

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws the operation, its size in 31 steps, and its direction."""
        use = OPERATIONS[int(rng.integers(len(OPERATIONS)))]
        size = _size(use, int(rng.integers(_STEPS + 1)) / _STEPS)
        return {"operations": [] if use == "identity" else [signed(use, size, rng)]}


def _size(use: str, share: float) -> float:
    if use == "posterize":
        return 8 - round(6 * share)
    return 256 * (1 - share) if use == "solarize" else _MOST.get(use, 0.0) * share
