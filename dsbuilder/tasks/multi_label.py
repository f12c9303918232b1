"""Several classes of one sample, each by itself: sigmoids, and average precision over a ranking."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import Metric, MultiLabel, Target
from dsbuilder.tasks import intervals
from dsbuilder.tasks.classify import f1_scores
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.keras_losses import EACH_CLASS
from dsbuilder.tasks.task import (
    Answer,
    Evaluation,
    Judgment,
    ScoreTable,
    Shape,
    Task,
    logit_of_mean,
    ranked,
    scored,
)

_SCORES = ("precision", "recall", "f1", "average_precision")


@dataclass(frozen=True, kw_only=True)
class Agreement(Metric):
    """The share of (sample, class) that are right: said where the probability is over a half."""

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns the share of classes that each sample rightly has or has not, `(B, 1)`."""
        right = ops.equal(truth >= 0.5, outputs > 0)
        return ops.mean(ops.where(right, 1.0, 0.0), axis=-1, keepdims=True)


@dataclass(frozen=True, kw_only=True)
class MeanAveragePrecision(Metric):
    """The mean over classes of average precision; not a number if no sample has any class."""

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns the truth of each sample beside its logits, `(B, 2 num_classes)`."""
        return ops.concatenate([ops.where(truth >= 0.5, 1.0, 0.0), outputs], axis=-1)

    def result(self, rows: np.ndarray) -> float:
        """Returns the mean of the classes that some sample has."""
        present, logits = np.split(rows, 2, axis=1)
        found = map(average_precision, present.T > 0, logits.T)
        known = [each for each in found if each is not None]
        return float(np.mean(known)) if known else float("nan")


def average_precision(present: np.ndarray, scores: np.ndarray) -> float | None:
    """Returns the mean precision at each sample that is present; None if none is.

    Samples of one score are found together.

    Args:
      present: bool `(N,)`.
      scores: `(N,)`, higher where a sample is held to be present.
    """
    if not present.any():
        return None
    order = np.argsort(-scores, kind="stable")
    hits, sorted_scores = np.cumsum(present[order]), scores[order]
    ends = np.flatnonzero(np.append(sorted_scores[1:] != sorted_scores[:-1], True))
    gained = np.diff(hits[ends], prepend=0)
    return float((gained * hits[ends] / (ends + 1)).sum() / hits[-1])


@dataclass(frozen=True, kw_only=True)
class LabelScore:
    """How well one of several classes is recognized.

    Attributes:
      name: name of the class.
      samples: number of samples that have it.
      precision: share of the samples it was said of that have it; 0 if there are none.
      recall: share of the samples that have it of which it was said; 0 if there are none.
      f1: harmonic mean of both; 0 if both are 0.
      average_precision: mean precision over the ranks at which samples that have it stand; None
        if there are none.
      intervals: where each of these lies with 95 %, by its name.
    """

    name: str
    samples: int
    precision: float
    recall: float
    f1: float
    average_precision: float | None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MultiLabelEvaluation(Evaluation):
    """A model of several classes; one is said of a sample where its probability is over a half.

    Attributes:
      accuracy: share of (sample, class) that are right.
      macro_f1: mean F1 of the classes.
      mean_average_precision: mean over the classes that some sample has; None if there are none.
      classes: scores by class, in id order.
    """

    kind: ClassVar[str] = MultiLabel.kind
    accuracy: float
    macro_f1: float
    mean_average_precision: float | None
    classes: tuple[LabelScore, ...]


@dataclass(frozen=True, kw_only=True)
class ClassifyMultiLabel(Task):
    """Learns which of several classes a sample has, each by itself."""

    learns: ClassVar[type[Target]] = MultiLabel
    headline: ClassVar[str] = "accuracy"
    takes: ClassVar[frozenset[str]] = frozenset({"threshold"})
    column: ClassVar[str] = "classes"
    averages: ClassVar[bool] = True
    mirrors: ClassVar[bool] = True

    exclusive: ClassVar[bool | None] = False

    target: MultiLabel

    @property
    def outputs(self) -> Shape:
        """A logit of each class."""
        return (len(self.target.names),)

    def loss(self) -> Any:
        """Cross-entropy of each class by itself, from logits."""
        import keras

        return keras.losses.BinaryCrossentropy(from_logits=True)

    @property
    def keras_losses(self) -> frozenset[str]:
        """Those of each class by itself."""
        return EACH_CLASS

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The share that is right, and the mean over classes of average precision."""
        return {"accuracy": Agreement(), "mean_average_precision": MeanAveragePrecision()}

    def keep(self, truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Returns truth and logits, float32 `(B, 2, num_classes)`."""
        return np.stack([truth, outputs], axis=1)

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> MultiLabelEvaluation:
        """Returns accuracy, average precision, and scores by class."""
        present, logits = kept[:, 0] >= 0.5, kept[:, 1]
        *of_f1, of_macro_f1 = _f1_intervals(present, logits > 0)
        *of_precision, of_mean = _precision_intervals(present, logits)
        (of_accuracy,) = intervals.of_means((present == (logits > 0)).mean(axis=1, keepdims=True))
        classes = tuple(_scores(self.target.names, present, logits, of_f1, of_precision))
        return MultiLabelEvaluation(
            macro_f1=float(np.mean([each.f1 for each in classes])),
            classes=classes,
            intervals=intervals.known(
                accuracy=of_accuracy, macro_f1=of_macro_f1, mean_average_precision=of_mean
            ),
            **numbers,
        )

    def answer(self, outputs: np.ndarray, *, threshold: float) -> Answer:
        """Returns the classes whose probability is over the threshold, the most probable first."""
        probabilities = np.exp(-np.logaddexp(0, -outputs.astype(np.float64)))
        scores = ranked(self.target.names, probabilities)
        return Answer([name for name, probability in scores if probability > threshold], scores)

    def averaged(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the logit of the mean probability."""
        return logit_of_mean(outputs)

    def judge(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the true classes beside those over a half; right are those that are equal.

        The confidence is that in the class of which the model is least sure.
        """
        has, says = truth >= 0.5, outputs > 0
        sure = np.exp(-np.logaddexp(0, -np.abs(outputs.astype(np.float64)))).min(axis=1)
        for one, two, probability in zip(has, says, sure.tolist(), strict=True):
            yield Judgment(
                self._named(one), self._named(two), probability, bool((one == two).all())
            )

    def _named(self, present: np.ndarray) -> list[str]:
        return [name for name, has in zip(self.target.names, present, strict=True) if has]

    @classmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns a row for each class."""
        return ScoreTable(
            headings=("", "precision", "recall", "F1", "average precision", "samples"),
            rows=[
                [each["name"], *(scored(each, key) for key in _SCORES), str(each["samples"])]
                for each in evaluation["classes"]
            ],
            summary=(
                f"accuracy {scored(evaluation, 'accuracy')} of {evaluation['samples']} samples, "
                f"mean F1 {scored(evaluation, 'macro_f1')}, "
                f"mean average precision {scored(evaluation, 'mean_average_precision')}"
            ),
        )

    @classmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns one cell that names the classes with their probabilities."""
        named = [one for one in prediction["classes"] if one["name"] in prediction["value"]]
        return [", ".join(f"{one['name']} {one['probability']:.3f}" for one in named) or "none"]


def _scores(
    names: Sequence[str],
    present: np.ndarray,
    logits: np.ndarray,
    of_f1: Sequence[Interval | None],
    of_precision: Sequence[Interval | None],
) -> Iterator[LabelScore]:
    for index, name in enumerate(names):
        has, said = present[:, index], logits[:, index] > 0
        hits, found, samples = int((has & said).sum()), int(said.sum()), int(has.sum())
        yield LabelScore(
            name=name,
            samples=samples,
            precision=hits / found if found else 0.0,
            recall=hits / samples if samples else 0.0,
            f1=2 * hits / (found + samples) if hits else 0.0,
            average_precision=average_precision(has, logits[:, index]),
            intervals=intervals.known(
                precision=intervals.wilson(hits, found),
                recall=intervals.wilson(hits, samples),
                f1=of_f1[index],
                average_precision=of_precision[index],
            ),
        )


def _f1_intervals(present: np.ndarray, said: np.ndarray) -> list[Interval | None]:
    """Returns the interval of each class's F1, and behind them that of their mean."""
    has, says = present.astype(np.float64), said.astype(np.float64)
    return intervals.bootstrap(
        lambda drawn: f1_scores(drawn @ (has * says), drawn @ says, drawn @ has),
        len(has),
        cost=has.shape[1],
    )


def _precision_intervals(present: np.ndarray, logits: np.ndarray) -> list[Interval | None]:
    """Returns the interval of each class's average precision, and behind them of their mean."""
    rankings = [_Ranking(has, scores) for has, scores in zip(present.T, logits.T, strict=True)]

    def drawn_precisions(drawn: np.ndarray) -> np.ndarray:
        return intervals.with_mean(
            np.stack([each.average_precisions(drawn) for each in rankings], axis=1)
        )

    return intervals.bootstrap(drawn_precisions, len(present), cost=8 * len(rankings))


class _Ranking:
    """Samples in the order of their scores for one class; those of one score are found together."""

    def __init__(self, present: np.ndarray, scores: np.ndarray) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._present = present[self._order].astype(np.float64)
        ordered = scores[self._order]
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))

    def average_precisions(self, drawn: np.ndarray) -> np.ndarray:
        """Returns the average precision of each draw, `(R,)`; see `average_precision`."""
        counts = drawn[:, self._order]
        found = np.cumsum(counts, axis=1)[:, self._ends]
        hits = np.cumsum(counts * self._present, axis=1)[:, self._ends]
        gained = np.diff(hits, prepend=0.0, axis=1)
        precision = hits / np.maximum(found, 1.0)
        scores: np.ndarray = (gained * precision).sum(axis=1) / hits[:, -1]
        return scores
