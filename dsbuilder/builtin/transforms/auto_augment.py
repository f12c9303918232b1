"""AutoAugment: pairs of operations that a search found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsbuilder.builtin.transforms.policy import Policy, signed, size_of
from dsbuilder.plugin import Params, Sample, transform

_LEVELS = 9

_IMAGENET = """
posterize 0.4 8, rotate 0.6 9
solarize 0.6 5, autocontrast 0.6 5
equalize 0.8 8, equalize 0.6 3
posterize 0.6 7, posterize 0.6 6
equalize 0.4 7, solarize 0.2 4
equalize 0.4 4, rotate 0.8 8
solarize 0.6 3, equalize 0.6 7
posterize 0.8 5, equalize 1.0 2
rotate 0.2 3, solarize 0.6 8
equalize 0.6 8, posterize 0.4 6
rotate 0.8 8, color 0.4 0
rotate 0.4 9, equalize 0.6 2
equalize 0.0 7, equalize 0.8 8
invert 0.6 4, equalize 1.0 8
color 0.6 4, contrast 1.0 8
rotate 0.8 8, color 1.0 2
color 0.8 8, solarize 0.8 7
sharpness 0.4 7, invert 0.6 8
shear_x 0.6 5, equalize 1.0 9
color 0.4 0, equalize 0.6 3
equalize 0.4 7, solarize 0.2 4
solarize 0.6 5, autocontrast 0.6 5
invert 0.6 4, equalize 1.0 8
color 0.6 4, contrast 1.0 8
equalize 0.8 8, equalize 0.6 3
"""
_CIFAR10 = """
invert 0.1 7, contrast 0.2 6
rotate 0.7 2, translate_x 0.3 9
sharpness 0.8 1, sharpness 0.9 3
shear_y 0.5 8, translate_y 0.7 9
autocontrast 0.5 8, equalize 0.9 2
shear_y 0.2 7, posterize 0.3 7
color 0.4 3, brightness 0.6 7
sharpness 0.3 9, brightness 0.7 9
equalize 0.6 5, equalize 0.5 1
contrast 0.6 7, sharpness 0.6 5
color 0.7 7, translate_x 0.5 8
equalize 0.3 7, autocontrast 0.4 8
translate_y 0.4 3, sharpness 0.2 6
brightness 0.9 6, color 0.2 8
solarize 0.5 2, invert 0.0 3
equalize 0.2 0, autocontrast 0.6 0
equalize 0.2 8, equalize 0.6 4
color 0.9 9, equalize 0.6 6
autocontrast 0.8 4, solarize 0.2 8
brightness 0.1 3, color 0.7 0
solarize 0.4 5, autocontrast 0.9 3
translate_y 0.9 9, translate_y 0.7 9
autocontrast 0.9 2, solarize 0.8 3
equalize 0.8 8, invert 0.1 3
translate_y 0.7 9, autocontrast 0.9 1
"""

Step = tuple[str, float, int]
"""An operation, the probability with which it is applied, and its level in [0, 9]."""


def _parsed(table: str) -> tuple[tuple[Step, ...], ...]:
    steps = ([step.split() for step in row.split(", ")] for row in table.split("\n") if row)
    return tuple(tuple((use, float(p), int(level)) for use, p, level in row) for row in steps)


TABLES: Mapping[str, tuple[tuple[Step, ...], ...]] = {
    "imagenet": _parsed(_IMAGENET),
    "cifar10": _parsed(_CIFAR10),
}


@transform("auto_augment", geometry="moves")
@dataclass(frozen=True, kw_only=True)
class AutoAugment(Policy):
    """Applies one of 25 pairs of operations that were found for a known dataset (AutoAugment).

    E. Cubuk, B. Zoph, D. Mane, V. Vasudevan, Q. Le, "AutoAugment: Learning Augmentation Policies
    from Data" (2019), tables of its appendix. A level of 9 is a shear by 0.3, a shift by 150/331 of
    the side, 30 degrees, a color factor of 0.1 or 1.9, 4 bits, everything inverted. As in most
    implementations a direction is drawn, and level 0 of a color changes nothing; the paper's own
    levels go from a factor of 0.1 to 1.9.

    Attributes:
      table: what it was found for: `imagenet` for photographs, `cifar10` for small ones.
      fill: value of what comes in from outside, in [0, 255]; transparent where there is alpha.
    """

    table: Literal["imagenet", "cifar10"] = "imagenet"

    def draw(self, sample: Sample, rng: np.random.Generator) -> Params:
        """Draws the pair, which of its operations are applied, and their directions."""
        pairs = TABLES[self.table]
        pair = pairs[int(rng.integers(len(pairs)))]
        height, width = sample.image.shape[:2]
        chosen = [(use, level) for use, p, level in pair if rng.random() < p]
        return {
            "operations": [
                signed(use, size_of(use, level / _LEVELS, height, width), rng)
                for use, level in chosen
            ]
        }
