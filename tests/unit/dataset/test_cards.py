"""A card, lines of samples and Croissant metadata lie beside a dataset and change nothing of it."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.cache import dataset_card
from dsbuilder.cache.manifest import Manifest

PIPELINE = """\
name: pets
source: {use: folder, path: source}
split: {train: 0.5, test: 0.5}
augment: {copies: 1, stages: [{use: A.HorizontalFlip}]}
finish: [{use: resize, size: [16, 20]}]
cache: {shard_mb: 0.005}
"""
BESIDE = ("README.md", "croissant.json", "samples.jsonl")


@pytest.fixture
def pipeline(make_images, write_pipeline) -> Path:
    make_images(classes=("cat", "<b>|`x`"), count=6, size=(24, 30))
    return write_pipeline(PIPELINE, "pets")


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in BESIDE if (folder / name).is_file()}


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]


def test_a_build_writes_the_card_and_equal_builds_equal_ones(pipeline: Path, tmp_path) -> None:
    one = build_dataset(pipeline, tmp_path / "one", workers=0)
    other = build_dataset(pipeline, tmp_path / "other", workers=2)
    assert list(contents(one.path)) == ["README.md"]
    assert contents(one.path) == contents(other.path)


def test_what_is_written_of_a_dataset_is_equal_for_equal_ones(pipeline: Path, tmp_path) -> None:
    paths = [build_dataset(pipeline, tmp_path / name, workers=0).path for name in ("a", "b")]
    documents = [dsbuilder.load(path).card() for path in paths]
    assert contents(paths[0]) == contents(paths[1])
    assert [each.count for each in documents] == [18, 18]
    assert str(tmp_path).encode() not in b"".join(contents(paths[0]).values())


def test_the_dataset_stays_what_was_built(pipeline: Path, tmp_path) -> None:
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    dataset = dsbuilder.load(built.path)
    sums = (built.path / "SHA256SUMS").read_bytes()
    dataset.card()
    (built.path / "README.md").write_text("Photographs of mine, CC0.")
    dataset.verify()
    assert (built.path / "SHA256SUMS").read_bytes() == sums
    again = build_dataset(pipeline, tmp_path / "out", workers=0)
    assert (again.path.resolve(), again.made) == (built.path.resolve(), 0)
    dataset.card()
    assert (built.path / "README.md").read_text() == "Photographs of mine, CC0."
    dataset.card()
    (built.path / "stray.txt").touch()
    with pytest.raises(dsbuilder.CacheError, match=r"stray\.txt is no file of the dataset"):
        dataset.verify()


def test_a_line_tells_key_split_and_labels(build_all_kinds) -> None:
    dataset = build_all_kinds()
    dataset.card()
    lines = lines_of(dataset.path)
    found = {line["key"]: line for line in lines}
    samples = [(split, each) for split in dataset.splits for each in dataset.samples(split)]
    assert [line["key"] for line in lines] == [sample.key for _, sample in samples]
    for split, sample in samples:
        line, values = found[sample.key], sample.targets
        boxes = values["objects"]
        assert line == {
            "key": sample.key,
            "split": split,
            "label": ("a b", "猫")[values["label"]],
            "tags": [name for name, has in zip("xyz", values["tags"], strict=True) if has],
            "price": float(values["price"]),
            "pose": values["pose"].tolist(),
            "text": values["text"],
            "objects": [("cat", "dog")[number] for number in boxes.classes],
            "objects_box": pytest.approx(boxes.corners.reshape(-1).tolist()),
        }


def test_the_metadata_says_every_file_and_its_sum(pipeline: Path, tmp_path) -> None:
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    found = dsbuilder.load(built.path).card()
    described = {
        each["@id"]: each for each in json.loads(found.metadata.read_text())["distribution"]
    }
    sums = dict(
        reversed(line.split("  ")) for line in (built.path / "SHA256SUMS").read_text().splitlines()
    )
    samples = hashlib.sha256(found.samples.read_bytes()).hexdigest()
    assert {name: each["sha256"] for name, each in described.items()} == {
        **sums,
        "samples.jsonl": samples,
    }
    for name, each in described.items():
        assert each["contentSize"] == f"{(built.path / name).stat().st_size} B"


def test_names_of_classes_are_harmless_in_a_card(pipeline: Path, tmp_path) -> None:
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    text = (built.path / "README.md").read_text()
    assert "| &lt;b&gt;\\|\\`x\\` | 6 | 3 |" in text
    assert "<b>" not in text


def test_a_card_of_many_classes_stays_one_to_read(pipeline: Path, tmp_path) -> None:
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    known = dsbuilder.load(built.path).manifest
    data = known.to_json()
    names = [f"class {number}" for number in range(150)]
    data["signature"]["targets"]["label"]["names"] = names
    text = dataset_card.card(Manifest.from_json(data))
    assert len(re.findall(r"^\| class \d+ ", text, re.MULTILINE)) == 100
    assert "\n52 more are in `metadata.json`." in text  # those and the two that were counted


def test_an_export_without_images_for_catalogs_gets_no_card(pipeline: Path, tmp_path) -> None:
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    with pytest.raises(
        dsbuilder.DataError, match="expected one of the layouts folder, imagefolder"
    ):
        dataset.export(tmp_path / "npz", to="npz", card=True)
    assert not (tmp_path / "npz").exists()


@pytest.mark.parametrize("to", ["folder", "imagefolder", "webdataset"])
def test_the_card_of_an_export_names_a_file_for_every_sample(
    to: str, pipeline: Path, tmp_path
) -> None:
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=0).path)
    dataset.export(tmp_path / "plain", to=to)
    dataset.export(tmp_path / to, to=to, card=True)
    plain = {
        path.relative_to(tmp_path / "plain"): path.read_bytes()
        for path in (tmp_path / "plain").rglob("*.*")
    }
    whole = {
        path.relative_to(tmp_path / to): path.read_bytes() for path in (tmp_path / to).rglob("*.*")
    }
    assert {name: whole[name] for name in plain} == plain
    assert {str(name) for name in whole.keys() - plain.keys()} == set(BESIDE)
    files = [line["file"] for line in lines_of(tmp_path / to)]
    assert len(set(files)) == 18
    if to != "webdataset":
        assert all((tmp_path / to / name).is_file() for name in files)


def test_masks_that_look_like_images_are_warned_of(build_all_kinds, tmp_path: Path) -> None:
    found = build_all_kinds().export(tmp_path / "x", to="imagefolder", card=True)
    assert any("which no pattern of Croissant tells apart" in each for each in found.warnings)
    records = json.loads((tmp_path / "x/croissant.json").read_text())["recordSet"][0]
    assert "samples/image" not in [each["@id"] for each in records["field"]]
