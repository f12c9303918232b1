"""TensorFlow Datasets opens every kind of target that we build."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tools
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.dataset import find_problems
from dsbuilder.targets import InstanceSet

tfds = tools.module("tensorflow_datasets")

PLUGIN = '''
"""Samples with a label of every kind."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.plugin import (
    Boxes,
    Catalog,
    Instances,
    Keypoints,
    Listing,
    Mask,
    MultiLabel,
    Record,
    Source,
    Target,
    Text,
    Value,
    source,
)


@source("everything")
@dataclass(frozen=True, kw_only=True)
class Everything(Source):
    """Reads `labels.json`.

    Attributes:
      path: the folder.
    """

    path: Path

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Everything

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def _records(self) -> Iterator[Record]:
        for key, raw in json.loads((self.source.path / "labels.json").read_text()).items():
            mask = self.source.path / f"{key}.mask.png"
            targets = {**raw, "mask": {"path": str(mask)}}
            yield Record(key=key, path=self.source.path / key, targets=targets, files=(mask,))

    def _targets(self) -> Mapping[str, Target]:
        return {
            "labels": MultiLabel(names=("red", "a b", "猫")),
            "price": Value(),
            "pose": Value(size=3),
            "text": Text(),
            "mask": Mask(names=("sky", "sea"), ignore=255),
            "objects": Boxes(
                names=("cat", "Hündin"),
                attributes=(("area", "float32"), ("crowd", "int64"), ("word", "string")),
            ),
            "things": Instances(names=("cat", "dog"), attributes=(("crowd", "int64"),)),
            "keypoints": Keypoints(names=("left", "right"), swaps=(("left", "right"),)),
        }
