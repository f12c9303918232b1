"""The loss of every task, as a training makes it small and an evaluation tells it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Keypoints, Mask, MultiLabel, Text, Value
from dsbuilder.tasks import heads_of
from dsbuilder.train.lookup import KerasClass, keras_names

keras = pytest.importorskip("keras")
special = pytest.importorskip("scipy.special")
losses = pytest.importorskip("dsbuilder.train.losses")

LABEL = ClassLabel(names=("a", "b", "c", "d"))
LOGITS = arrays(np.float32, (12, 4), elements=st.floats(-50, 50, width=32))
TRUTH = arrays(np.int64, 12, elements=st.integers(0, 3))


def task_for(target):
    image = ImageSignature(height=3, width=4, channels=3)
    return heads_of(Signature(image=image, targets={"it": target}))["it"]


def loss(target, truth, outputs, use=None, *, smoothing=0.0, **options):
    task = target if hasattr(target, "outputs") else task_for(target)
    tensors = [keras.ops.convert_to_tensor(each) for each in (truth, outputs)]
    named = use and KerasClass(role="loss", use=use, options=options, place="train.loss")
    return float(losses.make_loss(named, task, smoothing=smoothing)(*tensors))


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


SEVERAL = MultiLabel(names=("a", "b", "c", "d"))
TWO = ClassLabel(names=("a", "b"))
AREAS = Mask(names=("a", "b"), ignore=255)
RNG = np.random.default_rng(0)
ONE_OF_FOUR, OF_FOUR = RNG.integers(0, 4, 6), RNG.normal(size=(6, 4)).astype("float32")
WEIGHTS = np.eye(4)[ONE_OF_FOUR]
PIXELS = RNG.integers(0, 2, (2, 3, 4)).astype("uint8")
PIXELS[0, 0] = 255
OF_PIXELS = RNG.normal(size=(2, 3, 4, 2)).astype("float32")


def cross_entropy(weights, logits):
    return -(weights * special.log_softmax(logits.astype(float), axis=-1)).sum(axis=-1)


def binary_cross_entropy(weights, logits):
    p = special.expit(logits.astype(float))
    return -(weights * np.log(p) + (1 - weights) * np.log(1 - p))


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_smoothed_labels_are_spread_over_all_classes(smoothing):
    smooth = WEIGHTS * (1 - smoothing) + smoothing / 4
    expected = cross_entropy(smooth, OF_FOUR).mean()
    assert loss(LABEL, ONE_OF_FOUR, OF_FOUR, smoothing=smoothing) == pytest.approx(expected)
    present = (OF_FOUR > 0.3).astype("float32")
    smooth = present * (1 - smoothing) + smoothing / 2
    expected = binary_cross_entropy(smooth, OF_FOUR).mean()
    assert loss(SEVERAL, present, OF_FOUR, smoothing=smoothing) == pytest.approx(expected)


def test_smoothed_labels_of_two_classes_and_of_areas():
    truth, logits = np.array([[1.0], [0.0]], "float32"), np.array([[0.3], [2.0]], "float32")
    expected = binary_cross_entropy(truth * 0.8 + 0.1, logits).mean()
    assert loss(TWO, truth, logits, smoothing=0.2) == pytest.approx(expected, rel=1e-5)
    known = PIXELS != 255
    smooth = np.eye(2)[np.where(known, PIXELS, 0)] * 0.8 + 0.1
    expected = cross_entropy(smooth, OF_PIXELS)[known].mean()
    assert loss(AREAS, PIXELS, OF_PIXELS, smoothing=0.2) == pytest.approx(expected, rel=1e-5)


def test_a_focal_loss_of_keras_is_that_of_its_formula():
    p = special.softmax(OF_FOUR.astype(float), axis=-1)[np.arange(6), ONE_OF_FOUR]
    expected = (-0.25 * (1 - p) ** 2 * np.log(p)).mean()
    found = loss(LABEL, ONE_OF_FOUR, OF_FOUR, "categorical_focal_crossentropy")
    assert found == pytest.approx(expected, rel=1e-4)
    present = (OF_FOUR > 0.3).astype("float32")
    p = special.expit(OF_FOUR.astype(float))
    right = np.where(present > 0, p, 1 - p)
    expected = (-((1 - right) ** 2) * np.log(right)).mean()
    found = loss(SEVERAL, present, OF_FOUR, "binary_focal_crossentropy")
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_dice_loss_is_of_probabilities_and_leaves_out_what_is_ignored():
    known = PIXELS != 255
    truth = np.eye(2)[np.where(known, PIXELS, 0)] * known[..., None]
    p = special.softmax(OF_PIXELS.astype(float), axis=-1) * known[..., None]
    expected = 1 - 2 * (truth * p).sum() / (truth.sum() + p.sum())
    assert loss(AREAS, PIXELS, OF_PIXELS, "dice") == pytest.approx(expected, rel=1e-4)
    p = special.softmax(OF_FOUR.astype(float), axis=-1)
    expected = 1 - 2 * (WEIGHTS * p).sum() / (WEIGHTS.sum() + p.sum())
    assert loss(LABEL, ONE_OF_FOUR, OF_FOUR, "dice") == pytest.approx(expected, rel=1e-4)


def test_squared_errors_of_classes_are_of_probabilities():
    p = special.softmax(OF_FOUR.astype(float), axis=-1)
    found = loss(LABEL, ONE_OF_FOUR, OF_FOUR, "mean_squared_error")
    assert found == pytest.approx(((WEIGHTS - p) ** 2).mean(), rel=1e-4)


def test_a_sparse_loss_of_areas_ignores_what_they_do():
    known = PIXELS != 255
    weights = np.eye(2)[np.where(known, PIXELS, 0)]
    expected = cross_entropy(weights, OF_PIXELS)[known].mean()
    found = loss(AREAS, PIXELS, OF_PIXELS, "sparse_categorical_crossentropy")
    assert found == pytest.approx(expected, rel=1e-5)


@given(arrays(np.float32, (5, 1), elements=st.floats(-9, 9, width=32)))
def test_huber_is_that_of_its_formula(errors):
    truth = np.zeros(5, "float32")
    size = np.abs(errors.astype(float))
    expected = np.where(size <= 1, size**2 / 2, size - 0.5).mean()
    assert loss(Value(), truth, errors, "huber") == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_generalized_cross_entropy_is_that_of_its_formula():
    """L_q of Zhang and Sabuncu (2018), of ids and probabilities."""
    use = "categorical_generalized_cross_entropy"
    p = special.softmax(OF_FOUR.astype(float), axis=-1)[np.arange(6), ONE_OF_FOUR]
    expected = ((1 - p**0.7) / 0.7).mean()
    assert loss(LABEL, ONE_OF_FOUR, OF_FOUR, use, q=0.7) == pytest.approx(expected, rel=1e-5)
    known = PIXELS != 255
    ids = np.where(known, PIXELS, 0)[..., None]
    p = np.take_along_axis(special.softmax(OF_PIXELS.astype(float), axis=-1), ids, -1)[..., 0]
    expected = ((1 - p[known] ** 0.5) / 0.5).mean()
    assert loss(AREAS, PIXELS, OF_PIXELS, use) == pytest.approx(expected, rel=1e-5)


OF_EVERY_KIND = {
    "class": (ClassLabel(names=("a", "b", "c")), np.array([0, 2, 1])),
    "mixed": (LABEL.mixed(), np.array([[0.5, 0.2, 0.2, 0.1], [0.1, 0.1, 0.8, 0]], "float32")),
    "two": (TWO, np.array([[1.0], [0.0]], "float32")),
    "several": (SEVERAL, np.array([[1, 0, 1, 0], [0, 0, 0, 0]], "float32")),
    "areas": (AREAS, PIXELS),
    "number": (Value(), np.array([1.5, 2.5], "float32")),
    "numbers": (Value(size=2), np.array([[1.5, 0.5], [0.25, 2]], "float32")),
    "text": (Text(alphabet="abc", longest=3), np.array([[1, 2, 0], [3, 3, 1]], "int32")),
    "points": (Keypoints(names=("a",)), np.array([[[0.2, 0.6, 1]], [[0.0, 0, 0]]], "float32")),
}


@pytest.mark.parametrize("kind", OF_EVERY_KIND)
def test_every_loss_of_keras_is_made_smaller_by_its_gradient_or_refused(kind):
    tf = pytest.importorskip("tensorflow")
    target, truth = OF_EVERY_KIND[kind]
    task, refused = task_for(target), set()
    shape = (len(truth), *(8 if side is None else side for side in task.outputs))
    start = np.random.default_rng(0).uniform(0.2, 0.9, shape).astype("float32")
    for use in keras_names("loss"):
        if task.refusal(use, "loss") is not None:
            refused.add(use)
            continue
        made = losses.make_loss(KerasClass(role="loss", use=use, place="x"), task)
        outputs = tf.Variable(start)
        with tf.GradientTape() as tape:
            before = made(tf.constant(truth), outputs)
        gradient = tape.gradient(before, outputs).numpy()
        assert np.isfinite(gradient).all() and gradient.any(), use
        outputs.assign_sub(1e-2 * gradient / np.abs(gradient).max())
        assert made(tf.constant(truth), outputs) < before, use
    assert set(keras_names("loss")) - refused == task.keras_losses
    assert "circle" in refused


def test_a_loss_that_is_for_another_kind_is_refused_with_those_that_fit():
    found = task_for(LABEL).refusal("circle", "loss")
    assert found.startswith(
        "expected a loss for a target of kind 'class', found 'circle'. Use one of binary_cross"
    )
    assert task_for(Value()).refusal("cosine_similarity", "loss") is not None
    assert task_for(LABEL).refusal("a_loss_of_tomorrow", "loss") is None
