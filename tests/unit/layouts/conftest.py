"""A small dataset with variants in several shards, to export and to read again."""

from collections.abc import Callable
from pathlib import Path

import pytest

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.builder import build_dataset

_PIPELINE = """
name: toy
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 1, stages: [A.HorizontalFlip]}
finish: [{use: resize, size: [8, 10]}]
cache: {shard_mb: 0.002}
"""


_ODDLY_NAMED = '''
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import (
    Boxes, ClassLabel, ImageSignature, Mask, MultiLabel, Sample, Signature, Synthesizer, Text,
    Value, synthesizer,
)

TARGETS = {
    "offset": Value(),
    "row": Value(),
    "member": Text(),
    "id": Text(),
    "masks": Value(size=2),
    "x": ClassLabel(names=("a", "b/c")),
    "y": MultiLabel(names=("no", "y/z")),
    "class_names": Value(),
    "a.b": Value(),
    "a b-box": Value(),
    "a b": Boxes(names=("cat",), attributes=(("x", "int64"),)),
    "猫": Text(),
    "Seg": Mask(names=("none", "left")),
    "seg": Mask(names=("none", "left")),
}

@synthesizer("oddly_named")
@dataclass(frozen=True, kw_only=True)
class OddlyNamed(Synthesizer):
    """Draws noise with targets whose names are also those of something else."""

    def output_signature(self, mode):
        return Signature(image=ImageSignature(height=6, width=8, channels=3), targets=TARGETS)

    def draw(self, rng):
        return {"n": int(rng.integers(1000))}

    def render(self, key, params, mode):
        n = params["n"]
        image = np.random.default_rng(n).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        left = {"label": "left", "polygons": [[0, 0, 1 + n % 5, 0, 4, 6]]}
        segments = {"segments": [left], "size": [6, 8]}
        raw = {
            **dict.fromkeys(("offset", "row", "class_names", "a.b", "a b-box"), 4.0),
            **dict.fromkeys(("member", "id", "猫"), f"say {n % 3}"),
            "masks": [1.0, 2.0],
            "x": "b/c" if n % 2 else "a",
            "y": ["y/z"] if n % 3 else [],
            "a b": [{"label": "cat", "box": [0.0, 0.25, 0.5, 1.0], "x": n}] * (n % 3),
            "Seg": segments,
            "seg": {"segments": [], "size": [6, 8]},
        }
        return Sample(key=key, image=image, targets={name: raw[name] for name in TARGETS})
'''


@pytest.fixture
def build_oddly_named(write_pipeline, tmp_path: Path) -> Callable[..., Dataset]:
    """Builds 12 images whose targets are called as places, features and arrays are."""

    def build(*overrides: str) -> Dataset:
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "oddly_named.py").write_text(_ODDLY_NAMED, encoding="utf-8")
        shares = "{train: 0.5, test: 0.5}"
        pipeline = write_pipeline(
            f"name: odd\nsynthesize: [{{use: oddly_named, count: 12, splits: {shares}}}]\n"
            "cache: {image: png, shard_mb: 0.0005}\n"
        )
        built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
        return dsbuilder.load(built.path)

    return build


@pytest.fixture
def build_toy(make_images, write_pipeline, tmp_path: Path) -> Callable[..., Dataset]:
    """Builds 12 images of two classes, and a variant of each; takes overrides."""

    def build(*overrides: str) -> Dataset:
        make_images(count=6, size=(12, 14), classes=("b c", "猫"))
        pipeline = write_pipeline(_PIPELINE)
        built = build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
        return dsbuilder.load(built.path)

    return build
