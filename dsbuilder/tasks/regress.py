"""Numbers, learnt standardized and given back in their own units; see `units.py`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import Loss, Metric, Target, Value
from dsbuilder.tasks import exported, intervals, suspicion
from dsbuilder.tasks.charts import MOST_LINES, residuals_chart
from dsbuilder.tasks.confident_learning import Pruning
from dsbuilder.tasks.evaluation import Evaluation, ScoreTable, scored
from dsbuilder.tasks.exported import ExportedHead
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.keras_losses import DIRECTIONS, NUMBERS
from dsbuilder.tasks.suspicion import Suspicion
from dsbuilder.tasks.task import Answer, Judgment, Shape
from dsbuilder.tasks.units import Standardized

_ERRORS = ("mean_absolute_error", "mean_residual", "root_mean_squared_error")
_OF_EACH = (*_ERRORS, "r2")


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
class NumberScore:
    """How well one of the numbers is found, in its own unit.

    Attributes:
      name: its place, from 0; empty of a single number.
      mean_absolute_error: mean of what it is off.
      root_mean_squared_error: root of the mean square of what it is off.
      mean_residual: mean of what was found less what is true: above 0 where too much is found.
      r2: share of its variance that the model explains, at most 1; None if it does not vary.
      intervals: where each of these lies with 95 %, by its name.
    """

    name: str
    mean_absolute_error: float
    root_mean_squared_error: float
    mean_residual: float
    r2: float | None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ValueEvaluation(Evaluation):
    """A model of numbers; its loss is the mean squared error in the units it was learnt in.

    Attributes:
      mean_absolute_error: mean over all numbers, in their own units.
      r2: mean over the numbers of the share of each one's variance that the model explains, so that
        none that is found badly hides behind one of a larger unit; None if none varies.
      numbers: scores of each number.
    """

    kind: ClassVar[str] = Value.kind
    mean_absolute_error: float
    r2: float | None
    numbers: tuple[NumberScore, ...]


@dataclass(frozen=True, kw_only=True)
class Regress(Standardized):
    """Learns a number, or several."""

    learns: ClassVar[type[Target]] = Value
    headline: ClassVar[str] = "mean_absolute_error"
    headline_is_error: ClassVar[bool] = True
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
        varies = (truth != truth[0]).any(axis=0)
        scores, between = _scores(truth, errors, varies)
        names = [str(place) for place in range(len(varies))] if self.target.size else [""]
        known = scores[-1][varies]
        return ValueEvaluation(
            **numbers,
            r2=float(known.mean()) if varies.any() else None,
            numbers=tuple(
                _number_score(name, scores[:, place].tolist(), between[place :: len(varies)])
                for place, name in enumerate(names)
            ),
            intervals=intervals.known(mean_absolute_error=between[-2], r2=between[-1]),
            charts=tuple(map(residuals_chart, names[:MOST_LINES], found.T, errors.T)),
        )

    def answer(self, outputs: np.ndarray) -> Answer:
        """Returns the number, or a list where the target is one."""
        found = [float(str(number)) for number in outputs.astype(np.float32)]
        return Answer(found if self.target.size else found[0])

    @property
    def exported(self) -> ExportedHead:
        """The numbers."""
        deviation = self.units.deviation if self.units else ()
        return exported.numbers("numbers in their own units", deviation)

    def judge(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the true numbers beside those found, with their mean absolute error."""
        same = truth.reshape(outputs.shape)
        for one, two in zip(same, outputs, strict=True):
            error = float(np.abs(one.astype(np.float64) - two).mean())
            true, found = (self.answer(each).value for each in (one, two))
            yield Judgment(true, found, None, error)

    def suspicion(
        self, judged: Sequence[Judgment], probabilities: np.ndarray, pruning: Pruning
    ) -> Suspicion:
        """Returns numbers whose residuals are outliers."""
        return suspicion.of_numbers([e.truth for e in judged], [e.answer for e in judged])

    @classmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns a row for each number where there are several."""
        rows = [
            [
                each["name"],
                *(scored(each, name, ".4g") for name in _ERRORS),
                scored(each, "r2"),
            ]
            for each in evaluation["numbers"]
        ]
        return ScoreTable(
            headings=("", "mean absolute error", "mean residual", "RMSE", "R2"),
            rows=rows,
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


def _number_score(
    name: str, scores: Sequence[float], between: Sequence[Interval | None]
) -> NumberScore:
    found = {n: None if v != v else v for n, v in zip(_OF_EACH, scores, strict=True)}
    known = {n: each for n, each in zip(_OF_EACH, between, strict=False) if found[n] is not None}
    return NumberScore(name=name, **found, intervals=intervals.known(**known))  # type: ignore[arg-type]


def _scores(
    truth: np.ndarray, errors: np.ndarray, varies: np.ndarray
) -> tuple[np.ndarray, list[Interval | None]]:
    """Returns the scores of each number, `(4, size)`, and intervals of these, then of their means.

    Args:
      truth, errors: `(N, size)`.
      varies: bool `(size,)`, which numbers are not the same in all samples; others have no R2.
    """
    centered = truth - truth.mean(axis=0)  # or what is subtracted below would cancel out
    columns = np.concatenate([np.abs(errors), errors, errors**2, centered**2, centered], axis=1)
    samples = len(truth)

    def scores(drawn: np.ndarray) -> np.ndarray:
        sums = np.split(drawn @ columns, 5, axis=1)
        apart, residual, square, variance, mean = (each / samples for each in sums)
        left = variance - mean**2
        r2 = 1 - square / np.where(varies & (left > 0), left, np.nan)
        each = [apart, residual, np.sqrt(square), r2]
        return np.column_stack([*each, apart.mean(axis=1), intervals.with_mean(r2)[:, -1]])

    found = scores(np.ones((1, samples)))[0, :-2].reshape(4, -1)
    return found, intervals.bootstrap(scores, samples, cost=truth.shape[1])
