"""Clean sets of other people are left in peace: at most 2 % of their images have a finding."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tools
from PIL import Image
from skimage import data
from sklearn.datasets import load_digits

from dsbuilder.builder import load_spec, survey
from dsbuilder.builder.inspecting import inspect_survey
from dsbuilder.inspection import every

ROOT = Path(__file__).parents[3]
MOST = 0.02


def emoji(folder: Path) -> str:
    """220 transparent pictures of Noto Color Emoji."""
    return f"{{use: folder, path: {ROOT / 'samples/emoji'}}}"


def digits(folder: Path) -> str:
    """2,000 digits of MNIST as JPEG."""
    paths = ROOT / "samples/digits"
    lists = {split: [str(paths / "images"), str(paths / f"{split}.txt")] for split in SPLITS}
    return f"{{use: list, lists: {lists}}}"


SPLITS = ("train", "test")


def small_digits(folder: Path) -> str:
    """1,797 digits of 8 x 8 pixels from the UCI repository."""
    known = load_digits()
    for number, (values, label) in enumerate(zip(known.data, known.target, strict=True)):
        (folder / "small" / str(label)).mkdir(parents=True, exist_ok=True)
        pixels = (values.reshape(8, 8) * 255 / 16).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "small" / str(label) / f"{number}.png")
    return "{use: folder, path: small}"


def faces(folder: Path) -> str:
    """100 faces of Labeled Faces in the Wild, 25 x 25 pixels."""
    for number, values in enumerate(data.lfw_subset()[:100]):
        (folder / "faces" / str(number % 2)).mkdir(parents=True, exist_ok=True)
        pixels = (values * 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "faces" / str(number % 2) / f"{number}.png")
    return "{use: folder, path: faces}"


def fashion(folder: Path) -> str:
    """3,000 pieces of clothing, out of the test half of Fashion-MNIST."""
    (folder / "fashion").mkdir()
    for path in tools.place(tools.FASHION_MNIST).glob("t10k-*"):
        whole = gzip.decompress(path.read_bytes())
        each = 28 * 28 if "images" in path.name else 1
        start = 4 + 4 * whole[3]
        head = whole[:4] + (3000).to_bytes(4, "big") + whole[8:start]
        part = head + whole[start : start + 3000 * each]
        (folder / "fashion" / path.stem).write_bytes(part)
    return "{use: idx, path: fashion}"


@pytest.mark.parametrize(
    "make",
    [
        *(emoji, faces),
        *(pytest.param(each, marks=pytest.mark.slow) for each in (digits, small_digits)),
        pytest.param(fashion, marks=[pytest.mark.slow, tools.needs_fashion_mnist]),
    ],
)
def test_a_clean_set_is_left_in_peace(
    make: Callable[[Path], str], write_pipeline, tmp_path: Path, capsys
) -> None:
    surveyed = survey(load_spec(write_pipeline(f"name: clean\nsource: {make(tmp_path)}\n")))
    report = inspect_survey(surveyed, every(surveyed.pipeline.spec))
    counts = {name: len(found) for name, found in report.findings.items() if found}
    with capsys.disabled():
        print(f" [{report.records} images: {counts or 'nothing found'}] ", end="")
    assert not {name for name, count in counts.items() if count > MOST * report.records}
    assert "crossing_groups" not in counts  # one finding stands for the whole set
    assert len(report.keys) <= MOST * report.records
