"""Scores of every task equal scikit-learn's."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Value
from dsbuilder.tasks import heads_of, measure
from dsbuilder.tasks.classify import log_softmax

metrics = pytest.importorskip("sklearn.metrics")

NAMES = ("a", "b", "c", "d")
WIDE = arrays(np.float32, (12, 4), elements=st.floats(-50, 50, width=32))
TRUTH = arrays(np.int64, 12, elements=st.integers(0, 3))
LOGITS = arrays(np.float32, (12, 3), elements=st.floats(-4, 4, width=16))
PRESENT = arrays(np.bool_, (12, 3))
IDS = arrays(np.uint8, (2, 3, 4), elements=st.sampled_from([0, 1, 2, 255]))
PIXELS = arrays(np.float32, (2, 3, 4, 3), elements=st.floats(-9, 9, width=32))


def task_for(target):
    image = ImageSignature(height=3, width=4, channels=3)
    return heads_of(Signature(image=image, targets={"it": target}))["it"]


def halves(truth, outputs):
    middle = len(truth) // 2
    return [(truth[:middle], outputs[:middle]), (truth[middle:], outputs[middle:])]


def classes(truth, logits, names=NAMES):
    target = ClassLabel(names=names, soft=truth.ndim == 2)
    return measure(task_for(target), halves(truth, logits))


@given(TRUTH, WIDE)
def test_of_classes(truth, logits):
    found = classes(truth, logits)
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


@given(WIDE)
def test_probabilities_sum_to_one(logits):
    assert np.allclose(np.exp(log_softmax(logits)).sum(axis=1), 1)


def test_soft_truth_counts_by_its_dominant_class():
    truth = np.array([[0.6, 0.4, 0, 0], [0.1, 0.2, 0.7, 0]])
    found = classes(truth, np.array([[2.0, 1, 0, 0], [0, 3.0, 1, 0]]))
    assert found.accuracy == 0.5
    assert found.confusion[0][0] == 1
    assert found.confusion[2][1] == 1


def test_an_evaluation_is_json():
    found = classes(np.array([0, 1]), np.eye(2, 4))
    data = json.loads(json.dumps(found.to_json()))
    assert data["kind"] == "class"
    assert set(data["classes"][0].pop("intervals")) == {"precision", "recall"}
    assert data["classes"][0] == {
        "name": "a",
        "samples": 1,
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
    }
    assert data["macro_f1"] == pytest.approx(0.5)


@given(PRESENT, LOGITS)
def test_of_several_classes(present, logits):
    task = task_for(MultiLabel(names=("a", "b", "c")))
    found = measure(task, halves(present.astype("f4"), logits))
    assert found.samples == 12
    f1 = metrics.f1_score(present, logits > 0, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(f1)
    assert found.accuracy == pytest.approx((present == (logits > 0)).mean())
    known = []
    for index, each in enumerate(found.classes):
        if present[:, index].any():
            expected = metrics.average_precision_score(present[:, index], logits[:, index])
            assert each.average_precision == pytest.approx(expected)
            known.append(expected)
        else:
            assert each.average_precision is None
    mean = pytest.approx(np.mean(known)) if known else None
    assert found.mean_average_precision == mean


@given(LOGITS, LOGITS)
def test_of_numbers(truth, outputs):
    truth, outputs = truth.astype(np.float64), outputs.astype(np.float64)
    found = measure(task_for(Value(size=3)), halves(truth, outputs))
    error = metrics.mean_absolute_error(truth, outputs)
    assert found.mean_absolute_error == pytest.approx(error, abs=1e-6)
    assert np.mean(found.by_number) == pytest.approx(error, abs=1e-6)
    assert (found.r2 is None) == (np.ptp(truth, axis=0) == 0).all()


def test_of_a_single_number():
    pairs = [(np.array([1.0, 3.0]), np.array([[1.0], [2.0]]))]
    found = measure(task_for(Value()), pairs)
    assert (found.mean_absolute_error, found.r2) == (0.5, 0.5)


@given(IDS, PIXELS)
def test_of_masks_without_what_they_ignore(ids, logits):
    task = task_for(Mask(names=("a", "b", "c"), ignore=255))
    found = measure(task, halves(ids, logits))
    known = ids != 255
    true, taken = ids[known], logits.argmax(-1)[known]
    for index, each in enumerate(found.classes):
        union = ((true == index) | (taken == index)).sum()
        hits = ((true == index) & (taken == index)).sum()
        assert each.iou == (pytest.approx(hits / union) if union else None)
    shares = [each.iou for each in found.classes if each.iou is not None]
    assert found.mean_iou == pytest.approx(np.mean(shares) if shares else 0)
    assert found.samples == 2
    assert found.accuracy == pytest.approx((true == taken).mean() if len(true) else 0)
