"""GridMix: cells of a grid, of one image or another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsbuilder.builtin.mixers.pasting import Pasting, pasted
from dsbuilder.plugin import Params, Sample, mixer

_MOST = 100


@mixer("grid_mix")
@dataclass(frozen=True, kw_only=True)
class GridMix(Pasting):
    """Takes some cells of a grid from another image; labels mix by area (Baek et al. 2021).

    K. Baek, D. Bang, H. Shim, "GridMix: Strong regularization through local context mapping"
    (2021), its mixing; the loss of each cell is not part of it.

    Attributes:
      grid: cells in each direction, in [2, 100].
      alpha: parameter of the Beta(alpha, alpha) of the weight, above 0; 1 is uniform.
    """

    grid: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.grid <= _MOST:
            raise ValueError(f"grid: expected 2 to {_MOST} cells, found {self.grid}.")

    def draw(self, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator) -> Params:
        """Draws how many cells are the partner's, and which."""
        weight = float(rng.beta(self.alpha, self.alpha))
        cells = self.grid**2
        drawn = sorted(rng.permutation(cells)[: round(cells * (1.0 - weight))].tolist())
        rows, columns = (
            [length * step // self.grid for step in range(self.grid + 1)]
            for length in sample.image.shape[:2]
        )
        boxes = []
        for cell in drawn:
            row, column = divmod(cell, self.grid)
            top, left = rows[row], columns[column]
            boxes.append((top, left, rows[row + 1] - top, columns[column + 1] - left))
        return pasted(sample.image, [each for each in boxes if min(each[2:]) > 0])
