"""CSV files of pixels: as Kaggle gives out MNIST, FER2013 and their like."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsbuilder
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.layouts.pixel_csv.reader import PixelCsv
from dsbuilder.plugin import Record
from dsbuilder.testing import check_plugin

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 9), dtype=np.uint8)


def joined(values, separator: str = ",") -> str:
    return separator.join(map(str, values))


def kaggle(labels=(2, 10, 2, 10), *, header: bool = True) -> str:
    head = f"label,{joined(f'pixel{index}' for index in range(9))}\n" if header else ""
    rows = [f"{label},{joined(image)}\n" for label, image in zip(labels, IMAGES, strict=True)]
    return head + "".join(rows)


def fer(usages=("Training", "PublicTest", "PrivateTest", "Training")) -> str:
    rows = [
        f"{index % 2},{joined(image, ' ')},{usage}\n"
        for index, (image, usage) in enumerate(zip(IMAGES, usages, strict=True))
    ]
    return "emotion,pixels,Usage\n" + "".join(rows)


def listed(source: PixelCsv) -> dict[str, Record]:
    return {record.key: record for record in source.open().records}


def table(tmp_path: Path, text: str, name: str = "a.csv", **options) -> PixelCsv:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return PixelCsv(path=path, **options)


def refusal(source: PixelCsv) -> str:
    try:
        records = source.open().records
        errors = [each.error for each in records if each.error is not None]
        for record in () if errors else records:
            source.open().read(record)
    except DataError as error:
        errors = [str(error)]
    return "\n".join(errors).replace(str(source.path), "FILE")


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_as_kaggle_gives_out_mnist(tmp_path: Path, header: bool, end: str, mark) -> None:
    text = mark + kaggle(header=header).replace("\n", end) + end
    source = table(tmp_path, text, "mnist_train.csv")
    records = listed(source)
    assert [(key, each.split, each.targets["label"]) for key, each in records.items()] == [
        ("mnist_train/00000", "train", "2"),
        ("mnist_train/00001", "train", "10"),
        ("mnist_train/00002", "train", "2"),
        ("mnist_train/00003", "train", "10"),
    ]
    assert source.open().targets["label"].names == ("2", "10")
    for image, record in zip(IMAGES, records.values(), strict=True):
        assert np.array_equal(source.open().read(record), image.reshape(3, 3, 1))
    check_plugin(source)


def test_a_file_as_fer2013_has_its_splits_in_a_column(tmp_path: Path) -> None:
    source = table(tmp_path, fer(), "fer2013.csv", classes=("angry", "happy"))
    records = listed(source)
    assert [(each.split, each.targets["label"]) for each in records.values()] == [
        ("train", "angry"),
        ("validation", "happy"),
        ("test", "angry"),
        ("train", "happy"),
    ]
    for image, record in zip(IMAGES, records.values(), strict=True):
        assert np.array_equal(source.open().read(record), image.reshape(3, 3, 1))


def test_a_file_as_icml_gave_out_fer2013_has_spaces_after_commas(tmp_path: Path) -> None:
    text = "emotion, Usage, pixels\n"
    text += "".join(f'{row}, Training, "{joined(IMAGES[row], " ")}"\n' for row in range(2))
    source = table(tmp_path, text)
    records = listed(source)
    assert [each.targets["label"] for each in records.values()] == ["0", "1"]
    assert np.array_equal(source.open().read(records["a/00001"]), IMAGES[1].reshape(3, 3, 1))


def test_labels_may_be_texts_in_the_last_column(tmp_path: Path) -> None:
    head = joined(f"pixel_{index:04d}" for index in range(9))
    rows = "".join(
        f"{joined(image)},{name}\n"
        for image, name in zip(IMAGES[:2], ('"ka, क"', "b c"), strict=True)
    )
    source = table(tmp_path, f"{head},character\n{rows}")
    assert [each.targets["label"] for each in listed(source).values()] == ["ka, क", "b c"]


def test_color_and_sizes_are_found_or_given(tmp_path: Path) -> None:
    head = f"label,{joined(range(12))}\n"
    text = head + "".join(f"{row},{joined(range(row, row + 12))}\n" for row in range(2))
    shapes = {}
    for size in (None, (3, 4), (4, 3), (1, 3)):
        source = table(tmp_path, text, size=size)
        shapes[size] = source.open().read(listed(source)["a/00000"]).shape
    assert shapes == {None: (2, 2, 3), (3, 4): (3, 4, 1), (4, 3): (4, 3, 1), (1, 3): (1, 3, 4)}
    odd = table(tmp_path, text, size=(5, 5))
    assert refusal(odd) == (
        "FILE:2: expected the pixels of an image of 5 x 5 with 1, 3 or 4 channels, found 12. "
        "Set `size: [height, width]`."
    )


def test_a_folder_of_files_is_read_and_the_rest_is_counted(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(
        kaggle()
        .replace("label,", "id,label,")
        .replace("\n2,", "\n7,2,")
        .replace("\n10,", "\n7,10,")
    )
    (tmp_path / "test.csv").write_text(f"{joined(f'pixel{n}' for n in range(9))}\n")
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    (tmp_path / "README.md").write_text("about")
    catalog = PixelCsv(path=tmp_path).open()
    assert {each.split for each in catalog.records} == {"train"}
    assert catalog.notes == [
        "3 files were skipped: 'sample_submission.csv', 'test.csv', 1 .md",
        "train.csv: 1 column was skipped: 'id'",
    ]


WRONG = {
    "a pixel too many": (kaggle() + f"1,{joined(range(10))}\n", "FILE:6: expected 10 cells, found"),
    "a pixel too large": (kaggle() + f"1,{joined(range(248, 257))}\n", "FILE:6: expected pixels"),
    "a real pixel": (kaggle() + f"1,0.5,{joined(range(8))}\n", "found '0.5'. Correct"),
    "a pixel in groups": (kaggle() + f"1,1_0,{joined(range(8))}\n", "found '1_0'. Correct"),
    "an unknown usage": (fer(("Training", "Training", "PublicTst", "Training")), "Did you mean"),
    "no label": (kaggle().replace("\n10,", "\n,"), "FILE:3: expected a label, found an empty cell"),
    "no column of labels": (
        kaggle().replace("label", "note"),
        "no CSV file has a column 'label'",
    ),
    "a column twice": (
        kaggle().replace("pixel1,", "pixel2,"),
        "FILE:1: expected every column once",
    ),
    "an open quote": (kaggle() + '"1,2,3\n', "FILE:6: expected cells separated by commas"),
    "nothing": ("", "columns of pixels. Say which column"),
    "Latin-1": (None, "FILE:2: expected text in UTF-8, found the byte 0xe9"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, case: str) -> None:
    text, message = WRONG[case]
    source = table(tmp_path, text or "")
    if text is None:
        source.path.write_bytes(b"label,pixels\n\xe9,1 2 3 4\n")
    assert message in refusal(source)


def test_classes_name_numbers_or_stand_as_they_are(tmp_path: Path) -> None:
    source = table(tmp_path, kaggle((0, 1, 1, 0)), classes=("no", "yes"))
    assert [each.targets["label"] for each in listed(source).values()] == ["no", "yes", "yes", "no"]
    assert "from 0 to 1" in refusal(table(tmp_path, kaggle((0, 1, 1, 2)), classes=("no", "yes")))
    words = table(tmp_path, kaggle(("no", "yes", "yes", "yess")), classes=("no", "yes"))
    assert "found 'yess'. Did you mean 'yes'?" in refusal(words)


def test_recognition_reads_first_lines_and_never_fails(tmp_path: Path) -> None:
    assert PixelCsv.signs(tmp_path / "none").evidence is None
    (tmp_path / "odd.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "list.csv").write_text("file_name,label\na.png,cat\n")
    assert PixelCsv.signs(tmp_path).evidence is None
    (tmp_path / "train.csv").write_text(kaggle())
    known = PixelCsv.signs(tmp_path)
    assert (known.evidence, known.options) == ("arranged", {"path": "."})
    assert known.reason == "1 CSV file with labels and 9 columns of pixels"
    assert known.contradictions == []
    (tmp_path / "train.csv").write_text(kaggle(header=False))
    assert PixelCsv.signs(tmp_path).contradictions == ["any table of numbers looks so"]


def test_a_built_dataset_holds_what_the_file_holds(tmp_path: Path, write_pipeline) -> None:
    table(tmp_path, fer())
    pipeline = write_pipeline(
        "name: tiny\nimage: {mode: gray}\nsource: {use: pixel_csv, path: a.csv}\n"
        "cache: {image: png}\n"
    )
    dataset = dsbuilder.load(build_dataset(pipeline, tmp_path / "out", workers=2).path)
    assert {split: dataset.num_samples(split) for split in dataset.splits} == {
        "train": 2,
        "validation": 1,
        "test": 1,
    }
    for split in dataset.splits:
        for sample in dataset.samples(split):
            row = int(sample.key.rpartition("/")[2])
            assert np.array_equal(sample.image, IMAGES[row].reshape(3, 3, 1))


@given(data=st.data(), text=st.sampled_from([kaggle(), kaggle(header=False), fer()]))
def test_a_damaged_file_is_an_error_or_read_as_it_stands(tmp_path_factory, data, text) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 5))] = data.draw(
            st.sampled_from(
                [b"", b",", b"\n", b"\r", b'"', b" ", b"-1", b"\xff", b"\0", b"9", b"x"]
            )
        )
    (folder / "a.csv").write_bytes(content)
    PixelCsv.signs(folder)
    catalog = PixelCsv(path=folder / "a.csv").open()
    try:
        for record in catalog.records:
            assert catalog.identity(record)
            assert catalog.read(record).ndim == 3
    except DataError as error:
        assert str(folder) in str(error)
