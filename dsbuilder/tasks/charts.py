"""Curves of an evaluation as data that anything can draw: `curves.json` of a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from dsbuilder.tasks.calibration import BINS, ReliabilityBin
from dsbuilder.tasks.ranking import GRID, Ranking, RankScore

MOST_POINTS = 200
MOST_LINES = 12

_DIGITS = 6

Kind = Literal["roc", "precision_recall", "calibration", "residuals"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """The number that a chart comes to."""

    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points of a chart, of one class or number, or a mean over all.

    Attributes:
      name: what it is of.
      x, y: coordinates of its points, at most `MOST_POINTS`.
      score: number that the line comes to; None where it has none.
      counts: number of samples behind each point; None where points are of no samples.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    score: float | None = None
    counts: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Lines over common axes.

    Attributes:
      kind: what is drawn.
      title, x_title, y_title: headings.
      score: number that all lines come to; None where they have none.
      lines: lines, at most `MOST_LINES`: of many classes the mean and those that stand out.
      reference: line to compare with, the diagonal or the zero of the y axis; None for none.
    """

    kind: Kind
    title: str
    x_title: str
    y_title: str
    score: Score | None = None
    lines: tuple[Line, ...]
    reference: Literal["diagonal", "zero"] | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the chart as JSON values."""
        return asdict(self)


def line(name: str, x: np.ndarray, y: np.ndarray, *, score: float | None = None) -> Line:
    """Returns a curve of at most `MOST_POINTS` points, which lie evenly along it."""
    far = np.cumsum(np.append(0.0, np.abs(np.diff(x)) + np.abs(np.diff(y))))
    if len(x) > MOST_POINTS:
        wanted = np.linspace(0.0, far[-1], MOST_POINTS)
        kept = np.unique(np.minimum(np.searchsorted(far, wanted), len(x) - 1))
        x, y = x[kept], y[kept]
    return Line(name=name, x=_numbers(x), y=_numbers(y), score=score)


def ranking_charts(
    names: Sequence[str],
    scores: Sequence[RankScore],
    mean: RankScore,
    ranking: Callable[[int], Ranking],
) -> tuple[Chart, ...]:
    """Returns the ROC and the precision-recall curves of classes, each against all others.

    Of `MOST_LINES` classes or more it is their mean and the classes of the lowest scores.

    Args:
      names: names of the classes.
      scores: of each class.
      mean: mean over the classes.
      ranking: returns the ranking of a class by its place.
    """
    known = [place for place, each in enumerate(scores) if each.roc is not None]
    if not known:
        return ()
    areas = {place: scores[place].roc_area or 0.0 for place in known}
    means = {place: scores[place].average_precision or 0.0 for place in known}
    return (
        Chart(
            kind="roc",
            title="ROC, each class against the others",
            x_title="false positive rate",
            y_title="true positive rate",
            score=Score(name="ROC area", value=mean.roc_area or 0.0),
            lines=(
                *_mean_of(mean.roc, areas),
                *(line(names[n], *ranking(n).roc(), score=areas[n]) for n in _lowest(areas)),
            ),
            reference="diagonal",
        ),
        Chart(
            kind="precision_recall",
            title="Precision and recall, each class against the others",
            x_title="recall",
            y_title="precision",
            score=Score(name="average precision", value=mean.average_precision or 0.0),
            lines=(
                *_mean_of(mean.precisions, means),
                *(
                    line(names[n], *ranking(n).precision_recall(), score=means[n])
                    for n in _lowest(means)
                ),
            ),
        ),
    )


def _lowest(scores: Mapping[int, float]) -> list[int]:
    """Returns the places of the classes that are drawn, in their order."""
    return sorted(sorted(scores, key=scores.__getitem__)[: MOST_LINES - 1])


def _mean_of(curve: np.ndarray | None, scores: Mapping[int, float]) -> tuple[Line, ...]:
    """Returns the mean of curves; none of a single class."""
    if curve is None or len(scores) == 1:
        return ()
    return (line("mean of classes", GRID, curve, score=float(np.mean([*scores.values()]))),)


def calibration_chart(bins: Sequence[ReliabilityBin], error: float) -> Chart:
    """Returns how often what has a probability is so."""
    return Chart(
        kind="calibration",
        title=f"Calibration, {BINS} bins of equal width",
        x_title="probability",
        y_title="share that is right",
        score=Score(name="expected calibration error", value=error),
        lines=(
            Line(
                name="samples",
                x=_numbers(np.array([each.confidence for each in bins])),
                y=_numbers(np.array([each.share for each in bins])),
                counts=tuple(each.samples for each in bins),
            ),
        ),
        reference="diagonal",
    )


def residuals_chart(name: str, found: np.ndarray, errors: np.ndarray) -> Chart:
    """Returns how far a number is off, over what was found; of many samples some, evenly apart.

    Args:
      name: name of the number; empty of a single one.
      found, errors: `(N,)`, what was found, and that less what is true.
    """
    order = np.argsort(found, kind="stable")
    if len(order) > MOST_POINTS:
        order = order[np.linspace(0, len(order) - 1, MOST_POINTS).round().astype(np.int64)]
    x, y = _numbers(found[order]), _numbers(errors[order])
    return Chart(
        kind="residuals",
        title=f"Residuals of {name}" if name else "Residuals",
        x_title="found",
        y_title="found less true",
        lines=(Line(name=name or "samples", x=x, y=y),),
        reference="zero",
    )


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    """Returns numbers to as many digits as a chart shows."""
    return tuple(float(f"{each:.{_DIGITS}g}") for each in values.tolist())
