"""Scores of several classes, numbers and masks equal scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsbuilder.targets import Mask, MultiLabel, Value
from dsbuilder.train.scores import score_labels, score_masks, score_values

metrics = pytest.importorskip("sklearn.metrics")
WHERE = {"dataset": "toy 1.0.0", "split": "test"}
LOGITS = arrays(np.float32, (12, 3), elements=st.floats(-4, 4, width=16))
PRESENT = arrays(np.bool_, (12, 3))
IDS = arrays(np.uint8, (2, 3, 4), elements=st.sampled_from([0, 1, 2, 255]))
PIXELS = arrays(np.float32, (2, 3, 4, 3), elements=st.floats(-9, 9, width=32))


def halves(truth, outputs):
    middle = len(truth) // 2
    return [(truth[:middle], outputs[:middle]), (truth[middle:], outputs[middle:])]


@settings(max_examples=50, deadline=None)
@given(PRESENT, LOGITS)
def test_of_several_classes(present, logits):
    target = MultiLabel(names=("a", "b", "c"))
    found = score_labels(halves(present.astype("f4"), logits), target, **WHERE)
    assert found.samples == 12
    f1 = metrics.f1_score(present, logits > 0, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(f1)
    assert found.accuracy == pytest.approx((present == (logits > 0)).mean())
    for index, each in enumerate(found.classes):
        if present[:, index].any():
            expected = metrics.average_precision_score(present[:, index], logits[:, index])
            assert each.average_precision == pytest.approx(expected)
        else:
            assert each.average_precision is None


@settings(max_examples=50, deadline=None)
@given(LOGITS, LOGITS)
def test_of_numbers(truth, outputs):
    truth, outputs = truth.astype(np.float64), outputs.astype(np.float64)
    found = score_values(halves(truth, outputs), Value(size=3), **WHERE)
    assert found.loss == pytest.approx(metrics.mean_squared_error(truth, outputs), abs=1e-6)
    error = metrics.mean_absolute_error(truth, outputs)
    assert found.mean_absolute_error == pytest.approx(error, abs=1e-6)
    assert (found.r2 is None) == (np.ptp(truth, axis=0) == 0).all()


def test_of_a_single_number():
    pairs = [(np.array([1.0, 3.0]), np.array([[1.0], [2.0]]))]
    found = score_values(pairs, Value(), **WHERE)
    assert (found.mean_absolute_error, found.loss, found.r2) == (0.5, 0.5, 0.5)


def test_the_loss_of_numbers_counts_in_their_deviations():
    pairs = [(np.array([[10.0, 1.0]]), np.array([[30.0, 1.5]]))]
    found = score_values(pairs, Value(size=2), deviation=(10.0, 0.25), **WHERE)
    assert found.loss == pytest.approx(4.0)
    assert found.by_number == (20.0, 0.5)


@settings(max_examples=50, deadline=None)
@given(IDS, PIXELS)
def test_of_masks_without_what_they_ignore(ids, logits):
    target = Mask(names=("a", "b", "c"), ignore=255)
    found = score_masks(halves(ids, logits), target, **WHERE)
    known = ids != 255
    true, taken = ids[known], logits.argmax(-1)[known]
    for index, each in enumerate(found.classes):
        union = ((true == index) | (taken == index)).sum()
        hits = ((true == index) & (taken == index)).sum()
        assert each.iou == (pytest.approx(hits / union) if union else None)
    assert found.samples == 2
    assert found.accuracy == pytest.approx((true == taken).mean() if len(true) else 0)
