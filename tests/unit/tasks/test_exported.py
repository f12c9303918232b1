"""What a head yields in another program says what `answer` says, and the way back leads there."""

from dataclasses import replace

import numpy as np
import pytest

from dsbuilder.plugin import (
    ClassLabel,
    ImageSignature,
    Keypoints,
    Mask,
    MultiLabel,
    Signature,
    Text,
    Value,
)
from dsbuilder.tasks import TASKS, heads_of

keras = pytest.importorskip("keras")

IMAGE = ImageSignature(height=2, width=3, channels=1)
NAMES = ("a", "b", "c")
TARGETS = {
    "class": (ClassLabel(names=NAMES), (3,)),
    "two": (ClassLabel(names=NAMES[:2]), (1,)),
    "multi_label": (MultiLabel(names=NAMES), (3,)),
    "value": (Value(size=2), (2,)),
    "keypoints": (Keypoints(names=NAMES[:2]), (4,)),
    "mask": (Mask(names=NAMES), (2, 3, 3)),
    "text": (Text(alphabet="xy", longest=3), (5, 3)),
}


def test_every_task_is_tried():
    assert {target.kind for target, _ in TARGETS.values()} == set(TASKS)


def task_for(name):
    """Returns a task with its shape; units, temperature and thresholds are none of the usual."""
    target, shape = TARGETS[name]
    task = heads_of(Signature(image=IMAGE, targets={"it": target}))["it"]
    size = int(np.prod(shape))
    task = task.fit(lambda: (np.zeros(size), np.arange(1.0, size + 1)))
    if task.calibrates:
        task = replace(task, temperature=2.5)
    return task.at(0.4), shape


@pytest.mark.parametrize("name", TARGETS)
def test_an_export_says_what_the_head_says_and_is_read_back(name):
    task, shape = task_for(name)
    outputs = np.random.default_rng(0).normal(0.3, 1, (6, *shape)).astype(np.float32)
    head = task.exported
    values = np.asarray(head.to_values(keras.ops.convert_to_tensor(outputs)))
    again = head.to_outputs(values)
    assert again.shape == outputs.shape and head.values
    assert np.broadcast_shapes(head.unit.shape, values.shape) == values.shape
    for one, two, value in zip(outputs, again, values, strict=True):
        said, found = (task.answer(each) for each in (one, two))
        assert np.array_equal(*map(np.asarray, map(task.told, (said.value, found.value)))), name
        assert dict(found.scores) == pytest.approx(dict(said.scores), rel=1e-5)
        if name in ("class", "two", "multi_label"):
            probabilities = dict(zip(head.names, value.tolist(), strict=True))
            assert probabilities == pytest.approx(dict(said.scores), rel=1e-5)
        if name in ("two", "multi_label"):
            over = [each for each, least in head.thresholds.items() if probabilities[each] > least]
            assert set(over) == set(said.value if name == "multi_label" else over)
            assert name == "multi_label" or (said.value == "b") == (over == ["b"])


def test_names_stand_in_the_order_of_what_is_yielded():
    heads = heads_of(
        Signature(image=IMAGE, targets={name: target for name, (target, _) in TARGETS.items()})
    )
    names = {name: task.exported.names for name, task in heads.items()}
    assert names["mask"] == NAMES and names["text"] == ("", "x", "y")
    assert names["keypoints"] == ("a", "b") and names["value"] == ()
    points = heads["keypoints"].exported.to_values(np.array([[0.5, 2.0, -1.0, 0.25]], "f4"))
    assert np.asarray(points).tolist() == [[[0.5, 1.0], [0.0, 0.25]]], "none beyond the image"
