"""TensorFlow Datasets opens what we build: by folder and by name, class names and all."""

from pathlib import Path

import numpy as np
import pytest
import tools

import dsbuilder
from dsbuilder.builder import build_dataset

tfds = tools.module("tensorflow_datasets")

PIPELINE = """
name: toy
source: {use: folder, path: source}
split: {train: 0.6, validation: 0.2, test: 0.2}
augment: {copies: 1, stages: [A.HorizontalFlip]}
finish: [{use: resize, size: [24, 32]}]
cache: {shard_mb: 0.01}
"""


@pytest.fixture
def build(make_images, write_pipeline, tmp_path):
    make_images(classes=("Hündin", "a b", "猫"))

    def make(*overrides: str) -> dsbuilder.Dataset:
        path = write_pipeline(PIPELINE)
        built = build_dataset(path, tmp_path / "out", workers=1, overrides=overrides)
        return dsbuilder.load(built.path)

    return make


@pytest.mark.parametrize("image", ["jpeg", "png", "raw"])
def test_the_folder_opens_with_pixels_labels_keys_and_names(build, image) -> None:
    dataset = build(f"cache.image={image}")
    builder = tfds.builder_from_directory(dataset.path)
    assert tuple(builder.info.features["label"].names) == dataset.class_names
    for split in dataset.splits:
        assert builder.info.splits[split].num_examples == dataset.num_samples(split)
        ours = {sample.key: sample for sample in dataset.samples(split)}
        theirs = list(tfds.as_numpy(builder.as_dataset(split=split)))
        assert {row["key"].decode() for row in theirs} == set(ours)
        for row in theirs:
            sample = ours[row["key"].decode()]
            assert row["label"] == sample.targets["label"]
            difference = np.abs(row["image"].astype(int) - sample.image)
            # TensorFlow decodes JPEG with its fast integer DCT unless told otherwise: a few levels.
            assert difference.mean() < (5 if image == "jpeg" else 1e-9)
            assert difference.max() < (30 if image == "jpeg" else 1)


def test_it_loads_by_name_supervised_and_sliced(build, tmp_path) -> None:
    dataset = build()
    rows = list(
        tfds.load("toy", data_dir=tmp_path / "out", split="train[:50%]", as_supervised=True)
    )
    assert len(rows) == dataset.num_samples("train") // 2
    assert rows[0][0].shape == (24, 32, 3)


def test_the_manifest_is_the_builders_metadata(build) -> None:
    dataset = build()
    metadata = tfds.builder_from_directory(dataset.path).info.metadata
    assert metadata["fingerprint"] == dataset.manifest.fingerprint


def test_soft_labels_open_beside_the_dominant_class(build) -> None:
    dataset = build(
        "augment.stages=[{use: mixup, alpha: 0.4}]", "prepare=[{use: resize, short: 32}]"
    )
    builder = tfds.builder_from_directory(dataset.path)
    for row in tfds.as_numpy(builder.as_dataset(split="train")):
        assert row["label_weights"].shape == (3,)
        assert row["label"] == row["label_weights"].argmax()


def test_numpy_opens_the_npy_codec_without_pickle(build) -> None:
    dataset = build("cache.codec=npy")
    folder: Path = dataset.path
    for split in dataset.splits:
        ours = list(dataset.samples(split))
        names = sorted(folder.glob(f"toy-{split}-*.image.npy"))
        images = [np.load(path, mmap_mode="r", allow_pickle=False) for path in names]
        labels = [np.load(str(path).replace(".image.", ".label.")) for path in names]
        keys = [np.load(str(path).replace(".image.", ".key.")) for path in names]
        assert all(each.dtype == np.uint8 and each.shape[1:] == (24, 32, 3) for each in images)
        assert all(each.dtype == np.int64 for each in labels)
        assert np.array_equal(np.concatenate(images), [sample.image for sample in ours])
        assert [key.decode() for key in np.concatenate(keys)] == [sample.key for sample in ours]
        assert np.concatenate(labels).tolist() == [sample.targets["label"] for sample in ours]
