"""How good a model of several classes, of numbers, or of masks is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.targets import Mask, MultiLabel, Value
from dsbuilder.train.measured import Measured

Pairs = Iterable[tuple[np.ndarray, np.ndarray]]
"""Batches of what is true and of what a model yields."""


@dataclass(frozen=True, kw_only=True)
class LabelScore:
    """How well one of several classes is recognised.

    Attributes:
      name: of the class.
      samples: that have it.
      precision: share of the samples it was said of that have it; 0 if there are none.
      recall: share of the samples that have it of which it was said; 0 if there are none.
      f1: harmonic mean of both; 0 if both are 0.
      average_precision: mean precision over the ranks at which samples that have it stand; None
        if there are none.
    """

    name: str
    samples: int
    precision: float
    recall: float
    f1: float
    average_precision: float | None


@dataclass(frozen=True, kw_only=True)
class MultiLabelEvaluation(Measured):
    """A model of several classes; one is said of a sample where its probability is over a half.

    Attributes:
      accuracy: share of (sample, class) that are right.
      macro_f1: the mean F1 of the classes.
      mean_average_precision: over the classes that some sample has; None if there are none.
      classes: scores by class, in id order.
    """

    kind: ClassVar[str] = MultiLabel.kind
    accuracy: float
    macro_f1: float
    mean_average_precision: float | None
    classes: tuple[LabelScore, ...]


@dataclass(frozen=True, kw_only=True)
class ValueEvaluation(Measured):
    """A model of numbers; its loss is the mean squared error in the units it was learnt in.

    Attributes:
      mean_absolute_error: over all numbers, in their own units, as is `by_number`.
      r2: share of the numbers' variance that the model explains, at most 1; None if there is none.
      by_number: the mean absolute error of each number.
    """

    kind: ClassVar[str] = Value.kind
    mean_absolute_error: float
    r2: float | None
    by_number: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class RegionScore:
    """How well the pixels of one class are found.

    Attributes:
      name: of the class.
      pixels: that are of it.
      iou: of the pixels that are of it or were taken for it, the share that are both; None if
        there are none.
    """

    name: str
    pixels: int
    iou: float | None


@dataclass(frozen=True, kw_only=True)
class MaskEvaluation(Measured):
    """A model of masks, over all pixels but the ignored.

    Attributes:
      accuracy: share of pixels that are right.
      mean_iou: over the classes that have one.
      classes: scores by class, in id order.
    """

    kind: ClassVar[str] = Mask.kind
    accuracy: float
    mean_iou: float
    classes: tuple[RegionScore, ...]


def score_labels(pairs: Pairs, target: MultiLabel, **where: str) -> MultiLabelEvaluation:
    """Returns the evaluation of logits `(B, n)` against weights `(B, n)`.

    Args:
      where: `dataset` and `split`.
    """
    truth, logits = _joined(pairs)
    present, said = truth >= 0.5, logits > 0
    classes = tuple(_label_scores(target.names, present, logits))
    known = [each.average_precision for each in classes if each.average_precision is not None]
    # log(1 + exp(x)) - x t, which stays finite far out.
    losses = np.maximum(logits, 0) - logits * truth + np.log1p(np.exp(-np.abs(logits)))
    return MultiLabelEvaluation(
        **where,
        samples=len(truth),
        loss=float(losses.mean()),
        accuracy=float((present == said).mean()),
        macro_f1=float(np.mean([each.f1 for each in classes])),
        mean_average_precision=float(np.mean(known)) if known else None,
        classes=classes,
    )


def _label_scores(
    names: Sequence[str], present: np.ndarray, logits: np.ndarray
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
        )


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
    hits, ranked = np.cumsum(present[order]), scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    gained = np.diff(hits[ends], prepend=0)
    return float((gained * hits[ends] / (ends + 1)).sum() / hits[-1])


def score_values(
    pairs: Pairs, target: Value, *, deviation: Sequence[float] = (), **where: str
) -> ValueEvaluation:
    """Returns the evaluation of numbers `(B, n)` against `(B,)` or `(B, n)`; see `score_labels`.

    Args:
      deviation: of each number, the unit in which the loss counts; empty for the numbers' own.
    """
    truth, found = _joined((true.reshape(len(true), -1), output) for true, output in pairs)
    errors = found - truth
    varies = bool((truth != truth[0]).any())
    variance = float(((truth - truth.mean(axis=0)) ** 2).sum())
    return ValueEvaluation(
        **where,
        samples=len(truth),
        loss=float(((errors / (deviation or 1.0)) ** 2).mean()),
        mean_absolute_error=float(np.abs(errors).mean()),
        r2=1 - float((errors**2).sum()) / variance if varies else None,
        by_number=tuple(np.abs(errors).mean(axis=0).tolist()),
    )


def score_masks(pairs: Pairs, target: Mask, **where: str) -> MaskEvaluation:
    """Returns the evaluation of logits `(B, H, W, n)` against ids `(B, H, W)`."""
    count = len(target.names)
    confusion = np.zeros((count, count), np.int64)
    loss, samples = 0.0, 0
    for ids, logits in pairs:
        known = ids < count if target.ignore is None else ids != target.ignore
        true, outputs = ids[known].astype(np.int64), logits[known].astype(np.float64)
        cells = true * count + outputs.argmax(axis=-1)
        confusion += np.bincount(cells, minlength=count * count).reshape(count, count)
        loss += _cross_entropy(true, outputs)
        samples += len(ids)
    classes = tuple(_region_scores(target.names, confusion))
    pixels = max(int(confusion.sum()), 1)
    return MaskEvaluation(
        **where,
        samples=samples,
        loss=loss / pixels,
        accuracy=int(np.trace(confusion)) / pixels,
        mean_iou=float(np.mean([each.iou for each in classes if each.iou is not None] or [0.0])),
        classes=classes,
    )


def _cross_entropy(true: np.ndarray, logits: np.ndarray) -> float:
    """Returns the sum over pixels, in nats."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=-1)) - shifted[np.arange(len(true)), true]
    return float(total.sum())


def _region_scores(names: Sequence[str], confusion: np.ndarray) -> Iterator[RegionScore]:
    for index, name in enumerate(names):
        hits, pixels = int(confusion[index, index]), int(confusion[index].sum())
        either = pixels + int(confusion[:, index].sum()) - hits
        yield RegionScore(name=name, pixels=pixels, iou=hits / either if either else None)


def _joined(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    truth, outputs = zip(*pairs, strict=True)
    return _float64(truth), _float64(outputs)


def _float64(batches: Sequence[Any]) -> np.ndarray:
    return np.concatenate(batches).astype(np.float64)
