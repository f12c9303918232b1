"""Which samples the mistakes are of, and which classes would gain most.

Samples of validation are grouped by class, by class and what it was taken for, and by what is known
of them: each number (size, brightness, sharpness) in thirds, everything else by its value. A
mistake is a wrong answer; where answers are judged by a number, it is one of the worst fifth. Of
several seeds a sample counts by the share of them that were mistaken.

A group stands out where so many mistakes are surely (95 %) no chance: of a pair of classes, if all
were taken for each other alike (binomial); of any other group, if it were like the rest (Fisher's
test). Of many groups some always look so, hence Holm's correction over all that were looked at.
"""

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dsbuilder.diagnosis.significance import binomial_tail, fisher_tail, surely_not_chance
from dsbuilder.tasks import OfClasses
from dsbuilder.tasks.intervals import Interval, wilson

FEWEST = 5
"""Samples that a group has at least."""
MOST_GROUPS = 50
"""Groups that are kept, the least likely first."""

_WORST = 0.8
_THIRDS = ("lowest third", "middle third", "highest third")

Property = Mapping[str, float | str]
"""A property of samples, by their keys."""


@dataclass(frozen=True, kw_only=True)
class JudgedSample:
    """What several models say of one sample.

    Attributes:
      key: key of the sample.
      truth: what is true, as a file of judgments has it.
      answers: what each model says.
      wrong: share of the models that are mistaken.
    """

    key: str
    truth: str
    answers: tuple[str, ...]
    wrong: float


@dataclass(frozen=True, kw_only=True)
class MistakeGroup:
    """A group of samples.

    Attributes:
      by: what it is a group by: `class pair`, `class`, or the name of a property.
      name: name of the group.
      samples: number of samples in it; of a class pair, samples of the class.
      mistakes: number of mistakes in it, as a mean over models.
      share: share of its samples that are mistaken.
      interval: where that lies with 95 %.
      expected: share that would be, if it were like the rest.
      probability: probability of so many mistakes or more, if it were so.
      stands_out: whether it surely is not so, of all groups that were looked at.
    """

    by: str
    name: str
    samples: int
    mistakes: float
    share: float
    interval: Interval | None
    expected: float
    probability: float
    stands_out: bool = False


@dataclass(frozen=True, kw_only=True)
class ClassGain:
    """What a class would bring.

    Attributes:
      name: name of the class.
      samples: number of its samples.
      score: its score, as a mean over models.
      interval: where that lies with 95 %; None of a score that is no share of samples.
      to_median, to_best: what the score over all would gain if the class reached the median of all
        classes, and the best of them.
    """

    name: str
    samples: int
    score: float
    interval: Interval | None
    to_median: float
    to_best: float


def read_judgments(
    files: Sequence[Path], judged_by: str, *, before: str = ""
) -> list[JudgedSample]:
    """Returns what models say of each sample of a split, in stored order.

    Args:
      files: file of each model; see `train/judgments.py`.
      judged_by: `right`, or the name of the number that a judgment is.
      before: what the names of the head's columns begin with.
    """
    truths: dict[str, str] = {}
    answers: defaultdict[str, list[str]] = defaultdict(list)
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                score = line[before + judged_by]
                if not score:
                    continue  # such as a mask of which every pixel is ignored
                key = line["key"]
                truths[key] = line[before + "truth"]
                answers[key].append(line[before + "answer"])
                scores[key].append(_badness(score, judged_by))
    wrong = {key: float(np.mean(each)) for key, each in scores.items()}
    if judged_by != "right" and wrong:
        limit = float(np.quantile(list(wrong.values()), _WORST))
        wrong = {key: float(each > limit) for key, each in wrong.items()}
    return [
        JudgedSample(key=key, truth=truth, answers=tuple(answers[key]), wrong=wrong[key])
        for key, truth in truths.items()
    ]


def _badness(score: str, judged_by: str) -> float:
    if judged_by == "right":
        return float(score != "true")
    return -float(score) if judged_by == "iou" else float(score)


