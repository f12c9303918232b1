"""Several classes of one sample, each by itself: sigmoids, and average precision over a ranking."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from dsbuilder.plugin import Metric, MultiLabel, Target
from dsbuilder.tasks import class_scores, decision, exported, intervals, suspicion
from dsbuilder.tasks.calibration import (
    ReliabilityBin,
    best_temperature,
    calibration_error,
    reliability,
    temperature_of,
)
from dsbuilder.tasks.charts import calibration_chart, ranking_charts
from dsbuilder.tasks.class_scores import AVERAGED, ClassScore, Scored, averaged_scores
from dsbuilder.tasks.confident_learning import Pruning
from dsbuilder.tasks.decision import EVEN, Decision, Origin
from dsbuilder.tasks.evaluation import Evaluation, ScoreTable, scored
from dsbuilder.tasks.exported import ExportedHead
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.keras_losses import EACH_CLASS
from dsbuilder.tasks.ranking import RankScore, rank_scores, ranking_of
from dsbuilder.tasks.suspicion import Suspicion
from dsbuilder.tasks.task import (
    Answer,
    Judgment,
    OfClasses,
    Shape,
    Task,
    logit_of_mean,
    ranked,
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
        rankings = map(ranking_of, present.T > 0, logits.T)
        known = [found for each in rankings if (found := each.average_precision()) is not None]
        return float(np.mean(known)) if known else float("nan")


@dataclass(frozen=True, kw_only=True)
class MultiLabelEvaluation(Evaluation):
    """A model of several classes; one is said where its probability is over a threshold.

    Attributes:
      accuracy: share of (sample, class) that are right.
      micro_precision, micro_recall, micro_f1: scores of all (sample, class) together.
      macro_precision, macro_recall, macro_f1: means over the classes.
      mean_average_precision: mean over the classes that some sample has; None if there are none.
      roc_area: mean over the classes that have one; None if none has.
      log_loss: mean over (sample, class) of the negative logarithm of what is true.
      brier_score: mean over (sample, class) of the squared distance from what is true.
      calibration_error: expected calibration error of the probabilities of (sample, class).
      reliability: (sample, class) by probability, and how many are so.
      temperature: number that logits are divided by.
      thresholds: probability over which each class is said, by its name.
      thresholds_from: `half`, `validation` where some were chosen there, or `asked`.
      accuracy_at_half: the accuracy at thresholds of a half, as it is watched.
      classes: scores by class, in id order.
    """

    kind: ClassVar[str] = MultiLabel.kind
    accuracy: float
    micro_precision: float
    micro_recall: float
    micro_f1: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    mean_average_precision: float | None
    roc_area: float | None
    log_loss: float
    brier_score: float
    calibration_error: float
    reliability: tuple[ReliabilityBin, ...]
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    thresholds_from: Origin = "half"
    accuracy_at_half: float
    classes: tuple[ClassScore, ...]


@dataclass(frozen=True, kw_only=True)
class ClassifyMultiLabel(Task):
    """Learns which of several classes a sample has, each by itself.

    Attributes:
      temperature: number that logits are divided by before they become probabilities.
      decision: probability over which each class is said.
    """

    learns: ClassVar[type[Target]] = MultiLabel
    headline: ClassVar[str] = "accuracy"
    of_classes: ClassVar[OfClasses | None] = OfClasses("f1", "macro_f1", by_samples=False)
    takes: ClassVar[frozenset[str]] = frozenset({"threshold", "why"})
    column: ClassVar[str] = "classes"
    averages: ClassVar[bool] = True
    mirrors: ClassVar[bool] = True
    has_confidence: ClassVar[bool] = True

    exclusive: ClassVar[bool | None] = False
    calibrates: ClassVar[bool] = True
    decides: ClassVar[bool] = True

    target: MultiLabel
    temperature: float = 1.0
    decision: Decision = EVEN

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

    def _says(self, logits: np.ndarray) -> np.ndarray:
        """Returns which classes are said, bool `(..., num_classes)`."""
        over: np.ndarray = logits > self.decision.logits(len(self.target.names)) * self.temperature
        return over

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> MultiLabelEvaluation:
        """Returns accuracy, scores by class, of ranks and of probabilities."""
        names = self.target.names
        present, logits = kept[:, 0] >= 0.5, kept[:, 1]
        said = self._says(logits)
        ranks, mean = rank_scores(zip(present.T, logits.T, strict=True))
        of_f1, scores = _of_answers(present, said)
        probabilities = _probabilities(logits / self.temperature)
        bins = reliability(probabilities.ravel(), present.ravel())
        error = calibration_error(bins)
        scores |= {
            **class_scores.of_ranks(mean),
            **_of_probabilities(present, logits / self.temperature),
        }
        thresholds = self.decision.of(len(names)).tolist()
        return MultiLabelEvaluation(
            **{**numbers, **{name: value for name, (value, _) in scores.items()}},
            calibration_error=error,
            reliability=bins,
            temperature=self.temperature,
            thresholds=dict(zip(names, thresholds, strict=True)),
            thresholds_from=self.decision.origin,
            accuracy_at_half=numbers["accuracy"],
            classes=tuple(_class_scores(names, present, said, of_f1, ranks)),
            intervals=intervals.known(**{name: each for name, (_, each) in scores.items()}),
            charts=(
                *ranking_charts(
                    names, ranks, mean, lambda n: ranking_of(present[:, n], logits[:, n])
                ),
                calibration_chart(bins, error),
            ),
        )

    def calibrated(self, kept: np.ndarray) -> Self:
        """Returns the task with the temperature of the least log loss."""
        present, logits = kept[:, 0] >= 0.5, kept[:, 1].astype(np.float64)
        found = best_temperature(lambda t: float(_log_losses(present, logits / t).mean()))
        return replace(self, temperature=found)

    def decided(self, kept: np.ndarray) -> Self:
        """Returns the task with the threshold of the best F1 of each class that is rare."""
        probabilities = _probabilities(kept[:, 1] / self.temperature)
        return replace(self, decision=Decision.chosen(kept[:, 0] >= 0.5, probabilities))

    def at(self, threshold: float) -> Self:
        """Returns the task with one threshold for every class."""
        return replace(self, decision=Decision.at(threshold, len(self.target.names)))

    def state(self) -> dict[str, Any]:
        """Returns the temperature and the thresholds."""
        own = {} if self.temperature == 1 else {"temperature": self.temperature}
        return {**own, **self.decision.state()}

    def with_state(self, state: Mapping[str, Any]) -> Self:
        """Returns the task with both."""
        found = Decision.from_state(state, len(self.target.names))
        return replace(self, temperature=temperature_of(state), decision=found)

    def answer(self, outputs: np.ndarray) -> Answer:
        """Returns the classes that are said, the most probable first, and the scores of all."""
        scores = ranked(self.target.names, _probabilities(outputs / self.temperature))
        said = set(self._named(self._says(outputs)))
        return Answer([name for name, _ in scores if name in said], scores)

    def confidence(self, answer: Answer) -> float:
        """Returns that in the class of which the model is least sure."""
        said = set(answer.value)
        return min(each if name in said else 1 - each for name, each in answer.scores)

    @property
    def exported(self) -> ExportedHead:
        """The probability of each class, and its threshold."""
        names = self.target.names
        return exported.each_by_itself(
            "probability of each class, by itself",
            names,
            temperature=self.temperature,
            thresholds=self.decision.of(len(names)).tolist(),
        )

    def averaged(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the logit of the mean probability."""
        return logit_of_mean(outputs)

    def judge(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the true classes beside those that are said; right are those that are equal.

        The confidence is that in the class of which the model is least sure.
        """
        has, says = truth >= 0.5, self._says(outputs)
        probabilities = _probabilities(outputs / self.temperature)
        sure = np.where(says, probabilities, 1 - probabilities).min(axis=1)
        for one, two, probability in zip(has, says, sure.tolist(), strict=True):
            yield Judgment(
                self._named(one), self._named(two), probability, bool((one == two).all())
            )

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the probability of each class, by itself."""
        return _probabilities(outputs / self.temperature).astype(np.float32)

    def suspicion(
        self, judged: Sequence[Judgment], probabilities: np.ndarray, pruning: Pruning
    ) -> Suspicion:
        """Returns labels that are suspect by confident learning, class by class."""
        given = [each.truth for each in judged]
        return suspicion.of_several_classes(self.target.names, given, probabilities, pruning)

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
            remarks=[class_scores.sureness(evaluation), *decision.told(evaluation)],
        )

    @classmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns one cell that names the classes with their probabilities."""
        named = [one for one in prediction["classes"] if one["name"] in prediction["value"]]
        return [", ".join(f"{one['name']} {one['probability']:.3f}" for one in named) or "none"]


def _probabilities(logits: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-np.logaddexp(0, -logits.astype(np.float64))))


def _log_losses(present: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Returns what the probabilities of each (sample, class) cost: their negative logarithms."""
    return np.asarray(np.logaddexp(0, np.where(present, -1.0, 1.0) * logits.astype(np.float64)))


