"""The source of Hugging Face imagefolder tables: every column, every trap, an account of all."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reading import refused

from dsbuilder.errors import DataError
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.imagefolder.reader import ImageFolder
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    ImageSignature,
    Keypoints,
    Mask,
    MultiLabel,
    Record,
    Signature,
    Target,
    Text,
    Value,
)

Rows = Sequence[Mapping[str, Any]]


def picture(path: Path, size: tuple[int, int] = (40, 50)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(path)
    return path


def table(path: Path, rows: Rows) -> Path:
    """Writes a table, as JSONL, CSV or Parquet by its name, with a picture for each row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for row in rows:
        picture(path.parent / row["file_name"])
    if path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def targets(source: ImageFolder) -> dict[str, Mapping[str, Any]]:
    return {record.key: record.targets for record in source.open().records}


def refusal(source: ImageFolder) -> str:
    return refused(source).replace(str(source.path), "ROOT")


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv", "metadata.parquet"])
def test_every_form_of_table_gives_the_same_records(tmp_path, name):
    rows = [
        {"file_name": "0001.png", "label": "cat", "text": "a, “quoted” 猫", "value": 1.5},
        {"file_name": "in deep/ä 2.png", "label": "dog", "text": "Rex", "value": -2.0},
    ]
    table(tmp_path / name, rows)
    source = ImageFolder(path=tmp_path)
    records = source.open().records
    assert records == [
        Record(
            key=row["file_name"],
            path=tmp_path / row["file_name"],
            targets={name: row[name] for name in ("label", "text", "value")},
        )
        for row in rows
    ]
    assert source.open().targets == {
        "label": ClassLabel(names=("cat", "dog")),
        "value": Value(),
        "text": Text(),
    }


def test_folders_of_splits_are_splits_and_other_folders_say_nothing(tmp_path):
    table(tmp_path / "train/metadata.jsonl", [{"file_name": "dog/1.png", "label": "cat"}])
    table(tmp_path / "val/metadata.jsonl", [{"file_name": "2.png", "label": "dog"}])
    found = {
        each.key: (each.split, each.targets) for each in ImageFolder(path=tmp_path).open().records
    }
    assert found == {
        "train/dog/1.png": ("train", {"label": "cat"}),
        "val/2.png": ("validation", {"label": "dog"}),
    }


def test_tables_and_folders_are_watched(tmp_path):
    path = table(tmp_path / "train/metadata.jsonl", [{"file_name": "1.png", "label": "cat"}])
    assert ImageFolder(path=tmp_path).open().watches() == [tmp_path, tmp_path / "train", path]


def test_one_table_at_the_top_may_name_images_of_every_split(tmp_path):
    rows = [{"file_name": "train/1.png", "text": "a"}, {"file_name": "test/1.png", "text": "b"}]
    table(tmp_path / "metadata.jsonl", rows)
    assert [each.split for each in ImageFolder(path=tmp_path).open().records] == ["train", "test"]
    table(tmp_path / "metadata.jsonl", [*rows, {"file_name": "3.png", "text": "c"}])
    assert {each.split for each in ImageFolder(path=tmp_path).open().records} == {None}


def test_columns_state_group_and_split(tmp_path):
    rows = [
        {"file_name": "1.png", "text": "a", "who": "tom", "set": "dev"},
        {"file_name": "2.png", "text": "b", "who": None, "set": "training"},
    ]
    table(tmp_path / "metadata.jsonl", rows)
    source = ImageFolder(path=tmp_path, group_column="who", split_column="set")
    found = [(each.group, each.split) for each in source.open().records]
    assert found == [("tom", "validation"), (None, "train")]


