"""IDX: as MNIST ships it, packed or not; damage is named, whatever was damaged."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import refused

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.layouts.idx.format import parse_name
from dsbuilder.layouts.idx.reader import Idx
from dsbuilder.testing import check_plugin


def packed(array: np.ndarray, kind: int = 8) -> bytes:
    """An IDX file, as http://yann.lecun.com/exdb/mnist describes it."""
    head = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return head + array.tobytes()


def write(
    folder: Path, word: str, labels: list[int], shape=(5, 4), *, gz: bool = True
) -> np.ndarray:
    folder.mkdir(exist_ok=True)
    images = np.random.default_rng(len(word)).integers(
        0, 256, (len(labels), *shape), dtype=np.uint8
    )
    ending = ".gz" if gz else ""
    for name, data in (
        (f"{word}images-idx3-ubyte{ending}", packed(images)),
        (f"{word}labels-idx1-ubyte{ending}", packed(np.array(labels, np.uint8))),
    ):
        (folder / name).write_bytes(gzip.compress(data, mtime=0) if gz else data)
    return images


def pixels(source: Idx) -> dict[str, np.ndarray]:
    return {record.key: source.open().read(record) for record in source.open().records}


@pytest.mark.parametrize("gz", [True, False])
def test_files_of_mnist_are_read_with_splits_labels_and_pixels(tmp_path: Path, gz: bool) -> None:
    train = write(tmp_path, "train-", [2, 10, 2], gz=gz)
    test = write(tmp_path, "t10k-", [10], gz=gz)
    source = Idx(path=tmp_path)
    records = list(source.open().records)
    assert [(each.key, each.split, each.targets["label"]) for each in records] == [
        ("t10k/00000", "test", "10"),
        ("train/00000", "train", "2"),
        ("train/00001", "train", "10"),
        ("train/00002", "train", "2"),
    ]
    assert source.open().targets["label"].names == ("2", "10")
    read = pixels(source)
    assert np.array_equal(read["t10k/00000"], test[0][..., None])
    assert np.array_equal(read["train/00002"], train[2][..., None])
    check_plugin(source)


def test_names_of_classes_stand_for_their_places(tmp_path: Path) -> None:
    write(tmp_path, "train-", [2, 0])
    catalog = Idx(path=tmp_path, classes=("Hemd", "脚", "a b")).open()
    records = list(catalog.records)
    assert [record.targets["label"] for record in records] == ["a b", "Hemd"]
    assert catalog.targets["label"].names == ("Hemd", "脚", "a b")


def test_a_label_without_a_name_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "train-", [2, 0])
    assert refused(Idx(path=tmp_path, classes=("a", "b"))) == (
        f"{tmp_path}/train-labels-idx1-ubyte.gz: row 0: expected a label from 0 to 1, the places "
        "of `classes`, found 2. Correct it or add the class."
    )


def test_files_of_emnist_are_turned_and_chosen_by_their_prefix(tmp_path: Path) -> None:
    images = write(tmp_path, "emnist-letters-train-", [1, 2])
    write(tmp_path, "emnist-digits-test-", [1, 2])
    with pytest.raises(DataError, match=r"found 'emnist-digits', 'emnist-letters'\. Choose one"):
        Idx(path=tmp_path).open().scan()
    source = Idx(path=tmp_path, prefix="emnist-letters", transposed=True)
    read = pixels(source)
    assert list(read) == ["train/00000", "train/00001"]
    assert np.array_equal(read["train/00001"], images[1].T[..., None])
    with pytest.raises(DataError, match="Did you mean 'emnist-letters'"):
        Idx(path=tmp_path, prefix="emnist-leters").open().scan()


def test_recognition_names_the_options_that_emnist_needs(tmp_path: Path) -> None:
    write(tmp_path, "emnist-letters-train-", [1, 2])
    write(tmp_path, "emnist-digits-test-", [1, 2])
    known = Idx.signs(tmp_path)
    assert known.options == {"path": ".", "prefix": "emnist-digits", "transposed": True}
    assert Idx(**{**known.options, "path": tmp_path}).open().records


def test_recognition_counts_pairs_and_never_fails(tmp_path: Path) -> None:
    assert Idx.signs(tmp_path / "none").evidence is None
    assert Idx.signs(tmp_path).evidence is None
    folder = tmp_path / "raw"
    write(folder, "train-", [1, 2])
    write(folder, "t10k-", [1, 2])
    known = Idx.signs(folder)
    assert (known.evidence, known.explained, known.options) == ("arranged", 1.0, {"path": "."})
    assert known.reason == "4 IDX files, images and labels of t10k, train"
    assert Idx.signs(tmp_path).options == {"path": "raw"}
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert Idx.signs(folder).explained == 0.5


