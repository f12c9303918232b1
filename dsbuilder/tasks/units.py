"""What numbers are measured in while they are learnt: standard units of the train split.

Numbers in thousands, or far from 0, would drown a network that begins near 0. So the last layer of
a head takes them from the train split's standard units back to their own, and the loss counts
errors in these: targets that are scaled and shifted are learnt alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsbuilder.tasks.task import Statistics


@dataclass(frozen=True, kw_only=True)
class Units:
    """What numbers are measured in while they are learnt.

    Attributes:
      mean: mean of each number over the train split.
      deviation: deviation of each number over the train split, above 0.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def units_of(statistics: Statistics) -> Units:
    """Returns the units of a train split."""
    mean, deviation = statistics()
    return Units(mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()))


def units_from_json(data: Mapping[str, Any]) -> Units:
    """Returns the units that `dataclasses.asdict` described."""
    return Units(**{name: tuple(values) for name, values in data.items()})


def in_own_units(outputs: Any, units: Units | None, *, name: str) -> Any:
    """Adds the layer that takes standardized numbers `(B, size)` to their own units.

    Args:
      units: None adds nothing.
      name: name of the target.
    """
    import keras

    if units is None:
        return outputs
    own = {"name": f"{name}_units", "dtype": "float32"}
    scale, offset = list(units.deviation), list(units.mean)
    return keras.layers.Rescaling(scale, offset=offset, **own)(outputs)
