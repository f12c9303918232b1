"""How good a model of classes is: scores of what it says, of how it ranks, and of how sure it is.

What is kept of a sample is a row of numbers: the true class, the one that is said, how many classes
are more probable than the true one, the logarithm of the true one's probability, the greatest
probability, the sum of all squared; and, up to `MOST_RANKED` classes, the logarithms of all
probabilities, which ROC areas and curves are of. So memory is bounded however many classes there
are, and an evaluation grows as their number does.

The Brier score is that of G. W. Brier (1950): the squared distance between the probabilities and
what is true, summed over all classes, in [0, 2]. Of classes that exclude each other micro-averaged
precision, recall and F1 are the accuracy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from dsbuilder.plugin import ClassLabel
from dsbuilder.tasks import intervals
from dsbuilder.tasks.calibration import ReliabilityBin, calibration_error, reliability
from dsbuilder.tasks.charts import Chart, calibration_chart, ranking_charts
from dsbuilder.tasks.decision import Origin
from dsbuilder.tasks.evaluation import Evaluation
from dsbuilder.tasks.intervals import Interval
from dsbuilder.tasks.ranking import RankScore, rank_scores, ranking_of

MOST_RANKED = 2000
"""Classes beyond which no logarithms of all probabilities are kept."""
TOP = 5

_TRUE, _SAID, _RANK, _LOG, _TOP, _SQUARES = range(6)
_ROW = 6
_MOST_RANK_INTERVALS = 200
"""Classes beyond which scores of ranks have an interval over all classes alone."""
_MOST_ERRORS = 2500
_FEWEST_ERRORS = 5
AVERAGED = ("precision", "recall", "f1")
"""Scores of classes that have means over all classes, and over all samples."""

Scored = dict[str, tuple[float | None, Interval | None]]
"""Scores with their intervals, by name."""

Cells = tuple[np.ndarray, np.ndarray, np.ndarray]
"""True class, said class, and number of samples, of each pair that there is."""


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How well one class is recognized.

    Attributes:
      name: name of the class.
      samples: number of samples that are of it, or have it.
      precision: share of what was taken for it that is of it; 0 if nothing was.
      recall: share of its samples that were recognized; 0 if it has none.
      f1: harmonic mean of both; 0 if both are 0.
      roc_area: area under the ROC curve of the class against all others; None where there are no
        samples of one side.
      average_precision: mean precision over the ranks at which its samples stand; None if it has
        none.
      intervals: where each of these lies with 95 %, by its name; of many classes the first three.
    """

    name: str
    samples: int
    precision: float
    recall: float
    f1: float
    roc_area: float | None = None
    average_precision: float | None = None
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClassEvaluation(Evaluation):
    """A model of classes measured on a split.

    Attributes:
      accuracy: share of samples that are said to be of their class, of mixed ones of the dominant.
      top_5_accuracy: share of samples whose class is one of the five most probable; None where
        there are no more than five.
      micro_precision, micro_recall, micro_f1: the same over all samples: the accuracy.
      macro_precision, macro_recall, macro_f1: means over the classes.
      roc_area: mean over the classes that have one; None if none has.
      mean_average_precision: mean over the classes that have an average precision.
      log_loss: mean negative logarithm of the probability of what is true.
      brier_score: mean squared distance of the probabilities from what is true, in [0, 2].
      calibration_error: expected calibration error of the greatest probability.
      reliability: samples by the greatest probability, and how many are right.
      temperature: number that logits are divided by.
      thresholds: probability over which the second of two classes is said, by its name.
      thresholds_from: `half`, `validation` where it was chosen there, or `asked`.
      accuracy_at_half: accuracy of two classes at a threshold of a half, as it is watched.
      classes: scores by class, in id order.
      confusion: true class, said class and number of samples, by id; all of each class that are
        right, and its most frequent errors: 2500 in all, or 5 of each class.
    """

    kind: ClassVar[str] = ClassLabel.kind
    accuracy: float
    top_5_accuracy: float | None
    micro_precision: float
    micro_recall: float
    micro_f1: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    roc_area: float | None
    mean_average_precision: float | None
    log_loss: float
    brier_score: float
    calibration_error: float
    reliability: tuple[ReliabilityBin, ...]
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    thresholds_from: Origin = "half"
    accuracy_at_half: float | None = None
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, int, int], ...]


