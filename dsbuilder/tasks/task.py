"""What a kind of learning task is: what a training, an evaluation and a prediction ask of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np

from dsbuilder.plugin import ImageSignature, Loss, Metric, Target, TrainError
from dsbuilder.tasks.confident_learning import Pruning
from dsbuilder.tasks.evaluation import Confusion, Evaluation, ScoreTable
from dsbuilder.tasks.exported import ExportedHead
from dsbuilder.tasks.keras_losses import KNOWN
from dsbuilder.tasks.suspicion import Suspicion

Role = Literal["loss", "metric"]

Shape = tuple[int | None, ...]
"""Shape of what a head yields for one sample; None marks a side that varies."""

Pairs = Iterable[tuple[np.ndarray, np.ndarray]]
"""Batches of what is true and of what a model yields."""

Statistics = Callable[[], tuple[np.ndarray, np.ndarray]]
"""Returns mean and deviation of each of a target's numbers over the train split."""

Scores = tuple[tuple[str, float], ...]
"""Classes with a number each, the largest first."""


class Answer(NamedTuple):
    """What a model says of one image.

    Attributes:
      value: the answer, in the form of the target's label until `Task.told` tells it.
      scores: what it was judged by; none of a task that judges by no classes.
    """

    value: Any
    scores: Scores = ()


class Judgment(NamedTuple):
    """What a model says of one sample, beside what is true of it.

    Attributes:
      truth, answer: both in the form of the target's label; of a mask the classes in it.
      confidence: probability that the model gives to its answer; None of a task without any.
      score: whether it is right, or how far; see `Task.judged_by`.
    """

    truth: Any
    answer: Any
    confidence: float | None
    score: bool | float | None