def test_what_is_skipped_is_counted(tmp_path: Path) -> None:
    write(tmp_path, "train-", [1, 2])
    write(tmp_path, "train-", [1, 2], gz=False)
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.md").write_text("more")
    (tmp_path / "qmnist-train-labels-idx2-int.gz").write_bytes(b"")
    catalog = Idx(path=tmp_path).open()
    assert len(catalog.records) == 2
    assert catalog.notes == ["5 files were skipped: 3 .gz, 2 .md"]


def test_one_file_without_the_other_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "train-", [1, 2])
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as caught:
        Idx(path=tmp_path).open().scan()
    assert str(caught.value) == (
        f"{tmp_path}: expected images and labels, found images in 'train-images-idx3-ubyte.gz' "
        "and no file with their labels. Add it or move 'train-images-idx3-ubyte.gz' away."
    )


def test_numbers_of_images_and_labels_must_agree(tmp_path: Path) -> None:
    write(tmp_path, "train-", [1, 2, 3])
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(packed(np.array([1, 2], np.uint8)))
    with pytest.raises(DataError, match="expected 3 labels, as many as"):
        Idx(path=tmp_path).open().scan()


@pytest.mark.parametrize(
    ("name", "message"), [("none", "no such folder"), ("file", "expected a folder, found a file")]
)
def test_a_path_that_is_no_folder_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=message):
        Idx(path=tmp_path / name).open().scan()


def test_pixels_alone_decide_the_identity(tmp_path: Path) -> None:
    write(tmp_path, "train-", [1, 2, 3], gz=False)
    before = {
        each.key: Idx(path=tmp_path).open().identity(each)
        for each in Idx(path=tmp_path).open().records
    }
    path = tmp_path / "train-images-idx3-ubyte"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    catalog = Idx(path=tmp_path).open()
    after = {each.key: catalog.identity(each) for each in catalog.records}
    assert [key for key in before if before[key] != after[key]] == ["train/00002"]


def test_a_built_dataset_holds_what_the_files_hold(tmp_path: Path, write_pipeline) -> None:
    images = write(tmp_path / "data", "train-", [1, 0, 1, 0, 1, 0])
    write(tmp_path / "data", "t10k-", [1, 0])
    pipeline = write_pipeline(
        "name: tiny\nimage: {mode: gray}\nsource: {use: idx, path: data}\n"
        "cache: {codec: npy}\nfinish: [{use: resize, size: [5, 4]}]\n"
    )
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=2).path)
    stored = {sample.key: sample.image for sample in dataset.samples("train")}
    assert len(stored) == 6
    for key, image in stored.items():
        assert np.array_equal(image[..., 0], images[int(key.rpartition("/")[2])])


NAMES = {
    "train-images-idx3-ubyte.gz": ("", "train", "image", "train"),
    "t10k-labels.idx1-ubyte": ("", "t10k", "label", "test"),
    "emnist-byclass-test-images-idx3-ubyte.gz": ("emnist-byclass", "test", "image", "test"),
    "images-idx3-ubyte": ("", "", "image", None),
    "digits-images-idx3-ubyte": ("digits", "", "image", None),
    "my-digits_images-idx3-ubyte": ("my-digits", "", "image", None),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_say_set_part_and_role(name: str) -> None:
    known = parse_name(name)
    assert known is not None
    assert (known.prefix, known.part, known.role, known.split) == NAMES[name]


@given(data=st.data(), gz=st.booleans())
def test_a_damaged_file_is_an_error_or_read_as_it_stands(tmp_path_factory, data, gz: bool) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    write(folder, "train-", [1, 2, 1], gz=gz)
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(path.read_bytes())
    cut = data.draw(st.integers(0, len(content)))
    if data.draw(st.booleans()):
        content = content[:cut]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
    content += data.draw(st.sampled_from([b"", b"x"]))
    path.write_bytes(content)
    catalog = Idx(path=folder).open()
    try:
        records = list(catalog.records)
        assert len(records) == 3
        for record in records:
            assert catalog.read(record).size == 20
            assert catalog.identity(record)
    except DataError as error:
        assert str(folder) in str(error)
