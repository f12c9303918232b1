"""We read what TensorFlow Datasets and TensorFlow themselves wrote."""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import tools

from dsbuilder.images import encoding as image_format
from dsbuilder.layouts.tfrecord.reader import TFRecord
from dsbuilder.plugin import Boxes, ClassLabel, Mask, MultiLabel, Text, Value
from dsbuilder.testing import check_plugin

tfds = tools.module("tensorflow_datasets")


def pixels(number: int) -> np.ndarray:
    return np.full((5 + number, 6, 3), 10 * number, np.uint8)


def rows(count: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for number in range(count):
        box = tfds.features.BBox(ymin=0.1, xmin=0.25, ymax=0.5, xmax=0.75)
        one = {"bbox": box, "label": 1, "area": 7, "note": "n\u00e9"}
        yield (
            number,
            {
                "image": pixels(number),
                "image/filename": f"f{number}.png",
                "label": number % 2,
                "labels": list(range(number % 4)),
                "mask": np.eye(5 + number, 6, dtype=np.uint8)[:, :, None],
                "value": number / 2,
                "pose": [1.0, 2.0, number],
                "caption": "h\u00e9, \u732b",
                "objects": [one] * number,
                "nested": {"ragged": [[1, 2], [3]]},
            },
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A dataset that tfds wrote, with a feature of every kind."""
    home = tmp_path_factory.mktemp("tfds")
    features = tfds.features

    class EveryFeature(tfds.core.GeneratorBasedBuilder):
        url_infos = MappingProxyType(
            {}
        )  # else it looks for files beside its module, which pytest made up
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            one = {
                "bbox": features.BBoxFeature(),
                "label": features.ClassLabel(names=["cat", "guide dog"]),
                "area": np.int64,
                "note": features.Text(),
            }
            known = {
                "image": features.Image(shape=(None, None, 3)),
                "image/filename": features.Text(),
                "label": features.ClassLabel(names=["a b", "\u732b"]),
                "labels": features.Sequence(features.ClassLabel(names=["x", "y", "z"])),
                "mask": features.LabeledImage(shape=(None, None, 1), labels=["none", "edge"]),
                "value": np.float32,
                "pose": features.Tensor(shape=(3,), dtype=np.float64),
                "caption": features.Text(),
                "objects": features.Sequence(one),
                "nested": {"ragged": features.Sequence(features.Sequence(np.int64))},
            }
            return self.dataset_info_from_configs(features=features.FeaturesDict(known))

        def _split_generators(self, manager):
            return {"train": rows(4), "test": rows(2), "corrupted": rows(1)}

        def _generate_examples(self):
            raise NotImplementedError

    EveryFeature(data_dir=home / "data").download_and_prepare()
    return home / "data"


def test_every_feature_that_tfds_wrote_is_read(folder: Path) -> None:
    source = TFRecord(path=folder)
    catalog = source.open()
    assert catalog.targets == {
        "objects": Boxes(
            names=("cat", "guide dog"), attributes=(("area", "int64"), ("note", "string"))
        ),
        "caption": Text(),
        "label": ClassLabel(names=("a b", "\u732b")),
        "labels": MultiLabel(names=("x", "y", "z")),
        "mask": Mask(names=("none", "edge")),
        "pose": Value(size=3),
        "value": Value(),
    }
    assert sorted(each.split for each in catalog.records) == ["test"] * 2 + ["train"] * 4
    check_plugin(source)
    assert any(
        "splits that are not read: 'corrupted' (1 records)" in note for note in catalog.notes
    )
    assert any("not read: 'nested/ragged'" in note for note in catalog.notes)


def test_values_are_those_that_were_written(folder: Path) -> None:
    catalog = TFRecord(path=folder, only_splits=("train",)).open()
    written = dict(rows(4))
    kinds = catalog.targets
    seen = set()
    for record in catalog.records:
        raw = record.targets
        number = int(raw["value"] * 2)
        row = written[number]
        seen.add(number)
        image = image_format.decode(catalog.read(record), mode="rgb")
        assert np.array_equal(image, row["image"])
        assert raw["label"] == ("a b", "\u732b")[row["label"]]
        assert raw["labels"] == ["x", "y", "z"][: number % 4]
        assert raw["caption"] == row["caption"]
        assert raw["pose"] == row["pose"]
        assert np.array_equal(kinds["mask"].parse(raw["mask"]), row["mask"][:, :, 0])
        assert [box["label"] for box in raw["objects"]] == ["guide dog"] * number
        for box in raw["objects"]:
            assert (box["area"], box["note"]) == (7, "n\u00e9")
            assert np.allclose(box["box"], [0.25, 0.1, 0.75, 0.5])
    assert seen == set(range(4))


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_examples_of_the_object_detection_api_are_read(tmp_path: Path, compression: str) -> None:
    import tensorflow as tf

    def feature(value: Any) -> Any:
        if isinstance(value[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
        if isinstance(value[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=value))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=value))

    encoded = tf.io.encode_jpeg(pixels(3)).numpy()
    known = {
        "image/height": [8],
        "image/width": [6],
        "image/filename": [b"a.jpg"],
        "image/source_id": [b"1"],
        "image/encoded": [encoded],
        "image/format": [b"jpeg"],
        "image/object/bbox/xmin": [0.0, 0.5],
        "image/object/bbox/xmax": [0.25, 1.0],
        "image/object/bbox/ymin": [0.125, 0.0],
        "image/object/bbox/ymax": [1.0, 0.5],
        "image/object/class/text": [b"dog", b"cat"],
        "image/object/class/label": [2, 1],
        "image/object/difficult": [0, 1],
    }
    record = {name: feature(value) for name, value in known.items()}
    path = str(tmp_path / "pets_train.record-00000-of-00001")
    options = tf.io.TFRecordOptions(compression_type=compression)
    with tf.io.TFRecordWriter(path, options) as writer:
        whole = tf.train.Example(features=tf.train.Features(feature=record))
        writer.write(whole.SerializeToString())
    catalog = TFRecord(path=tmp_path).open()
    [found] = catalog.records
    assert (found.key, found.split) == ("a.jpg", "train")
    assert found.targets["objects"] == [
        {"label": "dog", "box": [0.0, 0.125, 0.25, 1.0], "difficult": 0},
        {"label": "cat", "box": [0.5, 0.0, 1.0, 0.5], "difficult": 1},
    ]
    assert catalog.read(found) == encoded
    assert catalog.targets["objects"].names == ("cat", "dog")
