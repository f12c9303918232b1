"""Arrays: every common way to name them is read, and nothing is unpickled or guessed."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import refused

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.layouts.arrays.reader import Arrays
from dsbuilder.plugin import Record
from dsbuilder.testing import check_plugin


def images(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *(shape or (5, 4))), np.uint8)


def listed(source: Arrays) -> dict[str, Record]:
    return {record.key: record for record in source.open().records}


def refusal(source: Arrays) -> str:
    return refused(source).replace(str(source.path), "ROOT")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_as_keras_names_it(tmp_path: Path, save) -> None:
    train, test = images(3), images(2, seed=1)
    path = tmp_path / "mnist.npz"
    save(path, x_train=train, y_train=[2, 10, 2], x_test=test, y_test=[10, 2])
    source = Arrays(path=path)
    records = listed(source)
    assert [(key, each.split, each.targets["label"]) for key, each in records.items()] == [
        ("train/00000", "train", "2"),
        ("train/00001", "train", "10"),
        ("train/00002", "train", "2"),
        ("test/00000", "test", "10"),
        ("test/00001", "test", "2"),
    ]
    assert source.open().targets["label"].names == ("2", "10")
    assert np.array_equal(source.open().read(records["train/00001"]), train[1][..., None])
    assert np.array_equal(source.open().read(records["test/00001"]), test[1][..., None])
    check_plugin(source)


def test_an_npz_file_as_medmnist_names_it(tmp_path: Path) -> None:
    path = tmp_path / "pathmnist.npz"
    parts = {}
    for word in ("train", "val", "test"):
        parts[f"{word}_images"] = images(2, 5, 4, 3)
        parts[f"{word}_labels"] = np.array([[0], [1]], np.uint8)
    np.savez(path, **parts)
    records = listed(Arrays(path=path))
    assert {each.split for each in records.values()} == {"train", "validation", "test"}
    assert {each.targets["label"] for each in records.values()} == {"0", "1"}


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 4)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_folder_of_npy_files_of_any_order_is_read(tmp_path: Path, shape, order: str) -> None:
    pixels = images(4, *shape)
    np.save(tmp_path / "images.npy", np.asarray(pixels, order=order))
    np.save(tmp_path / "labels.npy", np.array(["b", "猫", "b", "a b"]))
    source = Arrays(path=tmp_path)
    records = listed(source)
    assert [each.targets["label"] for each in records.values()] == ["b", "猫", "b", "a b"]
    assert {each.split for each in records.values()} == {None}
    for row, record in enumerate(records.values()):
        assert np.array_equal(source.open().read(record), pixels[row].reshape(*shape[:2], -1))


def test_a_folder_of_one_npz_file_a_split_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=images(2), labels=[b"a", b"b"])
    np.savez(tmp_path / "test.npz", images=images(2), labels=["a", "b"])
    records = listed(Arrays(path=tmp_path))
    assert [each.split for each in records.values()] == ["test", "test", "train", "train"]


KINDS = {
    "multi_label": (np.array([[0, 1], [1, 1], [0, 0]]), [["b"], ["a", "b"], []]),
    "value": (np.array([0.5, -1, 2]), [0.5, -1.0, 2.0]),
    "text": (np.array(["a b", "", "猫"]), ["a b", "", "猫"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_other_kinds_are_read_where_target_says_so(tmp_path: Path, kind) -> None:
    labels, expected = KINDS[kind]
    np.savez(tmp_path / "a.npz", images=images(3), labels=labels)
    classes = ("a", "b") if kind == "multi_label" else None
    source = Arrays(path=tmp_path, target=kind, classes=classes)
    records = list(source.open().records)
    [(name, target)] = source.open().targets.items()
    assert (target.kind, [each.targets[name] for each in records]) == (kind, expected)
    known = Arrays.signs(tmp_path)
    assert known.options.get("target", "class") == {"text": "class"}.get(kind, kind)
    check_plugin(source)


def test_rows_of_numbers_are_values_of_their_length(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=images(3), labels=np.ones((3, 4)))
    source = Arrays(path=tmp_path, target="value")
    assert source.open().targets["value"].size == 4
    np.savez(tmp_path / "a.npz", images=images(1), labels=[np.nan])
    assert "expected finite numbers" in refusal(source)
    weights = Arrays(path=tmp_path, target="multi_label")
    np.savez(tmp_path / "a.npz", images=images(1), labels=[[0.5, 1]])
    assert "expected zeros and ones" in refusal(weights)
    np.savez(tmp_path / "a.npz", images=images(1), labels=[1])
    assert "zeros and ones an image" in refusal(weights)


def test_keys_and_class_names_are_taken_from_their_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(
        path,
        images=images(3),
        labels=[1, 0, 1],
        keys=["x/a.png", "b", "x/a.png//copy-1"],
        class_names=["zebra", "ape", "none"],
    )
    source = Arrays(path=path)
    records = listed(source)
    assert {key: each.targets["label"] for key, each in records.items()} == {
        "x/a.png": "ape",
        "b": "zebra",
        "x/a.png@copy-1": "ape",
    }
    assert source.open().targets["label"].names == ("zebra", "ape", "none")
    assert np.array_equal(source.open().read(records["b"]), images(3)[1][..., None])


def test_arrays_of_other_names_are_named_by_an_option(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, arr_0=images(2), arr_1=[0, 1])
    assert "Say which with `arrays`" in refusal(Arrays(path=path))
    assert len(listed(Arrays(path=path, arrays={"all": ("arr_0", "arr_1")}))) == 2
    named = Arrays(path=path, arrays={"train": ("arr_0", "arr_7")})
    assert refusal(named) == ("ROOT: there is no array 'arr_7'. Did you mean 'arr_1'?")
    with pytest.raises(ValueError, match="Did you mean 'train'"):
        Arrays(path=path, arrays={"trian": ("a", "b")})


def test_what_is_skipped_is_counted(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=images(2), labels=["a", "b"], boxes=np.zeros(2))
    np.save(tmp_path / "mean.npy", np.zeros(3))
    (tmp_path / "README").write_text("about")
    assert Arrays(path=tmp_path).open().notes == [
        "2 arrays were skipped: 'mean', 'train_boxes'",
        "1 file was skipped: 1 without an extension",
    ]


WRONG = {
    "labels without images": ({"labels": [0, 1]}, "no images with it"),
    "images without labels": ({"x_train": images(2)}, "found 'x_train' and no labels with it"),
    "two arrays of images": (
        {"x": images(2), "images": images(2), "y": [0, 1]},
        "expected one array of images, found 'x' and 'images'",
    ),
    "fewer labels": ({"x": images(3), "y": [0, 1]}, "expected 3 rows, as many as"),
    "images of floats": ({"x": np.zeros((2, 5, 4)), "y": [0, 1]}, "expected uint8 images"),
    "flat images": ({"x": np.zeros((2, 20), np.uint8), "y": [0, 1]}, "found (2, 20). Reshape"),
    "channels first": ({"x": images(2, 3, 5, 6), "y": [0, 1]}, "with 1, 3 or 4 channels"),
    "labels of reals": ({"x": images(2), "y": [0.0, 1.0]}, "expected whole numbers or texts"),
    "one-hot labels": ({"x": images(2), "y": np.eye(2)}, "save the argmax"),
    "empty text": ({"x": images(2), "y": ["a", ""]}, "expected names of classes, found ''"),
    "no name": ({"x": images(2), "y": [0, 2], "class_names": ["a", "b"]}, "from 0 to 1"),
    "a key twice": ({"x": images(2), "y": [0, 1], "key": ["a", "a"]}, "found 'a' again"),
    "fewer keys": ({"x": images(2), "y": [0, 1], "key": ["a"]}, "a.npz: key.npy: expected 2 rows"),
    "pickled labels": ({"x": images(2), "y": np.array(["a", 1], object)}, "which only pickle"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, case: str) -> None:
    content, message = WRONG[case]
    np.savez(tmp_path / "a.npz", **content)
    assert message in refusal(Arrays(path=tmp_path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "the file cannot be read" in refusal(Arrays(path=tmp_path / "a.npz"))
    assert "images and labels. Say which" in refusal(Arrays(path=tmp_path))


def test_recognition_looks_at_names_and_never_fails(tmp_path: Path) -> None:
    assert Arrays.signs(tmp_path / "none").evidence is None
    (tmp_path / "a.npz").write_bytes(b"PK no zip")
    assert Arrays.signs(tmp_path).evidence is None
    np.savez(tmp_path / "a.npz", x_train=images(2), y_train=[0, 1])
    known = Arrays.signs(tmp_path)
    assert (known.evidence, known.options) == ("arranged", {"path": "a.npz"})
    assert known.contradictions == []
    assert known.reason == "2 arrays, images and labels of train"
    np.save(tmp_path / "x_test.npy", images(2))
    assert Arrays.signs(tmp_path).reason.endswith("no labels with it. Say which with `arrays`.")
    (tmp_path / "x_test.npy").unlink()
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    assert Arrays.signs(tmp_path).contradictions == ["2 images beside them"]


def test_a_built_dataset_holds_what_the_arrays_hold(tmp_path: Path, write_pipeline) -> None:
    pixels = images(8, 6, 7, 3)
    np.savez(tmp_path / "a.npz", images=pixels, labels=[0, 1] * 4)
    pipeline = write_pipeline(
        "name: tiny\nsource: {use: arrays, path: a.npz}\nsplit: {train: 0.5, test: 0.5}\n"
        "cache: {image: png}\n"
    )
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=2).path)
    for split in dataset.splits:
        for sample in dataset.samples(split):
            assert np.array_equal(sample.image, pixels[int(sample.key.rpartition("/")[2])])


@given(data=st.data(), form=st.sampled_from(["npy", "npz", "packed"]))
def test_a_damaged_file_is_an_error_or_read_as_it_stands(tmp_path_factory, data, form: str) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    if form == "npy":
        np.save(folder / "x.npy", images(3))
        np.save(folder / "y.npy", np.array(["a", "b", "猫"]))
    else:
        save = np.savez if form == "npz" else np.savez_compressed
        save(folder / "a.npz", x=images(3), y=[0, 1, 2], key=["a", "b", "c"])
        with zipfile.ZipFile(folder / "a.npz") as archive:  # the time of day is not in the bytes
            assert len(archive.namelist()) == 3
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: int(len(content) * data.draw(st.floats(0, 1)))]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            place = int((len(content) - 1) * data.draw(st.floats(0, 1)))
            content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    Arrays.signs(folder)
    catalog = Arrays(path=folder).open()
    try:
        records = list(catalog.records)
        assert len(records) == 3
        for record in records:
            assert catalog.read(record).size == 20
            assert catalog.identity(record)
    except DataError as error:
        assert str(folder) in str(error)
