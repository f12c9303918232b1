"""Probabilities that are as they say, the temperature, and thresholds of skewed classes."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, MultiLabel
from dsbuilder.tasks import by_origin, heads_of, measure
from dsbuilder.tasks.calibration import calibration_error, reliability
from dsbuilder.tasks.decision import Decision

IMAGE = ImageSignature(height=3, width=4, channels=3)
NAMES = ("a", "b", "c")


def task_for(target):
    return heads_of(Signature(image=IMAGE, targets={"it": target}))["it"]


def drawn(rng, samples=2000, classes=3, sharpened=2.5):
    """Classes drawn by their probabilities, and logits that say them too surely."""
    logits = rng.normal(size=(samples, classes))
    noise = rng.gumbel(size=logits.shape)
    return (logits + noise).argmax(axis=1), (logits * sharpened).astype("f4")


@given(arrays(np.float64, 20, elements=st.floats(0, 1)), arrays(np.bool_, 20))
def test_the_calibration_error_is_that_of_guo(probabilities, right):
    edges = np.linspace(0, 1, 16)
    expected = 0.0
    for low, high in itertools.pairwise(edges):
        inside = (probabilities > low) & (probabilities <= high)
        if low == 0:
            inside |= probabilities == 0
        if inside.any():
            apart = abs(right[inside].mean() - probabilities[inside].mean())
            expected += inside.mean() * apart
    bins = reliability(probabilities, right)
    assert sum(each.samples for each in bins) == 20
    assert calibration_error(bins) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("target", [ClassLabel(names=NAMES), ClassLabel(names=NAMES[:2])])
def test_a_temperature_mends_probabilities_and_moves_no_answer(target):
    rng = np.random.default_rng(3)
    truth, logits = drawn(rng, classes=len(target.names))
    if len(target.names) == 2:
        truth, logits = truth[:, None].astype("f4"), logits[:, 1:] - logits[:, :1]
    task = task_for(target)
    mended = task.calibrated(task.keep(truth, logits))
    assert mended.temperature == pytest.approx(2.5, rel=0.1)
    before, after = measure(task, [(truth, logits)]), measure(mended, [(truth, logits)])
    assert after.accuracy == before.accuracy and after.confusion == before.confusion
    assert after.log_loss < before.log_loss and after.calibration_error < 0.03
    assert after.calibration_error < before.calibration_error / 3
    for one, two in zip(before.classes, after.classes, strict=True):
        if len(target.names) == 2:
            assert two.roc_area == pytest.approx(one.roc_area)
    again = task.with_state(json.loads(json.dumps(mended.state())))
    assert again == mended
    assert again.answer(logits[0]).scores[0][1] < task.answer(logits[0]).scores[0][1]


def test_a_temperature_of_several_classes_is_found_too():
    rng = np.random.default_rng(4)
    logits = rng.normal(-1, 1, (1200, 3))
    present = (rng.random((1200, 3)) < 1 / (1 + np.exp(-logits))).astype("f4")
    task = task_for(MultiLabel(names=NAMES))
    sharp = (logits * 3).astype("f4")
    mended = task.calibrated(task.keep(present, sharp))
    assert mended.temperature == pytest.approx(3, rel=0.1)
    before, after = (measure(each, [(present, sharp)]) for each in (task, mended))
    assert after.accuracy == before.accuracy and after.calibration_error < 0.02


def skewed(rng, samples, share=0.08):
    """A rare class whose logits are on the shy side, as a training on few leaves them."""
    present = rng.random(samples) < share
    return present, rng.normal(np.where(present, -0.5, -3.5), 1.2)


def test_a_rare_class_is_said_where_f1_is_best_on_validation():
    rng = np.random.default_rng(1)
    task = task_for(ClassLabel(names=("common", "rare")))
    present, logits = skewed(rng, 1500)
    chosen = task.decided(task.keep(present[:, None].astype("f4"), logits[:, None].astype("f4")))
    assert chosen.decision.origin == "validation"
    (threshold,) = chosen.decision.thresholds
    grid = np.linspace(0.01, 0.99, 99)
    p = 1 / (1 + np.exp(-logits))
    said = p[:, None] > [*grid, threshold]
    f1 = 2 * (said & present[:, None]).sum(axis=0) / (said.sum(axis=0) + present.sum())
    assert f1[-1] >= f1.max() - 1e-9
    truth, others = skewed(rng, 1500)
    test = [(truth[:, None].astype("f4"), others[:, None].astype("f4"))]
    before, after = measure(task, test), measure(chosen, test)
    assert after.classes[1].f1 > before.classes[1].f1 + 0.1
    assert after.accuracy_at_half == before.accuracy
    assert after.accuracy != before.accuracy
    assert after.roc_area == before.roc_area and after.log_loss == before.log_loss
    assert measure(chosen.at(0.5), test).accuracy == before.accuracy
    again = task.with_state(json.loads(json.dumps(chosen.state())))
    assert again == chosen
    (line,) = [each for each in task.table(after.to_json()).remarks if "said where" in each]
    assert line == (
        f"said where the probability is over: 'rare' {threshold:.3f} (best F1 on validation)"
    )
    right = [each.score for each in chosen.judge(truth.astype(int), test[0][1])]
    assert np.mean(right) == pytest.approx(after.accuracy)
    edge = np.log(threshold / (1 - threshold))
    for logit, said in ((edge + 0.01, "rare"), (edge - 0.01, "common")):
        answer = chosen.answer(np.array([logit], "f4"))
        assert answer.value == answer.scores[0][0] == said


def test_the_rarer_side_decides_and_balanced_or_few_samples_decide_nothing():
    rng = np.random.default_rng(1)
    present, logits = skewed(rng, 1500)
    p = 1 / (1 + np.exp(-logits))
    rare = Decision.chosen(present[:, None], p[:, None]).thresholds[0]
    mirrored = Decision.chosen(~present[:, None], 1 - p[:, None]).thresholds[0]
    assert mirrored == pytest.approx(1 - rare)
    even = rng.random((1500, 1)) < 0.4
    assert Decision.chosen(even, p[:, None]) == Decision()
    assert Decision.chosen(present[:60, None], p[:60, None]) == Decision(), "fewer than ten"
    chance = rng.permutation(p)[:, None]
    assert Decision.chosen(present[:, None], chance) == Decision(), "all would be said to be rare"


def test_each_of_several_classes_has_its_threshold():
    rng = np.random.default_rng(6)
    rare, logits = skewed(rng, 1500)
    even = rng.random(1500) < 0.5
    task = task_for(MultiLabel(names=("rare", "even")))
    present = np.stack([rare, even], axis=1).astype("f4")
    both = np.stack([logits, rng.normal(even * 2.0 - 1, 1)], axis=1).astype("f4")
    chosen = task.decided(task.keep(present, both))
    low, half = chosen.decision.thresholds
    assert low < 0.4 and half == 0.5
    before, after = (measure(each, [(present, both)]) for each in (task, chosen))
    assert after.classes[0].f1 > before.classes[0].f1 and after.classes[1] == before.classes[1]
    for judgment, each in zip(chosen.judge(present, both), both, strict=True):
        assert set(judgment.answer) == set(chosen.answer(each).value)
    assert task.with_state(json.loads(json.dumps(chosen.state()))) == chosen


@pytest.mark.parametrize(
    "state",
    [
        {"temperature": 0.0},
        {"temperature": "hot"},
        {"thresholds": [0.5]},
        {"thresholds": [0.2, 1.0]},
        {"thresholds": 7},
    ],
)
def test_a_state_that_no_training_wrote_is_refused(state):
    with pytest.raises(ValueError, match="expected"):
        task_for(MultiLabel(names=("a", "b"))).with_state(state)


def test_an_origin_whose_samples_have_no_score_is_told_without_it():
    told = by_origin({"kind": "keypoints", "by_origin": {"real": {"samples": 2, "intervals": {}}}})
    assert [*told] == ["real: mean error - of 2 samples"]
