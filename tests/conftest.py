"""What tests of several folders need: real image folders, and pipelines over them."""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import tools
from hypothesis import settings
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Tests compute little. On a CPU, XLA optimizes the numbers that a kernel begins with for seconds.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")
# What earlier runs of the tests found out is not for these: each finds it out itself.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _CACHE = tempfile.TemporaryDirectory(prefix="dsbuilder-cache-")
    os.environ["XDG_CACHE_HOME"] = _CACHE.name

# A machine may be slow, so no example has a deadline; the same commit gives the same result in CI.
# `make test` tries few examples (--hypothesis-profile few), `make test-all` the usual number.
IN_CI = bool(os.environ.get("CI"))
settings.register_profile("default", deadline=None, derandomize=IN_CI)
settings.register_profile("few", settings.get_profile("default"), max_examples=12)
settings.load_profile("default")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test without the tool that it needs; see `tools.py`."""
    for mark in item.iter_markers("tool"):
        tools.check(*mark.args)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Saves what was measured: a process of xdist that takes 10 s to end is killed."""
    measured = sys.modules.get("coverage")
    if measured is not None and (measuring := measured.Coverage.current()) is not None:
        measuring.save()


MakeImages = Callable[..., Path]
WritePipeline = Callable[..., Path]


def noise(seed: int, size: tuple[int, int], channels: int = 3) -> np.ndarray:
    """Smooth random colors, `(H, W, C)` uint8: they compress like a photograph, unlike noise."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (4, 4, channels), dtype=np.uint8)
    image = Image.fromarray(small.squeeze())
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))


@pytest.fixture
def make_images(tmp_path: Path) -> MakeImages:
    """Makes `<tmp>/<name>/<class>/<i>.<suffix>` and returns `<tmp>/<name>`."""

    def make(
        name: str = "source",
        *,
        classes: Sequence[str] = ("cat", "dog", "owl"),
        count: int = 10,
        size: tuple[int, int] = (40, 50),
        suffix: str = "png",
        channels: int = 3,
    ) -> Path:
        root = tmp_path / name
        for number, label in enumerate(classes):
            (root / label).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                image = noise(1000 * number + index, (size[0] + index % 3, size[1]), channels)
                Image.fromarray(image).save(root / label / f"{index}.{suffix}")
        return root

    return make


@pytest.fixture
def write_pipeline(tmp_path: Path) -> WritePipeline:
    """Writes `<tmp>/<name>.yaml` and returns its path."""

    def write(text: str, name: str = "pipeline") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


ALL_KINDS = '''
from dataclasses import dataclass
import numpy as np
from dsbuilder.plugin import (
    Boxes, ClassLabel, ImageSignature, Keypoints, Mask, MultiLabel, Sample, Signature, Synthesizer,
    Text, Value, synthesizer,
)

ATTRIBUTES = (("hard", "int64"), ("score", "float32"), ("who", "string"))
TARGETS = {
    "label": ClassLabel(names=("a b", "猫")),
    "tags": MultiLabel(names=("x", "y", "z")),
    "price": Value(),
    "pose": Value(size=3),
    "text": Text(),
    "mask": Mask(names=("none", "left")),
    "objects": Boxes(names=("cat", "dog"), attributes=ATTRIBUTES),
    "joints": Keypoints(names=("l", "r"), swaps=(("l", "r"),)),
}

@synthesizer("all_kinds")
@dataclass(frozen=True, kw_only=True)
class AllKinds(Synthesizer):
    """Draws noise with a label of every kind."""

    def output_signature(self, mode):
        return Signature(image=ImageSignature(height=6, width=8, channels=3), targets=TARGETS)

    def draw(self, rng):
        return {"n": int(rng.integers(1000))}

    def render(self, key, params, mode):
        n = params["n"]
        rng = np.random.default_rng(n)
        left = {"label": "left", "polygons": [[0, 0, 4, 0, 4, 6]]}
        box = {"box": [0.1, 0.25, 0.1 + n / 2000, 0.75], "hard": n, "score": n / 7, "who": "é"}
        raw = {
            "label": "猫" if n % 2 else "a b",
            "tags": [name for name in "xyz" if rng.random() < 0.5],
            "price": n / 3,
            "pose": [n, n / 2, -n],
            "text": f"say {n}",
            "mask": {"segments": [left], "size": [6, 8]},
            "objects": [{"label": "dog", **box}] * (n % 3),
            "joints": [[[0.5, n / 1000, 2], [0, 0, 0]]] * (n % 2),
        }
        image = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return Sample(key=key, image=image, targets={name: raw[name] for name in TARGETS})
'''


@pytest.fixture
def build_all_kinds(
    tmp_path: Path, write_pipeline: WritePipeline
) -> Callable[..., dsbuilder.Dataset]:
    """Builds 12 synthesized images of 6 x 8 in two splits, with a label of every kind.

    Targets may be left out by their names.
    """

    def build(*overrides: str, without: Sequence[str] = ()) -> dsbuilder.Dataset:
        (tmp_path / "plugins").mkdir(exist_ok=True)
        left = f"for name in {list(without)}:\n    del TARGETS[name]\n"
        text = ALL_KINDS.replace("@synthesizer", f"{left}\n@synthesizer")
        (tmp_path / "plugins" / "all_kinds.py").write_text(text, encoding="utf-8")
        shares = "{train: 0.5, test: 0.5}"
        path = write_pipeline(
            f"name: kinds\nsynthesize: [{{use: all_kinds, count: 12, splits: {shares}}}]\n"
            "cache: {image: png, shard_mb: 0.0005}\n"
        )
        built = build_dataset(path, tmp_path / "out", workers=0, overrides=overrides)
        return dsbuilder.load(built.path)

    return build
