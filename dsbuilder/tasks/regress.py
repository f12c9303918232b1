"""Numbers, learnt standardized and given back in their own units; see `units.py`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import Loss, Metric, Target, Value
from dsbuilder.tasks import intervals
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.keras_losses import DIRECTIONS, NUMBERS
from dsbuilder.tasks.task import (
    Answer,
    Evaluation,
    Judgment,
    ScoreTable,
    Shape,
    scored,
)
from dsbuilder.tasks.units import Standardized


@dataclass(frozen=True, kw_only=True)
class StandardSquaredError(Loss):
    """The mean squared error of numbers, in units of each one's deviation.

    Attributes:
      deviation: the unit of each number; empty for their own.
    """

    deviation: tuple[float, ...] = ()

    def compute(self, truth: Any, outputs: Any) -> Any:
        """Returns the error of each sample, `(B,)`, from numbers `(B, size)`."""
        from keras import ops

        same = ops.reshape(ops.cast(truth, outputs.dtype), ops.shape(outputs))
        deviation = ops.convert_to_tensor(self.deviation or (1.0,), outputs.dtype)
        return ops.mean(ops.square((outputs - same) / deviation), axis=-1)


@dataclass(frozen=True, kw_only=True)
class MeanAbsoluteError(Metric):
    """The mean absolute error over all numbers, in their own units."""

    greater_is_better: ClassVar[bool] = False

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns the mean absolute error of each sample, `(B, 1)`."""
        same = ops.reshape(truth, ops.shape(outputs))
        return ops.mean(ops.abs(outputs - same), axis=-1, keepdims=True)


@dataclass(frozen=True, kw_only=True)
class ValueEvaluation(Evaluation):
    """A model of numbers; its loss is the mean squared error in the units it was learnt in.

    Attributes:
      mean_absolute_error: mean over all numbers, in their own units, as is `by_number`.
      r2: share of the numbers' variance that the model explains, at most 1; None if there is none.
      by_number: mean absolute error of each number.
      by_number_intervals: where each of these lies with 95 %; None where it is not known.
    """

    kind: ClassVar[str] = Value.kind
    mean_absolute_error: float
    r2: float | None
    by_number: tuple[float, ...]
    by_number_intervals: tuple[Interval | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Regress(Standardized):
    """Learns a number, or several."""

    learns: ClassVar[type[Target]] = Value
    headline: ClassVar[str] = "mean_absolute_error"
    column: ClassVar[str] = "value"
    judged_by: ClassVar[str] = "error"
    averages: ClassVar[bool] = True

    target: Value

    @property
    def outputs(self) -> Shape:
        """The numbers; one of a single number that is no list."""
        return (self.target.size or 1,)

    def loss(self) -> Any:
        """The mean squared error in the units of the train split."""
        return StandardSquaredError(deviation=self.units.deviation if self.units else ())

    @property
    def keras_losses(self) -> frozenset[str]:
        """Those of numbers; of several also what compares directions."""
        return NUMBERS | DIRECTIONS if (self.target.size or 1) > 1 else NUMBERS

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The mean absolute error."""
        return {"mean_absolute_error": MeanAbsoluteError()}

    def keep(self, truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Returns what is true and what was found, float64 `(B, 2, size)`."""
        same = truth.reshape(outputs.shape)
        return np.stack([same, outputs], axis=1).astype(np.float64)

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> ValueEvaluation:
        """Returns errors over all numbers and of each."""
        truth, found = kept[:, 0], kept[:, 1]
        errors = found - truth
        varies = bool((truth != truth[0]).any())
        variance = float(((truth - truth.mean(axis=0)) ** 2).sum())
        apart = np.abs(errors)
        *of_each, of_mean = intervals.of_means(np.column_stack([apart, apart.mean(axis=1)]))
        of_r2 = _r2_interval(truth, errors) if varies else None
        return ValueEvaluation(
            r2=1 - float((errors**2).sum()) / variance if varies else None,
            by_number=tuple(apart.mean(axis=0).tolist()),
            by_number_intervals=tuple(of_each),
            intervals=intervals.known(mean_absolute_error=of_mean, r2=of_r2),
            **numbers,
        )

    def answer(self, outputs: np.ndarray, *, threshold: float) -> Answer:
        """Returns the number, or a list where the target is one."""
        found = [float(str(number)) for number in outputs.astype(np.float32)]
        return Answer(found if self.target.size else found[0])

    def judge(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the true numbers beside those found, with their mean absolute error."""
        same = truth.reshape(outputs.shape)
        for one, two in zip(same, outputs, strict=True):
            error = float(np.abs(one.astype(np.float64) - two).mean())
            true, found = (self.answer(each, threshold=0.5).value for each in (one, two))
            yield Judgment(true, found, None, error)

    @classmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns a row for each number where there are several."""
        errors = evaluation["by_number"]
        apart = evaluation.get("by_number_intervals") or [None] * len(errors)
        rows = [
            [str(place), intervals.shown(error, interval, ".4g")]
            for place, (error, interval) in enumerate(zip(errors, apart, strict=True))
        ]
        return ScoreTable(
            headings=("", "mean absolute error"),
            rows=rows if len(rows) > 1 else [],
            summary=(
                f"mean absolute error {scored(evaluation, 'mean_absolute_error', '.4g')} of "
                f"{evaluation['samples']} samples, R2 {scored(evaluation, 'r2')}"
            ),
        )

    @classmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns a cell for each number."""
        value = prediction["value"]
        return [f"{each:.6g}" for each in (value if isinstance(value, list) else [value])]


def _r2_interval(truth: np.ndarray, errors: np.ndarray) -> Interval | None:
    """Returns the interval of the share of variance that is explained.

    Args:
      truth, errors: `(N, size)`.
    """
    centered = truth - truth.mean(axis=0)  # or what is subtracted below would cancel out
    squares = np.column_stack([(errors**2).sum(axis=1), (centered**2).sum(axis=1)])

    def shares(drawn: np.ndarray) -> np.ndarray:
        wrong, total = np.split(drawn @ squares, 2, axis=1)
        moved = ((drawn @ centered) ** 2).sum(axis=1, keepdims=True) / len(truth)
        return 1 - wrong / np.where(total > moved, total - moved, np.nan)

    (found,) = intervals.bootstrap(shares, len(truth), cost=truth.shape[1])
    return found
