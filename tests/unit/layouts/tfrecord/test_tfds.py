"""What the files of TensorFlow Datasets say, read without it."""

import json
from pathlib import Path
from typing import Any

import pytest

from dsbuilder.errors import DataError
from dsbuilder.layouts.tfrecord import tfds
from dsbuilder.layouts.tfrecord.tfds import FeatureColumn

TENSOR = {"tensor": {"shape": {"dimensions": ["3"]}, "dtype": "float32", "encoding": "none"}}
BOX = {
    "boundingBox": {"shape": {"dimensions": ["4"]}, "dtype": "float32", "bboxFormat": "REL_YXYX"}
}
CLASS = {"classLabel": {"numClasses": "2"}}


def columns(tmp_path: Path, **features: Any) -> dict[str, FeatureColumn]:
    described = {"featuresDict": {"features": features}}
    (tmp_path / "features.json").write_text(json.dumps(described))
    return tfds.read_columns(tmp_path)


def sequence(feature: Any) -> dict[str, Any]:
    return {"sequence": {"feature": feature, "length": "-1"}}


def test_features_in_others_are_joined_by_slashes(tmp_path: Path) -> None:
    inner = {"featuresDict": {"features": {"bbox": BOX, "label": CLASS}}}
    found = columns(tmp_path, a={"featuresDict": {"features": {"b": TENSOR}}}, o=sequence(inner))
    assert {name: (each.kind, each.group, each.is_list) for name, each in found.items()} == {
        "a/b": ("number", None, False),
        "o/bbox": ("box", "o", True),
        "o/label": ("class", "o", True),
    }
    assert found["a/b"].shape == (3,)


def test_what_is_not_known_is_of_another_kind(tmp_path: Path) -> None:
    strange = {"boundingBox": {"bboxFormat": "XYWH"}}
    packed = {"tensor": {**TENSOR["tensor"], "encoding": "zlib"}}
    found = columns(
        tmp_path, a=strange, b=packed, c={"audio": {}}, d=sequence(sequence(TENSOR)), e=CLASS
    )
    assert [each.kind for each in found.values()] == ["other", "other", "other", "other", "class"]


def test_names_of_classes_come_from_a_file_or_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "o-label.labels.txt").write_bytes("\ufeffa b\r\n\r\n猫\n".encode())
    inner = {"featuresDict": {"features": {"label": CLASS}}}
    found = columns(tmp_path, o=sequence(inner), label=CLASS)
    assert found["o/label"].names == ("a b", "猫")
    assert found["label"].names == ("0", "1")
    (tmp_path / "o-label.labels.txt").write_bytes(b"\xff")
    with pytest.raises(DataError, match="expected names in UTF-8"):
        tfds.read_columns(tmp_path)


def info(tmp_path: Path, **changes: Any) -> tfds.DatasetInfo:
    split = {"name": "train", "shardLengths": ["3", 2]}
    described = {"name": "toy", "version": "1.0.0", "splits": [split], **changes}
    (tmp_path / "dataset_info.json").write_text(json.dumps(described))
    return tfds.read_info(tmp_path)


def test_shards_are_found_by_the_template(tmp_path: Path) -> None:
    for index in range(2):
        (tmp_path / f"toy-train.tfrecord-{index:05d}-of-00002").write_bytes(b"")
        (tmp_path / "deep").mkdir(exist_ok=True)
        (tmp_path / "deep" / f"train_{index:05d}.bin").write_bytes(b"")
    shards = info(tmp_path).splits["train"]
    assert [(each.path[-14:], each.count) for each in shards] == [
        ("00000-of-00002", 3),
        ("00001-of-00002", 2),
    ]
    split = {
        "name": "train",
        "shardLengths": ["3"],
        "filepathTemplate": "deep/{SPLIT}_{SHARD_INDEX}.bin",
    }
    assert info(tmp_path, splits=[split]).splits["train"][0].path == "deep/train_00000.bin"


WRONG = {
    "missing": ({}, "found no 'toy-train.tfrecord-00000-of-00002'"),
    "outside": ({"splits": [{"shardLengths": [1], "filepathTemplate": "/etc/passwd"}]}, "absolute"),
    "no list": ({"splits": 7}, "splits: expected a list, found '7'"),
    "no number": ({"splits": [{"shardLengths": ["x"]}]}, "expected 0 or more, found 'x'"),
    "another form": ({"fileFormat": "parquet"}, "Prepare the dataset again with file_format"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, case: str) -> None:
    changes, message = WRONG[case]
    with pytest.raises(DataError) as caught:
        info(tmp_path, **changes)
    assert message in str(caught.value)


def test_folders_of_datasets_are_found_below(tmp_path: Path) -> None:
    assert tfds.find(tmp_path) == []
    homes = [tmp_path / "toy" / version for version in ("1.0.0", "1.0.1")]
    for home in homes:
        home.mkdir(parents=True)
        (home / "dataset_info.json").write_text("{}")
    assert tfds.find(tmp_path) == tfds.find(tmp_path / "toy") == homes
    assert tfds.find(homes[1]) == [homes[1]]
