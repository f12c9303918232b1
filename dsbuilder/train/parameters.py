"""The weights of a model, in numbers: what each is like, and its values for other programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dsbuilder.cache import temporary
from dsbuilder.errors import TrainError

BINS = 20

_TAIL = 0.005
"""Share of values at either end that a histogram counts and does not draw out."""


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How values are distributed, of those that are finite.

    Attributes:
      edges: ends of the bins, one more than there are bins; none without values.
      counts: number of values in each bin.
      below, above: number of values beyond the first and last edge, half a percent each at most.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int
    above: int


@dataclass(frozen=True, kw_only=True)
class WeightStatistics:
    """What a weight is like; numbers are of its finite values, None where it has none.

    Attributes:
      name: path of it in the model, such as `block0_conv/kernel`.
      shape, dtype: shape and dtype of it.
      count: number of its values.
      trainable: whether a training changes it by gradients.
      mean, deviation, least, most: mean, standard deviation, minimum and maximum.
      zeros: share of values that are 0.
      not_finite: number of values that are infinite or no number.
      histogram: distribution of its values.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    count: int
    trainable: bool
    mean: float | None
    deviation: float | None
    least: float | None
    most: float | None
    zeros: float
    not_finite: int
    histogram: Histogram


@dataclass(frozen=True, kw_only=True)
class Weight:
    """A weight of a model.

    Attributes:
      name: path in the model, such as `block0_conv/kernel`; of which no other has one.
      values: values as an array.
      trainable: whether a training changes it by gradients.
    """

    name: str
    values: np.ndarray
    trainable: bool


def weights_of(model: keras.Model) -> Iterator[Weight]:
    """Yields the weights of a model in the order of its layers."""
    times: Counter[str] = Counter()
    for each in model.weights:
        times[each.path] += 1
        name = each.path if times[each.path] == 1 else f"{each.path}:{times[each.path]}"
        values = keras.ops.convert_to_numpy(each.value)
        yield Weight(name=name, values=values, trainable=bool(each.trainable))


def statistics_of(weight: Weight) -> WeightStatistics:
    """Returns what a weight is like."""
    values, finite = weight.values, _finite(weight.values)
    return WeightStatistics(
        name=weight.name,
        shape=tuple(values.shape),
        dtype=str(values.dtype),
        count=values.size,
        trainable=weight.trainable,
        mean=float(finite.mean()) if finite.size else None,
        deviation=float(finite.std()) if finite.size else None,
        least=float(finite.min()) if finite.size else None,
        most=float(finite.max()) if finite.size else None,
        zeros=float((values == 0).mean()) if values.size else 0.0,
        not_finite=values.size - finite.size,
        histogram=histogram_of([values]),
    )


def histogram_of(values: Sequence[np.ndarray]) -> Histogram:
    """Returns how the values of arrays are distributed, all together."""
    finite = np.concatenate([_finite(each) for each in values]) if values else np.empty(0)
    if not finite.size:
        return Histogram(edges=(), counts=(), below=0, above=0)
    low, high = np.quantile(finite, [_TAIL, 1 - _TAIL])
    counts, edges = np.histogram(finite, bins=BINS, range=(low, high))
    return Histogram(
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        below=int((finite < edges[0]).sum()),
        above=int((finite > edges[-1]).sum()),
    )


def _finite(values: np.ndarray) -> np.ndarray:
    flat = values.ravel().astype(np.float64)
    return flat[np.isfinite(flat)]


def write_values(path: Path, weights: Sequence[Weight]) -> None:
    """Writes the values of weights, whole or not at all.

    As `.npz` they are arrays by name. As `.txt` each begins with a line `# name shape dtype`, then
    has a line for each row along its last axis, in digits that read back to the same values.

    Raises:
      TrainError: the name ends in neither, or the file cannot be written.
    """
    if path.suffix not in (".npz", ".txt"):
        raise TrainError(
            f"{path}: expected a file of values that ends in .txt or .npz, found "
            f"'{path.suffix}'. Rename it."
        )
    try:
        with temporary.beside(path) as place:
            whole = place / path.name
            if path.suffix == ".npz":
                arrays: dict[str, Any] = {each.name: each.values for each in weights}
                np.savez(whole, **arrays)
            else:
                with whole.open("w", encoding="utf-8") as file:
                    file.writelines(line for each in weights for line in _lines(each))
            whole.replace(path)
    except OSError as error:
        raise TrainError(
            f"{path}: expected a file that can be written, found that it fails "
            f"({error.strerror or error}). Choose another."
        ) from error


def _lines(weight: Weight) -> Iterator[str]:
    values = np.atleast_1d(weight.values)
    yield f"# {weight.name} {'x'.join(map(str, values.shape))} {values.dtype}\n"
    for row in values.reshape(-1, values.shape[-1]):
        yield " ".join(map(str, row)) + "\n"
