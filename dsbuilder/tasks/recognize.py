"""A text that stands in the image, by connectionist temporal classification (CTC).

A model yields logits over the alphabet and a blank for each of its time steps, which run from left
to right. A text is read off by taking the likeliest of each step, then equal neighbors as one, then
leaving out the blanks: Graves et al., "Connectionist Temporal Classification" (2006).

Characters are ids from 1 in the order of the alphabet; 0 is the blank and what pads a batch of
texts; a character that the alphabet has not, which no model can yield, is the id behind its last.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.plugin import Loss, Metric, Target, Text
from dsbuilder.tasks import exported, intervals, suspicion
from dsbuilder.tasks.confident_learning import Pruning
from dsbuilder.tasks.evaluation import Evaluation, ScoreTable, scored
from dsbuilder.tasks.exported import ExportedHead
from dsbuilder.tasks.keras_losses import TEXTS
from dsbuilder.tasks.suspicion import Suspicion
from dsbuilder.tasks.task import Answer, Judgment, Shape, Task

BLANK = 0
_EXPORTED = (
    "probability of the blank (first) and of each character, in each step to the right; take the "
    "likeliest of each step, then equal neighbors as one, then leave out the blanks"
)


@dataclass(frozen=True, kw_only=True)
class CtcLoss(Loss):
    """The negative logarithm of a text's probability over all ways to spell it in the time steps.

    A text with a character that the model cannot yield has no probability: it counts nothing, and
    the others of its batch as much more.

    Attributes:
      size: number of characters of the alphabet.
    """

    size: int

    def compute(self, truth: Any, outputs: Any) -> Any:
        """Returns the loss of each sample, `(B,)`, from ids `(B, L)` and logits `(B, T, size+1)`.

        A text that needs more steps than there are has an infinite loss.
        """
        from keras import ops

        ids = ops.cast(truth, "int32")
        known = ops.all(ops.less_equal(ids, self.size), axis=-1)
        ids = ops.where(ops.expand_dims(known, -1), ids, ops.zeros_like(ids))
        steps = ops.full_like(ids[:, 0], outputs.shape[1])
        lengths = ops.sum(ops.cast(ops.greater(ids, BLANK), "int32"), axis=-1)
        logits = ops.cast(outputs, "float32")
        losses = ops.ctc_loss(ids, logits, lengths, steps, mask_index=BLANK)
        count = ops.sum(ops.cast(known, "float32"))
        share = ops.cast(ops.shape(ids)[0], "float32") / ops.maximum(count, 1.0)
        return ops.where(known, losses * share, ops.zeros_like(losses))


@dataclass(frozen=True, kw_only=True)
class _OfTexts(Metric):
    """What compares texts with those that are read off a model's outputs.

    Attributes:
      longest: number of ids that a true text has, with its padding.
    """

    longest: int

    def collect(self, truth: Any, outputs: Any, ops: Any) -> Any:
        """Returns the likeliest id of each time step, then the true ids, `(B, T + longest)`."""
        steps = ops.argmax(outputs, axis=-1)
        return ops.concatenate([_floats(steps, ops), _floats(truth, ops)], axis=-1)

    def pairs(self, rows: np.ndarray) -> list[tuple[list[int], list[int]]]:
        """Returns the true and the found ids of each sample, without blanks."""
        return pairs_of(rows.astype(np.int64), self.longest)


@dataclass(frozen=True, kw_only=True)
class ExactMatch(_OfTexts):
    """The share of texts that are read without a mistake."""

    def result(self, rows: np.ndarray) -> float:
        """Returns the share."""
        return float(np.mean([truth == found for truth, found in self.pairs(rows)]))


@dataclass(frozen=True, kw_only=True)
class CharacterErrorRate(_OfTexts):
    """Characters to insert, delete and replace, of all texts, per character that is true."""

    greater_is_better: ClassVar[bool] = False

    def result(self, rows: np.ndarray) -> float:
        """Returns the rate, which is over 1 where more is wrong than there is; 0 without texts."""
        pairs = self.pairs(rows)
        wrong = sum(edit_distance(truth, found) for truth, found in pairs)
        return wrong / max(sum(len(truth) for truth, _ in pairs), 1)


def _floats(ids: Any, ops: Any) -> Any:
    return ids.astype(np.float32) if ops is np else ops.cast(ids, "float32")


def pairs_of(rows: np.ndarray, longest: int) -> list[tuple[list[int], list[int]]]:
    """Returns the true and the found ids of samples.

    Args:
      rows: int64 `(N, T + longest)`, the likeliest id of each time step, then the true ids.
    """
    steps, truth = rows[:, : rows.shape[1] - longest], rows[:, rows.shape[1] - longest :]
    return [
        (one[one > BLANK].tolist(), collapsed(two)) for one, two in zip(truth, steps, strict=True)
    ]


def collapsed(steps: np.ndarray) -> list[int]:
    """Returns the ids that time steps `(T,)` spell: equal neighbors are one, blanks are none."""
    changes = np.append(True, steps[1:] != steps[:-1])
    found: list[int] = steps[changes & (steps != BLANK)].tolist()
    return found


def edit_distance(one: Sequence[int] | str, two: Sequence[int] | str) -> int:
    """Returns how many insertions, deletions and replacements turn one into the other."""
    if one == two:
        return 0
    row = list(range(len(two) + 1))
    for place, left in enumerate(one, 1):
        above, row = row, [place]
        for column, right in enumerate(two, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (left != right)))
    return row[-1]


@dataclass(frozen=True, kw_only=True)
class TextEvaluation(Evaluation):
    """A model of texts measured on a split.

    Attributes:
      exact_match: share of texts that are read without a mistake.
      character_error_rate: characters to insert, delete and replace, per character that is true.
    """

    kind: ClassVar[str] = Text.kind
    exact_match: float
    character_error_rate: float


@dataclass(frozen=True, kw_only=True)
class Recognize(Task):
    """Learns to read a text."""

    learns: ClassVar[type[Target]] = Text
    headline: ClassVar[str] = "exact_match"
    column: ClassVar[str] = "text"
    has_confidence: ClassVar[bool] = True

    target: Text

    @property
    def outputs(self) -> Shape:
        """Logits of the blank and of each character, for any number of time steps."""
        size = len(self.target.alphabet)
        return (None, size + 1 if size else None)

    def loss(self) -> Any:
        """The loss of CTC, from logits."""
        return CtcLoss(size=len(self.target.alphabet))

    @property
    def keras_losses(self) -> frozenset[str]:
        """That of CTC, which is the task's own."""
        return TEXTS

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The share that is read rightly, and the error rate of characters."""
        return {
            "exact_match": ExactMatch(longest=self._longest),
            "character_error_rate": CharacterErrorRate(longest=self._longest),
        }

    @property
    def _longest(self) -> int:
        return max(self.target.longest, 1)

    def unreadable(self, name: str, alphabets: Mapping[str, str]) -> Iterator[str]:
        """Yields which splits have texts with characters that no answer can hold.

        Args:
          name: name of the target.
          alphabets: characters of the texts of each split, by its name.
        """
        for split, characters in alphabets.items():
            unknown = [each for each in characters if each not in self.target.alphabet]
            if unknown:
                yield (
                    f"{name}: texts of {split} hold characters that no text in train has "
                    f"({shortened(unknown)}): the model can never read these texts rightly."
                )

    def batch(self, truth: Any, ops: Any = None) -> Any:
        """Returns texts `(B,)` as ids, int32 `(B, longest)`; see this module's docstring."""
        import tensorflow as tf

        points = tf.strings.unicode_decode(truth, "UTF-8")
        known = tf.constant([ord(each) for each in self.target.alphabet], tf.int32)
        places = tf.searchsorted(known, points.flat_values)
        same = tf.gather(known, tf.minimum(places, len(self.target.alphabet) - 1))
        unknown = len(self.target.alphabet) + 1
        ids = tf.where(same == points.flat_values, places + 1, unknown)
        return points.with_flat_values(ids).to_tensor(BLANK, shape=(None, self._longest))

    def keep(self, truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Returns the likeliest id of each step, then the true ids, int64 `(B, T + longest)`."""
        return np.concatenate([outputs.argmax(axis=-1), truth], axis=-1).astype(np.int64)

    def evaluate(self, kept: np.ndarray, numbers: Mapping[str, Any]) -> TextEvaluation:
        """Returns the metrics, which are all that there is."""
        pairs = pairs_of(kept, self._longest)
        right = sum(truth == found for truth, found in pairs)
        lengths = np.array([[edit_distance(*each), len(each[0])] for each in pairs], np.float64)

        def rates(drawn: np.ndarray) -> np.ndarray:
            wrong, true = np.split(drawn @ lengths, 2, axis=1)
            return wrong / np.maximum(true, 1.0)

        (of_rate,) = intervals.bootstrap(rates, len(pairs))
        of_match = intervals.wilson(right, len(pairs))
        return TextEvaluation(
            intervals=intervals.known(exact_match=of_match, character_error_rate=of_rate), **numbers
        )

    def answer(self, outputs: np.ndarray) -> Answer:
        """Returns the text, and the probability of the likeliest way to spell it."""
        shifted = outputs.astype(np.float64) - outputs.max(axis=-1, keepdims=True)
        best = -np.log(np.exp(shifted).sum(axis=-1)).sum()
        ids = collapsed(outputs.argmax(axis=-1))
        text = "".join(self.target.alphabet[each - 1] for each in ids)
        return Answer(text, ((text, float(np.exp(best))),))

    def confidence(self, answer: Answer) -> float:
        """Returns the probability of what is said."""
        return answer.scores[0][1]

    @property
    def exported(self) -> ExportedHead:
        """The probability of the blank, which has no name, and of each character."""
        return exported.exclusive(_EXPORTED, ("", *self.target.alphabet))

    def judge(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Judgment]:
        """Yields the true text beside the one that is read."""
        for one, output in zip(truth.tolist(), outputs, strict=True):
            text, found = one.decode(), self.answer(output)
            yield Judgment(text, found.value, found.scores[0][1], text == found.value)

    def suspicion(
        self, judged: Sequence[Judgment], probabilities: np.ndarray, pruning: Pruning
    ) -> Suspicion:
        """Returns texts that the model surely reads otherwise."""
        given, found = [each.truth for each in judged], [each.answer for each in judged]
        return suspicion.of_texts(
            given,
            found,
            [each.confidence or 0.0 for each in judged],
            [edit_distance(*each) for each in zip(given, found, strict=True)],
        )

    def on(self, target: Target) -> Self:
        """Returns the task with the alphabet that was learnt, for texts of another length."""
        longest = getattr(target, "longest", self.target.longest)
        return replace(self, target=replace(self.target, longest=longest))

    @classmethod
    def table(cls, evaluation: Mapping[str, Any]) -> ScoreTable:
        """Returns one line."""
        return ScoreTable(
            headings=(),
            rows=[],
            summary=(
                f"exact match {scored(evaluation, 'exact_match')} of {evaluation['samples']} "
                f"samples, character error rate {scored(evaluation, 'character_error_rate')}"
            ),
        )

    @classmethod
    def cells(cls, prediction: Mapping[str, Any]) -> Sequence[str]:
        """Returns a cell with the text, and one with its probability."""
        probability = prediction["classes"][0]["probability"]
        return [prediction["value"], f"{probability:.3f}"]
