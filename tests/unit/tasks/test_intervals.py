"""Intervals of scores: closed forms, known truths hit as often as promised, and what is shown."""

import math
from functools import cache

import numpy as np
import pytest

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Text, Value
from dsbuilder.tasks import doubts, heads_of, intervals, measure
from dsbuilder.tasks.ranking import rank_scores

IMAGE = ImageSignature(height=4, width=4, channels=3)


def task_for(target):
    return heads_of(Signature(image=IMAGE, targets={"it": target}))["it"]


def evaluated(target, truth, outputs, **further):
    found = measure(task_for(target), [(np.asarray(truth), np.asarray(outputs))])
    return {**found.to_json(), "dataset": "d 1.0.0", "split": "test", "loss": 0.0, **further}


def test_of_a_share_it_is_that_of_wilson():
    found = intervals.wilson(81, 263)  # Newcombe (1998), table I, method 3
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    for part, whole, low, high in [(15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        found = intervals.wilson(part, whole)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert intervals.wilson(29, 29).high == 1
    assert intervals.wilson(0, 0) is None


def test_of_folds_it_is_that_of_student():
    stats = pytest.importorskip("scipy.stats")
    for count in (2, 3, 5, 20):
        values = np.random.default_rng(count).normal(0.9, 0.02, count)
        found = intervals.of_folds(list(values))
        error = values.std(ddof=1) / np.sqrt(count)
        low, high = stats.t.interval(0.95, count - 1, loc=values.mean(), scale=error)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-5)
    assert intervals.of_folds([0.9] * 3) is None


def test_of_a_mean_it_is_that_of_the_normal_distribution():
    values = np.random.default_rng(1).normal(5, 2, (400, 1))
    (found,) = intervals.of_means(values)
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.02)
    assert found.high == pytest.approx(values.mean() + half, abs=0.02)
    assert intervals.of_means(values) == [found], "seeded"


QUICK = ("share", "error", "roc_area")
KINDS = ("r2", "f1", "mean_roc_area", "average_precision", "log_loss", "rmse", "dice")
SKEWED = ("r2", "f1", "log_loss")  # a bit under 95 %, which few draws would take for under 93 %
SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]


@pytest.mark.parametrize("kind", [*QUICK, *SLOW])
def test_an_interval_holds_the_truth_as_often_as_it_says(kind):
    rng = np.random.default_rng(5)
    held = [HOLDS[kind](rng) for _ in range(1000 if kind in SKEWED else 400)]
    assert 0.93 <= np.mean(held) <= 0.97


def _holds(found, truth):
    return found["low"] <= truth <= found["high"]


def _share(rng):
    found = intervals.wilson(rng.binomial(150, 0.85), 150)
    return found.low <= 0.85 <= found.high


def _error(rng):
    truth = rng.normal(0, 3, 90)
    outputs = truth[:, None] + rng.normal(0, 1, (90, 1))
    found = evaluated(Value(), truth, outputs)
    return _holds(found["intervals"]["mean_absolute_error"], np.sqrt(2 / np.pi))


def _r2(rng):
    truth = rng.normal(1e4, 3, 200)
    outputs = truth[:, None] + rng.normal(0, 1, (200, 1))
    return _holds(evaluated(Value(), truth, outputs)["intervals"]["r2"], 1 - 1 / 9)


def _f1(rng):
    truth = rng.integers(0, 3, 200)
    taken = np.where(rng.random(200) < 0.8, truth, (truth + rng.integers(1, 3, 200)) % 3)
    found = evaluated(ClassLabel(names=("a", "b", "c")), truth, np.eye(3)[taken])
    return _holds(found["intervals"]["macro_f1"], 0.8)


def _ranked(rng, samples=200, share=0.3, classes=1):
    """Scores that are normal, a deviation higher where the class is present."""
    pairs = []
    for _ in range(classes):
        present = rng.random(samples) < share
        pairs.append((present, rng.normal(present * 1.0, 1)))
    return rank_scores(pairs)


AREA = 0.5 * (1 + math.erf(0.5))  # of two normal distributions a deviation apart


def _area(rng):
    (found,), _ = _ranked(rng)
    interval = found.intervals["roc_area"]
    return interval.low <= AREA <= interval.high


def _mean_area(rng):
    _, found = _ranked(rng, classes=3)
    interval = found.intervals["roc_area"]
    return interval.low <= AREA <= interval.high


def _precision(rng):
    (found,), _ = _ranked(rng)
    interval = found.intervals["average_precision"]
    return interval.low <= _true_precision() <= interval.high


@cache
def _true_precision():
    (found,), _ = _ranked(np.random.default_rng(0), samples=2_000_000)
    return found.average_precision


def _log_loss(rng):
    """Probabilities that are true: the log loss is their entropy, here of normal logits."""
    logits = rng.normal(0, 1, (200, 1)) * 1.5
    truth = (rng.random((200, 1)) < 1 / (1 + np.exp(-logits))).astype("f4")
    found = evaluated(ClassLabel(names=("a", "b")), truth, logits)
    return _holds(found["intervals"]["log_loss"], _entropy())


