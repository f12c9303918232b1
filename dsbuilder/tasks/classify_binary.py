"""One class of two, by one logit: a sigmoid of the second class, where more classes take a softmax.

A logit x of the second class says what the logits 0 and x say by a softmax, so answers and scores
are those of `classify`, and what is written for classes of any number is given these two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from dsbuilder.plugin import Loss, Metric
from dsbuilder.tasks import class_scores, exported
from dsbuilder.tasks.class_scores import ClassEvaluation
from dsbuilder.tasks.classify import PROBABILITY, Accuracy, Classify, log_softmax
from dsbuilder.tasks.decision import EVEN, Decision
from dsbuilder.tasks.exported import ExportedHead
from dsbuilder.tasks.keras_losses import EACH_CLASS
from dsbuilder.tasks.task import Answer, Role, Shape, logit_of_mean


@dataclass(frozen=True, kw_only=True)
class BinaryAccuracy(Accuracy):
    """The share of samples that are on the right side; a logit of 0 is on that of the first."""

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns 1 of each sample that is right, else 0, `(B, 1)`."""
        is_second = truth if len(truth.shape) == 1 else truth[:, 0]
        right = ops.equal(is_second > 0.5, outputs[:, 0] > 0)
        return ops.expand_dims(ops.where(right, 1.0, 0.0), -1)


@dataclass(frozen=True, kw_only=True)
class LossOfTwo(Loss):
    """A loss of classes, given ids and the logits of both.

    Attributes:
      loss: the loss as it is written for any number of classes.
      soft: whether classes are mixed, so that weights take the place of ids.
    """

    loss: Loss
    soft: bool

    def compute(self, truth: Any, outputs: Any) -> Any:
        """Returns the loss of each sample, `(B,)`."""
        from keras import ops

        return self.loss.compute(*_of_two(truth, outputs, ops, soft=self.soft))


