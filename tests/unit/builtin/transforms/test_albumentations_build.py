"""Every class of albumentations that takes an image is a branch of one build; others are listed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from albumentations_classes import OPTIONS, REFERENCED, REFUSED, USED
from PIL import Image

from dsbuilder.builder import build_dataset
from dsbuilder.builtin.transforms.albumentations import Albumentations
from dsbuilder.dataset import StoredDataset
from dsbuilder.plugin import ImageSignature, Signature

ROOT = Path(__file__).parents[4]
HEIGHT, WIDTH = 48, 64


def picture(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))


def branch(member: str, reference: Path) -> dict[str, Any]:
    """The stage of a class, for records of that class alone; what it changes it into is undone."""
    options = dict(OPTIONS.get(member, {}))
    if member in REFERENCED:
        options = {"reference_images": [str(reference)]}
    if member == "FromFloat":
        options = {"dtype": "uint8"}
    image = ImageSignature(height=HEIGHT, width=WIDTH, channels=3)
    plugin = Albumentations(member=member, options=options)
    after = plugin.output_signature(Signature(image=image, targets={})).image
    undo = []
    if after.dtype != "uint8":
        undo.append({"use": "A.FromFloat", "dtype": "uint8", "p": 1})
    if (after.height, after.width) != (HEIGHT, WIDTH):
        undo.append({"use": "A.Resize", "height": HEIGHT, "width": WIDTH, "p": 1})
    stages = [{"use": f"A.{member}", **options, "p": 1}, *undo]
    if member == "FromFloat":
        stages = [{"use": "A.ToFloat", "p": 1}, stages[0]]
    stage = stages[0]
    if len(stages) > 1:
        stage = {"use": "A.Sequential", "transforms": stages, "p": 1}
    return {**stage, "name": member, "only_classes": [member]}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of what some do to noise
def test_all_that_take_an_image_are_branches_of_one_build(tmp_path: Path) -> None:
    reference = tmp_path / "reference.png"
    picture(999).save(reference)
    for number, member in enumerate(USED):
        (tmp_path / "source" / member).mkdir(parents=True)
        picture(number).save(tmp_path / f"source/{member}/1.png")
    said = {
        "name": "all",
        "source": {"use": "folder", "path": "source"},
        "split": {"train": 1.0},
        "prepare": [{"use": "resize", "size": [HEIGHT, WIDTH]}],
        "augment": {"copies": 1, "stages": [branch(member, reference) for member in USED]},
        "cache": {"image": "png", "shard_mb": 0.1},
    }
    path = tmp_path / "all.yaml"
    path.write_text(json.dumps(said))
    sums = set()
    for workers in (1, 3):
        built = build_dataset(path, tmp_path / str(workers), workers=workers)
        assert not built.quarantined
        dataset = StoredDataset(path=built.path, manifest=built.manifest)
        met = {
            entry.parents[0].partition("/")[0]: [each.stage for each in entry.stages[1:]]
            for _, entry in dataset.entries("train")
            if "//" in entry.key
        }
        assert met == {member: [f"augment/{member}"] for member in USED}
        sums.add((built.path / "SHA256SUMS").read_bytes())
    assert len(sums) == 1


def test_those_that_need_more_are_listed_with_the_reason_and_what_to_do() -> None:
    text = (ROOT / "pipelines/README.md").read_text()
    table = text.partition("Of albumentations")[2].partition("\n### ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `A.")]
    listed = [
        name.strip(" `").removeprefix("A.") for row in rows for name in row.split("|")[1].split(",")
    ]
    assert sorted(listed) == sorted(REFUSED)
    assert all(len(row.split("|")) == 5 and row.split("|")[3].strip() for row in rows)