def test_boxes_are_coco_pixels_and_become_shares(tmp_path):
    rows = [
        {
            "file_name": "0001.png",
            "objects": {"bbox": [[10.0, 4.0, 20, 8]], "categories": [0], "id": [7], "area": [1.5]},
        },
        {"file_name": "0002.png", "objects": {"bbox": [], "categories": [], "id": [], "area": []}},
        {"file_name": "0004.png", "objects": None},
        {
            "file_name": "0003.png",
            "objects": {
                "bbox": [[-1, 0, 51, 40], [0, 0, 5, 5]],
                "categories": ["dog", "cat"],
                "id": [1, 2],
                "area": [2, 3],
            },
        },
    ]
    table(tmp_path / "metadata.jsonl", rows)
    source = ImageFolder(path=tmp_path, object_classes=("cat", "dog"), attributes=("id", "area"))
    records = source.open().records
    assert [each.targets["objects"] for each in records] == [
        [{"label": "cat", "box": [0.2, 0.1, 0.6, 0.3], "id": 7, "area": 1.5}],
        [],
        [],
        [
            {"label": "dog", "box": [0, 0, 1, 1], "id": 1, "area": 2},
            {"label": "cat", "box": [0, 0, 0.1, 0.125], "id": 2, "area": 3},
        ],
    ]
    target = source.open().targets["objects"]
    attributes = (("id", "int64"), ("area", "float32"))
    assert target == Boxes(names=("cat", "dog"), attributes=attributes)
    assert [len(target.parse(each.targets["objects"])) for each in records] == [1, 0, 0, 2]


def test_a_stated_size_is_taken_for_the_image_s(tmp_path):
    row = {"file_name": "1.png", "width": 100, "height": 10}
    table(
        tmp_path / "metadata.jsonl",
        [{**row, "objects": {"bbox": [[50, 5, 50, 5]], "category": ["x"]}}],
    )
    found = targets(ImageFolder(path=tmp_path))["1.png"]["objects"]
    assert found == [{"label": "x", "box": [0.5, 0.5, 1.0, 1.0]}]


def test_several_labels_are_a_list_or_a_text_with_separators(tmp_path):
    rows = [{"file_name": "1.png", "tags": "cat; big dog"}, {"file_name": "2.png", "tags": ""}]
    table(tmp_path / "metadata.csv", rows)
    source = ImageFolder(path=tmp_path, labels_column="tags", separator=";")
    records = source.open().records
    assert [each.targets["labels"] for each in records] == [["cat", "big dog"], []]
    assert source.open().targets == {"labels": MultiLabel(names=("big dog", "cat"))}
    (tmp_path / "metadata.csv").unlink()
    table(tmp_path / "metadata.jsonl", [{"file_name": "1.png", "labels": ["a", "b"]}])
    assert targets(ImageFolder(path=tmp_path))["1.png"]["labels"] == ["a", "b"]


def test_several_columns_of_numbers_are_one_value(tmp_path):
    rows = [{"file_name": "1.png", "x": 1, "y": 2.5}, {"file_name": "2.png", "x": 3, "y": -1}]
    table(tmp_path / "metadata.csv", rows)
    source = ImageFolder(path=tmp_path, value_columns=("x", "y"))
    records = source.open().records
    assert [each.targets["value"] for each in records] == [[1.0, 2.5], [3.0, -1.0]]
    assert source.open().targets == {"value": Value(size=2)}


def test_values_of_several_sizes_are_an_error(tmp_path):
    rows = [{"file_name": "1.png", "value": [1, 2]}, {"file_name": "2.png", "value": 3}]
    table(tmp_path / "metadata.jsonl", rows)
    source = ImageFolder(path=tmp_path)
    with pytest.raises(DataError, match=r"found 2 at '1\.png' and one at '2\.png'"):
        source.open().scan()


def test_a_mask_is_a_file_of_the_record(tmp_path):
    picture(tmp_path / "train/masks/1.png")
    rows = [{"file_name": "1.png", "mask_file_name": "masks/1.png"}]
    table(tmp_path / "train/metadata.jsonl", rows)
    source = ImageFolder(path=tmp_path, mask_classes=("sky", "road"), ignore="255")
    (record,) = source.open().records
    path = tmp_path / "train/masks/1.png"
    assert (record.files, record.targets) == ((path,), {"mask": {"path": str(path)}})
    assert source.open().targets == {"mask": Mask(names=("sky", "road"), ignore=255)}
    assert refusal(ImageFolder(path=tmp_path)) == (
        "ROOT: the names of the masks' classes are missing. "
        "Set mask_classes or mask_colors, or mask_column: null to leave masks out."
    )


