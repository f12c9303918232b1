"""Errors of trainings on growing shares of train -> high bias, high variance, and what more brings.

The rule is that of A. Ng, "Machine Learning Yearning" (2018): avoidable bias is the error on train
less a baseline, the error that could be reached; variance is the error on validation less that on
train. Both are of the largest share, and each is

  high     where it surely (95 %) exceeds what is called small,
  small    where it surely does not,
  unclear  where seeds and samples do not suffice to tell.

Called small are 5 % of the way from the baseline to chance, the error of an answer that is the same
for every image, unless something else is said. The interval has two parts, added as squares: how
much trainings from other seeds differ (Student's), and how much the splits would if they were drawn
again, which no number of seeds makes less.

Whether the error on validation still falls is judged by a power law through the last shares, as
errors of learnt models follow one over wide ranges: J. Hestness et al., "Deep Learning Scaling is
Predictable, Empirically" (2017). It is fitted to each seed by itself, so that what seeds differ in
says how sure it is. It has no floor, so what it says of twice the data is rather hopeful.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dsbuilder.tasks import ErrorScore
from dsbuilder.tasks.intervals import Interval, of_folds

SMALL = 0.05
"""Share of the way from the baseline to chance that is called small."""
MOST_FITTED = 3
"""Shares that the power law goes through, the last ones."""

_Z = 1.959963984540054
Verdict = Literal["high", "small", "unclear"]


@dataclass(frozen=True, kw_only=True)
class TrainedShare:
    """One training.

    Attributes:
      share: share of train that was learnt.
      seed: number that drew it.
      samples: number of samples in it, without variants.
      train, validation: errors of its best model.
    """

    share: float
    seed: int
    samples: int
    train: ErrorScore
    validation: ErrorScore


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The trainings on one share.

    Attributes:
      share: share of train that was learnt.
      samples: mean number of samples in it.
      train, validation: mean errors over seeds.
      train_interval, validation_interval: where these means lie with 95 %, by what seeds differ in;
        None where they do not.
    """

    share: float
    samples: float
    train: float
    validation: float
    train_interval: Interval | None
    validation_interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Avoidable bias, or variance.

    Attributes:
      value: mean over seeds of what one error is more than another.
      low, high: where it lies with 95 %, by seeds and by the sizes of the splits.
      verdict: `high`, `small` or `unclear`.
    """

    value: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How the error on validation falls with more data.

    Attributes:
      exponent: power of the number of samples by which it falls, as a mean over seeds; below 0
        where it rises.
      low, high: where the exponent lies with 95 %, by seeds.
      twice: error that twice the data would come to, if it went on so.
      twice_low, twice_high: where that lies with 95 %, by seeds.
      falls: whether it surely falls.
    """

    exponent: float
    low: float
    high: float
    twice: float
    twice_low: float
    twice_high: float
    falls: bool


@dataclass(frozen=True, kw_only=True)
class CurveVerdict:
    """What trainings say of one target.

    Attributes:
      points: means over seeds, by share, the smallest first.
      bias, variance: see the module.
      trend: how the error on validation falls; None where an error is 0, which no power law is, or
        all shares are of one size.
    """

    points: tuple[CurvePoint, ...]
    bias: Gap
    variance: Gap
    trend: Trend | None

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        gaps = {"high bias": self.bias.verdict, "high variance": self.variance.verdict}
        high = [name for name, verdict in gaps.items() if verdict == "high"]
        if high:
            return " and ".join(high)
        return "unclear" if "unclear" in gaps.values() else "neither high bias nor high variance"


def judge(trained: Sequence[TrainedShare], *, baseline: float, small: float) -> CurveVerdict:
    """Returns what trainings on growing shares say.

    Args:
      trained: the same seeds of each share, from 2 to `intervals.MOST_FOLDS`.
      baseline: error that could be reached.
      small: what a gap may be that is called small.
    """
    shares = sorted({each.share for each in trained})
    by_share = [[each for each in trained if each.share == share] for share in shares]
    last = by_share[-1]
    train, validation = ([getattr(e, name) for e in last] for name in ("train", "validation"))
    bias = _gap([each.value - baseline for each in train], _spread(train), small)
    both = math.hypot(_spread(train), _spread(validation))
    apart = [two.value - one.value for one, two in zip(train, validation, strict=True)]
    return CurveVerdict(
        points=tuple(map(_point, by_share)),
        bias=bias,
        variance=_gap(apart, both, small),
        trend=_trend(by_share[-MOST_FITTED:]),
    )


def called_small(baseline: float, chance: float) -> float:
    """Returns what a gap may be that is called small, unless something else is said."""
    return SMALL * max(chance - baseline, 0.0)


def _point(trained: Sequence[TrainedShare]) -> CurvePoint:
    errors = {name: [getattr(e, name).value for e in trained] for name in ("train", "validation")}
    return CurvePoint(
        share=trained[0].share,
        samples=float(np.mean([each.samples for each in trained])),
        train=float(np.mean(errors["train"])),
        validation=float(np.mean(errors["validation"])),
        train_interval=_above_0(of_folds(errors["train"])),
        validation_interval=_above_0(of_folds(errors["validation"])),
    )


def _above_0(interval: Interval | None) -> Interval | None:
    """Returns an interval of errors, of which none is below 0."""
    return None if interval is None else replace(interval, low=max(interval.low, 0.0))


def _spread(errors: Sequence[ErrorScore]) -> float:
    """Returns half the width of the interval that samples give an error, as a mean over seeds."""
    return float(np.mean([(each.high - each.low) / 2 for each in errors]))


def _gap(values: Sequence[float], of_samples: float, small: float) -> Gap:
    mean = float(np.mean(values))
    between = of_folds(values)
    half = math.hypot(0.0 if between is None else (between.high - between.low) / 2, of_samples)
    verdict: Verdict = "unclear"
    if mean - half > small:
        verdict = "high"
    elif mean + half <= small:
        verdict = "small"
    return Gap(value=mean, low=mean - half, high=mean + half, verdict=verdict)


def _trend(by_share: Sequence[Sequence[TrainedShare]]) -> Trend | None:
    """Returns the power law through shares; None of one size, or where an error is 0."""
    seeds = sorted({each.seed for each in by_share[-1]})
    if min(e.validation.value for of in by_share for e in of) <= 0:
        return None
    exponents, twice = [], []
    for seed in seeds:
        own = [each for of in by_share for each in of if each.seed == seed]
        sizes = np.log([each.samples for each in own])
        errors = np.log([each.validation.value for each in own])
        apart = sizes - sizes.mean()
        if not apart.any():
            return None
        slope = float(apart @ errors / (apart @ apart))
        exponents.append(-slope)
        twice.append(float(np.exp(errors.mean() + slope * (apart[-1] + math.log(2)))))
    low, high = _ends(exponents)
    twice_low, twice_high = _ends(twice)
    return Trend(
        exponent=float(np.mean(exponents)),
        low=low,
        high=high,
        twice=float(np.mean(twice)),
        twice_low=max(twice_low, 0.0),
        twice_high=twice_high,
        falls=low > 0,
    )


def _ends(values: Sequence[float]) -> tuple[float, float]:
    found = of_folds(values)
    return (values[0], values[0]) if found is None else (found.low, found.high)
