"""The units of numbers: a model learns them standardised, and yields them as they were given.

Numbers in thousands, or far from 0, would drown a network that begins near 0. So the last layer of
a model of values takes them from the train split's standard units back to their own, and its loss
counts errors in these: targets that are scaled and shifted are learnt alike.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import keras

from dsbuilder.dataset import Dataset
from dsbuilder.sample import SampleSpec
from dsbuilder.stream.tensorflow import value_statistics
from dsbuilder.targets import Value


@dataclass(frozen=True, kw_only=True)
class Units:
    """What the numbers of a value are measured in while they are learnt.

    Attributes:
      mean, deviation: of each number over the train split; the deviation is above 0.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def restored(self, numbers: Any) -> Any:
        """Adds the layer that takes standardised numbers `(N, size)` to their own units."""
        scale, offset = list(self.deviation), list(self.mean)
        return keras.layers.Rescaling(scale, offset=offset, name="units", dtype="float32")(numbers)

    def to_json(self) -> dict[str, list[float]]:
        """Returns the units as JSON values."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Returns the units that `to_json` wrote."""
        return cls(mean=tuple(data["mean"]), deviation=tuple(data["deviation"]))


def units_of(dataset: Dataset, learnt: SampleSpec) -> Units | None:
    """Returns the units of what is learnt; None where that is no value.

    Args:
      learnt: the signature with its one target.
    """
    ((name, target),) = learnt.targets.items()
    if not isinstance(target, Value):
        return None
    mean, deviation = value_statistics(dataset, name)
    return Units(mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()))


@keras.saving.register_keras_serializable(package="dsbuilder")
class StandardSquaredError(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """The mean squared error of numbers, in units of each one's deviation."""

    def __init__(self, deviation: list[float], **options: Any) -> None:
        super().__init__(**options)
        self._deviation = [float(each) for each in deviation]

    def call(self, truth: Any, numbers: Any) -> Any:
        """Returns the error of each sample, `(N,)`, from numbers `(N, size)`."""
        same = keras.ops.reshape(keras.ops.cast(truth, numbers.dtype), keras.ops.shape(numbers))
        deviation = keras.ops.convert_to_tensor(self._deviation, numbers.dtype)
        return keras.ops.mean(keras.ops.square((numbers - same) / deviation), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns what makes it again."""
        return {**super().get_config(), "deviation": self._deviation}