def rows(truth: np.ndarray, said: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Returns what is kept of a batch, float32 `(B, 6)` or `(B, 6 + num_classes)`.

    Args:
      truth, said: ids, `(B,)`.
      logs: logarithms of the probabilities, float64 `(B, num_classes)`.
    """
    of_true = logs[np.arange(len(logs)), truth]
    same = logs == of_true[:, None]
    earlier = np.arange(logs.shape[1]) < truth[:, None]
    rank = (logs > of_true[:, None]).sum(axis=1) + (same & earlier).sum(axis=1)
    squares = np.exp(2 * logs).sum(axis=1)
    columns = np.stack([truth, said, rank, of_true, np.exp(logs.max(axis=1)), squares], axis=1)
    ranked = logs[:, : logs.shape[1] if logs.shape[1] <= MOST_RANKED else 0]
    return np.concatenate([columns, ranked], axis=1, dtype=np.float32)


def logs_of(kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns true ids `(N,)` and logarithms of probabilities, `(N, num_classes)`, of rows."""
    return kept[:, _TRUE].astype(np.int64), kept[:, _ROW:].astype(np.float64)


def evaluated(
    names: Sequence[str], kept: np.ndarray, numbers: Mapping[str, Any], **said: Any
) -> ClassEvaluation:
    """Returns how good a model is.

    Args:
      names: names of the classes.
      kept: rows of all samples.
      numbers: fields of every evaluation, and what is watched.
      said: fields that say how answers come to be.
    """
    cells = _cells(kept, len(names))
    of_f1, *of_means = _of_draws(cells, len(names))
    ranks, mean = _ranks(kept, len(names))
    classes = tuple(_class_scores(names, cells, of_f1, ranks))
    bins = reliability(kept[:, _TOP].astype(np.float64), kept[:, _RANK] == 0)
    error = calibration_error(bins)
    scores = {
        **_of_answers(kept, len(names)),
        **{
            f"macro_{name}": (float(np.mean([getattr(each, name) for each in classes])), interval)
            for name, interval in zip(AVERAGED, of_means, strict=True)
        },
        **of_ranks(mean),
        **_of_probabilities(kept),
    }
    return ClassEvaluation(
        **{**numbers, **{name: value for name, (value, _) in scores.items()}},
        calibration_error=error,
        reliability=bins,
        classes=classes,
        confusion=_most_frequent(cells, len(names)),
        intervals=intervals.known(**{name: each for name, (_, each) in scores.items()}),
        charts=(*_curves(names, kept, ranks, mean), calibration_chart(bins, error)),
        **said,
    )


def sureness(evaluation: Mapping[str, Any]) -> str:
    """Returns a line of how classes are ranked, and of how sure the model is."""
    top, temperature = evaluation.get("top_5_accuracy"), evaluation["temperature"]
    return (
        ("" if top is None else f"top-5 accuracy {top:.3f}, ")
        + f"ROC area {intervals.shown(evaluation['roc_area'], None)}, "
        f"log loss {evaluation['log_loss']:.3f}, Brier score {evaluation['brier_score']:.3f}, "
        f"calibration error {evaluation['calibration_error']:.3f}"
        + ("" if temperature == 1 else f" at a temperature of {temperature:.3f}")
    )


def _of_answers(kept: np.ndarray, count: int) -> Scored:
    """Returns the shares of samples that are right."""
    samples = len(kept)
    right = int((kept[:, _TRUE] == kept[:, _SAID]).sum())
    accuracy = (right / samples, intervals.wilson(right, samples))
    top = int((kept[:, _RANK] < TOP).sum())
    return {
        "accuracy": accuracy,
        **{f"micro_{name}": accuracy for name in AVERAGED},
        "top_5_accuracy": (top / samples, intervals.wilson(top, samples))
        if count > TOP
        else (None, None),
    }


def _of_probabilities(kept: np.ndarray) -> Scored:
    """Returns the means over samples of what their probabilities cost."""
    logs, squares = (kept[:, column].astype(np.float64) for column in (_LOG, _SQUARES))
    return of_costs(-logs, squares - 2 * np.exp(logs) + 1)


def of_costs(log_losses: np.ndarray, squares: np.ndarray) -> Scored:
    """Returns the log loss and the Brier score, means over samples, from those of each, `(N,)`."""
    costs = np.stack([log_losses, squares], axis=1)
    found = zip(costs.mean(axis=0).tolist(), intervals.of_means(costs), strict=True)
    return dict(zip(("log_loss", "brier_score"), found, strict=True))


def of_ranks(mean: RankScore) -> Scored:
    """Returns the scores of ranks over all classes, from their mean."""
    return {
        "roc_area": (mean.roc_area, mean.intervals.get("roc_area")),
        "mean_average_precision": (
            mean.average_precision,
            mean.intervals.get("average_precision"),
        ),
    }


def _cells(kept: np.ndarray, count: int) -> Cells:
    """Returns how often which class is said of which."""
    true, said = kept[:, :2].astype(np.int64).T
    pairs, counts = np.unique(true * count + said, return_counts=True)
    return pairs // count, pairs % count, counts


def _most_frequent(cells: Cells, count: int) -> tuple[tuple[int, int, int], ...]:
    """Returns what is right of each class and its most frequent errors, a bounded number."""
    most = max(_FEWEST_ERRORS, _MOST_ERRORS // count)
    true, said, counts = cells
    order = np.lexsort((said, -counts, said != true, true))  # of a class: what is right, errors
    _, starts = np.unique(true[order], return_index=True)
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    kept = np.sort(order[place <= most])
    return tuple(zip(*(each[kept].tolist() for each in cells), strict=True))


def _sums(cells: Cells, count: int, drawn: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns how many samples of each class are right, said to be of it, and of it, `(R, count)`.

    Args:
      drawn: `(R, K)`, number of samples of each cell.
    """
    true, said, _ = cells
    right = np.where(true == said, drawn, 0.0)
    return tuple(
        _by_class(n, ids, count) for n, ids in ((right, true), (drawn, said), (drawn, true))
    )


def _by_class(drawn: np.ndarray, ids: np.ndarray, size: int) -> np.ndarray:
    """Returns how often each class is drawn, `(R, size)`, of cells `(R, K)` with ids `(K,)`."""
    order = np.argsort(ids, kind="stable")
    present, starts = np.unique(ids[order], return_index=True)
    sums = np.zeros((len(drawn), size))
    sums[:, present] = np.add.reduceat(drawn[:, order], starts, axis=1)
    return sums


def _of_draws(cells: Cells, count: int) -> tuple[Any, ...]:
    """Returns the intervals of each class's F1, and of mean precision, recall and F1.

    Samples of one cell of the confusion are alike, so how often each cell is drawn says all.
    """
    *classes, precision, recall, f1 = intervals.bootstrap(
        lambda drawn: averaged_scores(*_sums(cells, count, drawn)),
        len(cells[0]),
        cost=3,
        counts=cells[2],
    )
    return classes, precision, recall, f1


def averaged_scores(hits: np.ndarray, found: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Returns F1 of each class, and the means of precision, recall and F1, `(R, num_classes + 3)`.

    A class that a draw happens to leave out has none in it; one that no draw has counts as 0.

    Args:
      hits, found, samples: `(R, num_classes)`, how many were rightly taken for a class, taken for
        it, and are of it.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, f1 = hits / samples, 2 * hits / (found + samples)
        precision = np.where((found == 0) & (samples > 0), 0.0, hits / found)
    means = [intervals.with_mean(_or_0(each))[:, -1:] for each in (precision, recall, f1)]
    return np.concatenate([_or_0(f1), *means], axis=1)


def _or_0(scores: np.ndarray) -> np.ndarray:
    """Returns scores of draws `(R, num_classes)`; 0 of a class that has none in any."""
    return np.where(np.isnan(scores).all(axis=0), 0.0, scores)


def _share(part: float, whole: float) -> float:
    """Returns the share; 0 of nothing."""
    return part / whole if whole else 0.0


def _class_scores(
    names: Sequence[str],
    cells: Cells,
    of_f1: Sequence[Interval | None],
    ranks: Sequence[RankScore],
) -> Iterator[ClassScore]:
    sums = (each[0].astype(np.int64).tolist() for each in _sums(cells, len(names), cells[2][None]))
    for name, hits, found, samples, f1, rank in zip(names, *sums, of_f1, ranks, strict=True):
        told = rank if len(names) <= _MOST_RANK_INTERVALS else replace(rank, intervals={})
        yield class_score(name, hits, found, samples, of_f1=f1, rank=told)


def class_score(
    name: str, hits: int, found: int, samples: int, *, of_f1: Interval | None, rank: RankScore
) -> ClassScore:
    """Returns the scores of one class.

    Args:
      hits, found, samples: how many were rightly taken for it, taken for it, and are of it.
      of_f1: interval of its F1.
      rank: how well it is ranked.
    """
    return ClassScore(
        name=name,
        samples=samples,
        precision=_share(hits, found),
        recall=_share(hits, samples),
        f1=_share(2 * hits, found + samples),
        roc_area=rank.roc_area,
        average_precision=rank.average_precision,
        intervals=intervals.known(
            precision=intervals.wilson(hits, found),
            recall=intervals.wilson(hits, samples),
            f1=of_f1,
            **rank.intervals,
        ),
    )


def _ranks(kept: np.ndarray, count: int) -> tuple[list[RankScore], RankScore]:
    """Returns how well each class is ranked, and their mean; nothing of too many classes."""
    if kept.shape[1] == _ROW:
        nothing = RankScore(roc_area=None, average_precision=None)
        return [nothing] * count, nothing
    return rank_scores(_one_against_others(kept, place) for place in range(count))


def _one_against_others(kept: np.ndarray, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns which samples are of a class, and their scores for it."""
    return kept[:, _TRUE] == place, kept[:, _ROW + place]


def _curves(
    names: Sequence[str], kept: np.ndarray, ranks: Sequence[RankScore], mean: RankScore
) -> tuple[Chart, ...]:
    """Returns ROC and precision-recall curves; of two classes those of the second."""
    first = 1 if len(names) == 2 else 0
    own = ranks[first] if first else mean
    return ranking_charts(
        names[first:],
        ranks[first:],
        own,
        lambda place: ranking_of(*_one_against_others(kept, place + first)),
    )