class OfClasses(NamedTuple):
    """How scores of single classes come to one over all.

    Attributes:
      score: name of the score of a class.
      overall: name of the score that is its mean over classes.
      by_samples: whether each class counts by its samples in that mean, or all alike.
    """

    score: str
    overall: str
    by_samples: bool


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A kind of learning, for the one target that a head of a model learns.

    A subclass is one file of this folder and one entry of its table. What imports Keras does so in
    the body of a method: `check` asks for outputs, and `runs` for tables, without it.

    Attributes:
      target: what is learnt.
      image: shape and dtype of the images that it is learnt from.
    """

    learns: ClassVar[type[Target]]
    """The kind of target."""
    headline: ClassVar[str]
    """The number of an evaluation that says how good a model is."""
    headline_is_error: ClassVar[bool] = False
    """Whether that is an error, in a unit of its own; else it is a share of 1, best at 1."""
    of_classes: ClassVar["OfClasses | None"] = None
    """Which scores of classes come to which score over all; None of a task without any."""
    takes: ClassVar[frozenset[str]] = frozenset()
    """Which options of a prediction it has: `top`, `threshold`, `masks`, `overlays`, `why`."""
    column: ClassVar[str]
    """What a table of predictions calls the answers."""
    suits_transfer: ClassVar[bool] = False
    """Whether a head on features that know photographs learns it well from few images."""
    scored_by: ClassVar[str] = "probability"
    """What the number is that an answer gives to each class."""

    exclusive: ClassVar[bool | None] = None
    """Of logits of classes, whether one class excludes the others; None where there are none."""
    judged_by: ClassVar[str] = "right"
    """What the score of a judgment is: whether it is `right`, or a number by its name."""

    calibrates: ClassVar[bool] = False
    """Whether it has probabilities that a temperature can mend; see `calibrated`."""
    decides: ClassVar[bool] = False
    """Whether it has thresholds, which may be chosen; see `decided` and `at`."""
    averages: ClassVar[bool] = False
    """Whether outputs for several views of an image can be averaged, by `averaged`."""
    has_confidence: ClassVar[bool] = False
    """Whether an answer has a probability; see `confidence`."""
    mirrors: ClassVar[bool] = False
    """Whether a mirrored image has the same answer, or of pixels the mirrored one."""

    target: Any
    image: ImageSignature

    @property
    @abstractmethod
    def outputs(self) -> Shape:
        """The shape of what a model's head yields for one sample."""

    @abstractmethod
    def loss(self) -> Any:
        """Returns what is made small: a `Loss`, or one of Keras, of what is true and outputs."""

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, Metric]:
        """What is watched beside the loss, and is a number of the evaluation by the same name."""

    @abstractmethod
    def keep(self, truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Returns what an evaluation needs of a batch; of all batches it is joined along axis 0.

        Args:
          truth: a batch of the target, as a stream yields it.
          outputs: what the head yields for the batch.
        """

    @abstractmethod
    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> Evaluation:
        """Returns how good a model is.

        Args:
          kept: what `keep` returned, of all batches.
          numbers: fields of every evaluation, and the value of each of `metrics`.
        """

    @abstractmethod
    def answer(self, outputs: np.ndarray) -> Answer:
        """Returns what the model says of one image.

        Args:
          outputs: what the head yields for it.
        """

    def confidence(self, answer: Answer) -> float | None:
        """Returns the probability that the model gives to what it says; None of a task without any.

        Args:
          answer: as `answer` returns it; of classes that exclude each other it may have fewer
            scores.
        """
        return None

    @property
    @abstractmethod
    def exported(self) -> ExportedHead:
        """What the head yields of a model that leaves for other programs."""

    def averaged(self, outputs: np.ndarray) -> np.ndarray:
        """Returns outputs that say the mean of what those for several views say.

        Args:
          outputs: what the head yields, a view along axis 0.
        """
        return np.asarray(outputs.mean(axis=0))

    @abstractmethod
    def judge(self, truth: Any, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields what the model says of each sample of a batch, beside what is true.

        Args:
          truth: a batch of the target as a stream yields it, before `batch` turns it; an array, or
            of keypoints a mapping of two.
          outputs: what the head yields for the batch.
        """

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the probability of each class, float32 `(B, classes)`; of no classes `(B, 0)`.

        Args:
          outputs: what the head yields for the batch.
        """
        return np.zeros((len(outputs), 0), np.float32)

    def suspicion(
        self, judged: Sequence[Judgment], probabilities: np.ndarray, pruning: Pruning
    ) -> Suspicion:
        """Returns which labels are suspect, by models that never saw their samples.

        Args:
          judged: what `judge` yields of every sample.
          probabilities: what `probabilities` returns of them.
          pruning: which labels of classes are suspect; see `confident_learning.py`.

        Raises:
          TrainError: the task does not say so.
        """
        raise TrainError(
            f"'{self.target.kind}': which labels are suspect is not known of this kind. Define "
            "suspicion() of its task."
        )

    @classmethod
    @abstractmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns what `Evaluation.to_json` says, as a person reads it."""

    @classmethod
    @abstractmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns what a table of predictions says of an image.

        Args:
          prediction: `value`, unless that is an array, and `classes`, each with its `name`.
        """

    @classmethod
    def confusion(cls, evaluation: Mapping[str, Any]) -> Confusion | None:
        """Returns which class is taken for which, to be drawn; None where there are none."""
        return None

    def calibrated(self, kept: np.ndarray) -> Self:
        """Returns the task with a temperature; accuracy and ranks are as they were.

        Args:
          kept: what `keep` of the task without either returned of a split that no score is told
            of: validation.
        """
        return self

    def decided(self, kept: np.ndarray) -> Self:
        """Returns the task with thresholds that are best for its classes; see `decision.py`.

        Args:
          kept: as `calibrated` takes it.
        """
        return self

    def at(self, threshold: float) -> Self:
        """Returns the task with one threshold, in (0, 1), for every class."""
        return self

    def fit(self, statistics: Statistics) -> Self:
        """Returns the task as it is once the train split is known, before a model is built."""
        return self

    def state(self) -> dict[str, Any]:
        """Returns what `fit`, `calibrated` and `decided` found, as JSON values."""
        return {}

    def with_state(self, state: Mapping[str, Any]) -> Self:
        """Returns the task that `state` was of."""
        return self

    def on(self, target: Target) -> Self:
        """Returns the task for the same target of another dataset, whose form is equal."""
        return replace(self, target=target)

    def batch(self, truth: Any, ops: Any = None) -> Any:
        """Returns what a streamed batch of the target is turned into for the loss.

        Args:
          ops: `keras.ops` where it runs in a step; None in the stream, with those of TensorFlow.
        """
        return truth

    def adapted_loss(self, loss: Loss) -> Loss:
        """Returns a loss that was named, for what `batch` returns and the head yields."""
        return loss

    def adapted_metric(self, metric: Metric) -> Metric:
        """Returns a metric that was named, for what `batch` returns and the head yields."""
        return metric

    @property
    def keras_losses(self) -> frozenset[str]:
        """Losses of Keras that the head can be trained with; see `keras_losses.py`."""
        return KNOWN

    def refusal(self, use: str, role: Role) -> str | None:
        """Says why a loss or metric of Keras does not fit the head; None if it may."""
        if role != "loss" or use not in KNOWN - self.keras_losses:
            return None
        others = ", ".join(sorted(self.keras_losses))
        kind = f"a target of kind '{self.target.kind}'"
        return f"expected a loss for {kind}, found '{use}'. Use one of {others}"

    def by_class(self, truth: Any, ops: Any) -> Any:
        """Returns what is true in the form of the outputs: for each class a weight in [0, 1].

        Only of a task of classes; a place of no known class has no weight.
        """
        return truth

    def finish(self, outputs: Any, *, name: str) -> Any:
        """Adds what a head needs after a builder's model, as layers without weights.

        Args:
          name: name of the target, of which no two heads have one.
        """
        return outputs

    def told(self, value: Any) -> Any:
        """Returns an answer's value as a person takes it, in JSON values unless it is of pixels."""
        return value


class Measuring:
    """Measures a model for one of its heads, batch by batch; each metric as it is watched."""

    def __init__(self, task: Task, further: Mapping[str, Metric] | None = None) -> None:
        """Begins with no sample.

        Args:
          further: metrics beside those of the task, by name.
        """
        self._task = task
        self._metrics = {**task.metrics, **(further or {})}
        self._rows: dict[str, list[np.ndarray]] = {name: [] for name in self._metrics}
        self._kept: list[np.ndarray] = []
        self.samples = 0

    def add(self, truth: np.ndarray, outputs: np.ndarray) -> None:
        """Adds a batch: what is true, as a stream yields it, and what the head yields."""
        self.samples += len(outputs)
        self._kept.append(self._task.keep(truth, outputs))
        for name, metric in self._metrics.items():
            self._rows[name].append(collected(metric, truth, outputs, np))

    def evaluation(self) -> Evaluation:
        """Returns how good the model is, without its loss."""
        values = {name: _value(metric, self._rows[name]) for name, metric in self._metrics.items()}
        own = {name: values.pop(name) for name in self._task.metrics}
        kept = np.concatenate(self._kept)
        found = self._task.evaluate(kept, {"samples": self.samples, **own})
        return replace(found, metrics=values)


def measure(task: Task, pairs: Pairs) -> Evaluation:
    """Returns how good a model is, without its loss."""
    measuring = Measuring(task)
    for truth, outputs in pairs:
        measuring.add(truth, outputs)
    return measuring.evaluation()


def collected(metric: Metric, truth: Any, outputs: Any, ops: Any) -> Any:
    """Returns the rows that are kept of a batch: of a metric that adds up, their sum alone."""
    rows = metric.collect(truth, outputs, ops)
    return ops.sum(rows, axis=0, keepdims=True) if metric.adds_up else rows


def _value(metric: Metric, rows: list[np.ndarray]) -> float | None:
    value = metric.result(np.concatenate(rows))
    return value if value == value else None


def ranked(names: Sequence[str], values: np.ndarray) -> Scores:
    """Returns names with their values, the largest first."""
    order = np.argsort(-values, kind="stable")
    return tuple((names[index], float(values[index])) for index in order)


def log_mean(logarithms: np.ndarray) -> np.ndarray:
    """Returns the logarithm of the mean along axis 0 of what logarithms stand for, float64."""
    total = np.logaddexp.reduce(logarithms.astype(np.float64), axis=0)
    return np.asarray(total - np.log(len(logarithms)))


def logit_of_mean(logits: np.ndarray) -> np.ndarray:
    """Returns the logit of the mean along axis 0 of probabilities, given as logits, float64."""
    present, absent = (-np.logaddexp(0, sign * logits.astype(np.float64)) for sign in (-1, 1))
    return np.asarray(log_mean(present) - log_mean(absent))
