"""One class of several: an id, or after mixing a weight for every class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from dsbuilder.batches import weighted_sum
from dsbuilder.errors import DataError
from dsbuilder.sample import Feature, Target
from dsbuilder.targets.naming import check_ids, check_names, id_of, out_of_range, weights_of


@dataclass(frozen=True, kw_only=True)
class ClassLabel(Target):
    """A class id in [0, num_classes), or soft: float32 `(num_classes,)` weights that sum to 1.

    A soft target stores both `label` (the dominant class) and `label_weights`, so readers that know
    only class ids still open the dataset; the stream yields the weights.

    Attributes:
      names: class names in id order.
      soft: whether values are weights; a plain id is then its one-hot vector.
    """

    kind: ClassVar[str] = "class"
    names: tuple[str, ...]
    soft: bool = False

    def __post_init__(self) -> None:
        check_names(self.names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names."""
        return self.names

    def parse(self, raw: Any) -> int | np.ndarray:
        """Returns the id of a class name; where soft also the weights of weights by class name."""
        if self.soft and isinstance(raw, Mapping):
            weights = weights_of(self.names, raw)
            problem = _not_one(weights)
            if problem:
                raise DataError(f"{problem}.")
            return weights
        return id_of(self.names, raw)

    def raw(self, value: int | np.ndarray) -> Any:
        """Returns the name of the class; of weights these, by name."""
        if isinstance(value, (int, np.integer)):
            return self.names[int(value)]
        return dict(zip(self.names, np.asarray(value, np.float32).tolist(), strict=True))

    def features(self, name: str) -> dict[str, Feature]:
        """`name`: the class id; where soft also `name_weights`."""
        stored = {name: Feature(kind="class", dtype="int64", names=self.names)}
        if self.soft:
            shape = (len(self.names),)
            stored[f"{name}_weights"] = Feature(kind="tensor", dtype="float32", shape=shape)
        return stored

    def encode(self, name: str, value: int | np.ndarray) -> dict[str, Any]:
        """Takes an id or weights; ties in the dominant class go to the lower id."""
        if not self.soft:
            return {name: int(value)}
        weights = self.weights(value)
        return {name: int(weights.argmax()), f"{name}_weights": weights}

    def decode(self, name: str, features: Mapping[str, Any]) -> int | np.ndarray:
        """Returns the id, or where soft the weights.

        Raises:
          ValueError: the id is of no class.
        """
        if self.soft:
            return np.asarray(features[f"{name}_weights"], np.float32)
        number = int(np.asarray(features[name]).item())
        check_ids([number], self.names)
        return number

    def streamed(self, name: str) -> tuple[str, ...]:
        """The weights where soft, else the id."""
        return (f"{name}_weights" if self.soft else name,)

    def show(self, value: int | np.ndarray) -> str:
        """The class name; of weights, the two largest with their shares."""
        if isinstance(value, (int, np.integer)):
            return self.names[int(value)]
        order = np.argsort(-value, kind="stable")[:2]
        return " + ".join(f"{self.names[i]} {value[i]:.2f}" for i in order if value[i] > 0)

    def classes(self, value: int | np.ndarray) -> tuple[str, ...]:
        """The class; of weights the dominant one."""
        plain = isinstance(value, (int, np.integer))
        return (self.names[int(value if plain else np.argmax(value))],)

    def stated(self, raw: Any) -> tuple[str, ...]:
        """The class; of weights the dominant one."""
        dominant = max(raw, key=lambda name: raw[name]) if isinstance(raw, Mapping) else raw
        return (str(dominant),)

    def problem(self, name: str, features: Mapping[str, Any]) -> str | None:
        """Says of an id that is no class, and of weights that do not sum to 1."""
        problem = out_of_range([int(np.asarray(features[name]).item())], self.names)
        if problem or not self.soft:
            return problem
        weights = np.asarray(features[f"{name}_weights"])
        if weights.shape != (len(self.names),):
            return f"expected {len(self.names)} weights, found {weights.size}"
        return _not_one(weights)

    def mixed(self) -> "ClassLabel":
        """The same classes, soft."""
        return replace(self, soft=True)

    def mix(self, values: Sequence[Any], weights: Sequence[float]) -> np.ndarray:
        """Returns the weighted sum of the class weights, float32 `(num_classes,)`."""
        total = np.zeros(len(self.names), np.float64)
        for value, weight in zip(values, weights, strict=True):
            total += weight * self.weights(value)
        return total.astype(np.float32)

    def mix_batch(self, columns: Sequence[Any], weights: Any, ops: Any) -> Any:
        """Returns the weighted sum of ids `(B,)` or weights, float32 `(B, num_classes)`."""
        known = [
            each if len(each.shape) > 1 else ops.one_hot(each, len(self.names), dtype="float32")
            for each in columns
        ]
        return weighted_sum(known, weights, ops)

    def weights(self, value: int | np.ndarray) -> np.ndarray:
        """Returns a value as float32 `(num_classes,)` weights."""
        if isinstance(value, (int, np.integer)):
            one_hot = np.zeros(len(self.names), np.float32)
            one_hot[int(value)] = 1.0
            return one_hot
        return np.asarray(value, np.float32)

    def __str__(self) -> str:
        return f"{'soft class' if self.soft else 'class'} of {len(self.names)}"


def _not_one(weights: np.ndarray) -> str | None:
    """Says of weights that do not sum to 1."""
    total = float(weights.sum())
    if (weights >= 0).all() and abs(total - 1.0) <= 1e-3:
        return None
    return f"expected weights that sum to 1, found a sum of {total:g}"
