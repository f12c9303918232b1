"""A diagnosis in sentences."""

from collections.abc import Iterator

from dsbuilder.diagnosis.learning_curve import CurveVerdict, Gap, Trend
from dsbuilder.report.charts.axes import number

_TOLD = {
    "high": "more than the {small} that are called small: high {name}",
    "small": "not more than the {small} that are called small",
    "unclear": "which may be more than the {small} that are called small, or not: more seeds, or "
    "more samples of validation, would tell",
}


def sentences(
    verdict: CurveVerdict, *, error: str, baseline: float, said: bool, chance: float, small: float
) -> Iterator[str]:
    """Yields what trainings say of one target, and what that was judged against.

    Args:
      error: name of the error.
      said: whether the baseline is a person's.
      chance: error of an answer that is the same for every image.
      small: what a gap may be that is called small.
    """
    last = verdict.points[-1]
    against = (
        f"the baseline of {number(baseline)}"
        if said
        else "an error of 0, as no baseline was given, so this is what could be avoided at most"
    )
    yield (
        f"Learnt from {last.samples:,.0f} samples, the error ({error}) is {number(last.train)} on "
        f"train and {number(last.validation)} on validation; an answer that is the same for every "
        f"image has {number(chance)}."
    )
    yield (
        f"Avoidable bias: on train it is {_shown(verdict.bias)} over {against}; "
        f"{_told(verdict.bias, 'bias', small)}."
    )
    yield (
        f"Variance: on validation it is {_shown(verdict.variance)} over that on train; "
        f"{_told(verdict.variance, 'variance', small)}."
    )
    yield from _of_more(verdict.trend, last.validation)


def _shown(gap: Gap) -> str:
    return f"{number(gap.value)} [{number(gap.low)}, {number(gap.high)}]"


def _told(gap: Gap, name: str, small: float) -> str:
    return _TOLD[gap.verdict].format(small=number(small), name=name)


def _of_more(trend: Trend | None, now: float) -> Iterator[str]:
    if trend is None:
        yield "More data: of an error of 0 no curve can be fitted."
    elif trend.falls:
        yield (
            f"More data: the error on validation still falls; by a power law, twice the samples "
            f"would bring it from {number(now)} to about {number(trend.twice)} "
            f"[{number(trend.twice_low)}, {number(trend.twice_high)}], a hopeful estimate."
        )
    else:
        yield (
            "More data: the error on validation does not surely fall any more "
            f"(exponent {number(trend.exponent, 2)} [{number(trend.low, 2)}, "
            f"{number(trend.high, 2)}]): more of the same is not sure to help."
        )
