"""The gate: copies, uniform classes and unrecognized images are turned away, others pass."""

from typing import Any

import numpy as np
import pytest

import dsbuilder
from dsbuilder.images.scale import resize

pytest.importorskip("tensorflow")

from dsbuilder.train.gan import gate, judge
from dsbuilder.train.gan.judge import RealJudge, real_images
from dsbuilder.train.gan.loop import JUDGE
from dsbuilder.train.run import Run

NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def real_judge(trained: Run) -> RealJudge:
    return judge.load(trained.path / JUDGE, classes=3)


def fresh(count: int, seed: int = 7, *, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Returns images as the dataset has them, none of which it has."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = rng.integers(0, 160, (count, 20, 20, 3), dtype=np.uint8)
    images[np.arange(count), :, :, 2 - labels] += 80
    return np.stack([resize(each, (16, 16)) for each in images]), labels


def examined(dataset: Any, real_judge: RealJudge, images: Any, labels: Any) -> gate.GateVerdict:
    return gate.examine(images, labels, dataset=dataset, target="label", judge=real_judge)


def train_of(dataset: dsbuilder.Dataset) -> tuple[np.ndarray, np.ndarray]:
    ((images, labels),) = real_images(dataset, "train", "label")
    return images, labels


def test_the_judge_recognizes_images_that_it_never_saw(real_judge: RealJudge) -> None:
    images, labels = fresh(60)
    said, features = real_judge.look(images)
    assert (said == labels).mean() > 0.9
    assert features.shape == (60, judge.FEATURES)


def test_fresh_images_pass(dataset: dsbuilder.Dataset, real_judge: RealJudge) -> None:
    verdict = examined(dataset, real_judge, *fresh(60))
    assert verdict.passed.mean() > 0.85
    assert all(0.85 < each.diversity < 1.15 for each in verdict.classes.values())


@pytest.mark.parametrize("change", ["none", "noise"])
def test_planted_copies_are_found_with_what_they_copy(
    dataset: dsbuilder.Dataset, real_judge: RealJudge, change: str
) -> None:
    images, labels = fresh(30)
    real, of_real = train_of(dataset)
    planted = real[[5, 20]].astype(np.int64)
    if change == "noise":
        planted += np.random.default_rng(0).integers(-4, 5, planted.shape)
    images[[3, 12]] = planted.clip(0, 255)
    labels[[3, 12]] = of_real[[5, 20]]
    verdict = examined(dataset, real_judge, images, labels)
    assert [verdict.reasons[place] for place in (3, 12)] == [gate.COPY, gate.COPY]
    assert verdict.nearest[[3, 12]].tolist() == [5, 20]
    assert verdict.counts[gate.COPY] <= 5


def test_a_class_of_one_image_is_turned_away_whole(
    dataset: dsbuilder.Dataset, real_judge: RealJudge
) -> None:
    images, labels = fresh(60)
    images[labels == 1] = images[1]
    verdict = examined(dataset, real_judge, images, labels)
    assert {verdict.reasons[place] for place in np.flatnonzero(labels == 1)} == {gate.UNIFORM}
    assert verdict.classes[1].passed == 0
    assert verdict.classes[0].passed > 15


def test_images_of_another_class_are_turned_away(
    dataset: dsbuilder.Dataset, real_judge: RealJudge
) -> None:
    images, labels = fresh(60)
    one = labels.copy()
    one[0] = (one[0] + 1) % 3
    assert examined(dataset, real_judge, images, one).reasons[0] == gate.STRANGE
    most = labels.copy()
    most[labels == 2] = 0
    most[labels == 0] = 2
    verdict = examined(dataset, real_judge, images, most)
    assert {verdict.reasons[place] for place in np.flatnonzero(most == 2)} == {
        gate.UNRECOGNIZED_CLASS
    }
    assert verdict.classes[1].passed > 15


@pytest.mark.slow
def test_without_classes_and_validation_copies_are_found_all_the_same(build_dataset: Any) -> None:
    bare = build_dataset(split="{train: 0.8, test: 0.2}")
    turns = judge.train_judge(bare, None, seed=0)
    ((real, _),) = real_images(bare, "train", None)
    images, _ = fresh(30)
    images[4] = real[9]
    labels = np.zeros(30, np.int64)
    verdict = gate.examine(images, labels, dataset=bare, target=None, judge=turns)
    assert verdict.reasons[4] == gate.COPY
    assert verdict.recognition is None
    assert verdict.passed.mean() > 0.8
