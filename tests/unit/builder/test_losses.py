"""What stages lose of targets is counted by stage, in every way that a dataset comes about."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder.builder import build_dataset

COUNT, BOXES = 12, 4


def folder(root: Path) -> Path:
    """Images of 64 x 64 with a large box, and three that are thinner than a pixel at 16 x 16."""
    rows = []
    for index in range(COUNT):
        noise = np.random.default_rng(index).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / f"{index}.png")
        thin = [[4 * place, 4, 2, 2] for place in range(1, BOXES)]
        objects = {"bbox": [[8, 8, 40, 40], *thin], "categories": ["a"] * BOXES}
        points = [[32, 32, 2, 60, 60, 2]]
        rows.append({"file_name": f"{index}.png", "objects": objects, "keypoints": points})
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (root / "metadata.jsonl").write_text(text)
    return root


def pipeline(root: Path, **more: object) -> Path:
    source = {"use": "imagefolder", "path": ".", "keypoint_names": ["in", "out"]}
    sections = {
        "name": "toy",
        "source": source,
        "split": {"train": 1},
        "finish": [{"use": "resize", "size": [16, 16]}],
        **more,
    }
    path = root / "p.yaml"
    path.write_text(json.dumps(sections))
    return path


def told(document: object) -> list[tuple[str, str, int, int]]:
    return [(each.stage, each.target, each.lost, each.of) for each in document.lost]


def test_dropped_boxes_are_told_by_stage_in_build_info_and_plan(tmp_path):
    path = pipeline(folder(tmp_path))
    opened = dsbuilder.open(path, out=tmp_path / "out")
    planned = opened.plan(workers=0)
    assert planned.lost == ()
    (tried,) = planned.probe.lost
    assert (tried.stage, tried.lost / tried.of) == ("finish/resize", (BOXES - 1) / BOXES)
    built = opened.build(workers=0)
    (loss,) = built.lost
    assert loss.text == (
        "finish/resize: 36 of 48 boxes, of which less than 1 square pixel or 5 % was left in the "
        "image (objects)"
    )
    assert dsbuilder.load(built.path).info().lost == built.lost
    assert opened.build(workers=0).lost == built.lost
    again = opened.plan(workers=0)
    assert (again.lost, again.probe) == (built.lost, None)


@pytest.mark.parametrize("keep", [False, True])
def test_what_is_copied_counts_as_what_is_made(tmp_path, keep):
    """Also of originals that are kept as `prepare` left them."""
    crop = [{"use": "A.Crop", "x_max": 56, "y_max": 56}]
    sections = {"prepare": crop, "build": {"keep_prepared": keep}}
    path = pipeline(folder(tmp_path), **sections)
    expected = [
        ("finish/resize", "objects", 36, 48),
        ("prepare/A.Crop", "keypoints", 12, 24),
    ]
    opened = dsbuilder.open(path, out=tmp_path / "out")
    assert told(opened.build(workers=0)) == expected
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "3.png")
    touched = opened.build(workers=0)
    assert (touched.made, touched.reused, told(touched)) == (1, COUNT - 1, expected)
    pipeline(
        folder(tmp_path),
        **sections,
        augment={"copies": 1, "stages": ["A.RandomBrightnessContrast"]},
    )
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "3.png")
    doubled = told(opened.build(workers=0))
    assert doubled == [(stage, name, 2 * lost, 2 * of) for stage, name, lost, of in expected]


def test_nothing_is_told_where_nothing_is_lost(tmp_path):
    path = pipeline(folder(tmp_path), finish=[{"use": "resize", "size": [128, 128]}])
    built = build_dataset(path, tmp_path / "out", workers=0)
    assert dsbuilder.load(built.path).info().lost == ()
    assert '"lost"' not in next(built.path.glob("*.ledger.jsonl")).read_text()


def test_an_emptied_mask_is_told(tmp_path):
    for index in range(4):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "masks").mkdir(exist_ok=True)
        noise = np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"images/{index}.png")
        mask = np.zeros((32, 32), np.uint8)
        mask[:4, :4] = 1
        Image.fromarray(mask).save(tmp_path / f"masks/{index}.png")
    source = {"use": "image_mask", "path": ".", "classes": ["no", "yes"]}
    finish = [{"use": "A.Crop", "x_min": 16, "y_min": 16, "x_max": 32, "y_max": 32}]
    path = pipeline(tmp_path, source=source, finish=finish)
    built = build_dataset(path, tmp_path / "out", workers=0)
    (loss,) = dsbuilder.load(built.path).info().lost
    assert (loss.stage, loss.lost, loss.of) == ("finish/A.Crop", 4, 4)
    assert loss.what == "masks, of which nothing but the first class was left"


MERGING = '''
from dataclasses import dataclass, replace
from dsbuilder.plugin import ClassLabel, Transform, transform

@transform("merge", geometry="fixed")
@dataclass(frozen=True, kw_only=True)
class Merge(Transform):
    """Takes the classes b and c for one."""

    def output_signature(self, signature):
        return signature.replace(targets={"label": ClassLabel(names=("a", "b"))})

    def apply(self, sample, params):
        return sample.replace(targets={"label": min(sample.targets["label"], 1)})
'''


def test_merged_classes_are_told_before_the_build(tmp_path):
    for index in range(6):
        (tmp_path / "set" / "abc"[index % 3]).mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "set" / "abc"[index % 3] / f"{index}.png")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/merge.py").write_text(MERGING)
    finish = ["merge", {"use": "resize", "size": [8, 8]}]
    path = pipeline(tmp_path, source={"use": "folder", "path": "set"}, finish=finish)
    opened = dsbuilder.open(path, out=tmp_path / "out", plugins=[tmp_path / "plugins"])
    for document in (opened.check(), opened.build(workers=0)):
        (note,) = [each for each in document.warnings if "classes of 'label'" in each]
        assert note.endswith("3 classes of 'label' become 2; there is no more 'c'.")
