"""What a proposed pipeline leaves of its folder is said, whichever layout it has."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from dsbuilder.proposal import candidates, choose, draft
from dsbuilder.proposal.drafting import Draft
from dsbuilder.registry import discover


def images(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(np.full((20, 40, 3), number * 9, np.uint8)).save(folder / f"{number}.png")


def drafted(folder: Path) -> Draft:
    registry = discover()
    chosen, _ = choose(folder, candidates(folder, registry), registry)
    return draft(folder, chosen, registry, output=folder.parent / "p.yaml")


def test_images_beside_those_of_a_list_are_counted_by_folder(tmp_path):
    images(tmp_path / "d/train", 6)
    images(tmp_path / "d/test/deep", 2)
    lines = [f"{number}.png,{'ab'[number % 2]}" for number in range(6)]
    (tmp_path / "d/train/labels.csv").write_text("\n".join(["file,label", *lines]))
    found = drafted(tmp_path / "d")
    told = "2 of 8 images are not read: 2 in test/deep."
    assert f"# {told}\n" in found.text
    assert found.warnings == [f"{tmp_path / 'd'}: {told}"]


def test_files_that_may_label_images_are_named(tmp_path):
    images(tmp_path / "d/images", 4)
    listed = [{"id": n, "file_name": f"{n}.png", "width": 40, "height": 20} for n in range(4)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 9, 9]} for n in range(4)]
    document = {"images": listed, "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}
    (tmp_path / "d/annotations").mkdir()
    (tmp_path / "d/annotations/instances_train.json").write_text(json.dumps(document))
    (tmp_path / "d/more.csv").write_text("a,b\n")
    (tmp_path / "d/README.txt").write_text("Hello.")
    found = drafted(tmp_path / "d")
    assert "# not read: 'more.csv'.\n" in found.text
    assert found.warnings == []


def test_what_is_read_whole_says_nothing(tmp_path):
    for name in ("a", "b"):
        images(tmp_path / "d" / name, 4)
    found = drafted(tmp_path / "d")
    assert (found.warnings, "not read" in found.text) == ([], False)
