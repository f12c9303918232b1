"""A learning rate that falls along half a cosine: Loshchilov and Hutter, "SGDR" (2017)."""

import math
from dataclasses import dataclass

from dsbuilder.plugin import Schedule, schedule


@schedule("cosine")
@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """Lowers the learning rate epoch by epoch along half a cosine, to nearly 0 in the last."""

    def share(self, epoch: int, epochs: int) -> float:
        """Returns `(1 + cos(pi epoch / epochs)) / 2`."""
        return (1 + math.cos(math.pi * epoch / epochs)) / 2
