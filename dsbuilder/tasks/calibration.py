"""Whether probabilities are as they say, and the one number that mends them.

Of samples whose answer has a probability of 0.8, eight in ten should be right. The expected
calibration error is the mean distance between both, over 15 bins of equal width: C. Guo et al., "On
Calibration of Modern Neural Networks" (2017). It has no interval, since drawing samples again moves
it away from 0; the shares of its bins have one. From the same paper is the temperature: logits are
divided by one number, which leaves every answer as it is.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.tasks import intervals
from dsbuilder.tasks.intervals import Interval

BINS = 15
"""Number of bins of equal width."""
_WIDEST = 20.0
"""Temperatures are looked for between this and its inverse."""
_STEPS = 48


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Samples whose probabilities are near each other.

    Attributes:
      samples: number of samples.
      confidence: their mean probability.
      share: share of them that are as was said.
      interval: where that share lies with 95 %.
    """

    samples: int
    confidence: float
    share: float
    interval: Interval | None


def reliability(probabilities: np.ndarray, right: np.ndarray) -> tuple[ReliabilityBin, ...]:
    """Returns the bins that hold a sample, the lowest probabilities first.

    Args:
      probabilities: `(N,)`, in [0, 1].
      right: bool `(N,)`, whether what has the probability is so.
    """
    places = np.clip(np.ceil(probabilities * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    sums = np.bincount(places, probabilities, BINS)
    hits = np.bincount(places, right, BINS)
    return tuple(
        ReliabilityBin(
            samples=int(count),
            confidence=float(total / count),
            share=float(hit / count),
            interval=intervals.wilson(float(hit), float(count)),
        )
        for count, total, hit in zip(counts, sums, hits, strict=True)
        if count
    )


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Returns the mean distance between probability and share, over the samples of all bins."""
    apart = sum(each.samples * abs(each.confidence - each.share) for each in bins)
    return apart / max(sum(each.samples for each in bins), 1)


def best_temperature(loss: Callable[[float], float]) -> float:
    """Returns the temperature of the least loss, by golden sections.

    Args:
      loss: mean negative logarithm of the probabilities of what is true, by temperature; it falls
        and rises once, being convex in the inverse of the temperature.
    """
    golden = (np.sqrt(5.0) - 1) / 2
    low, high = -np.log(_WIDEST), np.log(_WIDEST)
    inner = [high - golden * (high - low), low + golden * (high - low)]
    values = [loss(float(np.exp(each))) for each in inner]
    for _ in range(_STEPS):
        if values[0] <= values[1]:
            high, inner[1], values[1] = inner[1], inner[0], values[0]
            inner[0] = high - golden * (high - low)
            values[0] = loss(float(np.exp(inner[0])))
        else:
            low, inner[0], values[0] = inner[0], inner[1], values[1]
            inner[1] = low + golden * (high - low)
            values[1] = loss(float(np.exp(inner[1])))
    return float(np.exp((low + high) / 2))


def temperature_of(state: Mapping[str, Any]) -> float:
    """Returns the temperature in a task's state, of whatever origin; 1 where there is none.

    Raises:
      ValueError: it is none.
    """
    found = state.get("temperature", 1.0)
    if type(found) is not float or not 0 < found < math.inf:
        raise ValueError(f"temperature: expected a number above 0, found {found!r:.40}")
    return found
