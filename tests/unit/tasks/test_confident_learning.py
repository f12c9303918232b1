"""Confident learning against a case worked by hand, known noise, and laws that hold for all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsbuilder.tasks import confident_learning as learning

PRUNINGS = ("class", "noise_rate", "both")


def test_a_case_worked_by_hand():
    """Thresholds (0.7 + 0.9 + 0.2) / 3 = 0.6 and (0.8 + 0.6 + 0.1) / 3 = 0.5.

    The third sample labeled 0 counts as 1, the third labeled 1 as 0; the first two of each class
    count as what they are labeled.
    """
    given = np.array([0, 0, 0, 1, 1, 1])
    second = np.array([0.3, 0.1, 0.8, 0.8, 0.6, 0.1])
    probabilities = np.stack([1 - second, second], axis=1)
    assert learning.thresholds(given, probabilities) == pytest.approx([0.6, 0.5])
    joint = learning.confident_joint(given, probabilities)
    assert joint.tolist() == [[2, 1], [1, 2]]
    for pruning in PRUNINGS:
        found = learning.doubt(given, probabilities, pruning)
        assert np.flatnonzero(found.suspect).tolist() == [2, 5]
        assert found.wrong == pytest.approx(2)
        assert found.margins == pytest.approx([0.4, 0.8, -0.6, 0.6, 0.2, -0.8])
        assert found.taken_for.tolist() == [1, 1, 1, 0, 0, 0]


def test_what_counts_as_no_class_is_shared_out_as_the_rest_is():
    joint = np.array([[3, 1], [0, 0]])
    found = learning.calibrated(joint, np.array([0] * 8 + [1] * 5))
    assert found.tolist() == [[6, 2], [0, 5]]
    assert learning.calibrated(joint, np.array([0] * 8)).tolist() == [[6, 2], [0, 0]]


def noisy(rng, *, size=4000, classes=4, sureness=2.0):
    """Samples of known classes, labels with known noise, and the true probabilities.

    Of class 0 the model is much less sure than of others; every tenth label of class 1 is 2.
    """
    true = rng.integers(0, classes, size)
    logits = rng.normal(size=(size, classes))
    logits[np.arange(size), true] += np.where(true == 0, sureness / 2, sureness * 2)
    shifted = np.exp(logits)
    labels = np.where((true == 1) & (rng.random(size) < 0.1), 2, true)
    return true, labels, shifted / shifted.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("pruning", PRUNINGS)
def test_planted_noise_is_found_and_counted_though_a_class_is_hard(pruning):
    true, labels, probabilities = noisy(np.random.default_rng(0))
    found, wrong = learning.doubt(labels, probabilities, pruning), labels != true
    assert (found.suspect & wrong).sum() / wrong.sum() > 0.75
    # What the model takes for another class is often class 0, which is hard, and not wrong.
    argmax = probabilities.argmax(axis=1) != labels
    precision = (found.suspect & wrong).sum() / found.suspect.sum()
    assert precision > 4 * (argmax & wrong).sum() / argmax.sum()
    assert found.joint[2, 1] == pytest.approx(wrong.sum(), rel=0.25)
    assert found.joint.sum(axis=1) == pytest.approx(np.bincount(labels))


def test_equal_probabilities_are_not_below_their_mean():
    labels = np.arange(60) % 3
    probabilities = np.full((60, 3), 0.01, np.float32)
    probabilities[np.arange(60), labels] = 0.98
    for pruning in PRUNINGS:
        found = learning.doubt(labels, probabilities, pruning)
        assert not found.suspect.any() and found.wrong == 0
    assert np.array_equal(learning.confident_joint(labels, probabilities), 20 * np.eye(3))


@st.composite
def cases(draw):
    classes, size = draw(st.integers(2, 5)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = rng.dirichlet(np.full(classes, draw(st.sampled_from([0.1, 1.0, 5.0]))), size)
    return rng.integers(0, classes, size), rows, rng.permutation(classes), rng.permutation(size)


@settings(deadline=None)
@given(cases(), st.sampled_from(PRUNINGS))
def test_laws(case, pruning):
    labels, probabilities, renamed, order = case
    found = learning.doubt(labels, probabilities, pruning)
    assert found.joint.sum() == pytest.approx(len(labels))
    assert found.joint.min() >= 0
    # Nothing is suspect that the model says itself, nor more than are expected, but for rounding.
    assert not (found.suspect & (probabilities.argmax(axis=1) == labels)).any()
    assert found.suspect.sum() <= found.wrong + probabilities.shape[1] ** 2 / 2
    both = [learning.doubt(labels, probabilities, each).suspect for each in PRUNINGS]
    assert np.array_equal(both[2], both[0] & both[1])
    # Neither the order of samples nor the names of classes matter.
    again = learning.doubt(labels[order], probabilities[order], pruning)
    assert np.array_equal(again.suspect, found.suspect[order])
    swapped = np.empty_like(probabilities)
    swapped[:, renamed] = probabilities
    other = learning.doubt(renamed[labels], swapped, pruning)
    assert np.array_equal(other.suspect, found.suspect)
    assert other.joint[np.ix_(renamed, renamed)] == pytest.approx(found.joint)
