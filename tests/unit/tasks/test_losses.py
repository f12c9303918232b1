"""The loss of every task, as a training makes it small and an evaluation tells it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Value
from dsbuilder.tasks import heads_of

keras = pytest.importorskip("keras")
special = pytest.importorskip("scipy.special")
watching = pytest.importorskip("dsbuilder.train.watching")

LABEL = ClassLabel(names=("a", "b", "c", "d"))
LOGITS = arrays(np.float32, (12, 4), elements=st.floats(-50, 50, width=32))
TRUTH = arrays(np.int64, 12, elements=st.integers(0, 3))


def task_for(target):
    image = ImageSignature(height=3, width=4, channels=3)
    return heads_of(Signature(image=image, targets={"it": target}))["it"]


def loss(target, truth, outputs):
    task = target if hasattr(target, "outputs") else task_for(target)
    tensors = [keras.ops.convert_to_tensor(each) for each in (truth, outputs)]
    return float(watching.make_loss(None, task)(*tensors))


@given(TRUTH, LOGITS)
def test_of_classes_is_the_mean_cross_entropy(truth, logits):
    expected = -special.log_softmax(logits.astype(float), axis=1)[np.arange(12), truth].mean()
    assert loss(LABEL, truth, logits) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_of_classes_is_finite_far_from_the_truth():
    logits = np.array([[-1e4, 1e4, 0, 0]], "float32")
    assert loss(LABEL, np.array([0]), logits) == pytest.approx(2e4)


def test_of_soft_targets_is_the_cross_entropy_of_their_weights():
    truth, logits = np.array([[0.75, 0.25, 0, 0]], "float32"), np.zeros((1, 4), "float32")
    assert loss(LABEL.mixed(), truth, logits) == pytest.approx(math.log(4))


def test_of_numbers_counts_in_their_deviations():
    task = task_for(Value(size=2)).fit(lambda: (np.zeros(2), np.array([10.0, 0.25])))
    truth, found = np.array([[10.0, 1.0]], "float32"), np.array([[30.0, 1.5]], "float32")
    assert loss(task, truth, found) == pytest.approx(4.0)


@given(LOGITS, LOGITS)
def test_of_numbers_is_the_mean_squared_error(truth, found):
    expected = ((truth.astype(float) - found) ** 2).mean()
    assert loss(Value(size=4), truth, found) == pytest.approx(expected, rel=1e-5, abs=1e-6)
