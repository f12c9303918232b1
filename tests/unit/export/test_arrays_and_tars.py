"""npz, webdataset and tfds: nothing is lost on the way, and our sources read it back."""

import contextlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsbuilder
from dsbuilder import Dataset
from dsbuilder.errors import DataError
from dsbuilder.export import export, files
from dsbuilder.export.files import Stored
from dsbuilder.images import encoding as image_format
from dsbuilder.images import png
from dsbuilder.layouts.arrays.reader import Arrays
from dsbuilder.layouts.keys import of_source, root_of
from dsbuilder.layouts.tfrecord.reader import TFRecord
from dsbuilder.layouts.webdataset.format import sample_name
from dsbuilder.layouts.webdataset.reader import WebDataset
from dsbuilder.plugin import Source
from dsbuilder.records import example
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


@pytest.mark.parametrize("codec", ["tfrecord", "npy"])
def test_npz_of_every_kind_of_label_then_read_is_the_identity(
    build_all_kinds, tmp_path: Path, codec: str
) -> None:
    image = {"tfrecord": "png", "npy": "raw"}[codec]
    dataset = build_all_kinds(f"cache.codec={codec}", f"cache.image={image}")
    export(dataset, tmp_path / "npz", to="npz")
    names = {name: name for name in dataset.signature.targets}
    check_equal(dataset, Arrays(path=tmp_path / "npz"), names)


@pytest.mark.parametrize("left", ["label", "label tags price pose text", "objects mask joints"])
def test_npz_of_some_kinds_of_label_then_read_is_the_identity(
    build_all_kinds, tmp_path: Path, left: str
) -> None:
    dataset = build_all_kinds(without=left.split())
    export(dataset, tmp_path / "npz", to="npz")
    names = {name: name for name in dataset.signature.targets}
    assert names and not set(names) & set(left.split())
    check_equal(dataset, Arrays(path=tmp_path / "npz"), names)


def test_npz_of_mixed_classes_then_read_is_the_identity(build, tmp_path: Path) -> None:
    dataset = build("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "npz", to="npz")
    check_equal(dataset, Arrays(path=tmp_path / "npz"), {"label": "label"})


def test_npz_of_texts_is_read_back_as_texts_or_as_an_option_says(tmp_path, write_pipeline) -> None:
    (tmp_path / "words.txt").write_text("a.png one\nb.png two\n")
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png.encode(np.zeros((4, 6, 3), np.uint8)))
    source = "{use: ocr, path: ., file: words.txt, form: space}"
    text = f"name: words\nsource: {source}\nsplit: {{train: 1}}\n"
    pipeline = write_pipeline(text + "finish: [{use: resize, size: [4, 6]}]\n")
    built = dsbuilder.build_dataset(pipeline, tmp_path / "out", workers=0)
    export(dsbuilder.load(built.path), tmp_path / "npz", to="npz")
    for target, name in ((None, "text"), ("text", "text"), ("class", "label")):
        [record, _] = Arrays(path=tmp_path / "npz", target=target).records()
        assert record.targets == {name: "one"}


def changed_array(data: st.DataObject, array: np.ndarray) -> np.ndarray:
    """An array of another length, shape, type, or with other values."""
    how = data.draw(st.sampled_from(["cut", "longer", "flat", "type", "values"]))
    if how == "cut":
        return array[: len(array) // 2]
    if how == "longer":
        return np.concatenate([array, array[:1]])
    if how == "flat":
        return array.reshape(-1, 1)
    if how == "type":
        return array.astype(data.draw(st.sampled_from(["U4", "f8", "i1", "?"])), casting="unsafe")
    if array.dtype.kind == "U":
        return np.array(["?"] * len(array))
    return np.full_like(array, data.draw(st.sampled_from([0, 1, 2, 7, 255])))


def test_a_changed_npz_is_read_as_it_stands_or_refused(build_all_kinds, tmp_path: Path) -> None:
    export(build_all_kinds(), tmp_path / "npz", to="npz")
    with np.load(tmp_path / "npz" / "kinds.npz", allow_pickle=False) as stored:
        arrays = dict(stored)

    @settings(max_examples=60)
    @given(data=st.data(), name=st.sampled_from(sorted(arrays.keys() - {"signature"})))
    def check(data: st.DataObject, name: str) -> None:
        others = {n: each for n, each in arrays.items() if n != name}
        with contextlib.suppress(ValueError):  # texts that are no numbers: the array is left out
            others[name] = changed_array(data, arrays[name])
        np.savez(tmp_path / "a.npz", **others)
        source = Arrays(path=tmp_path / "a.npz")
        try:
            records = list(source.records())
            kinds = source.targets(records)
        except DataError as error:
            assert str(tmp_path) in str(error)
            return
        for record in records:
            for target, kind in kinds.items():
                kind.parse(record.targets[target])
            assert source.read(record).shape == (6, 8, 3)

    check()


WRONG_ARRAYS = {
    "text_train": (None, "expected an array 'text_train', as the signature says, found none"),
    "price_train": (np.zeros(3, np.float32), "price_train.npy: expected 6 rows, as many as there"),
    "pose_train": (np.zeros((6, 4), np.float32), "expected float32 ('n', 3), as the signature"),
    "y_train": (np.full(6, 9), "y_train.npy: row 0: expected a class in [0, 2), found 9. Export"),
    "objects-label.row_splits_train": (np.arange(7) * 9, "expected places that ascend from 0 to"),
    "mask_train": (np.full((6, 6, 8), 7, np.uint8), "row 0: expected ids in [0, 2), found 7"),
    "signature": (np.array("{}"), "signature.npy: expected the targets of an export in JSON"),
}


@pytest.mark.parametrize("name", WRONG_ARRAYS)
def test_what_is_wrong_with_an_exported_npz_is_said(build_all_kinds, tmp_path, name: str) -> None:
    export(build_all_kinds(), tmp_path / "npz", to="npz")
    path = tmp_path / "npz" / "kinds.npz"
    with np.load(path, allow_pickle=False) as stored:
        arrays = dict(stored)
    other, message = WRONG_ARRAYS[name]
    arrays = {**arrays, name: other}
    np.savez(path, **{n: each for n, each in arrays.items() if each is not None})
    with pytest.raises(DataError) as error:
        list(Arrays(path=path).records())
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))


def test_an_exported_npz_is_recognised(build_all_kinds, tmp_path: Path) -> None:
    export(build_all_kinds(), tmp_path / "npz", to="npz")
    found = Arrays.recognise(tmp_path / "npz")
    assert (found.certainty, found.options) == (0.97, {"path": "kinds.npz"})
    assert "arrays of label, tags, price, pose, text, mask, objects, joints" in found.reason


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


def test_tfds_of_mixed_classes_then_read_is_the_identity(build, tmp_path: Path) -> None:
    dataset = build("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "tfds", to="tfds")
    check_equal(dataset, TFRecord(path=tmp_path / "tfds"), {"label": "label"})


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
