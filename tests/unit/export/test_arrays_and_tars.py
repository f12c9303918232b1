"""npz, webdataset and tfds: nothing is lost on the way, and our sources read it back."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import dsbuilder
from dsbuilder.builtin.sources.arrays import Arrays
from dsbuilder.builtin.sources.tfrecord import TFRecord
from dsbuilder.builtin.sources.webdataset import WebDataset
from dsbuilder.dataset import Dataset
from dsbuilder.errors import DataError
from dsbuilder.export import export, files
from dsbuilder.export.files import Stored
from dsbuilder.formats import example, png
from dsbuilder.formats import image as image_format
from dsbuilder.formats.keys import of_source, root_of
from dsbuilder.formats.webdataset import sample_name
from dsbuilder.plugin import Source
from dsbuilder.sample import Sample

PIPELINE = """
name: toy
source: {use: folder, path: source}
split: {train: 0.5, validation: 0.25, test: 0.25}
augment: {copies: 1, stages: [A.HorizontalFlip]}
finish: [{use: resize, size: [8, 10]}]
cache: {shard_mb: 0.002}
"""
STORED = ["image: jpeg", "image: png", "image: raw", "codec: npy"]


@pytest.fixture
def build(make_images, write_pipeline, tmp_path: Path):
    def run(*overrides: str) -> Dataset:
        make_images(count=6, size=(12, 14), classes=("b c", "猫"))
        pipeline = write_pipeline(PIPELINE)
        built = dsbuilder.build_dataset(pipeline, tmp_path / "out", workers=0, overrides=overrides)
        return dsbuilder.load(built.path)

    return run


def samples_of(dataset: Dataset) -> dict[str, tuple[str, Sample]]:
    return {
        sample.key: (split, sample) for split in dataset.splits for sample in dataset.samples(split)
    }


def check_equal(dataset: Dataset, source: Source, names: dict[str, str]) -> None:
    """A source finds the keys, splits, pixels and targets of a dataset.

    Args:
      names: what the source calls a target -> what the dataset does.
    """
    found = samples_of(dataset)
    stored = {given: found[key] for key, given in of_source(found).items()}
    records = {record.key: record for record in source.records()}
    assert set(records) == set(stored)
    kinds = source.targets(list(records.values()))
    assert {names[name]: kind for name, kind in kinds.items()} == {
        name: dataset.signature.targets[name] for name in names.values()
    }
    for key, (split, sample) in stored.items():
        record = records[key]
        assert record.split == split
        pixels = source.read(record)
        is_array = isinstance(pixels, np.ndarray)
        image = pixels if is_array else image_format.decode(pixels, mode="rgb")
        assert np.array_equal(image, sample.image)
        for name, kind in kinds.items():
            found = kind.encode(name, kind.parse(record.targets[name]))
            wanted = kind.encode(name, sample.targets[names[name]])
            assert example.encode(found) == example.encode(wanted)


@pytest.mark.parametrize("stored", STORED)
def test_npz_then_read_is_the_identity(build, tmp_path: Path, stored: str) -> None:
    dataset = build(f"cache={{{stored}}}")
    exported = export(dataset, tmp_path / "npz", to="npz")
    assert exported.samples == {name: dataset.num_samples(name) for name in dataset.splits}
    check_equal(dataset, Arrays(path=tmp_path / "npz"), {"label": "label"})


def test_npz_of_one_kind_of_label_then_read_is_the_identity(build_all_kinds, tmp_path) -> None:
    dataset = build_all_kinds()
    export(dataset, tmp_path / "npz", to="npz")
    names = {
        "class": ("label", "y"),
        "multi_label": ("tags", "tags_weights"),
        "text": ("text",) * 2,
    }
    names["value"] = ("pose", "pose")
    for kind, (target, array) in names.items():
        pairs = {split: (f"x_{split}", f"{array}_{split}") for split in dataset.splits}
        classes = dataset.signature.targets[target].class_names or None
        source = Arrays(
            path=tmp_path / "npz", target=kind, arrays=pairs, classes=classes and tuple(classes)
        )
        records = list(source.records())
        rows = [sample for split in dataset.splits for sample in dataset.samples(split)]
        assert len(records) == len(rows)
        [(name, known)] = source.targets(records).items()
        for record, sample in zip(records, rows, strict=True):
            found = known.encode(name, known.parse(record.targets[name]))
            assert example.encode(found) == example.encode(
                known.encode(name, sample.targets[target])
            )


def test_npz_reports_what_arrays_does_not_read_back(build, build_all_kinds, tmp_path, caplog):
    export(build(), tmp_path / "toy", to="npz")
    assert "read back" not in caplog.text
    export(build_all_kinds(), tmp_path / "kinds", to="npz")
    left = "'tags', 'price', 'pose', 'text', 'mask', 'objects', 'joints'"
    assert f"not read back by the source arrays: {left}." in caplog.text


def test_npz_of_texts_says_how_they_are_read_back(tmp_path, write_pipeline, caplog) -> None:
    (tmp_path / "words.txt").write_text("a.png one\nb.png two\n")
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png.encode(np.zeros((4, 6, 3), np.uint8)))
    source = "{use: ocr, path: ., file: words.txt, form: space}"
    text = f"name: words\nsource: {source}\nsplit: {{train: 1}}\n"
    pipeline = write_pipeline(text + "finish: [{use: resize, size: [4, 6]}]\n")
    built = dsbuilder.build_dataset(pipeline, tmp_path / "out", workers=0)
    export(dsbuilder.load(built.path), tmp_path / "npz", to="npz")
    told = "y holds 'text', which the source arrays reads with `target: text`"
    assert told in caplog.text
    for target, name in (("text", "text"), ("class", "label")):
        [record, _] = Arrays(path=tmp_path / "npz", target=target).records()
        assert record.targets == {name: "one"}


@pytest.mark.parametrize("stored", STORED)
def test_tfds_then_read_is_the_identity(build, tmp_path: Path, stored: str) -> None:
    dataset = build(f"cache={{{stored}}}")
    export(dataset, tmp_path / "tfds", to="tfds")
    check_equal(dataset, TFRecord(path=tmp_path / "tfds"), {"label": "label"})
    assert (tmp_path / "tfds" / "toy" / "1.0.0" / "features.json").is_file()


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_tfds_of_every_kind_of_label_then_read_is_the_identity(
    build_all_kinds, tmp_path: Path, codec: str
) -> None:
    image = {"tfrecord": "png", "npy": "raw"}[codec]
    dataset = build_all_kinds(f"cache.codec={codec}", f"cache.image={image}")
    export(dataset, tmp_path / "tfds", to="tfds")
    names = {name: name for name in dataset.signature.targets}
    check_equal(dataset, TFRecord(path=tmp_path / "tfds"), names)


@pytest.mark.parametrize("stored", STORED)
def test_webdataset_then_read_is_the_identity(build, tmp_path: Path, stored: str) -> None:
    dataset = build(f"cache={{{stored}}}")
    exported = export(dataset, tmp_path / "wds", to="webdataset")
    assert exported.samples == {name: dataset.num_samples(name) for name in dataset.splits}
    source = WebDataset(path=tmp_path / "wds")
    check_equal(dataset, source, {"label": "label"})
    if stored == "image: jpeg":
        kept = {each.key: each.image for each in files_of(dataset)}
        given = of_source(kept)
        records = {record.key: record for record in source.records()}
        for key, content in kept.items():
            assert source.read(records[given[key]]) == content
            assert records[given[key]].group == given[root_of(key)]


def files_of(dataset: Dataset) -> Iterator[Stored]:
    for split in dataset.splits:
        yield from files.stored(dataset, split)


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_webdataset_of_every_kind_of_label_then_read_is_the_identity(
    build_all_kinds, tmp_path: Path, codec: str
) -> None:
    image = {"tfrecord": "png", "npy": "raw"}[codec]
    dataset = build_all_kinds(f"cache.codec={codec}", f"cache.image={image}")
    export(dataset, tmp_path / "wds", to="webdataset")
    names = {name: name for name in dataset.signature.targets}
    check_equal(dataset, WebDataset(path=tmp_path / "wds"), names)


def test_webdataset_of_mixed_classes_then_read_is_the_identity(build, tmp_path: Path) -> None:
    dataset = build("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "wds", to="webdataset")
    check_equal(dataset, WebDataset(path=tmp_path / "wds"), {"label": "label"})


def members(path: Path) -> dict[str, dict[str, bytes]]:
    """The samples of a tar file, by what webdataset's rules call them."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name, _, ending = member.name.partition(".")
            found.setdefault(name, {})[ending] = archive.extractfile(member).read()
    return found