def _of_answers(present: np.ndarray, said: np.ndarray) -> tuple[list[Interval | None], Scored]:
    """Returns the interval of each class's F1, and scores of what is said of all."""
    has, says = present.astype(np.float64), said.astype(np.float64)
    right, (samples, classes) = (present == said).mean(axis=1), present.shape

    def scores(drawn: np.ndarray) -> np.ndarray:
        sums = drawn @ (has * says), drawn @ says, drawn @ has
        hits, taken, those = (each.sum(axis=1) for each in sums)
        micro = [hits / np.maximum(each, 1) for each in (taken, those, (taken + those) / 2)]
        return np.column_stack([averaged_scores(*sums), *micro, drawn @ right / samples])

    names = [f"{mean}_{name}" for mean in ("macro", "micro") for name in AVERAGED]
    values = scores(np.ones((1, samples)))[0, classes:].tolist()
    found = intervals.bootstrap(scores, samples, cost=classes)
    pairs = zip(values, found[classes:], strict=True)
    return found[:classes], dict(zip([*names, "accuracy"], pairs, strict=True))


def _of_probabilities(present: np.ndarray, logits: np.ndarray) -> Scored:
    """Returns the means over (sample, class) of what probabilities cost."""
    squares = (_probabilities(logits) - present) ** 2
    return class_scores.of_costs(_log_losses(present, logits).mean(axis=1), squares.mean(axis=1))


def _class_scores(
    names: Sequence[str],
    present: np.ndarray,
    said: np.ndarray,
    of_f1: Sequence[Interval | None],
    ranks: Sequence[RankScore],
) -> Iterator[ClassScore]:
    columns = zip(names, present.T, said.T, of_f1, ranks, strict=True)
    for name, has, says, f1, rank in columns:
        hits, found, samples = int((has & says).sum()), int(says.sum()), int(has.sum())
        yield class_scores.class_score(name, hits, found, samples, of_f1=f1, rank=rank)
