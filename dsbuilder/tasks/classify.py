"""One class of several: softmax, cross-entropy, accuracy, and which class is taken for which."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from dsbuilder.plugin import ClassLabel, Metric, Target
from dsbuilder.tasks import class_scores, decision, exported, intervals, suspicion
from dsbuilder.tasks.calibration import best_temperature, temperature_of
from dsbuilder.tasks.class_scores import AVERAGED, ClassEvaluation
from dsbuilder.tasks.confident_learning import Pruning
from dsbuilder.tasks.evaluation import Confusion, ScoreTable, scored
from dsbuilder.tasks.exported import ExportedHead
from dsbuilder.tasks.keras_losses import CLASSES, IDS
from dsbuilder.tasks.suspicion import Suspicion
from dsbuilder.tasks.task import Answer, Judgment, OfClasses, Shape, Task, log_mean, ranked

PROBABILITY = "probability of each class"

_MOST_CONFUSED = 3


@dataclass(frozen=True, kw_only=True)
class Accuracy(Metric):
    """The share of samples whose dominant class came out on top; ties go to the lower id."""

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns 1 of each sample that is right, else 0, `(B, 1)`."""
        ids = ops.argmax(truth, axis=-1) if len(truth.shape) > 1 else truth
        right = ops.equal(ids, ops.argmax(outputs, axis=-1))
        return ops.expand_dims(ops.where(right, 1.0, 0.0), -1)


@dataclass(frozen=True, kw_only=True)
class Classify(Task):
    """Learns one class of several, or weights that sum to 1 where classes are mixed.

    Attributes:
      temperature: number that logits are divided by before they become probabilities.
    """

    learns: ClassVar[type[Target]] = ClassLabel
    headline: ClassVar[str] = "accuracy"
    of_classes: ClassVar[OfClasses | None] = OfClasses("recall", "accuracy", by_samples=True)
    takes: ClassVar[frozenset[str]] = frozenset({"top", "why"})
    column: ClassVar[str] = "class"
    suits_transfer: ClassVar[bool] = True
    averages: ClassVar[bool] = True
    mirrors: ClassVar[bool] = True
    has_confidence: ClassVar[bool] = True
    exclusive: ClassVar[bool | None] = True
    calibrates: ClassVar[bool] = True

    target: ClassLabel
    temperature: float = 1.0

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
        """Returns a row of each sample; see `class_scores.rows`."""
        ids = truth.argmax(axis=-1) if truth.ndim > 1 else truth
        return class_scores.rows(ids.astype(np.int64), self._said(outputs), self._logs(outputs))

    def _logs(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the logarithms of the probabilities of outputs, `(..., num_classes)`."""
        return log_softmax(outputs / self.temperature)

    def _said(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the ids of the classes that are said, `(B,)`."""
        return np.asarray(outputs.argmax(axis=-1))

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> ClassEvaluation:
        """Returns accuracy, scores by class, of ranks and of probabilities, and the confusion."""
        return class_scores.evaluated(
            self.target.names, kept, numbers, temperature=self.temperature
        )

    def calibrated(self, kept: np.ndarray) -> Self:
        """Returns the task with the temperature of the least log loss.

        Of more than `class_scores.MOST_RANKED` classes it is as it was.
        """
        truth, logs = class_scores.logs_of(kept)
        if not logs.shape[1]:
            return self

        def loss(temperature: float) -> float:
            return float(-log_softmax(logs / temperature)[np.arange(len(logs)), truth].mean())

        return replace(self, temperature=best_temperature(loss))

    def state(self) -> dict[str, Any]:
        """Returns the temperature."""
        return {} if self.temperature == 1 else {"temperature": self.temperature}

    def with_state(self, state: Mapping[str, Any]) -> Self:
        """Returns the task with a temperature."""
        return replace(self, temperature=temperature_of(state))

    def answer(self, outputs: np.ndarray) -> Answer:
        """Returns the most probable class, and all with their probabilities."""
        scores = ranked(self.target.names, np.exp(self._logs(outputs[None])[0]))
        return Answer(scores[0][0], scores)

    def confidence(self, answer: Answer) -> float:
        """Returns the probability of what is said."""
        return answer.scores[0][1]

    @property
    def exported(self) -> ExportedHead:
        """The probability of each class."""
        names = self.target.names
        return exported.exclusive(PROBABILITY, names, temperature=self.temperature)

    def averaged(self, outputs: np.ndarray) -> np.ndarray:
        """Returns logits of the mean probabilities: their logarithms."""
        return log_mean(log_softmax(outputs))

    def judge(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the true class beside the one that is said."""
        names = self.target.names
        ids = truth.argmax(axis=-1) if truth.ndim > 1 else truth
        said = self._said(outputs)
        probabilities = np.exp(self._logs(outputs)[np.arange(len(said)), said])
        for one, two, probability in zip(ids, said, probabilities.tolist(), strict=True):
            yield Judgment(names[one], names[two], probability, bool(one == two))

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the probability of each class."""
        return np.asarray(np.exp(self._logs(outputs)), np.float32)

    def suspicion(
        self, judged: Sequence[Judgment], probabilities: np.ndarray, pruning: Pruning
    ) -> Suspicion:
        """Returns labels that are suspect by confident learning."""
        given = [each.truth for each in judged]
        return suspicion.of_classes(self.target.names, given, probabilities, pruning)

    @classmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns a row for each class, and the most frequent confusions."""
        frequent = [
            f"{count} of '{true}' {'were' if count > 1 else 'was'} taken for '{predicted}'"
            for count, true, predicted in confused(evaluation)[:_MOST_CONFUSED]
        ]
        return ScoreTable(
            headings=("", "precision", "recall", "F1", "ROC area", "samples"),
            rows=[
                [
                    each["name"],
                    *(scored(each, key) for key in AVERAGED),
                    intervals.shown(each["roc_area"], None),
                    str(each["samples"]),
                ]
                for each in evaluation["classes"]
            ],
            summary=(
                f"accuracy {scored(evaluation, 'accuracy')} of {evaluation['samples']} samples, "
                f"mean F1 {scored(evaluation, 'macro_f1')}"
            ),
            remarks=[class_scores.sureness(evaluation), *decision.told(evaluation), *frequent],
        )

    @classmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns a cell for each class that was asked for."""
        return [f"{one['name']} {one['probability']:.3f}" for one in prediction["classes"]]

    @classmethod
    def confusion(cls, evaluation: Mapping[str, Any]) -> Confusion:
        """Returns the confusion."""
        names = [each["name"] for each in evaluation["classes"]]
        return Confusion(names=names, cells=evaluation["confusion"])


def confused(evaluation: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Returns (count, true class, predicted class) of errors, the most frequent first."""
    names = [each["name"] for each in evaluation["classes"]]
    errors = [
        (count, names[true], names[predicted])
        for true, predicted, count in evaluation["confusion"]
        if true != predicted
    ]
    return sorted(errors, key=lambda error: (-error[0], error[1:]))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the logarithms of the probabilities of logits, `(..., num_classes)` float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
