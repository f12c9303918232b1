"""Whether other values of options are better: both trained whole by the same seeds, in pairs.

Within a pair, the seed deals the same batches and begins with the same draws, so what differs is
the values; over pairs, what differs is luck, and its interval says how far the mean is to be taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.tasks import evaluations_of, task_of
from dsbuilder.tasks.intervals import Interval, shown, student
from dsbuilder.train.run import Run


@dataclass(frozen=True, kw_only=True)
class Gain:
    """By how much values are better than what a pipeline says, over seeds.

    Attributes:
      split: name of the split.
      score: name of the score.
      own: score of the pipeline as it is, by seed.
      best: score of the values, by seed.
      mean: mean of the differences; above 0 the values are better, whatever the score.
      interval: where that lies with 95 %; None where all seeds agree.
    """

    split: str
    score: str
    own: tuple[float, ...]
    best: tuple[float, ...]
    mean: float
    interval: Interval | None

    @property
    def is_sure(self) -> bool:
        """Whether the values are better, and not by luck alone."""
        return self.mean > 0 if self.interval is None else self.interval.low > 0

    def __str__(self) -> str:
        between = vars(self.interval) if self.interval is not None else None
        return (
            f"{self.score.replace('_', ' ')} on {self.split} {np.mean(self.best):.4g} against "
            f"{np.mean(self.own):.4g}, a gain of {shown(self.mean, between, '.3g')} over "
            f"{len(self.own)} seeds"
        )


def gain(
    split: str, score: str, own: Sequence[float], best: Sequence[float], *, greatest: bool
) -> Gain:
    """Returns the gain of pairs of scores.

    Args:
      greatest: whether the greatest score is the best.
    """
    sign = 1 if greatest else -1
    differences = [sign * (b - a) for a, b in zip(own, best, strict=True)]
    return Gain(
        split=split,
        score=score,
        own=tuple(own),
        best=tuple(best),
        mean=float(np.mean(differences)),
        interval=student(differences),
    )


def gain_of_evaluations(own: Sequence[Run], best: Sequence[Run], *, greatest: bool) -> Gain | None:
    """Returns the gain on the split that runs were evaluated on; None where a score is missing."""
    told = [[_headline(run.evaluation()) for run in runs] for runs in (own, best)]
    scores = [[value for *_, value in each if value is not None] for each in told]
    if not all(len(each) == len(own) for each in scores):
        return None
    split, name, _ = told[0][0]
    return gain(split, name, *scores, greatest=greatest)


def _headline(evaluation: Mapping[str, Any]) -> tuple[str, str, float | None]:
    """Returns split, name and value of the score that says how good a run is, of its first head."""
    _, first = next(evaluations_of(evaluation))
    name = task_of(first["kind"]).headline
    return first["split"], name, first[name]


def train_pairs(
    seeds: Sequence[int], train: Callable[[str, int], Run]
) -> tuple[list[Run], list[Run]]:
    """Trains pairs; returns the runs of the pipeline as it is, and those of the values.

    Args:
      train: trains `own` or `best` by a seed.
    """
    pairs = [(train("own", seed), train("best", seed)) for seed in seeds]
    return [own for own, _ in pairs], [best for _, best in pairs]
