"""Scores of every task equal scikit-learn's."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Value
from dsbuilder.tasks import heads_of, measure
from dsbuilder.tasks.classify import log_softmax
from dsbuilder.train.run import Run, write_evaluation

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
    drawn = task_for(ClassLabel(names=NAMES)).confusion(found.to_json())
    counts = {(true, taken): samples for true, taken, samples in drawn.cells}
    assert counts == {at: count for at, count in np.ndenumerate(expected_confusion) if count}
    for average in ("micro", "macro"):
        means = metrics.precision_recall_fscore_support(
            truth, predicted, labels=labels, zero_division=0, average=average
        )
        own = (getattr(found, f"{average}_{name}") for name in ("precision", "recall", "f1"))
        assert np.allclose(list(own), means[:3])
    probabilities = np.exp(log_softmax(logits))
    loss = -np.log(np.maximum(probabilities[range(12), truth], 1e-300)).mean()
    assert found.log_loss == pytest.approx(loss, rel=1e-5, abs=1e-6)
    brier = ((probabilities - np.eye(4)[truth]) ** 2).sum(axis=1).mean()
    assert found.brier_score == pytest.approx(brier, rel=1e-5, abs=1e-6)


@given(TRUTH, WIDE)
def test_each_class_is_ranked_against_the_others(truth, logits):
    found = classes(truth, logits)
    ranked = log_softmax(logits).astype(np.float32)
    areas = []
    for index, each in enumerate(found.classes):
        present = truth == index
        assert (each.average_precision is None) == (not present.any())
        if present.any():
            expected = metrics.average_precision_score(present, ranked[:, index])
            assert each.average_precision == pytest.approx(expected)
        if 0 < present.sum() < 12:
            areas.append(metrics.roc_auc_score(present, ranked[:, index]))
            assert each.roc_area == pytest.approx(areas[-1])
        else:
            assert each.roc_area is None
    assert found.roc_area == (pytest.approx(np.mean(areas)) if areas else None)


@given(arrays(np.float32, (12, 8), elements=st.integers(-400, 400), unique=True), TRUTH)
def test_the_five_most_probable_of_more_classes(logits, truth):
    names = tuple("abcdefgh")
    found = classes(truth, logits / 8, names)
    expected = metrics.top_k_accuracy_score(truth, logits, k=5, labels=range(8))
    assert found.top_5_accuracy == pytest.approx(expected)
    assert classes(truth, logits[:, :5], names[:5]).top_5_accuracy is None


@pytest.mark.slow
def test_beyond_many_classes_no_ranks_are_kept():
    names = tuple(map(str, range(2001)))
    logits = np.random.default_rng(0).normal(size=(4, 2001)).astype("f4")
    task = task_for(ClassLabel(names=names))
    truth = logits.argmax(axis=1)
    assert task.keep(truth, logits).shape == (4, 6)
    found = measure(task, [(truth, logits)])
    assert found.accuracy == found.top_5_accuracy == 1 and found.roc_area is None


@pytest.mark.slow
def test_an_evaluation_grows_as_the_classes_do(tmp_path):
    """1,300 classes; a table of all pairs alone would be 8 MB."""
    rng = np.random.default_rng(0)
    names = tuple(f"class {number:04d}" for number in range(1300))
    truth = np.repeat(np.arange(1300), 3)
    logits = rng.normal(size=(3900, 1300)).astype("f4")
    logits[np.arange(3900), truth] += 2.5
    found = measure(task_for(ClassLabel(names=names)), [(truth, logits)])
    run = Run(path=tmp_path)
    write_evaluation(run, replace(found, loss=1.0))
    assert (tmp_path / "evaluation.json").stat().st_size < 800_000
    assert (tmp_path / "curves.json").stat().st_size < 200_000
    document = run.evaluation()
    assert document["classes"][7] == json.loads(json.dumps(found.to_json()["classes"][7]))
    hits = {true: count for true, said, count in document["confusion"] if true == said}
    assert hits.get(7, 0) == round(document["classes"][7]["recall"] * 3)
    assert len(document["confusion"]) <= 6 * 1300


@given(WIDE)
def test_probabilities_sum_to_one(logits):
    assert np.allclose(np.exp(log_softmax(logits)).sum(axis=1), 1)


def test_soft_truth_counts_by_its_dominant_class():
    truth = np.array([[0.6, 0.4, 0, 0], [0.1, 0.2, 0.7, 0]])
    found = classes(truth, np.array([[2.0, 1, 0, 0], [0, 3.0, 1, 0]]))
    assert found.accuracy == 0.5
    assert found.confusion == ((0, 0, 1), (2, 1, 1))


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
        "roc_area": 1.0,
        "average_precision": 1.0,
    }
    assert data["macro_f1"] == pytest.approx(0.5)


@given(PRESENT, LOGITS)
def test_of_several_classes(present, logits):
    task = task_for(MultiLabel(names=("a", "b", "c")))
    found = measure(task, halves(present.astype("f4"), logits))
    assert found.samples == 12
    f1 = metrics.f1_score(present, logits > 0, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(f1)
    for average in ("micro", "macro"):
        means = metrics.precision_recall_fscore_support(
            present, logits > 0, zero_division=0, average=average
        )
        own = (getattr(found, f"{average}_{name}") for name in ("precision", "recall", "f1"))
        assert np.allclose(list(own), means[:3])
    losses = [
        metrics.log_loss(present[:, n], 1 / (1 + np.exp(-logits[:, n])), labels=[False, True])
        for n in range(3)
    ]
    assert found.log_loss == pytest.approx(np.mean(losses), rel=1e-5)
    squares = (present - 1 / (1 + np.exp(-logits))) ** 2
    assert found.brier_score == pytest.approx(squares.mean(), rel=1e-5)
    assert found.accuracy == pytest.approx((present == (logits > 0)).mean())
    known = []
    for index, each in enumerate(found.classes):
        if present[:, index].any():
            expected = metrics.average_precision_score(present[:, index], logits[:, index])
            assert each.average_precision == pytest.approx(expected)
            known.append(expected)
            if not present[:, index].all():
                area = metrics.roc_auc_score(present[:, index], logits[:, index])
                assert each.roc_area == pytest.approx(area)
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
    squares = metrics.mean_squared_error(truth, outputs, multioutput="raw_values")
    varies = np.ptp(truth, axis=0) > 0
    for number, each in enumerate(found.numbers):
        assert each.name == str(number)
        own = np.abs(truth - outputs)[:, number].mean()
        assert each.mean_absolute_error == pytest.approx(own, abs=1e-6)
        assert each.root_mean_squared_error == pytest.approx(np.sqrt(squares[number]), abs=1e-6)
        residual = (outputs - truth)[:, number].mean()
        assert each.mean_residual == pytest.approx(residual, abs=1e-6)
        assert (each.r2 is not None) == varies[number]
        if varies[number]:
            expected = metrics.r2_score(truth[:, number], outputs[:, number])
            assert each.r2 == pytest.approx(expected, rel=1e-6, abs=1e-6)
    known = [each.r2 for each in found.numbers if each.r2 is not None]
    assert found.r2 == (pytest.approx(np.mean(known)) if known else None)


def test_a_number_that_is_found_badly_hides_behind_no_other():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(200, 2)) * [1000, 1]
    outputs = truth + rng.normal(size=(200, 2)) * [10, 0.01]
    good = measure(task_for(Value(size=2)), [(truth, outputs)])
    assert good.r2 > 0.99
    outputs[:, 1] = rng.permutation(outputs[:, 1])
    found = measure(task_for(Value(size=2)), [(truth, outputs)])
    assert found.numbers[0].r2 > 0.99 and found.numbers[1].r2 < 0 and found.r2 < 0.5


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
        if union:
            expected = metrics.f1_score(true == index, taken == index, zero_division=0)
            assert each.dice == pytest.approx(expected)
        else:
            assert each.dice is None
    shares = [each.iou for each in found.classes if each.iou is not None]
    assert found.mean_iou == pytest.approx(np.mean(shares) if shares else 0)
    dice = [each.dice for each in found.classes if each.dice is not None]
    assert found.mean_dice == pytest.approx(np.mean(dice) if dice else 0)
    assert found.samples == 2
    assert found.accuracy == pytest.approx((true == taken).mean() if len(true) else 0)