def grouped(
    samples: Sequence[JudgedSample], properties: Mapping[str, Property], *, classes: Sequence[str]
) -> tuple[MistakeGroup, ...]:
    """Returns groups of samples, the least likely by chance first.

    Args:
      properties: what is known of samples, by its name; samples may lack it.
      classes: names of the classes, of which each sample has one; empty where it has not.
    """
    pairs = list(_pairs(samples, len(classes))) if classes else []
    known: dict[str, Property] = dict(properties)
    if classes:
        known = {"class": {each.key: each.truth for each in samples}, **known}
    found = pairs + [
        group for by, values in known.items() for group in _by_property(samples, by, values)
    ]
    # Pairs that nothing was taken for are looked at, too.
    tests = len(found) - len(pairs) + len(classes) * (len(classes) - 1)
    surely = surely_not_chance([each.probability for each in found], of=tests)
    told = [replace(one, stands_out=two) for one, two in zip(found, surely, strict=True)]
    return tuple(sorted(told, key=lambda each: each.probability)[:MOST_GROUPS])


def _pairs(samples: Sequence[JudgedSample], classes: int) -> Iterator[MistakeGroup]:
    """Yields classes with what they were taken for, as far as they were."""
    sizes = Counter(each.truth for each in samples)
    counts: Counter[tuple[str, str]] = Counter()
    for each in samples:
        for answer in each.answers:
            if answer != each.truth:
                counts[each.truth, answer] += 1
    models = max((len(each.answers) for each in samples), default=1)
    overall = sum(each.wrong for each in samples) / max(len(samples), 1)
    for (truth, answer), count in counts.items():
        expected = overall / max(classes - 1, 1)
        yield _group(
            "class pair",
            f"'{truth}' taken for '{answer}'",
            sizes[truth],
            count / models,
            expected,
            binomial_tail(math.floor(count / models), sizes[truth], expected),
        )


def _by_property(
    samples: Sequence[JudgedSample], by: str, values: Property
) -> Iterator[MistakeGroup]:
    members: defaultdict[str, list[float]] = defaultdict(list)
    name_of = _names(values)
    for each in samples:
        if each.key in values:
            members[name_of(values[each.key])].append(each.wrong)
    known = [wrong for each in members.values() for wrong in each]
    for name, wrong in sorted(members.items()):
        rest = len(known) - len(wrong)
        if min(len(wrong), rest) < FEWEST:
            continue
        others = sum(known) - sum(wrong)
        probability = fisher_tail(math.floor(sum(wrong)), len(wrong), math.ceil(others), rest)
        yield _group(by, name, len(wrong), sum(wrong), others / rest, probability)


def _names(values: Property) -> Callable[[float | str], str]:
    """Returns what says which group a value belongs to: numbers in thirds, all else by itself."""
    numbers = [each for each in values.values() if not isinstance(each, str)]
    if len(set(numbers)) <= len(_THIRDS):
        return lambda value: value if isinstance(value, str) else f"{value:.4g}"
    low, high = np.quantile(numbers, [1 / 3, 2 / 3])

    return lambda value: value if isinstance(value, str) else _third(value, low, high)


def _third(value: float, low: float, high: float) -> str:
    if value <= low:
        return f"{_THIRDS[0]}, up to {low:.4g}"
    return f"{_THIRDS[2]}, over {high:.4g}" if value > high else _THIRDS[1]


def _group(
    by: str, name: str, samples: int, mistakes: float, expected: float, probability: float
) -> MistakeGroup:
    return MistakeGroup(
        by=by,
        name=name,
        samples=samples,
        mistakes=mistakes,
        share=mistakes / samples,
        interval=wilson(mistakes, samples),
        expected=expected,
        probability=probability,
    )


def gains(
    classes: Sequence[Sequence[Mapping[str, float | str]]], of_classes: OfClasses | None
) -> tuple[ClassGain, ...]:
    """Returns what each class would bring to the score over all, those that bring most first.

    Args:
      classes: name, number of samples and score of each class, of several models.
    """
    if of_classes is None:
        return ()
    scores: defaultdict[str, list[float]] = defaultdict(list)
    sizes: dict[str, int] = {}
    for model in classes:
        for each in model:
            scores[str(each["name"])].append(float(each["score"]))
            sizes[str(each["name"])] = int(each["samples"])
    means = {name: float(np.mean(each)) for name, each in scores.items() if sizes[name]}
    if not means:
        return ()
    median, best = float(np.median(list(means.values()))), max(means.values())
    total = sum(sizes[name] for name in means)
    found = [
        ClassGain(
            name=name,
            samples=sizes[name],
            score=score,
            interval=wilson(score * sizes[name], sizes[name]) if of_classes.by_samples else None,
            to_median=max(median - score, 0.0) * weight,
            to_best=(best - score) * weight,
        )
        for name, score in means.items()
        for weight in [sizes[name] / total if of_classes.by_samples else 1 / len(means)]
    ]
    return tuple(sorted(found, key=lambda each: (-each.to_best, each.name)))
