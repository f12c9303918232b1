"""Hugging Face `datasets` opens what we export, and we read what its documentation shows."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tools
from PIL import Image
from reports import Html

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.layouts.imagefolder.reader import ImageFolder
from dsbuilder.plugin import Boxes, Text

os.environ["HF_HUB_OFFLINE"] = "1"
datasets = tools.module("datasets")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

Load = Callable[[Path], Any]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a folder with the `imagefolder` builder, offline, cached below the test's folder."""
    datasets.disable_progress_bars()

    def run(folder: Path) -> Any:
        return datasets.load_dataset(
            "imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "cache")
        )

    return run


def built(pipeline: Path, out: Path) -> Dataset:
    return dsbuilder.load(build_dataset(pipeline, out, workers=1).path)


def test_what_a_report_says_of_hugging_face_runs_as_it_stands(
    make_images, write_pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    make_images(classes=("cat", "dog"), count=4)
    write_pipeline(
        "name: pets\nsource: {use: folder, path: source}\nsplit: {train: 0.5, test: 0.5}\n"
        "finish: [{use: resize, size: [16, 20]}]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    page = dsbuilder.open("pipeline.yaml").build(workers=0).report.read_text(encoding="utf-8")
    (code,) = [each for each in Html(page).texts["code"] if "import datasets" in each]
    exec(compile(code, "report.html", "exec"), {})
    assert "size=20x16" in capsys.readouterr().out


def test_class_folders_open_with_their_classes(
    make_images, write_pipeline, load: Load, tmp_path: Path
) -> None:
    make_images(classes=("Hündin", "a b", "猫"), count=8)
    pipeline = write_pipeline(
        "name: pets\nsource: {use: folder, path: source}\nsplit: {train: 0.5, test: 0.5}\n"
        "finish: [{use: resize, size: [16, 20]}]\ncache: {image: png}\n"
    )
    dataset = built(pipeline, tmp_path / "out")
    export(dataset, tmp_path / "folder", to="folder")
    found = load(tmp_path / "folder")
    assert set(found) == set(dataset.splits)
    for split in dataset.splits:
        assert tuple(found[split].features["label"].names) == dataset.class_names
        theirs = sorted((row["label"], np.asarray(row["image"]).tobytes()) for row in found[split])
        ours = sorted((s.targets["label"], s.image.tobytes()) for s in dataset.samples(split))
        assert theirs == ours


ROWS = [
    {
        "file_name": f"{index}.png",
        "label": ("owl", "cat")[index % 2],
        "labels": ["x", "y"][: index % 3],
        "value": index / 2,
        "text": "two\nlines, “猫”",
        "mask_file_name": f"masks/{index}.png",
        "objects": {
            "bbox": [[index, 2, 20, 30]][: index % 2],
            "categories": ["a"][: index % 2],
            "score": [0.5][: index % 2],
        },
        "keypoints": [[index, 2.5, 2, 0, 0, 0]][: index % 2],
    }
    for index in range(8)
]


def test_metadata_opens_with_every_kind_of_label(
    write_pipeline, load: Load, tmp_path: Path
) -> None:
    (tmp_path / "source" / "masks").mkdir(parents=True)
    for index in range(8):
        pixels = np.random.default_rng(index).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"source/{index}.png")
        Image.fromarray(pixels[:, :, 0] % 2).save(tmp_path / f"source/masks/{index}.png")
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "source" / "metadata.jsonl").write_text(lines)
    pipeline = write_pipeline(
        "name: all\nsplit: {train: 0.5, test: 0.5, method: hash}\ncache: {image: png}\n"
        "source: {use: imagefolder, path: source, mask_classes: [sky, road], attributes: [score],"
        " keypoint_names: [nose, tail]}\n"
    )
    dataset = built(pipeline, tmp_path / "out")
    export(dataset, tmp_path / "folder", to="imagefolder")
    found = load(tmp_path / "folder")
    for split in dataset.splits:
        theirs = {np.asarray(row["image"]).tobytes(): row for row in found[split]}
        assert len(theirs) == dataset.num_samples(split)
        for sample in dataset.samples(split):
            row, source = theirs[sample.image.tobytes()], ROWS[int(Path(sample.key).stem)]
            for name in ("label", "labels", "value", "text"):
                assert row[name] == source[name], name
            assert np.array_equal(np.asarray(row["mask"]), sample.targets["mask"])
            assert np.allclose(row["objects"]["bbox"], source["objects"]["bbox"], atol=1e-4)
            assert row["objects"]["categories"] == source["objects"]["categories"]
            assert row["objects"]["score"] == source["objects"]["score"]
            assert np.allclose(row["keypoints"], source["keypoints"], atol=1e-4)
            assert (tmp_path / "folder" / split / sample.key).is_file()


def pictures(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for index in range(1, count + 1):
        Image.new("RGB", (640, 480), (index, 0, 0)).save(folder / f"{index:04}.png")


CAPTIONS = [
    "This is a golden retriever playing with a ball",
    "A german shepherd",
    "One chihuahua",
]
OBJECTS = [
    {"bbox": [[302.0, 109.0, 73.0, 52.0]], "categories": [0]},
    {"bbox": [[810.0 - 400, 100.0, 57.0, 28.0]], "categories": [1]},
    {"bbox": [[160.0, 31.0, 248.0, 317.0], [410.0, 68.0, 170.0, 235.0]], "categories": [2, 2]},
]


@pytest.mark.parametrize("column", ["text", "objects"])
def test_the_documented_examples_are_read_as_they_read_them(
    column: str, load: Load, tmp_path: Path
) -> None:
    pictures(tmp_path / "folder" / "train", 3)
    labels: list[Any] = CAPTIONS if column == "text" else OBJECTS
    rows = [
        {"file_name": f"{index:04}.png", column: label} for index, label in enumerate(labels, 1)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "folder/train/metadata.jsonl").write_text(lines)
    theirs = load(tmp_path / "folder")["train"]
    source = ImageFolder(path=tmp_path / "folder")
    ours = source.open().records
    assert [each.key for each in ours] == [f"train/000{index}.png" for index in (1, 2, 3)]
    for row, record in zip(theirs, ours, strict=True):
        if column == "text":
            assert record.targets["text"] == row["text"]
        else:
            boxes = record.targets["objects"]
            assert [int(box["label"]) for box in boxes] == row["objects"]["categories"]
            corners = [[x / 640, y / 480] for x, y, _, _ in row["objects"]["bbox"]]
            assert np.allclose([box["box"][:2] for box in boxes], corners)
    (kind,) = source.open().targets.values()
    assert kind == (Text() if column == "text" else Boxes(names=("0", "1", "2")))
