"""A folder for TensorFlow Datasets: nothing is lost on the way, and the source reads it back."""

from pathlib import Path

import pytest
from round_trip import check_equal, check_same_bytes

from dsbuilder.actions.export import export
from dsbuilder.layouts.tfrecord.reader import TFRecord

STORED = ["image: jpeg", "image: png", "image: raw", "codec: npy"]


@pytest.mark.parametrize("stored", STORED)
def test_tfds_then_read_is_the_identity(build_toy, tmp_path: Path, stored: str) -> None:
    dataset = build_toy(f"cache={{{stored}}}")
    export(dataset, tmp_path / "tfds", to="tfds")
    check_equal(dataset, TFRecord(path=tmp_path / "tfds"))
    assert (tmp_path / "tfds" / "toy" / "1.0.0" / "features.json").is_file()


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_tfds_of_every_kind_of_label_then_read_is_the_identity(
    build_all_kinds, tmp_path: Path, codec: str
) -> None:
    image = {"tfrecord": "png", "npy": "raw"}[codec]
    dataset = build_all_kinds(f"cache.codec={codec}", f"cache.image={image}")
    export(dataset, tmp_path / "tfds", to="tfds")
    check_equal(dataset, TFRecord(path=tmp_path / "tfds"))


def test_tfds_of_mixed_classes_then_read_is_the_identity(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "tfds", to="tfds")
    check_equal(dataset, TFRecord(path=tmp_path / "tfds"))


def test_two_exports_are_equal_to_the_byte(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    check_same_bytes(dataset, tmp_path, to="tfds")


def test_no_name_of_a_target_is_taken_for_anything_else(build_oddly_named, tmp_path: Path) -> None:
    dataset = build_oddly_named()
    export(dataset, tmp_path / "tfds", to="tfds")
    source = TFRecord(path=tmp_path / "tfds")
    check_equal(dataset, source)
    assert {each.targets["offset"] for each in source.open().records} == {4.0}


def test_examples_are_those_that_were_stored(build_all_kinds, tmp_path: Path) -> None:
    dataset = build_all_kinds()
    export(dataset, tmp_path / "tfds", to="tfds")
    home = tmp_path / "tfds" / dataset.name / dataset.manifest.version
    files = [path for path in home.iterdir() if path.name != "dataset_info.json"]
    assert any(".tfrecord-" in path.name for path in files)
    assert {"features.json", "label.labels.txt"} < {path.name for path in files}
    for path in files:
        assert path.read_bytes() == (dataset.path / path.name).read_bytes()


def test_what_is_stated_is_found_from_the_folder_of_the_version_too(
    build_all_kinds, tmp_path: Path
) -> None:
    dataset = build_all_kinds()
    export(dataset, tmp_path / "tfds", to="tfds")
    check_equal(dataset, TFRecord(path=tmp_path / "tfds" / "kinds" / "1.0.0"))
    assert TFRecord(path=tmp_path / "tfds").open().notes == []


def test_a_built_dataset_is_read_whatever_its_targets_are_called(build_oddly_named) -> None:
    dataset = build_oddly_named()
    check_equal(dataset, TFRecord(path=dataset.path))


def test_pixels_of_reals_stay_as_they_are(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("finish=[{use: resize, size: [8, 10]}, A.ToFloat]", "cache.image=raw")
    export(dataset, tmp_path / "tfds", to="tfds")
    for path in (tmp_path / "tfds").rglob("*.tfrecord-*"):
        assert path.read_bytes() == (dataset.path / path.name).read_bytes()
