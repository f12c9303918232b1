"""A small real dataset that a small model learns within seconds."""

from collections.abc import Callable
from pathlib import Path

import pytest
from train_colors import build, write_images

import dsbuilder
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.train.options import options_of
from dsbuilder.train.run import Run


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
