"""What is said of each sample comes to what is said of all of them."""

import numpy as np
import pytest

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Text, Value
from dsbuilder.tasks import heads_of, measure

RNG = np.random.default_rng(4)
NAMES = ("a", 'b,"', "c")


def judged(target, truth, outputs):
    image = ImageSignature(height=4, width=4, channels=3)
    task = heads_of(Signature(image=image, targets={"it": target}))["it"]
    return task, list(task.judge(np.asarray(truth), np.asarray(outputs, np.float32)))


def test_right_answers_of_classes_come_to_the_accuracy():
    truth, logits = RNG.integers(0, 3, 50), RNG.normal(size=(50, 3)).astype(np.float32)
    logits[0] = 0  # a tie goes to the lower id
    task, found = judged(ClassLabel(names=NAMES), truth, logits)
    assert np.mean([each.score for each in found]) == measure(task, [(truth, logits)]).accuracy
    for each, id, output in zip(found, truth, logits, strict=True):
        assert each.truth == NAMES[id] and each.answer == NAMES[output.argmax()]
        answer = task.answer(output)
        assert (each.answer, each.confidence) == pytest.approx((answer.value, answer.scores[0][1]))


def test_mixed_classes_count_by_the_dominant_one():
    target = ClassLabel(names=NAMES, soft=True)
    _, (one, two) = judged(target, [[0.6, 0.4, 0], [0.1, 0.2, 0.7]], [[2, 1, 0], [0, 3, 1]])
    assert (one.truth, one.answer, one.score) == ("a", "a", True)
    assert (two.truth, two.answer, two.score) == ("c", 'b,"', False)


def test_of_two_classes_both_are_named_by_one_logit():
    _, found = judged(ClassLabel(names=NAMES[:2]), [0, 1, 0], [[-2.0], [1.0], [0.0]])
    assert [each.answer for each in found] == ["a", 'b,"', "a"]
    assert [each.score for each in found] == [True] * 3
    sigmoids = [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-1)), 0.5]
    assert [each.confidence for each in found] == pytest.approx(sigmoids)


def test_several_classes_are_right_where_all_are():
    _, (one, two) = judged(
        MultiLabel(names=NAMES), [[1, 0, 1], [0, 0, 0]], [[3, -1, 2], [1, -2, -2]]
    )
    assert (one.truth, one.answer, one.score) == (["a", "c"], ["a", "c"], True)
    assert one.confidence == pytest.approx(1 / (1 + np.exp(-1)))
    assert (two.truth, two.answer, two.score) == ([], ["a"], False)


def test_errors_of_numbers_come_to_the_mean_absolute_error():
    truth, found = RNG.normal(size=(30, 2)).astype("f4"), RNG.normal(size=(30, 2)).astype("f4")
    task, judgments = judged(Value(size=2), truth, found)
    error = measure(task, [(truth, found)]).mean_absolute_error
    assert np.mean([each.score for each in judgments]) == pytest.approx(error, rel=1e-6)
    assert judgments[0].truth == [float(str(each)) for each in truth[0]]
    _, (single,) = judged(Value(), [1.5], [[2.0]])
    assert single == (1.5, 2.0, None, 0.5)


def test_texts_are_right_where_they_are_read_so():
    logits = np.full((2, 4, 3), -9.0)
    logits[[0, 0, 0, 0], range(4), [1, 0, 2, 2]] = 9
    logits[1, :, 1] = 9
    target = Text(alphabet="xy", longest=3)
    _, (one, two) = judged(target, np.array([b"xy", "xö".encode()], object), logits)
    assert (one.truth, one.answer, one.score) == ("xy", "xy", True)
    assert (two.truth, two.answer, two.score) == ("xö", "x", False)
    assert one.confidence == pytest.approx(1, abs=1e-4)


def test_a_mask_has_the_iou_of_its_image():
    target = Mask(names=("a", "b"), ignore=255)
    ids = np.zeros((2, 4, 4), np.uint8)
    ids[0, :2], ids[1] = 1, 255
    logits = np.zeros((2, 4, 4, 2), np.float32)
    logits[0, :1, :, 1] = 5
    task, (one, two) = judged(target, ids, logits)
    assert (one.truth, one.answer) == (["a", "b"], ["a", "b"])
    assert one.score == pytest.approx((8 / 12 + 4 / 8) / 2)
    assert one.score == pytest.approx(measure(task, [(ids[:1], logits[:1])]).mean_iou)
    assert two == ([], [], None, None), "every pixel is ignored"
