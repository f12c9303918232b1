"""What numbers are measured in while they are learnt: standard units of the train split.

Numbers in thousands, or far from 0, would drown a network that begins near 0. So the last layer of
a head takes them from the train split's standard units back to their own, and the loss counts
errors in these: targets that are scaled and shifted are learnt alike.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from dsbuilder.tasks.task import Statistics, Task


@dataclass(frozen=True, kw_only=True)
class Units:
    """What numbers are measured in while they are learnt.

    Attributes:
      mean: mean of each number over the train split.
      deviation: deviation of each number over the train split, above 0.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Standardized(Task):
    """Learns numbers in standard units of the train split, and gives them back in their own.

    Attributes:
      units: what numbers are measured in while they are learnt; None until the train split is
        known.
    """

    units: Units | None = None

    def fit(self, statistics: Statistics) -> Self:
        """Returns the task with the units of the train split."""
        mean, deviation = (tuple(each.tolist()) for each in statistics())
        return replace(self, units=Units(mean=mean, deviation=deviation))

    def state(self) -> dict[str, Any]:
        """Returns the units."""
        return {} if self.units is None else {"units": asdict(self.units)}

    def with_state(self, state: Mapping[str, Any]) -> Self:
        """Returns the task with units."""
        units = {name: tuple(values) for name, values in state["units"].items()}
        return replace(self, units=Units(**units))

    def finish(self, outputs: Any, *, name: str) -> Any:
        """Adds the layer that takes standardized numbers `(B, size)` to their own units."""
        import keras

        if self.units is None:
            return outputs
        own = {"name": f"{name}_units", "dtype": "float32"}
        scale, offset = list(self.units.deviation), list(self.units.mean)
        return keras.layers.Rescaling(scale, offset=offset, **own)(outputs)