@pytest.mark.parametrize("stored", STORED)
def test_webdataset_holds_every_sample_as_it_was_stored(build, tmp_path, stored: str) -> None:
    dataset = build(f"cache={{{stored}, shard_mb: 0.002}}")
    export(dataset, tmp_path / "wds", to="webdataset")
    files = sorted(tmp_path.glob("wds/*.tar"))
    assert [path.name for path in files] == sorted(
        f"{split}-{index:05d}.tar"
        for split in dataset.splits
        for index in range(len(dataset.shards(split)))
    )
    ending = "jpg" if stored == "image: jpeg" else "png"
    found = {}
    for path in files:
        for parts in members(path).values():
            assert set(parts) == {ending, "cls", "json"}
            labels = json.loads(parts["json"])
            image = image_format.decode(parts[ending], mode="rgb")
            found[labels["key"]] = (path.name.partition("-")[0], image, int(parts["cls"]), labels)
    stored_samples = samples_of(dataset)
    assert set(found) == set(stored_samples)
    for key, (split, sample) in stored_samples.items():
        assert found[key][0] == split
        assert np.array_equal(found[key][1], sample.image)
        assert found[key][2] == sample.targets["label"]
        assert found[key][3]["label"] == dataset.class_names[sample.targets["label"]]


def test_webdataset_holds_labels_of_every_kind_as_raw_labels(build_all_kinds, tmp_path) -> None:
    dataset = build_all_kinds()
    export(dataset, tmp_path / "wds", to="webdataset")
    stored = samples_of(dataset)
    for path in tmp_path.glob("wds/*.tar"):
        for parts in members(path).values():
            raw = json.loads(parts["json"])
            _, sample = stored.pop(raw["key"])
            assert parts["txt"].decode() == raw["text"]
            for name, kind in dataset.signature.targets.items():
                if kind.kind == "mask":
                    pixels = image_format.decode(parts[f"{name}.png"], mode="gray")[:, :, 0]
                    assert np.array_equal(pixels, sample.targets[name])
                    continue
                found = kind.encode(name, kind.parse(raw[name]))
                wanted = kind.encode(name, sample.targets[name])
                assert example.encode(found) == example.encode(wanted)
    assert not stored


