"""What tests of several folders need: real image folders, and pipelines over them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# A machine may be slow, so no example has a deadline; the same commit gives the same result in CI.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

MakeImages = Callable[..., Path]
WritePipeline = Callable[..., Path]


def noise(seed: int, size: tuple[int, int], channels: int = 3) -> np.ndarray:
    """Smooth random colours, `(H, W, C)` uint8: they compress like a photograph, unlike noise."""
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