def test_a_number_is_an_id_of_given_classes(tmp_path):
    rows = [{"file_name": "1.png", "label": 1}, {"file_name": "2.png", "label": 0}]
    table(tmp_path / "metadata.jsonl", rows)
    source = ImageFolder(path=tmp_path, classes=("zebra", "ant"))
    assert [each["label"] for each in targets(source).values()] == ["ant", "zebra"]
    assert [each["label"] for each in targets(ImageFolder(path=tmp_path)).values()] == ["1", "0"]


def test_a_class_that_is_not_among_given_ones_is_an_error_with_the_closest(tmp_path):
    objects = {"bbox": [[0, 0, 1, 1]], "categories": ["dgo"]}
    rows = [{"file_name": "1.png", "label": "dgo", "labels": ["dgo"], "objects": objects}]
    table(tmp_path / "metadata.jsonl", rows)
    names = ("cat", "dog")
    for option in ("classes", "labels_classes", "object_classes"):
        message = refusal(ImageFolder(path=tmp_path, **{option: names}))
        assert "expected one of the 2 classes, found 'dgo'. Did you mean 'dog'?" in message


def test_what_is_not_read_is_told_and_all_files_are_accounted_for(tmp_path):
    rows = [{"file_name": "1.png", "text": "a", "id": 3}, {"file_name": "2.png", "text": "b"}]
    table(tmp_path / "metadata.jsonl", rows)
    for name in ("stray.png", "in/other.JPG", "notes.md", "LICENSE"):
        picture(tmp_path / "in" / "x.png").with_name("x.png")
        (tmp_path / name).write_bytes(b"")
    catalog = ImageFolder(path=tmp_path).open()
    assert catalog.notes == [
        "5 files were skipped: 3 images without a row, 1 .md, 1 without an extension",
        "columns that nothing reads: 'id'",
    ]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(catalog.records) + 1 + 5 == len(files)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"file_name": "no.png"}, "file_name: expected a file below ROOT, found no 'no.png'."),
        ({"file_name": None}, "file_name: expected a path below the table's folder, found 'null'."),
        ({"file_name": "../s.png"}, "file_name: expected a path without '..', found '../s.png'."),
        ({"file_name": "/s.png"}, "file_name: expected a relative path, found the absolute"),
        ({"file_name": "file://s"}, "file_name: expected a path below the table's folder, found"),
        ({"file_name": "1.png"}, "expected every image once, found '1.png' again, which metadata"),
        ({"label": None}, "label: expected a text or a whole number, found 'null'."),
        ({"label": 1.5}, "label: expected a text or a whole number, found '1.5'."),
        ({"label": ""}, "label: expected a class, found an empty cell."),
        ({"text": ["a"]}, "text: expected a text or a whole number, found '[\"a\"]'."),
        ({"value": "x"}, "value: expected a finite number, found '\"x\"'."),
        ({"value": float("inf")}, "value: expected a finite number, found 'Infinity'."),
        ({"objects": {"bbox": [[1, 2, 3, 4]]}}, "objects: expected a box with 'bbox' and its"),
        ({"objects": {"bbox": [], "categories": [1]}}, "objects: expected lists of one length"),
        ({"objects": 3}, "objects: expected objects as {bbox: [...], categories: [...]}, found"),
        (
            {"objects": {"bbox": [[30, 0, 60, 5]], "categories": ["a"]}},
            "objects: expected a box of which half lies in the image of 50 x 40 pixels, found [30",
        ),
        (
            {"objects": {"bbox": [[0, 0, -6, 5]], "categories": ["a"]}},
            "objects: expected [x, y, width, height] with sides >= 0, found [0, 0, -6, 5].",
        ),
        (
            {"objects": {"bbox": [[1, 2, 3, 4]], "categories": ["a"], "camera": "left"}},
            "objects: expected a list of 'camera', an entry for each box, found '\"left\"'.",
        ),
        (
            {"objects": {"bbox": [[1, 2, 3, 4]], "categories": ["a"], "label": ["b"]}},
            "objects: expected the class of a box once, found 'categories' and 'label'.",
        ),
        (
            {"objects": [{"bbox": [1, 2, 3, 4], "category": "a", "label": "b"}]},
            "objects: expected the class of a box once, found 'category' and 'label'.",
        ),
        ({"keypoints": 3}, "keypoints: expected a list of keypoints for each object, found"),
        ({"keypoints": [[1, 2]]}, "keypoints: expected x, y and visibility of 2 keypoints in"),
        ({"keypoints": [1]}, "keypoints: expected x, y and visibility of 2 keypoints in"),
        ({"keypoints": [[1, 2, 3, 0, 0, 0]]}, "keypoints: expected a visibility of 0, 1 or 2"),
        (
            {"keypoints": [[1, 90, 2, 0, 0, 0]]},
            "keypoints: expected a keypoint inside the image of 50 x 40 pixels, found [1, 90].",
        ),
        ({"keypoints": [[1, "x", 2, 0, 0, 0]]}, "keypoints: expected a finite number, found"),
    ],
)
def test_a_wrong_row_is_an_error_with_file_and_line(tmp_path, row, message):
    good = {
        "file_name": "1.png",
        "label": "a",
        "text": "b",
        "value": 1,
        "objects": {"bbox": [[1, 2, 3, 4]], "categories": ["a"]},
        "keypoints": [[1, 2, 2, 0, 0, 0]],
    }
    picture(tmp_path / "2.png")
    path = table(tmp_path / "metadata.jsonl", [good])
    path.write_text(json.dumps(good) + "\n\n" + json.dumps({**good, "file_name": "2.png"} | row))
    source = ImageFolder(path=tmp_path, keypoint_names=("nose", "tail"))
    assert refusal(source).startswith(f"ROOT/metadata.jsonl:3: {message}")


