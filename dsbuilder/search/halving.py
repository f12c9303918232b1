"""Successive halving: many trials for a few epochs, the best third of them for three times as many.

K. Jamieson and A. Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
Optimization" (AISTATS 2016); the factor, and rungs as shares of a whole training, are those of L.
Li et al., "Hyperband" (JMLR 2018), of which a search is one bracket: as many rungs as trials and
epochs allow.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FACTOR = 3
MOST = 81
"""Trials that time alone decides on. More of them find little more, and a process keeps some 15 MB
of every network that it has trained: TensorFlow registers gradients of a graph for good."""

Score = tuple[float, float]
"""How good a trial is so far, the lower the better: what it is judged by, and its loss, which says
who is first of those that are equal."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast trials are trained.

    Attributes:
      start_s: time that the start of a training takes, and its first step beyond others.
      epoch_s: time that an epoch takes.
    """

    start_s: float
    epoch_s: float


def rungs(trials: int, epochs: int) -> tuple[int, ...]:
    """Returns the epochs of each rung, the last of which are all.

    Args:
      trials: number of trials that begin.
      epochs: number of epochs of a whole training.
    """
    last = 0
    while FACTOR ** (last + 1) <= min(trials, epochs):
        last += 1
    return tuple(math.ceil(epochs / FACTOR ** (last - rung)) for rung in range(last + 1))


def admitted(trials: int) -> int:
    """Returns how many of the trials of a rung go on to the next one."""
    return max(1, trials // FACTOR)


def cost_s(trials: int, epochs: Sequence[int], pace: Pace) -> float:
    """Returns the time of a search whose first trial is trained whole already.

    Args:
      trials: number of trials in the first rung.
      epochs: epochs of each rung.
    """
    total, before, going_on = 0.0, 0, trials
    for number, until in enumerate(epochs):
        trained = going_on - 1 if number == 0 else going_on
        total += trained * (pace.start_s + (until - before) * pace.epoch_s)
        before, going_on = until, admitted(going_on)
    return total


def most_trials(epochs: int, pace: Pace, available_s: float) -> int:
    """Returns the largest number of trials that a search has time for; 1 is the first alone."""
    least_s = max(pace.start_s + pace.epoch_s, 1e-9)
    most = min(MOST, max(1, int(available_s / least_s) + 1))
    return next(
        number
        for number in range(most, 0, -1)
        if number == 1 or cost_s(number, rungs(number, epochs), pace) <= available_s
    )


def survivors(scores: Mapping[int, Score], count: int) -> tuple[int, ...]:
    """Returns the numbers of the best trials, the best first; never one without a score."""
    ranked = sorted(scores, key=lambda number: (scores[number], number))
    return tuple(number for number in ranked if math.isfinite(scores[number][0]))[:count]
