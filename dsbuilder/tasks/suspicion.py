"""Which labels are suspect, of each kind, by what models say of samples that they never saw.

Classes, and each of several classes by itself, go by confident learning; see
`confident_learning.py`. It also estimates how many labels of each class are wrong. For other kinds
nobody has such an estimate, so they are only ranked:

- numbers by their residuals, masks by one less the IoU, keypoints by their distance: outliers, more
  than 3.5 robust deviations from the median (B. Iglewicz, D. Hoaglin, "How to Detect and Handle
  Outliers", 1993);
- texts by the share of characters that differ, where the model is as sure of what it reads as it is
  on average where it reads the label: the threshold of confident learning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.tasks.confident_learning import Doubted, Pruning, doubt

OUTLIER = 3.5
"""Robust deviations from the median over which a value is an outlier."""

_MOST_TAKEN = 5
_EXPECTED = 0.05
"""Expected labels below which a pair of classes is not told."""


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A label that is suspect.

    Attributes:
      place: number of the sample among those that were judged.
      given: label, in JSON values.
      suggested: label that the model says, likewise; None of a kind that is not suggested.
      sureness: probability that the model gives to that; None of a kind without any.
      score: number that suspects are ordered by, the greatest first.
      remark: how far the model disagrees, in words.
    """

    place: int
    given: Any
    suggested: Any
    sureness: float | None
    score: float
    remark: str


@dataclass(frozen=True, kw_only=True)
class ClassNoise:
    """How many labels of a class are expected to be wrong.

    Attributes:
      name: name of the class.
      records: number of records that are labeled so.
      wrong: number of these that are expected to be of another class, or of several classes a
        sample not to be of this one.
      missing: number of records of this class that are expected not to be labeled so.
      taken_for: classes that most of the wrong ones are expected to be of, with their numbers.
    """

    name: str
    records: int
    wrong: float
    missing: float
    taken_for: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """What is thought of the labels of a target.

    Attributes:
      suspects: labels that are suspect, the most so first.
      expected: number of labels that are expected to be wrong, of several classes counted class by
        class; None of a kind without estimate.
      classes: noise of each class, in id order; none of other kinds.
    """

    suspects: tuple[Suspect, ...]
    expected: float | None = None
    classes: tuple[ClassNoise, ...] = ()


def _ordered(suspects: Iterator[Suspect], **known: Any) -> Suspicion:
    found = sorted(suspects, key=lambda each: (-each.score, each.place))
    return Suspicion(suspects=tuple(found), **known)


def of_classes(
    names: Sequence[str], given: Sequence[str], probabilities: np.ndarray, pruning: Pruning
) -> Suspicion:
    """Returns what is thought of labels of one class each.

    Args:
      names: names of the classes in id order.
      given: label of each sample.
      probabilities: `(N, classes)`.
    """
    ids = _ids(names, given)
    found = doubt(ids, probabilities, pruning)

    def suspects() -> Iterator[Suspect]:
        for place in np.flatnonzero(found.suspect).tolist():
            other = int(found.taken_for[place])
            sure = float(probabilities[place, other])
            yield Suspect(
                place=place,
                given=given[place],
                suggested=names[other],
                sureness=sure,
                score=-float(found.margins[place]),
                remark=f"taken for {names[other]}, {sure:.3f}",
            )

    classes = tuple(_noise(names, found, np.bincount(ids, minlength=len(names))))
    return _ordered(suspects(), expected=found.wrong, classes=classes)


def _ids(names: Sequence[str], given: Sequence[str]) -> np.ndarray:
    id_of = {name: number for number, name in enumerate(names)}
    return np.array([id_of[name] for name in given], np.int64)


def _noise(names: Sequence[str], found: Doubted, counts: np.ndarray) -> Iterator[ClassNoise]:
    apart = found.joint - np.diag(np.diag(found.joint))
    for place, name in enumerate(names):
        most = np.argsort(-apart[place], kind="stable")[:_MOST_TAKEN].tolist()
        yield ClassNoise(
            name=name,
            records=int(counts[place]),
            wrong=float(apart[place].sum()),
            missing=float(apart[:, place].sum()),
            taken_for=tuple(
                (names[other], float(apart[place, other]))
                for other in most
                if apart[place, other] >= _EXPECTED
            ),
        )