def test_null_says_that_nothing_is_known_of_boxes(tmp_path):
    none = {"bbox": None, "categories": None}
    some = {"bbox": [[0, 0, 25, 20]], "categories": ["a"], "score": None}
    rows = [{"file_name": f"{n}.png", "objects": each} for n, each in enumerate((none, some))]
    table(tmp_path / "metadata.jsonl", rows)
    found = targets(ImageFolder(path=tmp_path))
    assert found["0.png"]["objects"] == []
    assert found["1.png"]["objects"] == [{"label": "a", "box": [0.0, 0.0, 0.5, 0.5]}]


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv"])
def test_keypoints_are_coco_pixels_and_become_shares(tmp_path, name):
    cells = [[[25, 10, 2, 9, 9, 0], [50, 40, 1, 0, 0, 2]], []]
    rows = [
        {"file_name": f"{n}.png", "keypoints": json.dumps(cell) if "csv" in name else cell}
        for n, cell in enumerate(cells)
    ]
    table(tmp_path / name, rows)
    names = ("left eye", "right eye")
    source = ImageFolder(path=tmp_path, keypoint_names=names)
    records = source.open().records
    assert [record.targets["keypoints"] for record in records] == [
        [[[0.5, 0.25, 2], [0, 0, 0]], [[1, 1, 1], [0, 0, 2]]],
        [],
    ]
    assert source.open().targets == {"keypoints": Keypoints(names=names, swaps=(names,))}
    apart = ImageFolder(path=tmp_path, keypoint_names=names, keypoint_swaps=())
    assert apart.open().targets == {"keypoints": Keypoints(names=names)}
    options = ImageFolder.signs(tmp_path).options
    assert options == {"path": ".", "keypoint_names": ("point 0", "point 1")}


def test_keypoints_without_names_are_an_error(tmp_path):
    rows = [{"file_name": "1.png", "text": "x", "keypoints": [[1, 2, 2]]}]
    table(tmp_path / "metadata.jsonl", rows)
    assert refusal(ImageFolder(path=tmp_path)) == (
        "ROOT: the names of keypoints are missing. Set keypoint_names, or "
        "keypoints_column: null to leave keypoints out."
    )
    assert set(targets(ImageFolder(path=tmp_path, keypoints_column=None))["1.png"]) == {"text"}


def test_every_wrong_row_is_told_at_once(tmp_path):
    path = table(tmp_path / "metadata.jsonl", [{"file_name": "1.png", "label": "a"}])
    path.write_text(path.read_text() + '{"file_name": "x"}\n{"file_name": "y"}\nnonsense\n')
    assert len(refusal(ImageFolder(path=tmp_path)).splitlines()) == 3


