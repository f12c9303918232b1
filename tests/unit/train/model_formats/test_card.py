"""What an exported model says of itself: names that every format can have, lists of names."""

import json

import pytest

from dsbuilder.pipelinefile.training import HeadOptions
from dsbuilder.plugin import ClassLabel, ImageSignature, MultiLabel, Signature, Text, Value
from dsbuilder.tasks import heads_of
from dsbuilder.train.model_formats.card import card_of

archive = pytest.importorskip("dsbuilder.train.archive")

IMAGE = ImageSignature(height=8, width=9, channels=3)


def card(**targets):
    signature = Signature(image=IMAGE, targets=targets)
    note = archive.Note(
        dataset="pets 1.0.0",
        fingerprint="f" * 64,
        class_names=("cat", "dög"),
        signature=signature,
        heads=heads_of(signature),
        learnt={name: HeadOptions() for name in targets},
        normalize="standardize",
        pipeline={"image": {"mode": "rgb"}, "prepare": [], "finish": [{"use": "resize"}]},
    )
    return card_of(note)


def test_a_card_says_classes_pixels_and_outputs_in_json():
    found = json.loads(card(label=ClassLabel(names=("cat", "dög"))).dumps())
    assert found["class_names"] == ["cat", "dög"]
    assert found["input"]["shape"] == [None, 8, 9, 3] and found["input"]["dtype"] == "uint8"
    assert found["input"]["range"] == [0, 255] and found["input"]["channels"] == "rgb"
    assert "standardizes pixels itself" in found["input"]["normalize"]
    assert found["input"]["before"]["finish"] == [{"use": "resize"}]
    assert found["outputs"]["label"] == {
        "name": "label",
        "kind": "class",
        "values": "probability of each class",
        "names": ["cat", "dög"],
        "thresholds": {"dög": 0.5},
    }


def test_the_only_head_with_names_has_one_list_and_several_have_one_each():
    one = card(label=ClassLabel(names=("cat", "dög")), size=Value())
    assert one.label_files == {"labels.txt": "cat\ndög\n"}
    assert (one.label_file("label"), one.label_file("size")) == ("labels.txt", None)
    two = card(label=ClassLabel(names=("cat", "dög")), word=Text(alphabet="xy", longest=2))
    assert two.label_files == {"label.labels.txt": "cat\ndög\n", "word.labels.txt": "\nx\ny\n"}
    assert two.label_file("word") == "word.labels.txt"


def test_outputs_are_called_so_that_every_format_takes_it():
    tags = MultiLabel(names=("x", "y"))
    names = card(**{"a b": tags, "a_b": tags, "猫": tags, "images": tags, "9": tags}).outputs
    assert names == {
        "a b": "a_b",
        "a_b": "output1_a_b",
        "猫": "output2__",
        "images": "output3_images",
        "9": "output4_9",
    }
