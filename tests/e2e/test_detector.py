"""The example of a detector in plugins/README.md runs as it stands, and finds bright squares."""

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsbuilder.builder import build_dataset

pytest.importorskip("keras")
pytest.importorskip("tensorflow")

README = Path(__file__).parents[2] / "plugins" / "README.md"
SOURCE = '''
"""Bright squares on noise, with their boxes."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import Boxes, Catalog, Listing, Record, Source, Target, generator, source


@source("signs")
@dataclass(frozen=True, kw_only=True)
class Signs(Source):
    """Makes up to two in an image, in its left and its right half."""

    def open(self) -> Catalog:
        return Opened(self)


@dataclass(frozen=True)
class Opened(Catalog):
    source: Signs

    def scan(self) -> Listing:
        return Listing(records=[*self._records()], targets=self._targets())

    def boxes(self, key: str) -> list[tuple[int, int, int, int]]:
        rng = generator("boxes", key)
        found = []
        for left in (0, 16)[: int(rng.integers(1, 3))]:
            side = int(rng.integers(7, 13))
            y, x = int(rng.integers(0, 32 - side)), left + int(rng.integers(0, 16 - side))
            found.append((y, x, side, int(rng.integers(2))))
        return found

    def _records(self) -> Iterator[Record]:
        for i in range(120):
            objects = [
                {"label": ("red", "blue")[kind],
                 "box": [x / 32, y / 32, (x + side) / 32, (y + side) / 32]}
                for y, x, side, kind in self.boxes(f"{i}")
            ]
            yield Record(key=f"{i}", targets={"objects": objects})

    def _targets(self) -> Mapping[str, Target]:
        return {"objects": Boxes(names=("red", "blue"))}

    def identity(self, record: Record) -> str:
        return record.key

    def read(self, record: Record) -> np.ndarray:
        image = generator("noise", record.key).integers(0, 60, (32, 32, 3), dtype=np.uint8)
        for y, x, side, kind in self.boxes(record.key):
            image[y : y + side, x : x + side, 2 * kind] = 255
        return image
'''
PIPELINE = """
name: signs
source: {use: signs}
split: {train: 0.8, test: 0.2}
finish: [{use: resize, size: [32, 32]}]
cache: {codec: tfrecord, image: png}
stream: {batch_size: 16, stages: [{use: A.HorizontalFlip, p: 0.5}]}
"""


@pytest.mark.slow
def test_the_detector_of_the_readme_learns(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "signs.py").write_text(SOURCE)
    (tmp_path / "signs.yaml").write_text(PIPELINE)
    build_dataset(tmp_path / "signs.yaml", tmp_path / "datasets", workers=0)
    pattern = r"^```py slow\n(import keras\n.*?)^```"
    (block,) = re.findall(pattern, README.read_text("utf-8"), re.M | re.S)
    (tmp_path / "detector.py").write_text(block, encoding="utf-8")
    assert mean_overlap(runpy.run_path("detector.py")) > 0.5


def mean_overlap(names: dict[str, Any]) -> float:
    """The mean IoU of true boxes of the test split and what the model says in their cells."""
    test = names["dataset"].stream("test", images="scale")
    overlaps = []
    for images, true in test.map(names["on_grid"]):
        found = names["model"].predict_on_batch(images.numpy())
        there = true.numpy()[..., 0] > 0
        overlaps.append(overlap(true.numpy()[there][:, 1:5], found[there][:, 1:5]))
    return float(np.concatenate(overlaps).mean())


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """IoU of boxes `(n, 4)` each."""
    inner = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    both = inner.clip(0).prod(axis=1)
    areas = [(each[:, 2:] - each[:, :2]).clip(0).prod(axis=1) for each in (one, other)]
    return np.asarray(both / (areas[0] + areas[1] - both))