@pytest.mark.parametrize("layout", ["npz", "tfds", "webdataset"])
def test_two_exports_are_equal_to_the_byte(build, tmp_path: Path, layout: str) -> None:
    dataset = build("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    contents = []
    for name in ("one", "two"):
        export(dataset, tmp_path / name, to=layout)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert contents[0] == contents[1] != []


def test_mixed_labels_keep_their_weights(build, tmp_path: Path) -> None:
    dataset = build("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "npz", to="npz")
    export(dataset, tmp_path / "wds", to="webdataset")
    with np.load(tmp_path / "npz" / "toy.npz", allow_pickle=False) as arrays:
        weights = arrays["label_weights_train"]
        assert np.array_equal(weights.argmax(axis=1), arrays["y_train"])
        by_key = dict(zip(arrays["key_train"].tolist(), weights.tolist(), strict=True))
    for path in tmp_path.glob("wds/train-*.tar"):
        for parts in members(path).values():
            labels = json.loads(parts["json"])
            assert labels["label_weights"] == by_key[labels["key"]]


def test_npz_needs_images_of_one_size(build, tmp_path: Path) -> None:
    dataset = build("finish=[]")
    with pytest.raises(DataError, match=r"expected images of one size, found \?x\?x3"):
        export(dataset, tmp_path / "npz", to="npz")


def test_names_of_samples_have_no_dot() -> None:
    assert sample_name("cat+tom.v2.png@copy-1") == "cat+tom%2Ev2%2Epng@copy-1"
