"""Two classes are learnt by one logit, and say what two logits would."""

import numpy as np
import pytest

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel
from dsbuilder.tasks import heads_of, measure, outputs_of

IMAGE = ImageSignature(height=8, width=8, channels=1)
LOGITS = np.array([[2.0], [-1.0], [0.0], [3.0]], "float32")
IDS = np.array([1, 1, 0, 0])


def task(*names, soft=False):
    target = ClassLabel(names=names, soft=soft)
    return heads_of(Signature(image=IMAGE, targets={"it": target}))["it"]


def test_two_classes_have_one_logit_and_more_have_one_each():
    for names, count in ((("a", "b"), 1), (("a", "b", "c"), 3), (("a",), 1)):
        signature = Signature(image=IMAGE, targets={"it": ClassLabel(names=names)})
        assert outputs_of(signature) == {"it": (count,)}


def test_the_loss_is_the_cross_entropy_of_a_sigmoid():
    tf = pytest.importorskip("tensorflow")
    binary = task("a", "b")
    truth = binary.batch(tf.constant(IDS))
    p = 1 / (1 + np.exp(-LOGITS[:, 0]))
    expected = -np.mean(IDS * np.log(p) + (1 - IDS) * np.log(1 - p))
    assert float(binary.loss()(truth, LOGITS)) == pytest.approx(expected, rel=1e-5)


def test_mixed_classes_are_learnt_by_the_weight_of_the_second():
    tf = pytest.importorskip("tensorflow")
    truth = task("a", "b", soft=True).batch(tf.constant([[0.25, 0.75], [1.0, 0.0]]))
    assert truth.numpy().tolist() == [[0.75], [0.0]]


def test_scores_and_answers_are_those_of_two_logits():
    truth = IDS[:, None].astype("float32")
    one = measure(task("a", "b"), [(truth, LOGITS)])
    assert one.accuracy == 0.5 and [count for *_, count in one.confusion] == [1] * 4
    value, scores = task("a", "b").answer(LOGITS[0])
    assert value == "b" and dict(scores)["b"] == pytest.approx(1 / (1 + np.exp(-2.0)))
