"""Named points of one object, learnt as numbers: where each is, in shares of the image's sides.

A point that is absent has no place: it counts nothing in the loss and in every score. One that is
hidden has a place, which somebody has estimated, and counts as a visible one does. How far a point
is from where it belongs is told in shares of the image's longer side, so that it means the same in
both directions; as PCK it is the share of points that are near enough: Y. Yang and D. Ramanan,
"Articulated Human Detection with Flexible Mixtures of Parts" (2013), here near by the image's side.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import DataError, Keypoints, Loss, Metric, PointSet, Record, Target
from dsbuilder.tasks import exported, intervals, suspicion
from dsbuilder.tasks.confident_learning import Pruning
from dsbuilder.tasks.evaluation import Evaluation, ScoreTable, scored
from dsbuilder.tasks.exported import ExportedHead
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.keras_losses import APART
from dsbuilder.tasks.suspicion import Suspicion
from dsbuilder.tasks.task import Answer, Judgment, Role, Shape
from dsbuilder.tasks.units import Standardized

NEAR = 0.05
"""How far from its place a point may be to count in PCK, in shares of the image's longer side."""

_SCORES = ("mean_error", "pck")
_EXPORTED = "x and y of each point, in shares of the sides of the image that goes in"


def objects_fault(counts: Sequence[int]) -> str | None:
    """Says that not every sample has one object, whose points can be learnt; None if it has.

    Args:
      counts: number of objects of each sample.
    """
    none, several = sum(n < 1 for n in counts), sum(n > 1 for n in counts)
    if not none + several:
        return None
    return (
        f"expected one object in every sample, whose keypoints can be learnt as numbers, found "
        f"{none} samples with none and {several} with several. Leave these out or crop them to an "
        "object each, or train a model of your own on dsbuilder.load(...).stream('train')."
    )


def objects_of(target: Keypoints, name: str, records: Sequence[Record]) -> list[int]:
    """Returns the number of objects of each record."""
    return [len(target.parse(record.targets[name])) for record in records]


def without_one_object(targets: Mapping[str, Target], records: Sequence[Record]) -> frozenset[str]:
    """Returns the names of keypoints that cannot be learnt, as not every record has one object.

    Records whose label is wrong do not count: a build sets them aside.
    """
    return frozenset(
        name
        for name, target in targets.items()
        if isinstance(target, Keypoints)
        and objects_fault([*_known_objects(target, name, records)]) is not None
    )


def _known_objects(target: Keypoints, name: str, records: Sequence[Record]) -> Iterator[int]:
    for record in records:
        with contextlib.suppress(DataError, KeyError):
            yield len(target.parse(record.targets[name]))


@dataclass(frozen=True, kw_only=True)
class LocatedSquaredError(Loss):
    """The mean squared error of the places that are known, in units of their deviations.

    Attributes:
      deviation: the unit of each number, x and y of each point; empty for their own.
    """

    deviation: tuple[float, ...] = ()

    def compute(self, truth: Any, outputs: Any) -> Any:
        """Returns the error of each sample, `(B,)`, from `(B, k, 3)` and numbers `(B, 2k)`."""
        from keras import ops

        unit = ops.convert_to_tensor(self.deviation or (1.0, 1.0), outputs.dtype)
        places, known = split(truth, ops)
        apart = (paired(outputs, ops) - places) / ops.reshape(unit, (-1, 2))
        return mean_of_known(ops.mean(ops.square(apart), axis=-1), known, ops)


def split(truth: Any, ops: Any) -> tuple[Any, Any]:
    """Returns places `(B, k, 2)`, and 1 `(B, k)` of each that is known, else 0."""
    return truth[..., :2], truth[..., 2]


