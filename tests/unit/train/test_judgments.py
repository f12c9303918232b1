"""The file of judgments: as CSV readers read it, whatever keys and classes are called."""

import csv
import json

import numpy as np
import pytest

from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, MultiLabel, Value
from dsbuilder.tasks import heads_of
from dsbuilder.train.judgments import writing

KEYS = ['a,"b"\r\n.png', "=1+1", "ü\r.png"]
IMAGE = ImageSignature(height=4, width=4, channels=3)


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def heads(**targets):
    return heads_of(Signature(image=IMAGE, targets=targets))


def test_names_come_back_as_they_were(tmp_path):
    path = tmp_path / "predictions.csv"
    known = heads(kind=ClassLabel(names=("x,", '"', "z")))
    with writing(path, known, "test") as writer:
        writer.add([key.encode() for key in KEYS], {"kind": np.arange(3)}, {"kind": np.eye(3)})
        assert not path.exists()
    found = rows(path)
    assert [each["key"] for each in found] == KEYS
    assert [each["truth"] for each in found] == ["x,", '"', "z"]
    assert [each["right"] for each in found] == ["true"] * 3
    assert {each["split"] for each in found} == {"test"}
    assert path.read_bytes().startswith(b"key,split,truth,answer,confidence,right\r\n")
    assert list(tmp_path.iterdir()) == [path]


def test_of_several_heads_columns_have_their_names(tmp_path):
    path = tmp_path / "predictions.csv"
    known = heads(size=Value(size=2), labels=MultiLabel(names=("a", "b", "ö")))
    truth = {"size": np.zeros((1, 2), "f4"), "labels": np.array([[1, 0, 1]], "f4")}
    outputs = {"size": np.array([[1, 3]], "f4"), "labels": np.array([[1, -1, 1]], "f4")}
    with writing(path, known, "train") as writer:
        writer.add([b"k"], truth, outputs)
    (row,) = rows(path)
    assert json.loads(row["size_answer"]) == [1.0, 3.0] and row["size_error"] == "2.0"
    assert row["size_confidence"] == ""
    assert json.loads(row["labels_truth"]) == ["a", "ö"] and row["labels_right"] == "true"


def test_a_file_that_cannot_be_written_is_told_and_a_failure_leaves_none(tmp_path):
    known = heads(size=Value())
    nowhere = tmp_path / "none" / "p.csv"
    expected = "expected a file that can be written"
    with pytest.raises(TrainError, match=expected), writing(nowhere, known, "test"):
        pass
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "p.csv", known, "test"):
        _ = 1 / 0
    assert not list(tmp_path.iterdir())