def of_several_classes(
    names: Sequence[str],
    given: Sequence[Sequence[str]],
    probabilities: np.ndarray,
    pruning: Pruning,
) -> Suspicion:
    """Returns what is thought of labels of several classes each, class by class.

    Args:
      names, given, probabilities: those of `of_classes`; each probability by itself.
    """
    id_of = {name: number for number, name in enumerate(names)}
    has = np.zeros(probabilities.shape, bool)
    for place, label in enumerate(given):
        has[place, [id_of[name] for name in label]] = True
    doubted, margins, joints = np.zeros_like(has), np.zeros_like(probabilities), []
    for number, each in enumerate(probabilities.T):
        both = np.stack([1 - each, each], axis=1)
        found = doubt(has[:, number].astype(np.int64), both, pruning)
        doubted[:, number], margins[:, number] = found.suspect, found.margins
        joints.append(found.joint)

    def suspects() -> Iterator[Suspect]:
        for place in np.flatnonzero(doubted.any(axis=1)).tolist():
            wrong, had = doubted[place], has[place]
            sure = np.where(had, 1 - probabilities[place], probabilities[place])
            told = [
                f"{'not ' if had[at] else ''}{names[at]}, {sure[at]:.3f}"
                for at in np.flatnonzero(wrong).tolist()
            ]
            said = np.flatnonzero(had ^ wrong).tolist()
            yield Suspect(
                place=place,
                given=list(given[place]),
                suggested=[names[at] for at in said],
                sureness=float(sure[wrong].min()),
                score=-float(margins[place].min()),
                remark="; ".join(told),
            )

    classes = tuple(
        ClassNoise(
            name=name,
            records=int(has[:, number].sum()),
            wrong=float(joint[1, 0]),
            missing=float(joint[0, 1]),
        )
        for number, (name, joint) in enumerate(zip(names, joints, strict=True))
    )
    expected = sum(each.wrong + each.missing for each in classes)
    return _ordered(suspects(), expected=expected, classes=classes)


def of_numbers(given: Sequence[Any], found: Sequence[Any]) -> Suspicion:
    """Returns what is thought of numbers, or lists of them; each number of a list by itself.

    What is suggested are the numbers of the label with those that are outliers as the model says.
    """
    true = np.array(given, np.float64).reshape(len(given), -1)
    said = np.array(found, np.float64).reshape(len(found), -1)
    far = np.abs(deviations(said - true))

    def suspects() -> Iterator[Suspect]:
        for place in np.flatnonzero((far > OUTLIER).any(axis=1)).tolist():
            mended = np.where(far[place] > OUTLIER, said[place], true[place]).tolist()
            is_list = isinstance(given[place], list)
            suggested = mended if is_list else mended[0]
            told = ", ".join(f"{each:.6g}" for each in said[place].tolist())
            worst = float(far[place].max())
            yield Suspect(
                place=place,
                given=given[place],
                suggested=suggested,
                sureness=None,
                score=worst,
                remark=f"found {told}: {worst:.1f} deviations off",
            )

    return _ordered(suspects())


def of_errors(given: Sequence[Any], errors: Sequence[float | None], name: str) -> Suspicion:
    """Returns what is thought of labels that are ranked by an error alone; nothing is suggested.

    Args:
      errors: error of each sample, greater where the label fits less; None where there is none.
      name: name of the error, for words.
    """
    known = [place for place, error in enumerate(errors) if error is not None]
    values = np.array([errors[place] for place in known], np.float64)
    far = deviations(values[:, None])[:, 0]

    def suspects() -> Iterator[Suspect]:
        for at in np.flatnonzero(far > OUTLIER).tolist():
            yield Suspect(
                place=known[at],
                given=given[known[at]],
                suggested=None,
                sureness=None,
                score=float(far[at]),
                remark=f"{name} {values[at]:.3g}: {far[at]:.1f} deviations off",
            )

    return _ordered(suspects())


def of_texts(
    given: Sequence[str],
    found: Sequence[str],
    confidences: Sequence[float],
    distances: Sequence[int],
) -> Suspicion:
    """Returns what is thought of texts.

    Args:
      found: what the model reads.
      confidences: probability that it gives to that.
      distances: number of characters to insert, delete and replace.
    """
    alike = [sure for sure, far in zip(confidences, distances, strict=True) if not far]
    bound = float(np.mean(alike)) if alike else np.inf

    def suspects() -> Iterator[Suspect]:
        each = zip(given, found, confidences, distances, strict=True)
        for place, (label, read, sure, far) in enumerate(each):
            if not far or sure < bound:
                continue
            longest = max(len(label), len(read))
            yield Suspect(
                place=place,
                given=label,
                suggested=read,
                sureness=sure,
                score=far / longest,
                remark=f"read '{read}', {sure:.3f}: {far} of {longest} characters differ",
            )

    return _ordered(suspects())


def deviations(values: np.ndarray) -> np.ndarray:
    """Returns how many robust deviations each value is from the median of its column, `(N, k)`.

    The deviation is the median distance from the median, scaled to that of normal values; where
    more than half of the values are equal, the mean distance.
    """
    if not len(values):
        return values
    apart = values - np.median(values, axis=0)
    median, mean = np.median(np.abs(apart), axis=0), np.abs(apart).mean(axis=0)
    scale = np.where(median > 0, 1.4826 * median, 1.2533 * mean)
    return np.asarray(apart / np.where(scale > 0, scale, 1.0))
