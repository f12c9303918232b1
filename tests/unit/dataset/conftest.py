"""A small dataset with everything in it that a sample's history can hold."""

from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_files import FLAG

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.builder import build_dataset

PETS = """\
name: pets
seed: 5
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
prepare: [{use: resize, short: 24}]
augment:
  copies: 2
  stages:
    - {use: A.RandomResizedCrop, size: [16, 20]}
    - {use: mixup, p: 0.5}
    - {use: A.HorizontalFlip}
synthesize: [{use: flag, count: 4, splits: {train: 0.5, test: 0.5}}]
finish: [{use: resize, size: [16, 20]}]
cache: {codec: CODEC, shard_mb: 0.01}
"""

Build = Callable[..., Dataset]


@pytest.fixture(params=["tfrecord", pytest.param("npy", marks=pytest.mark.slow)])
def codec(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def folder(tmp_path: Path, make_images, codec: str) -> Path:
    """`source/{cat,dog}/{0..7}.png`, `pets.yaml` and `plugins/flag.py` of a synthesizer."""
    make_images(classes=("cat", "dog"), count=8, size=(30, 40))
    (tmp_path / "pets.yaml").write_text(PETS.replace("CODEC", codec))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/flag.py").write_text(FLAG)
    return tmp_path


@pytest.fixture
def build(folder: Path) -> Build:
    """Builds `pets.yaml` into `<out>` and opens the dataset."""

    def run(out: str = "out", *overrides: str) -> Dataset:
        path = folder / "pets.yaml"
        built = build_dataset(path, folder / out, workers=0, overrides=overrides)
        return dsbuilder.load(built.path)

    return run


def every_key(dataset: Dataset) -> list[str]:
    return [entry.key for split in dataset.splits for _, entry in dataset.entries(split)]


@pytest.fixture
def keys() -> Callable[[Dataset], list[str]]:
    """Returns the keys of a dataset."""
    return every_key
