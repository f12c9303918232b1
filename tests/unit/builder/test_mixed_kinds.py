"""Several classes and numbers through a build that mixes: each kind as it says it mixes."""

import json

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.dataset import find_problems

SOURCE = '''
"""A few labels a sample."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.plugin import Catalog, Listing, MultiLabel, Record, Source, Target, Value, source


@source("manifold")
@dataclass(frozen=True, kw_only=True)
class Several(Source):
    """Reads `labels.json`.

    Attributes:
      path: the folder.
    """

    path: Path

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Several

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def _records(self) -> Iterator[Record]:
        for key, raw in json.loads((self.source.path / "labels.json").read_text()).items():
            yield Record(key=key, path=self.source.path / key, targets=raw)

    def _targets(self) -> Mapping[str, Target]:
        return {
            "labels": MultiLabel(names=("x", "y", "z")),
            "price": Value(),
            "pose": Value(size=2),
        }
'''
PIPELINE = """
name: toy
source: {use: manifold, path: source}
split: {train: 0.8, test: 0.2}
augment: {copies: 2, stages: [{use: mixup, alpha: 1.0}]}
finish: [{use: resize, size: [8, 8]}]
cache: {image: png}
"""
COUNT = 10


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_weights_and_numbers_are_mixed_as_the_pixels_are(tmp_path, write_pipeline, codec) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/several.py").write_text(SOURCE)
    labels = {}
    for index in range(COUNT):
        Image.new("RGB", (8, 8), (index * 20,) * 3).save(folder / f"{index}.png")
        names = ["x", "y", "z"][: index % 4]
        labels[f"{index}.png"] = {"labels": names, "price": index, "pose": [index, -index]}
    (folder / "labels.json").write_text(json.dumps(labels))
    image = "raw" if codec == "npy" else "png"
    built = build_dataset(
        write_pipeline(PIPELINE),
        tmp_path / "out",
        workers=0,
        overrides=[f"cache.codec={codec}", f"cache.image={image}"],
    )
    dataset = dsbuilder.load(built.path)
    assert find_problems(dataset) == []
    assert dataset.class_names == ("x", "y", "z")
    entries = {entry.key: entry for _, entry in dataset.entries("train")}
    mixed = 0
    for sample in dataset.samples("train"):
        entry = entries[sample.key]
        weights = [1.0]
        if len(entry.parents) == 2:
            weight = entry.stages[0].params["weight"]
            weights = [weight, 1 - weight]
            mixed += 1
        parents = [
            (int(key.split(".")[0]), w) for key, w in zip(entry.parents, weights, strict=True)
        ]
        price = sum(number * weight for number, weight in parents)
        assert sample.targets["price"] == pytest.approx(price, abs=1e-5)
        assert sample.targets["pose"] == pytest.approx([price, -price], abs=1e-5)
        assert sample.image.mean() == pytest.approx(20 * price, abs=0.51)
        expected = np.zeros(3)
        for number, weight in parents:
            expected[: number % 4] += weight
        assert sample.targets["labels"] == pytest.approx(expected, abs=1e-6)
    assert mixed == 2 * sum("//" not in key for key in entries) > 0