def test_links_that_lead_out_are_refused(tmp_path):
    picture(tmp_path / "secret/1.png")
    table(tmp_path / "root/metadata.jsonl", [{"file_name": "1.png", "text": "a"}])
    (tmp_path / "root/1.png").unlink()
    (tmp_path / "root/1.png").symlink_to(tmp_path / "secret/1.png")
    assert "which links to" in refusal(ImageFolder(path=tmp_path / "root"))


def test_tables_of_two_kinds_are_an_error(tmp_path):
    table(tmp_path / "metadata.csv", [{"file_name": "1.png", "text": "a"}])
    table(tmp_path / "metadata.jsonl", [{"file_name": "1.png", "text": "a"}])
    assert refusal(ImageFolder(path=tmp_path)) == (
        "ROOT: expected tables of one kind, found 'metadata.csv', 'metadata.jsonl'. "
        "Remove those that are not wanted; one of .csv, .jsonl may stay."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_column": "caption"}, "the tables have no column 'caption'."),
        ({"value_columns": ("x", "y")}, "the tables have no column 'x'."),
        ({"text_column": None}, "expected a column that says what an image is labeled with"),
    ],
)
def test_a_named_column_must_be_there(tmp_path, options, message):
    table(tmp_path / "metadata.jsonl", [{"file_name": "1.png", "text": "a"}])
    assert refusal(ImageFolder(path=tmp_path, **options)).startswith(f"ROOT: {message}")


def test_a_folder_without_tables_points_to_class_folders(tmp_path):
    picture(tmp_path / "cat/1.png")
    assert refusal(ImageFolder(path=tmp_path)) == (
        "ROOT: there is no table called metadata.csv, metadata.jsonl or metadata.parquet. For "
        "class folders use the source folder."
    )


def test_empty_tables_are_an_error_and_a_single_class_is_none(tmp_path):
    (tmp_path / "metadata.jsonl").write_text("\n")
    assert "the tables have no rows" in refusal(ImageFolder(path=tmp_path))
    table(tmp_path / "metadata.jsonl", [{"file_name": "1.png", "label": "a"}])
    Image.new("RGB", (4, 4)).save(tmp_path / "1.png")
    assert ImageFolder(path=tmp_path).open().targets == {"label": ClassLabel(names=("a",))}


def test_a_corrupt_image_under_a_box_is_named(tmp_path):
    row = {"file_name": "1.png", "objects": {"bbox": [[0, 0, 1, 1]], "categories": ["a"]}}
    table(tmp_path / "metadata.jsonl", [row])
    (tmp_path / "1.png").write_bytes(b"no image")
    assert "metadata.jsonl:1: objects: expected an image" in refusal(ImageFolder(path=tmp_path))


ROWS = [
    {
        "file_name": f"{index}.png",
        "label": "ab"[index % 2],
        "text": "x",
        "value": index,
        "labels": ["a"],
        "objects": {"bbox": [[1, 2, 3, 4]], "categories": ["a"]},
    }
    for index in range(3)
]


@given(st.data())
def test_a_mutated_table_gives_its_rows_or_a_clear_error(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("imagefolder")
    path = table(root / "metadata.jsonl", ROWS)
    found = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(found) - 1))
        found[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path.write_bytes(bytes(found))
    source = ImageFolder(path=root)
    try:
        records = [each for each in source.open().records if each.error is None]
        kinds = source.open().targets
        for record in records:
            for name, kind in kinds.items():
                kind.parse(record.targets[name])
    except DataError as error:
        assert str(error)
    else:
        assert {record.key for record in records} <= {row["file_name"] for row in ROWS}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(ROWS[0])), json_values)