'''
PIPELINE = """
name: toy
source: {use: everything, path: source}
split: {train: 0.5, test: 0.5}
cache: {shard_mb: 0.01}
"""
COUNT = 12


def boxes(index: int) -> list[dict]:
    """From none to three boxes."""
    return [
        {
            "label": "Hündin" if place else "cat",
            "box": [0.125 * place, 0.25, 0.5 + 0.125 * place, 1.0],
            "area": 0.5 + place,
            "crowd": place,
            "word": f"ü{place}",
        }
        for place in range(index % 4)
    ]


def things(index: int) -> list[dict]:
    """From none to three objects, of polygons and of run lengths."""
    outline = {"polygons": [[1, 1, 9, 2, 3, 7.5]]}
    return [
        {"label": "dog", "crowd": n, **(outline if n % 2 else {"counts": [n, 9, 71 - n]})}
        for n in range(index % 4)
    ]


@pytest.fixture
def build(tmp_path, write_pipeline):
    folder = tmp_path / "source"
    folder.mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/everything.py").write_text(PLUGIN)
    labels = {}
    for index in range(COUNT):
        rng = np.random.default_rng(index)
        Image.fromarray(rng.integers(0, 256, (8, 10, 3), np.uint8)).save(folder / f"{index}.png")
        mask = rng.choice(np.array([0, 1, 255], np.uint8), (8, 10))
        Image.fromarray(mask).save(folder / f"{index}.png.mask.png")
        labels[f"{index}.png"] = {
            "labels": ["red", "猫"][: index % 3],
            "price": index / 4,
            "pose": [index, -1, 0.5],
            "text": f"naïve {index}",
            "objects": boxes(index),
            "things": {"size": [8, 10], "objects": things(index)},
            "keypoints": [[[0.25, 0.5, 2], [0, 0, 0]]] * (index % 3),
        }
    (folder / "labels.json").write_text(json.dumps(labels))

    def make(*overrides: str) -> dsbuilder.Dataset:
        built = build_dataset(
            write_pipeline(PIPELINE), tmp_path / "out", workers=1, overrides=overrides
        )
        return dsbuilder.load(built.path)

    return make


@pytest.mark.parametrize("image", ["jpeg", "png", "raw"])
def test_every_kind_of_target_opens(build, image) -> None:
    finish = ["finish=[{use: resize, size: [8, 10]}]"] if image == "raw" else []
    dataset = build(f"cache.image={image}", *finish)
    builder = tfds.builder_from_directory(dataset.path)
    features = builder.info.features
    assert features["labels"].feature.names == ["red", "a b", "猫"]
    assert features["objects"].feature["label"].names == ["cat", "Hündin"]
    for split in dataset.splits:
        ours = {sample.key: sample for sample in dataset.samples(split)}
        rows = list(tfds.as_numpy(builder.as_dataset(split=split)))
        assert {row["key"].decode() for row in rows} == set(ours)
        for row in rows:
            check_row(row, ours[row["key"].decode()].targets)


def check_row(row: Mapping, ours: Mapping) -> None:
    assert row["labels"].tolist() == np.flatnonzero(ours["labels"]).tolist()
    assert row["labels_weights"].tolist() == ours["labels"].tolist()
    assert row["price"] == ours["price"] and row["price"].shape == ()
    assert row["pose"].tolist() == ours["pose"].tolist()
    assert row["text"].decode() == ours["text"]
    assert row["mask"].shape == (8, 10, 1) and row["mask"].dtype == np.uint8
    assert np.array_equal(row["mask"][:, :, 0], ours["mask"])
    objects, found = row["objects"], ours["objects"]
    assert np.array_equal(objects["bbox"][:, [1, 0, 3, 2]], found.corners)
    assert np.array_equal(objects["label"], found.classes)
    assert [word.decode() for word in objects["word"]] == found.attributes["word"].tolist()
    assert np.array_equal(objects["area"], found.attributes["area"])
    assert np.array_equal(objects["crowd"], found.attributes["crowd"])
    check_things(row["things"], ours["things"])
    assert np.array_equal(row["keypoints"]["points"], ours["keypoints"].points)
    assert np.array_equal(row["keypoints"]["visibility"], ours["keypoints"].visibility)


def check_things(row: Mapping, ours: InstanceSet) -> None:
    """The run lengths of all masks, one after the other, say which pixels each covers."""
    assert row["count"] == len(ours) and row["size"].tolist() == [8, 10]
    values = np.arange(len(row["masks"])) & 1
    masks = np.repeat(values, row["masks"]).reshape(-1, 8, 10)
    assert np.array_equal(masks, [*ours.masks()] or masks)
    assert np.array_equal(row["bbox"][:, [1, 0, 3, 2]], ours.boxes.corners)
    assert np.array_equal(row["label"], ours.boxes.classes)
    assert np.array_equal(row["crowd"], ours.boxes.attributes["crowd"])
    polygons = [each for outline in ours.outlines for each in outline]
    assert row["polygons"][:, 1].tolist() == [len(each) for each in polygons]
    assert np.array_equal(row["points"], np.concatenate([np.zeros((0, 2)), *polygons]))


def test_numpy_opens_rows_of_any_length(build) -> None:
    dataset = build("cache.codec=npy", "finish=[{use: resize, size: [8, 10]}]")
    for split in dataset.splits:
        stem = next(iter(dataset.path.glob(f"toy-{split}-*.image.npy"))).name[: -len(".image.npy")]
        ours = list(dataset.samples(split))
        folder: Path = dataset.path
        corners = np.load(folder / f"{stem}.objects-bbox.npy", allow_pickle=False)
        splits = np.load(folder / f"{stem}.objects-bbox.row_splits.npy", allow_pickle=False)
        masks = np.load(folder / f"{stem}.mask.npy", mmap_mode="r", allow_pickle=False)
        assert masks.shape == (len(ours), 8, 10)
        for row, sample in enumerate(ours):
            found = corners[splits[row] : splits[row + 1]][:, [1, 0, 3, 2]]
            assert np.array_equal(found, sample.targets["objects"].corners)
            assert np.array_equal(masks[row], sample.targets["mask"])
        assert find_problems(dataset) == []
