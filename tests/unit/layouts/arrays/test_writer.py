"""An `.npz` file of an export: nothing is lost on the way, and the source reads it back."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import refused
from round_trip import check_equal, check_same_bytes, samples_of

import dsbuilder
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.images import png
from dsbuilder.layouts.arrays.reader import Arrays
from dsbuilder.records import example

STORED = ["image: jpeg", "image: png", "image: raw", "codec: npy"]


@pytest.mark.parametrize("stored", STORED)
def test_npz_then_read_is_the_identity(build_toy, tmp_path: Path, stored: str) -> None:
    dataset = build_toy(f"cache={{{stored}}}")
    exported = export(dataset, tmp_path / "npz", to="npz")
    assert exported.samples == {name: dataset.num_samples(name) for name in dataset.splits}
    check_equal(dataset, Arrays(path=tmp_path / "npz"))


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
        records = list(source.open().records)
        rows = [sample for split in dataset.splits for sample in dataset.samples(split)]
        assert len(records) == len(rows)
        [(name, known)] = source.open().targets.items()
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
    check_equal(dataset, Arrays(path=tmp_path / "npz"))


@pytest.mark.parametrize("left", ["label", "label tags price pose text", "objects mask joints"])
def test_npz_of_some_kinds_of_label_then_read_is_the_identity(
    build_all_kinds, tmp_path: Path, left: str
) -> None:
    dataset = build_all_kinds(without=left.split())
    export(dataset, tmp_path / "npz", to="npz")
    assert dataset.signature.targets.keys().isdisjoint(left.split())
    check_equal(dataset, Arrays(path=tmp_path / "npz"))


def test_npz_of_mixed_classes_then_read_is_the_identity(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "npz", to="npz")
    check_equal(dataset, Arrays(path=tmp_path / "npz"))


def test_npz_of_texts_is_read_back_as_texts_or_as_an_option_says(tmp_path, write_pipeline) -> None:
    (tmp_path / "words.txt").write_text("a.png one\nb.png two\n")
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png.encode(np.zeros((4, 6, 3), np.uint8)))
    source = "{use: ocr, path: ., file: words.txt, form: space}"
    text = f"name: words\nsource: {source}\nsplit: {{train: 1}}\n"
    pipeline = write_pipeline(text + "finish: [{use: resize, size: [4, 6]}]\n")
    built = build_dataset(pipeline, tmp_path / "out", workers=0)
    export(dsbuilder.load(built.path), tmp_path / "npz", to="npz")
    for target, name in ((None, "text"), ("text", "text"), ("class", "label")):
        [record, _] = Arrays(path=tmp_path / "npz", target=target).open().records
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

    @given(data=st.data(), name=st.sampled_from(sorted(arrays)))
    def check(data: st.DataObject, name: str) -> None:
        others = {n: each for n, each in arrays.items() if n != name}
        with contextlib.suppress(ValueError):  # texts that are no numbers: the array is left out
            others[name] = changed_array(data, arrays[name])
        np.savez(tmp_path / "npz" / "kinds.npz", **others)
        source = Arrays(path=tmp_path / "npz" / "kinds.npz")
        try:
            records = list(source.open().records)
            kinds = source.open().targets
        except DataError as error:
            assert str(tmp_path) in str(error)
            return
        for record in (each for each in records if each.error is None):
            for target, kind in kinds.items():
                kind.parse(record.targets[target])
            assert source.open().read(record).shape == (6, 8, 3)

    check()


WRONG_ARRAYS = {
    "text_train": (None, "there is no array 'text_train', which its sidecar names"),
    "price_train": (np.zeros(3, np.float32), "price_train.npy: expected 6 rows, as many as there"),
    "pose_train": (np.zeros((6, 4), np.float32), "expected float32 ('n', 3), as its sidecar"),
    "y_train": (np.full(6, 9), "y_train.npy: row 0: expected a class in [0, 2), found 9. Export"),
    "objects-label.row_splits_train": (np.arange(7) * 9, "expected places that ascend from 0 to"),
    "mask_train": (np.full((6, 6, 8), 7, np.uint8), "row 0: expected ids in [0, 2), found 7"),
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
    told = refused(Arrays(path=path))
    assert message in told
    assert told.startswith(str(path))


def test_an_exported_npz_is_recognized(build_all_kinds, tmp_path: Path) -> None:
    export(build_all_kinds(), tmp_path / "npz", to="npz")
    found = Arrays.signs(tmp_path / "npz")
    assert (found.evidence, found.options) == ("declared", {"path": "kinds.npz"})
    assert "arrays of label, tags, price, pose, text, mask, objects, joints" in found.reason


def test_npz_needs_images_of_one_size(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("finish=[]")
    with pytest.raises(DataError, match=r"expected images of one size, found \?x\?x3"):
        export(dataset, tmp_path / "npz", to="npz")


def test_two_exports_are_equal_to_the_byte(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    check_same_bytes(dataset, tmp_path, to="npz")


def test_no_name_of_a_target_is_taken_for_anything_else(build_oddly_named, tmp_path: Path) -> None:
    dataset = build_oddly_named()
    export(dataset, tmp_path / "npz", to="npz")
    source = Arrays(path=tmp_path / "npz")
    check_equal(dataset, source)
    assert {each.targets["offset"] for each in source.open().records} == {4.0}


def test_mixed_labels_keep_their_weights(build_toy, tmp_path: Path) -> None:
    dataset = build_toy("augment.stages=[{use: mixup}]", "prepare=[{use: resize, size: [8, 10]}]")
    export(dataset, tmp_path / "npz", to="npz")
    stored = samples_of(dataset)
    with np.load(tmp_path / "npz" / "toy.npz", allow_pickle=False) as arrays:
        weights = arrays["label_weights_train"]
        assert np.array_equal(weights.argmax(axis=1), arrays["y_train"])
        for key, found in zip(arrays["key_train"].tolist(), weights, strict=True):
            assert np.array_equal(found, stored[key][1].targets["label"])


def test_the_sidecar_lies_beside_the_file(build_toy, tmp_path: Path) -> None:
    export(build_toy(), tmp_path / "npz", to="npz")
    names = sorted(path.name for path in (tmp_path / "npz").iterdir())
    assert names == ["toy.npz", "toy.npz.dsbuilder.json"]
    alone = Arrays(path=tmp_path / "npz" / "toy.npz").open()
    assert alone.targets == Arrays(path=tmp_path / "npz").open().targets
    assert tmp_path / "npz" / "toy.npz.dsbuilder.json" in alone.watches()
    assert alone.notes == Arrays(path=tmp_path / "npz").open().notes == []