def test_any_cell_is_a_value_or_a_clear_error(tmp_path_factory, column, cell):
    root = tmp_path_factory.mktemp("imagefolder")
    path = table(root / "metadata.jsonl", ROWS)
    rows = [*ROWS[:2], {**ROWS[2], column: cell}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = ImageFolder(path=root)
    try:
        records = [each for each in source.open().records if each.error is None]
        kinds = source.open().targets
        for record in records:
            for name, kind in kinds.items():
                kind.parse(record.targets[name])
    except DataError as error:
        assert str(error)


def test_a_table_is_recognized_with_the_options_that_read_it(tmp_path):
    mask = np.array([[0, 2], [255, 1]], np.uint8)
    rows = [
        {"file_name": f"{index}.png", "caption": "x", "seg_file_name": f"seg/{index}.png"}
        for index in range(3)
    ]
    for index in range(3):
        picture(tmp_path / f"train/seg/{index}.png")
        Image.fromarray(mask).save(tmp_path / f"train/seg/{index}.png")
    table(tmp_path / "train/metadata.jsonl", rows)
    found = ImageFolder.signs(tmp_path)
    assert (found.evidence, found.explained, found.contradictions) == ("declared", 1, ())
    assert found.reason == "'train/metadata.jsonl' with 3 rows in the first: text, mask"
    assert found.options == {
        "path": ".",
        "text_column": "caption",
        "mask_column": "seg",
        "mask_classes": ("class 0", "class 1", "class 2"),
        "ignore": "255",
    }
    source = ImageFolder(**{**found.options, "path": tmp_path})
    assert len(source.open().records) == 3


def test_an_image_that_cannot_be_read_under_a_box_is_named(tmp_path):
    row = {"file_name": "1.png", "objects": {"bbox": [[0, 0, 1, 1]], "categories": ["a"]}}
    table(tmp_path / "metadata.jsonl", [{**row, "file_name": "2.png"}])
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row))
    (tmp_path / "1.png").mkdir()
    assert "metadata.jsonl:1: file_name: expected a file below ROOT" in refusal(
        ImageFolder(path=tmp_path)
    )


def test_a_column_of_one_class_alone_is_left_out_of_a_guess(tmp_path):
    rows = [{"file_name": f"{index}.png", "label": "a", "text": "x"} for index in range(3)]
    table(tmp_path / "metadata.jsonl", rows)
    found = ImageFolder.signs(tmp_path)
    assert found.options == {"path": ".", "label_column": None}
    assert ImageFolder(**{**found.options, "path": tmp_path}).open().records


def test_a_folder_without_a_table_or_with_a_broken_one_is_not_recognized(tmp_path):
    assert ImageFolder.signs(tmp_path).evidence is None
    (tmp_path / "metadata.csv").write_text("a,b\n1\n")
    found = ImageFolder.signs(tmp_path)
    assert (found.evidence, "expected 2 cells, found 1" in found.reason) == (None, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"separator": " "}, "separator: a character is needed, such as ','."),
        (
            {"mask_classes": ("a",), "ignore": "256"},
            "ignore: expected a value in [0, 255], found '256'.",
        ),
        ({"classes": ()}, "classes: at least one name is needed, such as cat."),
        (
            {"attributes": ("score", "box")},
            "attributes: expected others than a box itself, found 'box'.",
        ),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        ImageFolder(path=Path(), **options)
    assert str(caught.value) == message


def test_classes_of_masks_are_guessed_from_every_table(tmp_path):
    for split, ids in {"test": [[0, 1]], "train": [[0, 1], [2, 3]]}.items():
        rows = []
        for index, values in enumerate(ids):
            mask = picture(tmp_path / f"{split}/masks/{index}.png")
            Image.fromarray(np.array([values], np.uint8)).save(mask)
            rows.append({"file_name": f"{index}.png", "mask_file_name": f"masks/{index}.png"})
        table(tmp_path / f"{split}/metadata.jsonl", rows)
    found = ImageFolder.signs(tmp_path)
    assert found.options["mask_classes"] == ("class 0", "class 1", "class 2", "class 3")
    assert found.reason.endswith("with 1 row in the first: mask")


def boxed(root: Path) -> Path:
    """A table whose boxes have more than corners and classes, not all of it attributes."""
    boxes = {
        "bbox": [[1, 2, 3, 4], [1, 2, 3, 4]],
        "categories": ["a", "b"],
        "area": [12, 12.5],
        "by": ["tom", "ann"],
        "hidden": [True, False],
        "mixed": [1, "x"],
    }
    alone = {"bbox": [[1, 2, 3, 4]], "categories": ["a"], "area": [1], "by": [""], "odd": [3]}
    rows = [{"file_name": "1.png", "objects": boxes}, {"file_name": "2.png", "objects": None}]
    table(root / "test/metadata.jsonl", rows[1:])
    table(root / "train/metadata.jsonl", [*rows, {"file_name": "3.png", "objects": alone}])
    return root


