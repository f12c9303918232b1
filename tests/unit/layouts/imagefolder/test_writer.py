"""What is exported with metadata is read again: keys, every kind of label, lossless pixels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.imagefolder.reader import ImageFolder

SIZE = (40, 50)
OPTIONS: dict[str, Any] = {
    "classes": ("owl", "cat"),
    "labels_classes": ("y, z", "x"),
    "object_classes": ("猫", "a b"),
    "mask_classes": ("sky", "road"),
    "ignore": "255",
    "attributes": ("id", "score", "note"),
}
SPLIT = "split: {train: 0.5, test: 0.5, method: hash}\n"


def row(index: int) -> dict[str, Any]:
    boxes = [[index, 2.5, 20, 30.25], [0, 0, 50, 40]][: index % 3]
    return {
        "file_name": f"in/{index}.png",
        "label": ("owl", "cat")[index % 2],
        "labels": ["x", "y, z"][: index % 3],
        "value": [index / 7, -1e6],
        "text": ("a, “b”", "two\nlines", "")[index % 3],
        "mask_file_name": f"masks/{index}.png",
        "objects": {
            "bbox": boxes,
            "categories": ["猫", "a b"][: len(boxes)],
            "id": [2**40, 1][: len(boxes)],
            "score": [0.5, 1][: len(boxes)],
            "note": ["", "ä"][: len(boxes)],
        },
    }


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """A folder with every kind of label in its table."""
    root, rng = tmp_path / "source", np.random.default_rng(0)
    (root / "in").mkdir(parents=True)
    (root / "masks").mkdir()
    for index in range(8):
        pixels = rng.integers(0, 256, (*SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"in/{index}.png")
        mask = rng.choice(np.array([0, 1, 255], np.uint8), SIZE)
        Image.fromarray(mask).save(root / f"masks/{index}.png")
    lines = "".join(json.dumps(row(index)) + "\n" for index in range(8))
    (root / "metadata.jsonl").write_text(lines)
    return root


@pytest.fixture
def build(labeled: Path, write_pipeline, tmp_path: Path):
    def run(cache: str) -> Dataset:
        options = json.dumps({"use": "imagefolder", "path": "source", **OPTIONS})
        text = f"name: all\nsource: {options}\n{SPLIT}cache: {{{cache}}}\n"
        built = build_dataset(write_pipeline(text), tmp_path / "out", workers=0)
        return dsbuilder.load(built.path)

    return run


@pytest.mark.parametrize("options", [{}, OPTIONS])
@pytest.mark.parametrize("cache", ["image: png", "image: jpeg"])
def test_what_is_exported_is_read_again(
    build, tmp_path: Path, cache: str, options: dict[str, Any]
) -> None:
    dataset = build(cache)
    exported = export(dataset, tmp_path / "folder", to="imagefolder")
    assert exported.samples == {name: dataset.num_samples(name) for name in dataset.splits}
    source = ImageFolder(path=tmp_path / "folder", **options)
    catalog = source.open()
    read = {record.key: record for record in catalog.records}
    kinds = catalog.targets
    assert dict(kinds) == dict(dataset.signature.targets)
    for split in dataset.splits:
        for sample in dataset.samples(split):
            record = read.pop(sample.key)
            assert record.split == split
            assert np.array_equal(decode(record.path.read_bytes(), mode="rgb"), sample.image)
            for name, kind in kinds.items():
                check_equal(name, kind.parse(record.targets[name]), sample.targets[name])
    assert not read


def check_equal(name: str, found: Any, expected: Any) -> None:
    if name != "objects":
        assert np.array_equal(found, expected), name
        return
    pixels = np.array([SIZE[1], SIZE[0], SIZE[1], SIZE[0]])
    assert np.abs((found.corners - expected.corners) * pixels).max(initial=0) < 1e-4
    assert np.array_equal(found.classes, expected.classes)
    for attribute, values in expected.attributes.items():
        assert np.array_equal(found.attributes[attribute], values)


def test_what_was_read_from_an_export_has_its_keys_again(build, write_pipeline, tmp_path) -> None:
    export(build("image: png"), tmp_path / "source2", to="imagefolder")
    options = json.dumps({"use": "imagefolder", "path": "source2", **OPTIONS})
    pipeline = write_pipeline(f"name: again\nsource: {options}\ncache: {{image: png}}\n")
    again = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    export(again, tmp_path / "source3", to="imagefolder")
    files = {
        name: {
            path.relative_to(tmp_path / name).as_posix(): path.read_bytes()
            for path in (tmp_path / name).rglob("*.png")
        }
        for name in ("source2", "source3")
    }
    assert files["source2"] == files["source3"]


def test_mixed_labels_are_reported(make_images, write_pipeline, tmp_path: Path) -> None:
    make_images(count=4)
    pipeline = write_pipeline(
        "name: pets\nsource: {use: folder, path: source}\n"
        "augment: {copies: 1, stages: [{use: mixup}]}\nfinish: [{use: resize, size: [16, 16]}]\n"
    )
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    exported = export(dataset, tmp_path / "folder", to="imagefolder")
    assert exported.warnings[-1] == (
        f"{dataset.where}: 'label' holds mixed labels: written is the dominant class of each "
        "sample, or of several those that weigh a half or more; weights are left out."
    )
    records = ImageFolder(path=tmp_path / "folder").open().records
    assert len(records) == sum(dataset.num_samples(split) for split in dataset.splits)


def test_lists_that_are_empty_throughout_a_split_are_reported(
    make_images, write_pipeline, tmp_path: Path
) -> None:
    for split in ("train", "test"):
        root = make_images(f"source/{split}", classes=("x",), count=2)
        bbox = {"bbox": [[1, 2, 3, 4]], "categories": ["a"]} if split == "train" else None
        rows = [{"file_name": f"x/{i}.png", "objects": bbox, "labels": []} for i in range(2)]
        (root / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pipeline = write_pipeline("name: some\nsource: {use: imagefolder, path: source}\n")
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    exported = export(dataset, tmp_path / "folder", to="imagefolder")
    assert list(exported.warnings) == [
        f"{dataset.where}: 'objects' is empty in all samples of test: Hugging Face refuses splits "
        "whose tables seem to be of different types. Open that split alone."
    ]
