"""Scores equal scikit-learn's."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsbuilder.train.evaluation import log_softmax, score

metrics = pytest.importorskip("sklearn.metrics")
special = pytest.importorskip("scipy.special")

NAMES = ("a", "b", "c", "d")
LOGITS = arrays(np.float32, (12, 4), elements=st.floats(-50, 50, width=32))
TRUTH = arrays(np.int64, 12, elements=st.integers(0, 3))


def one_hot(ids):
    return np.eye(4)[ids]


@given(TRUTH, LOGITS)
def test_scores_equal_scikit_learns(truth, logits):
    found = score(one_hot(truth), logits, class_names=NAMES)
    predicted = logits.argmax(axis=1)
    labels = range(4)
    expected = metrics.precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0
    )
    for index, each in enumerate(found.classes):
        values = (each.precision, each.recall, each.f1, each.samples)
        assert np.allclose(values, [column[index] for column in expected])
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    expected_confusion = metrics.confusion_matrix(truth, predicted, labels=labels)
    assert np.array_equal(found.confusion, expected_confusion)


@given(TRUTH, LOGITS)
def test_the_loss_is_the_mean_cross_entropy(truth, logits):
    expected = -special.log_softmax(logits.astype(float), axis=1)[np.arange(12), truth].mean()
    found = score(one_hot(truth), logits, class_names=NAMES).loss
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(LOGITS)
def test_probabilities_sum_to_one(logits):
    assert np.allclose(np.exp(log_softmax(logits)).sum(axis=1), 1)


def test_logits_far_out_stay_finite():
    found = score(one_hot(np.array([0])), np.array([[-1e30, 1e30, 0, 0]]), class_names=NAMES)
    assert np.isfinite(found.loss)


def test_soft_truth_counts_by_its_dominant_class():
    truth = np.array([[0.6, 0.4, 0, 0], [0.1, 0.2, 0.7, 0]])
    found = score(truth, np.array([[2.0, 1, 0, 0], [0, 3.0, 1, 0]]), class_names=NAMES)
    assert found.accuracy == 0.5
    assert found.confusion[0][0] == 1
    assert found.confusion[2][1] == 1


def test_an_evaluation_is_json():
    found = score(one_hot(np.array([0, 1])), np.eye(2, 4), class_names=NAMES, split="test")
    data = json.loads(json.dumps(found.to_json()))
    assert data["split"] == "test"
    assert data["classes"][0] == {
        "name": "a",
        "samples": 1,
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
    }
    assert data["macro_f1"] == pytest.approx(0.5)
