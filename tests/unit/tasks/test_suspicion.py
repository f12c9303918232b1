"""Which labels of each kind are suspect, what is suggested, and in which order."""

import numpy as np
import pytest

from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Text, Value
from dsbuilder.tasks import Judgment, heads_of, suspicion

RNG = np.random.default_rng(0)


def thought(target, truth, outputs, pruning="class"):
    """What a task thinks of labels, given what a head yields."""
    image = ImageSignature(height=4, width=4, channels=3)
    task = heads_of(Signature(image=image, targets={"it": target}))["it"]
    outputs = np.asarray(outputs, np.float32)
    judged = list(task.judge(np.asarray(truth), outputs))
    return task.suspicion(judged, task.probabilities(outputs), pruning)


@pytest.mark.parametrize("count", [2, 3])
def test_a_class_is_suggested_and_its_noise_told(count):
    names = ("cat", "dog", "elk")[:count]
    true = np.arange(60) % count
    logits = np.where(np.eye(count)[true] > 0, 3.0, -3.0) + RNG.normal(0, 0.1, (60, count))
    labels = true.copy()
    labels[[4, 9]] = (true[[4, 9]] + 1) % count
    logits[[4, 9], true[[4, 9]]] += [2, 1]  # the model is surest of these
    outputs = logits[:, 1:] - logits[:, :1] if count == 2 else logits
    found = thought(ClassLabel(names=names), labels, outputs)
    assert [each.place for each in found.suspects] == [4, 9]
    assert [each.suggested for each in found.suspects] == [names[true[4]], names[true[9]]]
    assert [each.given for each in found.suspects] == [names[labels[4]], names[labels[9]]]
    assert found.suspects[0].sureness > found.suspects[1].sureness > 0.99
    assert (
        found.suspects[0].remark == f"taken for {names[true[4]]}, {found.suspects[0].sureness:.3f}"
    )
    assert found.expected == pytest.approx(2, abs=0.2)
    assert sum(each.wrong for each in found.classes) == pytest.approx(found.expected)
    assert sum(each.missing for each in found.classes) == pytest.approx(found.expected)
    wrong = {each.name: [name for name, _ in each.taken_for] for each in found.classes}
    assert all(wrong[names[labels[at]]] == [names[true[at]]] for at in (4, 9))


def test_several_classes_are_suspect_one_by_one():
    true = RNG.random((80, 3)) < 0.5
    true[[0, 1]] = [[True, False, True], [False, True, True]]
    outputs = np.where(true, 4.0, -4.0) + RNG.normal(0, 0.1, (80, 3))
    labels = true.copy()
    labels[0] = [False, False, True]  # one is missing
    labels[1] = [True, True, False]  # one is wrong and one is missing
    outputs[0, 0], outputs[1, [0, 2]] = 5, [-6, 5]  # the model is surest of these
    found = thought(MultiLabel(names=("a", "b", "c")), labels.astype("f4"), outputs)
    first, second = found.suspects
    assert (first.place, first.given, first.suggested) == (1, ["a", "b"], ["b", "c"])
    assert (second.place, second.given, second.suggested) == (0, ["c"], ["a", "c"])
    assert first.remark.startswith("not a, 0.99") and "; c, 0.9" in first.remark
    assert found.expected == pytest.approx(3, abs=0.2)
    wrong = [(round(each.wrong), round(each.missing)) for each in found.classes]
    assert wrong == [(1, 1), (0, 0), (0, 1)]


def test_numbers_are_suspect_by_their_residuals_each_in_its_own_unit():
    true = RNG.normal(0, [1, 1000], (200, 2))
    outputs = true + RNG.normal(0, [0.1, 100], (200, 2)) + [0.5, 0]  # the first is found too large
    labels = true.copy()
    labels[7, 0] += 2
    labels[9, 1] -= 5000
    found = thought(Value(size=2), labels.astype("f4"), outputs)
    named = {each.place: each for each in found.suspects if each.score > 10}
    assert list(named) == [9, 7], "the farthest first"
    assert named[7].suggested == pytest.approx([outputs[7, 0], labels[7, 1]], rel=1e-5)
    assert named[9].suggested == pytest.approx([labels[9, 0], outputs[9, 1]], rel=1e-5)
    assert "deviations off" in named[7].remark and named[7].sureness is None
    assert len(found.suspects) <= 4, "of 400 normal residuals hardly one is an outlier"
    single = thought(Value(size=0), labels[:, :1].astype("f4"), outputs[:, :1])
    assert isinstance(single.suspects[0].suggested, float) and single.expected is None


@pytest.mark.parametrize("values", [[1.0] * 9, [1.0] * 8 + [2.0], [3.0], []])
def test_deviations_of_equal_values_are_finite(values):
    found = suspicion.deviations(np.array(values).reshape(-1, 1))
    assert np.isfinite(found).all() and (found[:8] == 0).all()
    assert suspicion.deviations(np.array([[0.0], [1.0], [2.0], [3.0], [100.0]]))[-1] > 60


def test_masks_are_suspect_by_their_overlap_and_nothing_is_suggested():
    truth = np.zeros((30, 4, 4), np.int64)
    truth[:, :2] = 1
    outputs = np.where(np.eye(2)[truth] > 0, 3.0, -3.0)
    for place in range(29):
        outputs[place, 0, : place % 3] *= -1
    outputs[29] *= -1
    found = thought(Mask(names=("ground", "it")), truth, outputs)
    (one,) = found.suspects
    assert (one.place, one.suggested, one.remark[:9]) == (29, None, "1 - IoU 1")


def test_an_error_that_there_is_not_is_not_suspect():
    found = suspicion.of_errors(["x"] * 6, [0.1, None, 0.12, 0.11, 0.13, 5.0], "distance")
    assert [each.place for each in found.suspects] == [5]


def test_texts_are_suspect_where_the_model_surely_reads_another():
    read = [("abc", 0.9), ("abd", 0.8), ("xyz", 0.95), ("ab", 0.99), ("q", 0.2)]
    labels = ["abc", "abd", "abc", "abc", "abc"]
    image = ImageSignature(height=4, width=4, channels=3)
    target = Text(alphabet="abcdqxyz", longest=5)
    task = heads_of(Signature(image=image, targets={"it": target}))["it"]
    pairs = zip(labels, read, strict=True)
    judged = [Judgment(label, text, sure, label == text) for label, (text, sure) in pairs]
    found = task.suspicion(judged, np.zeros((5, 0)), "class").suspects
    assert [(each.place, each.suggested) for each in found] == [(2, "xyz"), (3, "ab")]
    assert found[0].remark == "read 'xyz', 0.950: 3 of 3 characters differ"
