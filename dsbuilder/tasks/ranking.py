"""How well scores rank what is present before what is not: ROC area, average precision, curves.

The area under the ROC curve is the share of pairs, one sample present and one not, that are ranked
rightly; a tie counts half: J. A. Hanley and B. J. McNeil (1982). Average precision is the mean
precision at each sample that is present; no curve is interpolated. Samples of one score are found
together.

Their intervals are from what each sample adds to the score (its derivative by the sample's weight):
the infinitesimal jackknife of L. A. Jaeckel (1972) and B. Efron (1982). Of the ROC area that is
the variance of E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson (1988). It takes one sorting,
where a bootstrap takes hundreds, and the mean over classes has an interval alike: samples add to
it the mean of what they add to each class.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dsbuilder.tasks import intervals
from dsbuilder.tasks.intervals import Interval

GRID = np.linspace(0.0, 1.0, 101)
"""False positive rates, and recalls, at which curves of classes are averaged."""

_FEWEST = 2
"""Samples on either side below which nothing is known of how a score spreads."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """Samples in the order of their scores for one class, the highest first.

    Attributes:
      present: bool `(N,)`, which samples have the class.
      place: int `(N,)`, place of each sample's score among the `K` that differ.
      scores: `(K,)`, the scores that differ, falling.
      hits: float64 `(K,)`, number of samples of that score or a higher one that have the class.
      found: float64 `(K,)`, number of all samples of that score or a higher one.
    """

    present: np.ndarray
    place: np.ndarray
    scores: np.ndarray
    hits: np.ndarray
    found: np.ndarray

    @property
    def positives(self) -> float:
        """Number of samples that have the class."""
        return float(self.hits[-1])

    @property
    def negatives(self) -> float:
        """Number of samples that do not."""
        return float(self.found[-1] - self.hits[-1])

    def roc_area(self) -> float | None:
        """Returns the area under the ROC curve; None where all samples are of one side."""
        if not (self.positives and self.negatives):
            return None
        missed = np.diff(self.found - self.hits, prepend=0.0)
        before = self.hits - np.diff(self.hits, prepend=0.0) / 2
        return float((missed * before).sum() / (self.positives * self.negatives))

    def roc_influence(self) -> np.ndarray | None:
        """Returns what each sample adds to the ROC area, `(N,)`; None where too few tell."""
        area = self.roc_area()
        if area is None or min(self.positives, self.negatives) < _FEWEST:
            return None
        missed = self.found - self.hits
        below = self.negatives - missed + np.diff(missed, prepend=0.0) / 2
        above = self.hits - np.diff(self.hits, prepend=0.0) / 2
        of_present = (below / self.negatives - area) / _unbiased(self.positives)
        of_absent = (above / self.positives - area) / _unbiased(self.negatives)
        return np.asarray(np.where(self.present, of_present[self.place], of_absent[self.place]))

    def average_precision(self) -> float | None:
        """Returns the mean precision at each sample that has the class; None if none has."""
        if not self.positives:
            return None
        gained = np.diff(self.hits, prepend=0.0)
        return float((gained * self.hits / self.found).sum() / self.positives)

    def precision_influence(self) -> np.ndarray | None:
        """Returns what each sample adds to the average precision; None where too few tell."""
        mean = self.average_precision()
        if mean is None or self.positives < _FEWEST:
            return None
        precision, gained = self.hits / self.found, np.diff(self.hits, prepend=0.0)
        hit = _from_below(gained / self.found) + precision - mean
        taken = _from_below(gained * precision / self.found)
        each = np.where(self.present, hit[self.place], 0.0) - taken[self.place]
        return np.asarray(each / self.positives)

    def roc(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the false and the true positive rate at each score, from (0, 0) on."""
        false, true = self.found - self.hits, self.hits
        rates = (false / max(self.negatives, 1.0), true / max(self.positives, 1.0))
        return np.append(0.0, rates[0]), np.append(0.0, rates[1])

    def precision_recall(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns recall and precision at each score, recall from 0 on."""
        precision = self.hits / self.found
        recall = self.hits / max(self.positives, 1.0)
        return np.append(0.0, recall), np.append(precision[:1], precision)


@dataclass(frozen=True, kw_only=True, eq=False)
class RankScore:
    """How well a class is ranked, or the mean over classes.

    Attributes:
      roc_area: area under the ROC curve; None where all samples are of one side.
      average_precision: None if no sample has the class.
      intervals: where each of these lies with 95 %, by its name.
      roc: true positive rates at `GRID`; None where all samples are of one side.
      precisions: precisions at recalls of `GRID`, likewise.
    """

    roc_area: float | None
    average_precision: float | None
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    roc: np.ndarray | None = None
    precisions: np.ndarray | None = None


def rank_scores(
    classes: Iterable[tuple[np.ndarray, np.ndarray]],
) -> tuple[list[RankScore], RankScore]:
    """Returns how well each class is ranked, and the mean over those that have a score.

    Args:
      classes: arguments of `ranking_of` for each class.
    """
    found = []
    areas, precisions = _Mean(), _Mean()
    for present, scores in classes:
        each = ranking_of(present, scores)
        area, precision = each.roc_area(), each.average_precision()
        of_area, of_precision = each.roc_influence(), each.precision_influence()
        areas.add(area, of_area)
        precisions.add(precision, of_precision)
        found.append(
            RankScore(
                roc_area=area,
                average_precision=precision,
                intervals=intervals.known(
                    roc_area=intervals.of_influence(area, of_area),
                    average_precision=intervals.of_influence(precision, of_precision),
                ),
                roc=None if area is None else np.interp(GRID, *each.roc()),
                precisions=None if area is None else np.interp(GRID, *each.precision_recall()),
            )
        )
    mean = RankScore(
        roc_area=areas.value,
        average_precision=precisions.value,
        intervals=intervals.known(
            roc_area=areas.interval(), average_precision=precisions.interval()
        ),
        roc=_mean_curve([each.roc for each in found]),
        precisions=_mean_curve([each.precisions for each in found]),
    )
    return found, mean


class _Mean:
    """The mean of a score over the classes that have it, and what samples add to it."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._influence: np.ndarray | None = None
        self._known = True

    def add(self, value: float | None, influence: np.ndarray | None) -> None:
        """Adds a class."""
        if value is None:
            return
        self._values.append(value)
        if influence is None:
            self._known = False
        elif self._influence is None:
            self._influence = influence.copy()
        else:
            self._influence += influence

    @property
    def value(self) -> float | None:
        """The mean; None of no class."""
        return float(np.mean(self._values)) if self._values else None

    def interval(self) -> Interval | None:
        """Returns where it lies; None where that of a class is not known."""
        if self._influence is None or not self._known:
            return None
        return intervals.of_influence(self.value, self._influence / len(self._values))


def _mean_curve(curves: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [each for each in curves if each is not None]
    return np.asarray(np.mean(known, axis=0)) if known else None


def ranking_of(present: np.ndarray, scores: np.ndarray) -> Ranking:
    """Returns samples in the order of their scores.

    Args:
      present: bool `(N,)`.
      scores: `(N,)`, higher where a sample is held to have the class.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    differs = ordered[1:] != ordered[:-1]
    ends = np.flatnonzero(np.append(differs, True))
    place = np.empty(len(scores), np.int64)
    place[order] = np.append(0, np.cumsum(differs))
    return Ranking(
        present=present,
        place=place,
        scores=ordered[ends],
        hits=np.cumsum(present[order])[ends].astype(np.float64),
        found=(ends + 1).astype(np.float64),
    )


def _unbiased(count: float) -> float:
    """Returns what a sum over samples of one side is divided by, so that its square is not low."""
    return float(np.sqrt(count * (count - 1)))


def _from_below(values: np.ndarray) -> np.ndarray:
    """Returns the sum of each value and all behind it."""
    return np.cumsum(values[::-1])[::-1]
