"""Any number of classes: a weight in [0, 1] for each, 0 or 1 until samples are mixed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.batches import weighted_sum
from dsbuilder.errors import DataError
from dsbuilder.sample import Feature, Target
from dsbuilder.targets.naming import check_names, id_of, out_of_range, weights_of

_PRESENT = 0.5


@dataclass(frozen=True, kw_only=True)
class MultiLabel(Target):
    """Which of some classes a sample has: float32 `(num_classes,)`, 0 or 1, between once mixed.

    Stored are the weights as `labels_weights` and, for readers that know class ids alone, as
    `labels` the ids of those that weigh a half or more; a stream yields the weights.

    Attributes:
      names: class names in id order.
    """

    kind: ClassVar[str] = "multi_label"
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_names(self.names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names."""
        return self.names

    def parse(self, raw: Any) -> np.ndarray:
        """Returns the weights of a list of class names, or of weights by class name."""
        if isinstance(raw, Mapping):
            return weights_of(self.names, raw)
        if not isinstance(raw, (list, tuple)):
            raise DataError(f"expected a list of class names, found {type(raw).__name__} {raw!r}.")
        weights = np.zeros(len(self.names), np.float32)
        weights[[id_of(self.names, name) for name in raw]] = 1.0
        return weights

    def raw(self, value: np.ndarray) -> Any:
        """Returns the names of the classes; of weights between 0 and 1 these, by name."""
        weights = dict(zip(self.names, np.asarray(value, np.float32).tolist(), strict=True))
        if set(weights.values()) <= {0.0, 1.0}:
            return [name for name, weight in weights.items() if weight]
        return weights

    def features(self, name: str) -> dict[str, Feature]:
        """`name`: the class ids, of any number; `name_weights`: a weight for every class."""
        return {
            name: Feature(kind="class", dtype="int64", shape=(None,), names=self.names),
            f"{name}_weights": Feature(kind="tensor", dtype="float32", shape=(len(self.names),)),
        }

    def encode(self, name: str, value: np.ndarray) -> dict[str, Any]:
        """Returns the ids of what weighs a half or more, ascending, and the weights."""
        ids = np.flatnonzero(value >= _PRESENT).astype(np.int64)
        return {name: ids, f"{name}_weights": np.asarray(value, np.float32)}

    def decode(self, name: str, features: Mapping[str, Any]) -> np.ndarray:
        """Returns the weights."""
        weights = np.asarray(features[f"{name}_weights"], np.float32)
        return weights.reshape(len(self.names))

    def streamed(self, name: str) -> tuple[str, ...]:
        """The weights."""
        return (f"{name}_weights",)

    def show(self, value: np.ndarray) -> str:
        """The names of the classes, a weight beside what is not whole; `none` if there are none."""
        shown = [
            name if weight == 1 else f"{name} {weight:.2f}"
            for name, weight in zip(self.names, value.tolist(), strict=True)
            if weight > 0
        ]
        return ", ".join(shown) or "none"

    def classes(self, value: np.ndarray) -> list[str]:
        """Each class that weighs a half or more, once."""
        return [self.names[number] for number in np.flatnonzero(value >= _PRESENT)]

    def stated(self, raw: Any) -> list[str]:
        """Each class, once; of weights those of a half or more."""
        if isinstance(raw, Mapping):
            return sorted(str(name) for name, weight in raw.items() if weight >= _PRESENT)
        return sorted({str(name) for name in raw})

    def problem(self, name: str, features: Mapping[str, Any]) -> str | None:
        """Says of ids that are no class, and of weights outside [0, 1]."""
        weights = self.decode(name, features)
        if not ((weights >= 0) & (weights <= 1)).all():
            return f"expected weights in [0, 1], found {weights.min():g} to {weights.max():g}"
        return out_of_range(list(features[name]), self.names)

    def mixed(self) -> "MultiLabel":
        """The same: weights can be any in [0, 1]."""
        return self

    def mix(self, values: Sequence[Any], weights: Sequence[float]) -> np.ndarray:
        """Returns the weighted sum of the class weights, float32 `(num_classes,)`."""
        pairs = zip(values, weights, strict=True)
        total = sum(weight * np.asarray(value, np.float64) for value, weight in pairs)
        return np.asarray(total).astype(np.float32)

    def mix_batch(self, columns: Sequence[Any], weights: Any, ops: Any) -> Any:
        """Returns the weighted sum of the values, float32 `(B, ...)`."""
        return weighted_sum(columns, weights, ops)

    def __str__(self) -> str:
        return f"any of {len(self.names)} classes"