def test_attributes_that_every_box_has_are_proposed(tmp_path):
    found = ImageFolder.signs(boxed(tmp_path))
    assert found.options == {"path": ".", "attributes": ("area", "by")}
    source = ImageFolder(path=tmp_path, attributes=found.options["attributes"])
    target = source.open().targets["objects"]
    assert target.attributes == (("area", "float32"), ("by", "string"))


def test_what_is_not_read_of_boxes_is_told(tmp_path):
    source = ImageFolder(path=boxed(tmp_path), attributes=("area",))
    assert source.open().notes == [
        "columns that nothing reads: 'objects.by', 'objects.hidden', 'objects.mixed', 'objects.odd'"
    ]


def test_images_that_no_row_names_are_no_part_of_what_is_explained(tmp_path):
    table(tmp_path / "metadata.jsonl", [{"file_name": "1.png", "text": "a"}])
    for name in ("2", "3", "4"):
        picture(tmp_path / f"{name}.png")
    assert ImageFolder.signs(tmp_path).explained == 0.25


# -- what an export states ------------------------------------------------------------------------

STATED: Mapping[str, Target] = {
    "kind": ClassLabel(names=("owl", "cat"), soft=True),
    "place": ClassLabel(names=("sea", "sky", "unseen")),
    "file_name": Text(),
    "said": Text(),
    "pets": MultiLabel(names=("b", "a, c")),
    "width": Value(size=2),
    "boxes": Boxes(names=("猫",), attributes=(("categories", "int64"),), numbers=(7,)),
    "left": Mask(names=("no", "yes"), ignore=255),
    "right": Mask(names=("no", "yes")),
    "pose": Keypoints(names=("nose",)),
}
CELLS: Mapping[str, Any] = {
    "kind": "owl",
    "place": "sky",
    "file_name_": "x.png",
    "said": "owl",
    "pets": ["a, c"],
    "width": [3, 4],
    "boxes": {"bbox": [[0, 0, 25, 40]], "categories": ["猫"], "categories_": [5]},
    "left_file_name": "left/1.png",
    "right_file_name": "right/1.png",
    "pose": [[25, 20, 2]],
}


def stated(root: Path, targets: Mapping[str, Target] = STATED) -> Path:
    table(root / "train/metadata.jsonl", [{"file_name": "1.png", **CELLS}])
    for side in ("left", "right"):
        picture(root / f"train/{side}/1.png")
    image = ImageSignature(height=40, width=50, channels=3)
    sidecar.write(root, Signature(image=image, targets=targets), {"train/1.png": "a//copy-1"})
    return root


def test_an_export_has_all_targets_under_their_own_names(tmp_path):
    catalog = ImageFolder(path=stated(tmp_path)).open()
    assert dict(catalog.targets) == {**STATED, "kind": ClassLabel(names=("owl", "cat"))}
    (record,) = catalog.records
    masks = [str(tmp_path / f"train/{side}/1.png") for side in ("left", "right")]
    assert record.targets == {
        "kind": "owl",
        "place": "sky",
        "file_name": "x.png",
        "said": "owl",
        "pets": ["a, c"],
        "width": [3, 4],
        "boxes": [{"label": "猫", "box": [0, 0, 0.5, 1], "categories": 5}],
        "left": {"path": masks[0]},
        "right": {"path": masks[1]},
        "pose": [[[0.5, 0.5, 2]]],
    }
    assert [str(path) for path in record.files] == masks
    assert (record.key, record.group, record.split) == ("a@copy-1", "a", "train")
    assert catalog.notes == []


def test_an_option_takes_the_place_of_what_an_export_states(tmp_path):
    source = ImageFolder(path=stated(tmp_path), text_column="said")
    assert source.open().targets == {"text": Text()}
    assert source.open().records[0].key == "a@copy-1"


def test_a_target_whose_column_is_gone_is_told(tmp_path):
    root = stated(tmp_path, {**STATED, "sound": Text()})
    assert "ROOT: the tables have no column 'sound'." in refusal(ImageFolder(path=root))


def test_an_export_is_recognized_without_an_option(tmp_path):
    found = ImageFolder.signs(stated(tmp_path))
    assert (found.evidence, found.explained) == ("declared", 1)
    assert found.options == {"path": "."}
    assert found.reason.endswith(f"1 row in the first: {', '.join(STATED)}")
