"""A small real dataset that a small model learns within seconds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder import builder
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.train.options import options_of
from dsbuilder.train.run import Run

CLASSES = ("blue", "green", "red")

PIPELINE = """
name: colors
seed: 3
source: {{use: folder, path: {source}}}
split: {split}
{augment}
finish: [{{use: resize, size: [16, 16]}}]
cache: {{codec: {codec}, image: {image}}}
stream: {{batch_size: 8, stages: {stages}}}
train:
  model: {{use: cnn, width: 4, depth: 2, convolutions: 1, dropout: 0.2}}
  optimizer: {{use: adam, learning_rate: 0.01}}
  normalize: standardize
  epochs: 3
"""


def write_images(root: Path, *, count: int = 20, side: int = 20) -> Path:
    """Writes `root/<class>/<i>.png`: noise, brighter in the channel of its class."""
    rng = np.random.default_rng(0)
    for channel, name in enumerate(reversed(CLASSES)):
        (root / name).mkdir(parents=True)
        for index in range(count):
            image = rng.integers(0, 160, (side, side, 3), dtype=np.uint8)
            image[:, :, channel] += 80
            Image.fromarray(image).save(root / name / f"{index}.png")
    return root


def build(
    folder: Path,
    *,
    source: Path,
    split: str = "{train: 0.6, validation: 0.2, test: 0.2}",
    augment: str = "",
    codec: str = "npy",
    stages: str = "[]",
) -> dsbuilder.Dataset:
    """Builds a dataset of the images and opens it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "colors.yaml"
    image = "raw" if codec == "npy" else "png"
    text = PIPELINE.format(
        source=source, split=split, augment=augment, codec=codec, image=image, stages=stages
    )
    path.write_text(text)
    return dsbuilder.load(builder.build_dataset(path, folder / "out", workers=0).path)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images, `<class>/<i>.png`."""
    return write_images(tmp_path_factory.mktemp("colors") / "images")


@pytest.fixture(scope="session")
def dataset(images: Path) -> dsbuilder.Dataset:
    """36 images to train on, 12 to validate, 12 to test."""
    return build(images.parent, source=images)


@pytest.fixture(scope="session")
def options(dataset: dsbuilder.Dataset) -> TrainOptions:
    """A small network with dropout, three epochs."""
    return options_of(dataset)


@pytest.fixture(scope="session")
def whole(
    dataset: dsbuilder.Dataset, options: TrainOptions, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """A run of three epochs that was never interrupted; no test changes it."""
    trainer = pytest.importorskip("dsbuilder.train.trainer")
    return trainer.train_dataset(dataset, options, run=tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture
def build_dataset(images: Path, tmp_path: Path) -> Callable[..., dsbuilder.Dataset]:
    """Builds another dataset of the images; see `build`."""
    return lambda **given: build(tmp_path / "built", **{"source": images, **given})


@pytest.fixture(scope="session")
def skewed_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 20 images blue, 8 green and 3 red."""
    folder = write_images(tmp_path_factory.mktemp("skewed") / "images")
    for name, kept in {"green": 8, "red": 3}.items():
        for index in range(kept, 20):
            (folder / name / f"{index}.png").unlink()
    return folder


@pytest.fixture(scope="session")
def skewed(skewed_images: Path) -> dsbuilder.Dataset:
    """Those images, 19 of them to train on, 2 of these red."""
    return build(skewed_images.parent, source=skewed_images)
