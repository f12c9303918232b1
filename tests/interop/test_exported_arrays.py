"""numpy, webdataset and TensorFlow Datasets open what we export, without dsbuilder."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tools
from PIL import Image

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.images.encoding import decode
from dsbuilder.layouts.webdataset.reader import WebDataset

PIPELINE = """
name: toy
source: {use: folder, path: source}
split: {train: 0.6, validation: 0.2, test: 0.2}
augment: {copies: 1, stages: [A.HorizontalFlip]}
finish: [{use: resize, size: [8, 10]}]
cache: {codec: npy, shard_mb: 0.01}
"""


@pytest.fixture
def dataset(make_images, write_pipeline, tmp_path: Path) -> Dataset:
    make_images(classes=("Hündin", "a.b c"), size=(12, 14))
    built = build_dataset(write_pipeline(PIPELINE), tmp_path / "out", workers=0)
    return dsbuilder.load(built.path)


def test_numpy_opens_npz_without_pickle(dataset: Dataset, tmp_path: Path) -> None:
    export(dataset, tmp_path / "npz", to="npz")
    with np.load(tmp_path / "npz" / "toy.npz", allow_pickle=False) as arrays:
        assert arrays["class_names"].tolist() == ["Hündin", "a.b c"]
        for split in dataset.splits:
            samples = list(dataset.samples(split))
            images = arrays[f"x_{split}"]
            assert (images.dtype, images.shape) == (np.uint8, (len(samples), 8, 10, 3))
            assert np.array_equal(images, [sample.image for sample in samples])
            assert arrays[f"y_{split}"].dtype == np.int64
            assert arrays[f"y_{split}"].tolist() == [s.targets["label"] for s in samples]
            assert arrays[f"key_{split}"].tolist() == [sample.key for sample in samples]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves files to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_opens_tar_files(dataset: Dataset, tmp_path: Path) -> None:
    webdataset = tools.module("webdataset")
    export(dataset, tmp_path / "wds", to="webdataset")
    for split in dataset.splits:
        files = sorted(str(path) for path in tmp_path.glob(f"wds/{split}-*.tar"))
        assert len(files) == len(dataset.shards(split))
        read = webdataset.WebDataset(files, shardshuffle=False, empty_check=False)
        stored = {sample.key: sample for sample in dataset.samples(split)}
        for image, label, described in read.decode("rgb8").to_tuple("png", "cls", "json"):
            sample = stored.pop(described["key"])
            assert np.array_equal(image, sample.image)
            assert label == sample.targets["label"]
            assert described["label"] == dataset.class_names[label]
        assert not stored


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves files to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_and_we_read_the_same_of_what_it_writes(tmp_path: Path) -> None:
    webdataset = tools.module("webdataset")
    rng = np.random.default_rng(0)
    pattern = str(tmp_path / "wds" / "train-%06d.tar")
    (tmp_path / "wds").mkdir()
    with webdataset.ShardWriter(pattern, maxcount=4, verbose=0) as sink:
        for number in range(10):
            sink.write(
                {
                    "__key__": f"some/where.v2/{number:06d}",
                    "png": rng.integers(0, 256, (6, 8, 3), np.uint8),
                    "seg.png": rng.integers(0, 2, (6, 8), np.uint8),
                    "cls": number % 3,
                    "json": {"caption": f"Bild {number}, 猫", "tags": ["a", "b"][: number % 3]},
                }
            )
    source = WebDataset(
        path=tmp_path / "wds",
        labels="json:tags",
        text="json:caption",
        mask="seg.png",
        mask_classes=("sky", "sea"),
    )
    records = {record.key: record for record in source.open().records}
    kinds = source.open().targets
    files = sorted(str(path) for path in tmp_path.glob("wds/*.tar"))
    assert len(files) == 3
    read = webdataset.WebDataset(files, shardshuffle=False, empty_check=False).decode("rgb8")
    for theirs in read:
        record = records.pop(theirs["__key__"])
        assert record.split == "train"
        values = {name: kind.parse(record.targets[name]) for name, kind in kinds.items()}
        assert np.array_equal(decode(source.open().read(record), mode="rgb"), theirs["png"])
        assert kinds["label"].names[values["label"]] == str(theirs["cls"])
        assert kinds["labels"].classes(values["labels"]) == theirs["json"]["tags"]
        assert values["text"] == theirs["json"]["caption"]
        assert np.array_equal(values["mask"], theirs["seg.png"][:, :, 0])
    assert not records


def test_hugging_face_opens_tar_files(dataset: Dataset, tmp_path: Path) -> None:
    datasets = tools.module("datasets")
    export(dataset, tmp_path / "wds", to="webdataset")
    read = datasets.load_dataset(
        str(tmp_path / "wds"), cache_dir=str(tmp_path / "cache"), split="test"
    )
    stored = {sample.key: sample for sample in dataset.samples("test")}
    for row in read:
        sample = stored.pop(row["json"]["key"])
        assert np.array_equal(np.asarray(row["png"]), sample.image)
        assert row["cls"] == sample.targets["label"]
    assert not stored


def test_tensorflow_datasets_opens_a_dataset_of_arrays(dataset: Dataset, tmp_path: Path) -> None:
    tfds = tools.module("tensorflow_datasets")
    export(dataset, tmp_path / "tfds", to="tfds")
    rows, info = tfds.load("toy", data_dir=tmp_path / "tfds", with_info=True)
    assert tuple(info.features["label"].names) == dataset.class_names
    for split in dataset.splits:
        stored = {sample.key: sample for sample in dataset.samples(split)}
        assert info.splits[split].num_examples == len(stored)
        for row in tfds.as_numpy(rows[split]):
            sample = stored.pop(row["key"].decode())
            assert np.array_equal(row["image"], sample.image)
            assert row["label"] == sample.targets["label"]
        assert not stored


def test_tensorflow_datasets_opens_labels_of_every_kind(build_all_kinds, tmp_path: Path) -> None:
    tfds = tools.module("tensorflow_datasets")
    dataset = build_all_kinds("cache.codec=npy", "cache.image=raw")
    export(dataset, tmp_path / "tfds", to="tfds")
    rows = tfds.load("kinds", data_dir=tmp_path / "tfds")
    for split in dataset.splits:
        stored = {sample.key: sample for sample in dataset.samples(split)}
        for row in tfds.as_numpy(rows[split]):
            targets = stored.pop(row["key"].decode()).targets
            assert row["label"] == targets["label"]
            assert row["text"].decode() == targets["text"]
            assert np.array_equal(row["tags_weights"], targets["tags"])
            assert row["price"] == targets["price"]
            assert np.array_equal(row["pose"], targets["pose"])
            assert np.array_equal(row["mask"][:, :, 0], targets["mask"])
            boxes = targets["objects"]
            assert np.array_equal(row["objects"]["bbox"], boxes.corners[:, [1, 0, 3, 2]])
            assert np.array_equal(row["objects"]["label"], boxes.classes)
            assert np.array_equal(row["joints"]["points"], targets["joints"].points)
        assert not stored


def test_a_tar_file_holds_plain_files(dataset: Dataset, tmp_path: Path) -> None:
    import tarfile

    export(dataset, tmp_path / "wds", to="webdataset")
    with tarfile.open(next(tmp_path.glob("wds/test-*.tar"))) as archive:
        for member in archive:
            content = archive.extractfile(member).read()
            assert (member.mtime, member.uid, member.mode) == (0, 0, 0o644)
            assert member.name.count(".") == 1 and "/" not in member.name
            if member.name.endswith(".png"):
                with Image.open(io.BytesIO(content)) as image:
                    assert image.size == (10, 8)
            if member.name.endswith(".json"):
                assert json.loads(content)["key"]