@dataclass(frozen=True, kw_only=True)
class MetricOfTwo(Metric):
    """A metric of classes, given ids and the logits of both.

    Attributes:
      metric: the metric as it is written for any number of classes.
      soft: whether classes are mixed, so that weights take the place of ids.
    """

    metric: Metric
    soft: bool

    @property
    def adds_up(self) -> bool:  # type: ignore[override]  # as that of the metric
        """Whether the number needs no more than the sum of all rows."""
        return self.metric.adds_up

    @property
    def greater_is_better(self) -> bool:  # type: ignore[override]  # as that of the metric
        """Whether a greater number is a better one."""
        return self.metric.greater_is_better

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns what the metric keeps of a batch."""
        return self.metric.collect(*_of_two(truth, outputs, ops, soft=self.soft), ops)

    def result(self, rows: np.ndarray) -> float:
        """Returns the number of the metric."""
        return self.metric.result(rows)


def _both(outputs: Any, ops: Any) -> Any:
    """Returns the logits of both classes, `(B, 2)`, from those of the second, `(B, 1)`."""
    return ops.concatenate([ops.zeros_like(outputs), outputs], axis=-1)


def _of_two(truth: Any, outputs: Any, ops: Any, *, soft: bool) -> tuple[Any, Any]:
    """Returns ids `(B,)`, or where classes are mixed weights `(B, 2)`, and logits `(B, 2)`."""
    logits, second = _both(outputs, ops), truth[:, 0]
    if soft:
        return ops.stack([1 - second, second], axis=-1), logits
    return second.astype(np.int64) if ops is np else ops.cast(second, "int32"), logits


@dataclass(frozen=True, kw_only=True)
class ClassifyBinary(Classify):
    """Learns one class of two, or their weights where classes are mixed.

    Attributes:
      decision: probability over which the second class is said.
    """

    takes: ClassVar[frozenset[str]] = frozenset({"top", "threshold", "why"})
    exclusive: ClassVar[bool | None] = False
    decides: ClassVar[bool] = True

    decision: Decision = EVEN

    @property
    def outputs(self) -> Shape:
        """The logit of the second class."""
        return (1,)

    def loss(self) -> Any:
        """Cross-entropy from the logit."""
        import keras

        return keras.losses.BinaryCrossentropy(from_logits=True)

    @property
    def keras_losses(self) -> frozenset[str]:
        """Those of each class by itself."""
        return EACH_CLASS

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The accuracy."""
        return {"accuracy": BinaryAccuracy()}

    def batch(self, truth: Any, ops: Any = None) -> Any:
        """Returns the weight of the second class, float32 `(B, 1)`."""
        if ops is None:
            import tensorflow

            ops = tensorflow
        weights = truth[:, 1] if self.target.soft else ops.cast(truth, "float32")
        return weights[:, None]

    def by_class(self, truth: Any, ops: Any) -> Any:
        """Returns the weight of the second class, which the logit is of."""
        return truth

    def keep(self, truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Returns a row of each sample; see `class_scores.rows`."""
        return super().keep((truth[:, 0] > 0.5).astype(np.int64), outputs)

    def _logs(self, outputs: np.ndarray) -> np.ndarray:
        return super()._logs(_both(outputs, np))

    def _said(self, outputs: np.ndarray) -> np.ndarray:
        return (outputs[..., 0] > self.decision.logits(1) * self.temperature).astype(np.int64)

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> ClassEvaluation:
        """Returns what is said of any number of classes, and over which probability."""
        second = self.target.names[1]
        return replace(
            super().evaluate(kept, numbers),
            accuracy_at_half=numbers["accuracy"],
            thresholds={second: float(self.decision.of(1)[0])},
            thresholds_from=self.decision.origin,
        )

    def decided(self, kept: np.ndarray) -> Self:
        """Returns the task with the threshold of the best F1, where a class is rare."""
        truth, logs = class_scores.logs_of(kept)
        probabilities = np.exp(log_softmax(logs / self.temperature)[:, 1:])
        chosen = Decision.chosen(truth[:, None] == 1, probabilities)
        return replace(self, decision=chosen)

    def at(self, threshold: float) -> Self:
        """Returns the task with a threshold of the second class."""
        return replace(self, decision=Decision.at(threshold, 1))

    def state(self) -> dict[str, Any]:
        """Returns the temperature and the threshold."""
        return {**super().state(), **self.decision.state()}

    def with_state(self, state: Mapping[str, Any]) -> Self:
        """Returns the task with both."""
        return replace(super().with_state(state), decision=Decision.from_state(state, 1))

    def answer(self, outputs: np.ndarray) -> Answer:
        """Returns the class that is said, and both with their probabilities, that one first."""
        said = self.target.names[int(self._said(outputs[None])[0])]
        scores = super().answer(outputs).scores
        return Answer(said, tuple(sorted(scores, key=lambda each: each[0] != said)))

    @property
    def exported(self) -> ExportedHead:
        """The probability of each class, and the threshold of the second."""
        (threshold,) = self.decision.of(1).tolist()
        return exported.of_two(
            PROBABILITY, self.target.names, temperature=self.temperature, threshold=threshold
        )

    def averaged(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the logit of the mean probability."""
        return logit_of_mean(outputs)

    def adapted_loss(self, loss: Loss) -> Loss:
        """Returns the loss, given what any number of classes would give it."""
        return LossOfTwo(loss=loss, soft=self.target.soft)

    def adapted_metric(self, metric: Metric) -> Metric:
        """Returns the metric, given what any number of classes would give it."""
        return MetricOfTwo(metric=metric, soft=self.target.soft)

    def refusal(self, use: str, role: Role) -> str | None:
        """Refuses what counts the classes by the logits, of which there is one."""
        if "categorical" not in use:
            return super().refusal(use, role)
        return f"expected one for two classes, which have one logit, found '{use}'. Use binary ones"
