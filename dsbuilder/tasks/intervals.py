"""How sure a score is: intervals that hold, of a hundred splits like this one, 95 times the truth.

Of a share of samples it is Wilson's: E. B. Wilson, "Probable Inference, the Law of Succession, and
Statistical Inference" (1927), which stays right near 0 and 1 and for few samples. Of every other
score it is the percentile bootstrap: B. Efron, "Bootstrap Methods: Another Look at the Jackknife"
(1979): the split is drawn again from itself, with replacement, and the score taken of each draw.
Draws are of whole samples, so that pixels of one image and labels of one sample stay together, and
seeded, so that equal outputs have equal intervals. Of what ranks samples it is the infinitesimal
jackknife on the scale of logits, on which no interval leaves [0, 1]; see `ranking.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import Any

import numpy as np

_Z = 1.959963984540054
"""The normal distribution's quantile of 0.975."""
_STUDENT = (
    *(12.70620, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157),
    *(2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922),
    2.093024,
)
"""Student's quantiles of 0.975, from 1 degree of freedom on."""
MOST_FOLDS = len(_STUDENT) + 1
_TAILS = (2.5, 97.5)
_RESAMPLES = 1000
_FEWEST = 200
_MOST_DRAWN = 2 * 10**7
"""Numbers drawn or looked at, over all resamples: of a large split there are fewer of these."""
_AT_ONCE = 1 << 21
_DOWN, _UP = (Context(prec=6, rounding=rounding) for rounding in (ROUND_FLOOR, ROUND_CEILING))


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where a score lies with 95 %.

    Attributes:
      method: `wilson`, `bootstrap`, `jackknife` (the infinitesimal one), or `student`.
      low, high: its ends.
    """

    method: str
    low: float
    high: float


Statistic = Callable[[np.ndarray], np.ndarray]
"""From how often each sample was drawn, float64 `(R, N)`, to scores `(R, K)`; not a number where a
draw has none."""


def wilson(part: float, whole: float) -> Interval | None:
    """Returns the interval of a share of samples, such as an accuracy; None if there is no sample.

    Args:
      part: number of samples that count.
      whole: number of samples.
    """
    if not whole:
        return None
    share, square = part / whole, _Z**2
    center = share + square / (2 * whole)
    spread = _Z * np.sqrt(share * (1 - share) / whole + square / (4 * whole**2))
    low, high = ((center + side * spread) / (1 + square / whole) for side in (-1, 1))
    return _interval("wilson", max(float(low), 0.0), min(float(high), 1.0))


def bootstrap(
    statistic: Statistic, samples: int, *, cost: int = 1, counts: np.ndarray | None = None
) -> list[Interval | None]:
    """Returns the interval of each score of a statistic; None where no draw has it, or all agree.

    Of draws that agree nothing can be learnt: of 19 samples of which all are right, say.

    Args:
      samples: number of samples, or of groups of samples that are alike.
      cost: how many numbers the statistic looks at for a sample.
      counts: `(samples,)`, how many samples are in each group; None is one.
    """
    resamples = int(np.clip(_MOST_DRAWN // max(samples * cost, 1), _FEWEST, _RESAMPLES))
    rng = np.random.default_rng(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [statistic(drawn) for drawn in _draws(rng, resamples, samples, counts)]
    return [_between(values) for values in np.concatenate(found).T]


def _draws(
    rng: np.random.Generator, resamples: int, samples: int, counts: np.ndarray | None
) -> Iterator[np.ndarray]:
    """Yields how often each sample is drawn, some resamples at a time."""
    rows = max(_AT_ONCE // max(samples, 1), 1)
    for start in range(0, resamples, rows):
        number = min(rows, resamples - start)
        if counts is None:
            places = rng.integers(samples, size=(number, samples))
            places += np.arange(number)[:, None] * samples
            drawn = np.bincount(places.ravel(), minlength=number * samples)
            yield drawn.reshape(number, samples).astype(np.float64)
        else:
            yield rng.multinomial(counts.sum(), counts / counts.sum(), number).astype(np.float64)


def _between(values: np.ndarray) -> Interval | None:
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max():
        return None
    low, high = np.percentile(known, _TAILS)
    return _interval("bootstrap", float(low), float(high))


def with_mean(scores: np.ndarray) -> np.ndarray:
    """Returns scores `(R, K)` with their mean behind them: of a draw, of those that it has."""
    has = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        mean = np.where(has, scores, 0.0).sum(axis=1) / has.sum(axis=1)
    return np.column_stack([scores, mean])


def of_means(values: np.ndarray) -> list[Interval | None]:
    """Returns the interval of the mean of each column of numbers by sample, `(N, K)`."""
    samples = len(values)
    return bootstrap(lambda drawn: drawn @ values / samples, samples, cost=values.shape[1])


def of_influence(score: float | None, influence: np.ndarray | None) -> Interval | None:
    """Returns the interval of a score in (0, 1); None where it is at an end or nothing is known.

    Args:
      influence: `(N,)`, what each sample adds to the score: its derivative by the sample's weight.
    """
    if score is None or influence is None or not 0 < score < 1:
        return None
    spread = float(np.sqrt((influence * influence).sum()))  # a dot product starts threads
    if not spread:
        return None
    center, half = np.log(score / (1 - score)), _Z * spread / (score * (1 - score))
    low, high = (float(1 / (1 + np.exp(-(center + side * half)))) for side in (-1, 1))
    return _interval("jackknife", low, high)


def _interval(method: str, low: float, high: float) -> Interval:
    """Returns an interval whose ends have six digits, which lie not nearer than they are."""
    ends = (float(c.create_decimal_from_float(e)) for c, e in ((_DOWN, low), (_UP, high)))
    return Interval(method=method, low=next(ends), high=next(ends))


def of_folds(values: Sequence[float]) -> Interval | None:
    """Returns the interval of the mean of a score over folds, by Student's distribution.

    Folds share samples that are trained on, so it is rather too narrow: Y. Bengio and Y.
    Grandvalet, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation" (2004).

    Args:
      values: the score in each fold, from 2 to `MOST_FOLDS` of them.
    """
    return student(values)


def student(values: Sequence[float]) -> Interval | None:
    """Returns the interval of the mean of numbers by Student's distribution; None if all agree.

    Args:
      values: independent ones, from 2 to `MOST_FOLDS` of them.
    """
    count = len(values)
    if not 2 <= count <= MOST_FOLDS or min(values) == max(values):
        return None
    half = _STUDENT[count - 2] * float(np.std(values, ddof=1)) / count**0.5
    mean = float(np.mean(values))
    return _interval("student", mean - half, mean + half)


def known(**intervals: Interval | None) -> dict[str, Interval]:
    """Returns the intervals that there are, by the name of the score."""
    return {name: each for name, each in intervals.items() if each is not None}


def shown(value: float | None, interval: Mapping[str, Any] | None, form: str = ".3f") -> str:
    """Returns a score as a table shows it: `0.953 [0.941, 0.963]`.

    Args:
      interval: as an evaluation's document has it; None if there is none.
      form: format of its numbers.
    """
    if value is None:
        return "-"
    if interval is None:
        return f"{value:{form}}"
    return f"{value:{form}} [{interval['low']:{form}}, {interval['high']:{form}}]"