def paired(outputs: Any, ops: Any) -> Any:
    """Returns what a head yields as places, `(B, k, 2)`."""
    return ops.reshape(outputs, (-1, outputs.shape[-1] // 2, 2))


def mean_of_known(values: Any, known: Any, ops: Any) -> Any:
    """Returns the mean over the known points of each sample, `(B,)`; 0 of one without any."""
    return ops.sum(values * known, axis=-1) / ops.maximum(ops.sum(known, axis=-1), 1.0)


@dataclass(frozen=True, kw_only=True)
class _OfKnown(Metric):
    """A mean over all points that are known.

    Attributes:
      scale: width and height of the image, in shares of its longer side.
    """

    adds_up: ClassVar[bool] = True

    scale: tuple[float, float]

    def distances(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns how far each point is from its place, `(B, k)`."""
        places, _ = split(truth, ops)
        apart = (paired(outputs, ops) - places) * ops.array([self.scale], "float32")
        return ops.sqrt(ops.sum(apart * apart, axis=-1))

    def result(self, rows: np.ndarray) -> float:
        """Returns the mean; not a number where no point is known."""
        total, count = rows.sum(axis=0, dtype=np.float64)
        return float(total / count) if count else float("nan")


@dataclass(frozen=True, kw_only=True)
class MeanDistance(_OfKnown):
    """The mean distance of points from their places."""

    greater_is_better: ClassVar[bool] = False

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns the sum of distances and their number, `(B, 2)`."""
        known = truth[..., 2]
        far = self.distances(truth, outputs, ops)
        return ops.stack([ops.sum(far * known, axis=-1), ops.sum(known, axis=-1)], axis=-1)


@dataclass(frozen=True, kw_only=True)
class CorrectPoints(_OfKnown):
    """The share of points that are not farther than `NEAR` from their places."""

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns the number of those that are near and of all, `(B, 2)`."""
        known = truth[..., 2]
        near = ops.where(self.distances(truth, outputs, ops) <= NEAR, known, 0.0 * known)
        return ops.stack([ops.sum(near, axis=-1), ops.sum(known, axis=-1)], axis=-1)


@dataclass(frozen=True, kw_only=True)
class PointScore:
    """How well one of the points is found.

    Attributes:
      name: name of the point.
      samples: number of samples in which it is known.
      mean_error: mean distance from its place, in shares of the image's longer side; None where it
        is never known, as `pck`.
      pck: share of samples in which it is near its place.
      intervals: where each of these lies with 95 %, by its name.
    """

    name: str
    samples: int
    mean_error: float | None
    pck: float | None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PointsEvaluation(Evaluation):
    """A model of keypoints; its loss is the mean squared error in the units it was learnt in.

    Attributes:
      mean_error: mean distance of all known points from their places, in shares of the image's
        longer side; None without any, as `pck`.
      pck: share of them that are not farther than 0.05 from their places.
      points: scores of each point.
    """

    kind: ClassVar[str] = Keypoints.kind
    mean_error: float | None
    pck: float | None
    points: tuple[PointScore, ...]


@dataclass(frozen=True, kw_only=True)
class Locate(Standardized):
    """Learns where the keypoints of one object are; their own units are shares of the sides."""

    learns: ClassVar[type[Target]] = Keypoints
    headline: ClassVar[str] = "mean_error"
    headline_is_error: ClassVar[bool] = True
    column: ClassVar[str] = "keypoints"
    judged_by: ClassVar[str] = "error"

    target: Keypoints

    @property
    def outputs(self) -> Shape:
        """The x and y of each point."""
        return (2 * len(self.target.names),)

    @property
    def _scale(self) -> tuple[float, float]:
        height, width = self.image.height or 1, self.image.width or 1
        return width / max(height, width), height / max(height, width)

    def loss(self) -> Any:
        """The mean squared error of known places in the units of the train split."""
        return LocatedSquaredError(deviation=self.units.deviation if self.units else ())

    @property
    def keras_losses(self) -> frozenset[str]:
        """Those of one number and another."""
        return APART

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The mean distance, and the share of points that are near their places."""
        return {
            "mean_error": MeanDistance(scale=self._scale),
            "pck": CorrectPoints(scale=self._scale),
        }

    def refusal(self, use: str, role: Role) -> str | None:
        """Refuses metrics, too, which could not leave out absent points."""
        if role == "metric":
            return f"expected a metric of keypoints, found '{use}'. Take mean_error or pck"
        return super().refusal(use, role)

    def batch(self, truth: Any, ops: Any = None) -> Any:
        """Returns the points of the one object as x, y and 1 if it is known, `(B, k, 3)`."""
        if ops is None:
            import tensorflow

            ops = tensorflow
        places = truth["points"][:, 0]
        known = ops.cast(truth["visibility"][:, 0] > 0, places.dtype)
        return ops.stack([places[..., 0], places[..., 1], known], axis=-1)

    def keep(self, truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Returns the distance of each point, and whether it counts, float64 `(B, 2, k)`."""
        far = MeanDistance(scale=self._scale).distances(truth, outputs, np)
        return np.stack([far, truth[..., 2]], axis=1).astype(np.float64)

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> PointsEvaluation:
        """Returns scores over all points and of each."""
        far, known = kept[:, 0], kept[:, 1] > 0
        near = far <= NEAR
        *of_errors, of_error = _intervals(far, known)
        *of_shares, of_pck = _intervals(near.astype(np.float64), known)
        points = tuple(
            PointScore(
                name=name,
                samples=int(known[:, place].sum()),
                mean_error=_mean(far[known[:, place], place]),
                pck=_mean(near[known[:, place], place]),
                intervals=intervals.known(mean_error=of_errors[place], pck=of_shares[place]),
            )
            for place, name in enumerate(self.target.names)
        )
        found = intervals.known(mean_error=of_error, pck=of_pck)
        return PointsEvaluation(points=points, intervals=found, **numbers)

    def answer(self, outputs: np.ndarray) -> Answer:
        """Returns the points of one object, none beyond the image."""
        points = np.clip(outputs.astype(np.float32), 0, 1).reshape(1, -1, 2)
        return Answer(PointSet(points=points, visibility=np.full(points.shape[:2], 2, np.int64)))

    @property
    def exported(self) -> ExportedHead:
        """The points."""
        deviation = self.units.deviation if self.units else ()
        return exported.points(_EXPORTED, self.target.names, deviation)

    def told(self, value: PointSet) -> dict[str, list[float] | None]:
        """Returns [x, y] of each point by its name; None of one that is absent."""
        (points,), (seen,) = value.points, value.visibility.tolist()
        places = ([float(str(each)) for each in point] for point in points.astype(np.float32))
        named = zip(self.target.names, places, seen, strict=True)
        return {name: place if known else None for name, place, known in named}

    def judge(self, truth: Any, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the true points beside those found, with their mean distance."""
        points, seen = truth["points"][:, 0], truth["visibility"][:, 0]
        kept = self.keep(np.concatenate([points, (seen > 0)[..., None]], axis=-1), outputs)
        for place, (far, known) in enumerate(kept):
            here = slice(place, place + 1)
            true = PointSet(points=points[here], visibility=seen[here])
            found = self.answer(outputs[place]).value
            error = _mean(far[known > 0])
            yield Judgment(self.told(true), self.told(found), None, error)

    def suspicion(
        self, judged: Sequence[Judgment], probabilities: np.ndarray, pruning: Pruning
    ) -> Suspicion:
        """Returns keypoints whose distance is an outlier."""
        truths, errors = [each.truth for each in judged], [each.score for each in judged]
        return suspicion.of_errors(truths, errors, "mean distance")

    @classmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns a row for each point."""
        return ScoreTable(
            headings=("", "mean error", f"within {NEAR:g}", "samples"),
            rows=[
                [
                    each["name"],
                    scored(each, "mean_error"),
                    scored(each, "pck"),
                    f"{each['samples']}",
                ]
                for each in evaluation["points"]
            ],
            summary=(
                f"mean error {scored(evaluation, 'mean_error')} of the image's longer side, "
                f"within {NEAR:g} {scored(evaluation, 'pck')}, of {evaluation['samples']} samples"
            ),
        )

    @classmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns one cell that names the points with their places."""
        named = (
            f"{name} {'outside' if place is None else '{:.3f}, {:.3f}'.format(*place)}"
            for name, place in prediction["value"].items()
        )
        return ["; ".join(named)]


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _intervals(values: np.ndarray, known: np.ndarray) -> list[Interval | None]:
    """Returns the interval of the mean of each point's known values, then of that over all.

    Args:
      values: float64 `(N, k)`.
      known: bool `(N, k)`.
    """
    counted = np.where(known, values, 0.0)

    def means(drawn: np.ndarray) -> np.ndarray:
        sums, counts = drawn @ counted, drawn @ known
        whole = sums.sum(axis=1) / counts.sum(axis=1)
        return np.column_stack([sums / counts, whole])

    return intervals.bootstrap(means, len(values), cost=2 * values.shape[1])
