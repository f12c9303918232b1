"""Over which probability a class is said: a half, or what is best for skewed classes.

A half is right where a mistake on either side costs the same and both sides are common. Where one
is rare, a model seldom comes to say it; then the threshold is the one of the best F1 of the rarer
side, Z. C. Lipton, C. Elkan and B. Naryanaswamy, "Optimal Thresholding of Classifiers to Maximize
F1 Measure" (2014), chosen on validation alone: on the split that a model is measured on, it would
flatter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from dsbuilder.tasks import intervals
from dsbuilder.tasks.ranking import ranking_of

Origin = Literal["half", "validation", "asked"]
"""Where thresholds are from."""

HALF = 0.5
_SKEWED = 1 / 3
"""Share below which a side is rare: the other has more than twice its samples."""
_FEWEST = 10
"""Samples on either side below which none is chosen."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Thresholds of the classes of a task.

    Attributes:
      thresholds: probability over which each class is said, in (0, 1); empty for a half of each.
      origin: `half`; `validation` where one was chosen there; `asked` where somebody gave it.
    """

    thresholds: tuple[float, ...] = ()
    origin: Origin = "half"

    def of(self, count: int) -> np.ndarray:
        """Returns the threshold of each of some classes, float64 `(count,)`."""
        return np.array(self.thresholds or (HALF,) * count)

    def logits(self, count: int) -> np.ndarray:
        """Returns thresholds as logits: over 0 is over a half."""
        thresholds = self.of(count)
        return np.asarray(np.log(thresholds) - np.log1p(-thresholds))

    @classmethod
    def at(cls, threshold: float, count: int) -> Self:
        """Returns one threshold for all of some classes, as somebody asks for it."""
        return cls(thresholds=(threshold,) * count, origin="asked")

    @classmethod
    def chosen(cls, present: np.ndarray, probabilities: np.ndarray) -> Self:
        """Returns the thresholds of the best F1, of classes that are rare or nearly everywhere.

        Args:
          present: bool `(N, count)`, which samples have a class.
          probabilities: `(N, count)`.
        """
        pairs = zip(present.T, probabilities.T, strict=True)
        thresholds = tuple(_best(*each) for each in pairs)
        is_half = all(each == HALF for each in thresholds)
        return cls() if is_half else cls(thresholds=thresholds, origin="validation")

    def state(self) -> dict[str, Any]:
        """Returns what was chosen, as JSON values."""
        return {"thresholds": list(self.thresholds)} if self.thresholds else {}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], count: int) -> Self:
        """Returns what `state` described.

        Raises:
          ValueError: these are no thresholds of so many classes.
        """
        found = state.get("thresholds")
        if found is None:
            return cls()
        wrong = not isinstance(found, Sequence) or len(found) != count
        if wrong or not all(type(each) is float and 0 < each < 1 for each in found):
            raise ValueError(f"expected {count} thresholds in (0, 1), found others")
        return cls(thresholds=tuple(found), origin="validation")


EVEN = Decision()
"""A half of each class."""


def told(evaluation: Mapping[str, Any]) -> list[str]:
    """Returns the line that says thresholds other than a half; none where there are none.

    Args:
      evaluation: a document with `thresholds` by class, and `thresholds_from`.
    """
    others = {n: each for n, each in evaluation["thresholds"].items() if each != HALF}
    if not others:
        return []
    listed = ", ".join(f"'{name}' {each:.3f}" for name, each in [*others.items()][:_FEWEST])
    more = ", ..." if len(others) > _FEWEST else ""
    why = " (best F1 on validation)" if evaluation["thresholds_from"] == "validation" else ""
    return [f"said where the probability is over: {listed}{more}{why}"]


def is_skewed(counts: Iterable[int], samples: int) -> bool:
    """Whether a threshold is chosen for a class, which so many of the samples have."""
    rarer = (min(each, samples - each) for each in counts)
    return any(_FEWEST <= each < _SKEWED * samples for each in rarer)


def _best(present: np.ndarray, probabilities: np.ndarray) -> float:
    """Returns the threshold of one class; a half where no side is rare, or too few samples tell."""
    count = int(present.sum())
    if not is_skewed([count], len(present)):
        return HALF
    if 2 * count < len(present):
        return _best_f1(present, probabilities)
    return 1 - _best_f1(~present, 1 - probabilities)


def _best_f1(present: np.ndarray, probabilities: np.ndarray) -> float:
    """Returns the threshold of the best F1: of several as good as another the nearest to a half.

    It lies halfway to the next lower probability, so that none is equal to it. A half it is, too,
    where the ranking is not surely better than chance: the best would be to say the class of all.
    """
    ranking = ranking_of(present, probabilities.astype(np.float64))
    area = ranking.roc_area()
    interval = intervals.of_influence(area, ranking.roc_influence())
    if area is None or (area if interval is None else interval.low) <= HALF:
        return HALF
    f1 = 2 * ranking.hits / (ranking.found + ranking.positives)
    between = (ranking.scores + np.append(ranking.scores[1:], 0.0)) / 2
    best = between[f1 >= f1.max() - 1e-12]
    nearest = float(best[np.abs(best - HALF).argmin()])
    return min(max(nearest, 1e-6), 1 - 1e-6)
