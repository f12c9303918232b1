"""One class of several: softmax, cross-entropy, accuracy, and which class is taken for which."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import ClassLabel, Metric, Target
from dsbuilder.tasks import intervals
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.keras_losses import CLASSES, IDS
from dsbuilder.tasks.task import (
    Answer,
    Confusion,
    Evaluation,
    Judgment,
    ScoreTable,
    Shape,
    Task,
    log_mean,
    ranked,
    scored,
)

_MOST_CONFUSED = 3
_SCORES = ("precision", "recall", "f1")


@dataclass(frozen=True, kw_only=True)
class Accuracy(Metric):
    """The share of samples whose dominant class came out on top; ties go to the lower id."""

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns 1 of each sample that is right, else 0, `(B, 1)`."""
        ids = ops.argmax(truth, axis=-1) if len(truth.shape) > 1 else truth
        right = ops.equal(ids, ops.argmax(outputs, axis=-1))
        return ops.expand_dims(ops.where(right, 1.0, 0.0), -1)


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How well one class is recognized.

    Attributes:
      name: name of the class.
      samples: number of samples that are of it.
      precision: share of what was taken for it that is of it; 0 if nothing was.
      recall: share of its samples that were recognized; 0 if it has none.
      f1: harmonic mean of both; 0 if both are 0.
      intervals: where each of these lies with 95 %, by its name.
    """

    name: str
    samples: int
    precision: float
    recall: float
    f1: float
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClassEvaluation(Evaluation):
    """A model of classes measured on a split.

    Attributes:
      accuracy: share of samples whose dominant class came out on top.
      classes: scores by class, in id order.
      confusion: rows by true class, columns by predicted class, counts.
    """

    kind: ClassVar[str] = ClassLabel.kind
    accuracy: float
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes."""
        return float(np.mean([score.f1 for score in self.classes]))

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation as JSON values."""
        return {**super().to_json(), "macro_f1": self.macro_f1}


@dataclass(frozen=True, kw_only=True)
class Classify(Task):
    """Learns one class of several, or weights that sum to 1 where classes are mixed."""

    learns: ClassVar[type[Target]] = ClassLabel
    headline: ClassVar[str] = "accuracy"
    takes: ClassVar[frozenset[str]] = frozenset({"top"})
    column: ClassVar[str] = "class"
    suits_transfer: ClassVar[bool] = True
    averages: ClassVar[bool] = True
    mirrors: ClassVar[bool] = True
    exclusive: ClassVar[bool | None] = True

    target: ClassLabel

    @property
    def outputs(self) -> Shape:
        """A logit of each class."""
        return (len(self.target.names),)

    def loss(self) -> Any:
        """Cross-entropy from logits: softmax and logarithm in one, which stays finite far out."""
        import keras

        if self.target.soft:
            return keras.losses.CategoricalCrossentropy(from_logits=True)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @property
    def keras_losses(self) -> frozenset[str]:
        """Those of classes that exclude each other; where they are mixed, of no ids."""
        return CLASSES if self.target.soft else CLASSES | IDS

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The accuracy."""
        return {"accuracy": Accuracy()}

    def by_class(self, truth: Any, ops: Any) -> Any:
        """Returns ids as weights of classes."""
        is_soft = len(truth.shape) > 1
        return truth if is_soft else ops.one_hot(truth, len(self.target.names))

    def keep(self, truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Returns the true and the predicted id, int64 `(B, 2)`."""
        ids = truth.argmax(axis=-1) if truth.ndim > 1 else truth
        return np.stack([ids, outputs.argmax(axis=-1)], axis=-1).astype(np.int64)

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> ClassEvaluation:
        """Returns accuracy, scores by class, and the confusion."""
        count = len(self.target.names)
        confusion = np.zeros((count, count), np.int64)
        np.add.at(confusion, (kept[:, 0], kept[:, 1]), 1)
        of_f1, of_macro_f1 = _f1_intervals(confusion)
        right = int(np.trace(confusion))
        return ClassEvaluation(
            classes=tuple(_class_scores(self.target.names, confusion, of_f1)),
            intervals=intervals.known(
                accuracy=intervals.wilson(right, len(kept)), macro_f1=of_macro_f1
            ),
            confusion=tuple(tuple(int(count) for count in row) for row in confusion),
            **numbers,
        )

    def answer(self, outputs: np.ndarray, *, threshold: float) -> Answer:
        """Returns the most probable class, and all with their probabilities."""
        scores = ranked(self.target.names, np.exp(log_softmax(outputs[None])[0]))
        return Answer(scores[0][0], scores)

    def averaged(self, outputs: np.ndarray) -> np.ndarray:
        """Returns logits of the mean probabilities: their logarithms."""
        return log_mean(log_softmax(outputs))

    def judge(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the true class beside the most probable one."""
        names = self.target.names
        ids = truth.argmax(axis=-1) if truth.ndim > 1 else truth
        taken = outputs.argmax(axis=-1)
        probabilities = np.exp(log_softmax(outputs)[np.arange(len(taken)), taken])
        for one, two, probability in zip(ids, taken, probabilities.tolist(), strict=True):
            yield Judgment(names[one], names[two], probability, bool(one == two))

    @classmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns a row for each class, and the most frequent confusions."""
        frequent = [
            f"{count} of '{true}' {'were' if count > 1 else 'was'} taken for '{predicted}'"
            for count, true, predicted in confused(evaluation)[:_MOST_CONFUSED]
        ]
        return ScoreTable(
            headings=("", "precision", "recall", "F1", "samples"),
            rows=[
                [each["name"], *(scored(each, key) for key in _SCORES), str(each["samples"])]
                for each in evaluation["classes"]
            ],
            summary=(
                f"accuracy {scored(evaluation, 'accuracy')} of {evaluation['samples']} samples, "
                f"mean F1 {scored(evaluation, 'macro_f1')}"
            ),
            remarks=frequent,
        )

    @classmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns a cell for each class that was asked for."""
        return [f"{one['name']} {one['probability']:.3f}" for one in prediction["classes"]]

    @classmethod
    def confusion(cls, evaluation: Mapping[str, Any]) -> Confusion:
        """Returns the confusion."""
        names = [each["name"] for each in evaluation["classes"]]
        return Confusion(names=names, counts=evaluation["confusion"])


def confused(evaluation: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Returns (count, true class, predicted class) of all errors, the most frequent first."""
    names = [each["name"] for each in evaluation["classes"]]
    errors = [
        (count, names[true], names[predicted])
        for true, row in enumerate(evaluation["confusion"])
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(errors, key=lambda error: (-error[0], error[1:]))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the logarithms of the probabilities of logits, `(..., num_classes)` float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _class_scores(
    names: Sequence[str], confusion: np.ndarray, of_f1: Sequence[Interval | None]
) -> Iterator[ClassScore]:
    for index, name in enumerate(names):
        hits, samples = int(confusion[index, index]), int(confusion[index].sum())
        found = int(confusion[:, index].sum())
        yield ClassScore(
            name=name,
            samples=samples,
            precision=_share(hits, found),
            recall=_share(hits, samples),
            f1=_share(2 * hits, found + samples),
            intervals=intervals.known(
                precision=intervals.wilson(hits, found),
                recall=intervals.wilson(hits, samples),
                f1=of_f1[index],
            ),
        )


def _f1_intervals(confusion: np.ndarray) -> tuple[list[Interval | None], Interval | None]:
    """Returns the intervals of each class's F1, and of their mean.

    Samples of one cell of the confusion are alike, so how often each cell is drawn says all.
    """
    truth, taken = np.nonzero(confusion)
    counts = confusion[truth, taken]
    size = len(confusion)

    def scores(drawn: np.ndarray) -> np.ndarray:
        right = np.where(truth == taken, drawn, 0.0)
        sums = ((right, truth), (drawn, taken), (drawn, truth))
        return f1_scores(*(_by_class(each, ids, size) for each, ids in sums))

    *classes, mean = intervals.bootstrap(scores, len(truth), cost=3, counts=counts)
    return classes, mean


def _by_class(drawn: np.ndarray, ids: np.ndarray, size: int) -> np.ndarray:
    """Returns how often each class is drawn, `(R, size)`, of cells `(R, K)` with ids `(K,)`."""
    order = np.argsort(ids, kind="stable")
    present, starts = np.unique(ids[order], return_index=True)
    sums = np.zeros((len(drawn), size))
    sums[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return sums


def f1_scores(hits: np.ndarray, found: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Returns F1 of each class, and behind them their mean, `(R, num_classes + 1)`.

    A class that a draw happens to leave out has none in it; one that no draw has counts as 0.

    Args:
      hits, found, samples: `(R, num_classes)`, how many were rightly taken for a class, taken for
        it, and are of it.
    """
    scores = 2 * hits / (found + samples)
    never = np.isnan(scores).all(axis=0)
    return intervals.with_mean(np.where(never, 0.0, scores))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
