"""One number or several, such as a price, an angle or a pose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.batches import weighted_sum
from dsbuilder.errors import DataError
from dsbuilder.sample import Feature, Target
from dsbuilder.targets.number import is_number


@dataclass(frozen=True, kw_only=True)
class Value(Target):
    """Numbers, float32 `()` or `(size,)`.

    Attributes:
      size: number of numbers, 1 or more; 0 for a single one that is no list.
    """

    kind: ClassVar[str] = "value"
    size: int = 0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise DataError(f"expected a size of 0 or more, found {self.size}.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a value."""
        return (self.size,) if self.size else ()

    def parse(self, raw: Any) -> np.ndarray:
        """Returns a number, or a list of `size` numbers, all finite."""
        if self.size and not (isinstance(raw, (list, tuple)) and len(raw) == self.size):
            raise DataError(f"expected a list of {self.size} numbers, found {raw!r}.")
        for number in raw if self.size else [raw]:
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise DataError(f"expected a number, found {type(number).__name__} {number!r}.")
            if not _fits(number):
                raise DataError(f"expected a finite number within float32, found {number}.")
        return np.array(raw, np.float32)

    def raw(self, value: np.ndarray) -> Any:
        """Returns the number, or the list of numbers."""
        return np.asarray(value, np.float32).tolist()

    def features(self, name: str) -> dict[str, Feature]:
        """`name`: the numbers."""
        return {name: Feature(kind="tensor", dtype="float32", shape=self.shape)}

    def encode(self, name: str, value: np.ndarray) -> dict[str, Any]:
        """Returns the numbers."""
        return {name: np.asarray(value, np.float32)}

    def decode(self, name: str, features: Mapping[str, Any]) -> np.ndarray:
        """Returns the numbers."""
        return np.asarray(features[name], np.float32).reshape(self.shape)

    def streamed(self, name: str) -> tuple[str, ...]:
        """The numbers."""
        return (name,)

    def show(self, value: np.ndarray) -> str:
        """The numbers, to four digits."""
        return ", ".join(f"{number:.4g}" for number in np.asarray(value).reshape(-1).tolist())

    def problem(self, name: str, features: Mapping[str, Any]) -> str | None:
        """Says of numbers that are not finite."""
        value = self.decode(name, features)
        return None if np.isfinite(value).all() else f"expected finite numbers, found {value}"

    def mixed(self) -> "Value":
        """The same."""
        return self

    def mix(self, values: Sequence[Any], weights: Sequence[float]) -> np.ndarray:
        """Returns the weighted mean, float32."""
        pairs = zip(values, weights, strict=True)
        total = sum(weight * np.asarray(value, np.float64) for value, weight in pairs)
        return np.asarray(total, np.float32)

    def mix_batch(self, columns: Sequence[Any], weights: Any, ops: Any) -> Any:
        """Returns the weighted sum of the values, float32 `(B, ...)`."""
        return weighted_sum(columns, weights, ops)

    def __str__(self) -> str:
        return f"{self.size} numbers" if self.size else "number"


def _fits(number: float) -> bool:
    return is_number(number) and abs(number) <= float(np.finfo(np.float32).max)