@cache
def _entropy():
    logits = np.linspace(-9, 9, 20001) * 1.5
    weights = np.exp(-(np.linspace(-9, 9, 20001) ** 2) / 2)
    p = 1 / (1 + np.exp(-logits))
    costs = p * np.logaddexp(0, -logits) + (1 - p) * np.logaddexp(0, logits)
    return costs @ weights / weights.sum()


def _root(rng):
    truth = rng.normal(0, 3, 200)
    outputs = truth[:, None] + rng.normal(0, 1, (200, 1))
    (found,) = evaluated(Value(), truth, outputs)["numbers"]
    return _holds(found["intervals"]["root_mean_squared_error"], 1.0)


def _dice(rng):
    """Half of the pixels are of each class, and a fifth are wrong, more in some images."""
    truth = rng.integers(0, 2, (150, 4, 4))
    wrong = rng.random((150, 4, 4)) < rng.uniform(0, 0.4, (150, 1, 1))
    found = evaluated(Mask(names=("a", "b")), truth, np.eye(2)[np.where(wrong, 1 - truth, truth)])
    return _holds(found["intervals"]["mean_dice"], 0.8)


HOLDS = {
    "share": _share,
    "error": _error,
    "r2": _r2,
    "f1": _f1,
    "roc_area": _area,
    "mean_roc_area": _mean_area,
    "average_precision": _precision,
    "log_loss": _log_loss,
    "rmse": _root,
    "dice": _dice,
}


def every_kind(samples=40):
    rng = np.random.default_rng(3)
    names = ("a", "b", "c")
    texts = rng.integers(1, 3, (samples, 3))
    steps = np.repeat(np.where(rng.random((samples, 3)) < 0.9, texts, 0), 2, axis=1)
    steps[:, 1::2] = 0
    logits = rng.normal(size=(samples, 3))
    planes = rng.normal(size=(samples, 4, 4, 3))
    return [
        (ClassLabel(names=names), rng.integers(0, 3, samples), logits),
        (ClassLabel(names=names[:2]), rng.integers(0, 2, (samples, 1)), logits[:, :1]),
        (MultiLabel(names=names), rng.integers(0, 2, (samples, 3)), logits),
        (Value(size=2), rng.normal(size=(samples, 2)), logits[:, :2]),
        (Mask(names=names), rng.integers(0, 3, (samples, 4, 4)), planes),
        (Text(alphabet="xy", longest=3), texts, np.eye(3)[steps]),
    ]


WITHOUT = ("loss", "calibration_error", "temperature", "accuracy_at_half")


def scores(document):
    """Every score that has an interval, with it."""
    for each in (document, *document.get("classes", ()), *document.get("numbers", ())):
        for name, interval in each["intervals"].items():
            yield name, each[name], interval


def test_every_score_lies_in_an_interval_and_is_shown_with_it():
    for target, truth, outputs in every_kind():
        document = evaluated(target, truth, outputs)
        names = set()
        for name, score, interval in scores(document):
            names.add(name)
            assert interval["low"] <= score <= interval["high"], (target, name)
            assert interval["method"] in ("wilson", "bootstrap", "jackknife")
        task = task_for(target)
        assert task.headline in names
        assert set(document["intervals"]) == {
            name
            for name, value in document.items()
            if isinstance(value, float) and name not in WITHOUT
        }, target
        table = task.table(document)
        assert f"{document[task.headline]:.3f} [" in table.summary or task.target.kind == "value"


def test_a_class_that_no_sample_has_leaves_the_others_their_intervals():
    target = ClassLabel(names=("a", "b", "c"))
    truth = np.array([0, 1] * 30)
    taken = np.where(np.arange(60) % 7 == 0, 1 - truth, truth)
    found = evaluated(target, truth, np.eye(3)[taken])
    assert found["classes"][2]["intervals"] == {}
    macro = found["intervals"]["macro_f1"]
    assert macro["low"] < found["macro_f1"] < macro["high"] < 0.67


def test_draws_that_agree_say_nothing():
    target = Value()
    assert evaluated(target, [1.0], [[2.0]])["intervals"] == {}
    right = evaluated(ClassLabel(names=("a", "b", "c")), [0, 1, 2], np.eye(3))
    micro = {f"micro_{name}" for name in ("precision", "recall", "f1")}
    assert set(right["intervals"]) == {"accuracy", *micro}, "Wilson's says what nothing else does"


def test_a_split_too_small_to_judge_is_told_with_what_it_may_be():
    target = ClassLabel(names=("a", "b", "c"))
    truth = np.arange(19) % 3
    taken = np.where(np.arange(19) == 0, 1, truth)
    (told,) = doubts(evaluated(target, truth, np.eye(3)[taken]))
    assert told.startswith("d 1.0.0, test: expected enough samples to judge a model by, found 19: ")
    assert "accuracy of 0.947 may be anything from 0.754 to 0.991 (95 %)" in told
    many = np.arange(900) % 3
    assert not list(doubts(evaluated(target, many, np.eye(3)[many])))
    (told,) = doubts(evaluated(Value(), np.arange(9.0), np.arange(9.0)[:, None] + 1))
    assert "mean absolute error of 1 may be anything." in told
