"""Planted mistakes stand out, and those of chance do not; gains are those of their definition."""

import csv

import numpy as np
import pytest

from dsbuilder.diagnosis.mistakes import JudgedSample, gains, grouped, read_judgments
from dsbuilder.tasks import OfClasses

CLASSES = ("cat", "dog", "owl")


def judged(answer_of, count=300):
    """Samples of three classes in turn, each with what one model says of it."""
    found = []
    for number in range(count):
        truth = CLASSES[number % 3]
        answer = answer_of(number, truth)
        found.append(
            JudgedSample(
                key=f"{number}", truth=truth, answers=(answer,), wrong=float(answer != truth)
            )
        )
    return found


def standing_out(found):
    return [(each.by, each.name) for each in found if each.stands_out]


def test_a_class_that_is_taken_for_another_stands_out():
    found = grouped(
        judged(lambda n, truth: "dog" if truth == "cat" and n % 5 == 0 else truth),
        {},
        classes=CLASSES,
    )
    assert set(standing_out(found)) == {("class pair", "'cat' taken for 'dog'"), ("class", "cat")}
    pair = next(each for each in found if each.by == "class pair")
    assert (pair.samples, pair.mistakes, pair.share) == (100, 20, 0.2)
    assert pair.interval.low < 0.2 < pair.interval.high


@pytest.mark.parametrize("values", ["number", "text"])
def test_a_property_that_mistakes_are_of_stands_out(values):
    def is_small(number):
        return number % 7 < 2

    samples = judged(lambda n, truth: "none" if is_small(n) and n % 2 else truth)
    size = {
        each.key: float(int(each.key) % 7) if values == "number" else f"{is_small(int(each.key))}"
        for each in samples
    }
    found = grouped(samples, {"size": size, "even": dict.fromkeys(size, 1.0)}, classes=())
    expected = "lowest third, up to 2" if values == "number" else "True"
    assert standing_out(found) == [("size", expected)]
    assert {each.by for each in found} == {"size"}, "where all are alike, there is no group"


def test_mistakes_of_chance_stand_out_in_few_of_many_sets():
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(60):
        samples = judged(lambda n, truth: CLASSES[rng.integers(3)] if rng.random() < 0.2 else truth)
        known = {
            name: {each.key: rng.random() for each in samples} for name in ("size", "sharpness")
        }
        wrong += bool(standing_out(grouped(samples, known, classes=CLASSES)))
    assert wrong <= 5


def write(path, rows, judged_by):
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["key", "split", "truth", "answer", "confidence", judged_by])
        lines.writerows(rows)
    return path


def test_several_models_count_by_their_share(tmp_path):
    wrong, right = ("dog", "1", "false"), ("cat", "1", "true")
    files = [
        write(tmp_path / f"{number}.csv", [("a", "", "cat", *wrong), ("b", "", "cat", *b)], "right")
        for number, b in enumerate((right, wrong))
    ]
    one, two = read_judgments(files, "right")
    assert (one.key, one.wrong, one.answers) == ("a", 1, ("dog", "dog"))
    assert (two.key, two.wrong, two.answers) == ("b", 0.5, ("cat", "dog"))


@pytest.mark.parametrize(("judged_by", "worst"), [("error", {"8", "9"}), ("iou", {"0", "1"})])
def test_of_numbers_the_worst_fifth_are_mistakes(tmp_path, judged_by, worst):
    rows = [[f"{n}", "validation", "1", "2", "", f"{n / 10}"] for n in range(10)]
    file = write(tmp_path / "a.csv", [*rows, ["x", "validation", "1", "2", "", ""]], judged_by)
    found = read_judgments([file], judged_by)
    assert {each.key for each in found if each.wrong} == worst
    assert len(found) == 10, "one without a score is not judged"


def test_gains_are_of_the_score_over_all():
    classes = [
        {"name": "cat", "samples": 60, "score": 0.5},
        {"name": "dog", "samples": 30, "score": 0.8},
        {"name": "owl", "samples": 10, "score": 0.9},
    ]
    cat, dog, owl = gains([classes], OfClasses("recall", "accuracy", by_samples=True))
    assert [cat.name, dog.name, owl.name] == ["cat", "dog", "owl"]
    assert (cat.to_median, cat.to_best) == pytest.approx((0.3 * 0.6, 0.4 * 0.6))
    assert owl.to_best == owl.to_median == 0 and cat.interval.low < 0.5 < cat.interval.high
    first, *_ = gains([classes], OfClasses("iou", "mean_iou", by_samples=False))
    assert first.to_best == pytest.approx(0.4 / 3) and first.interval is None
    assert (
        gains([[]], OfClasses("iou", "mean_iou", by_samples=False)) == gains([classes], None) == ()
    )
