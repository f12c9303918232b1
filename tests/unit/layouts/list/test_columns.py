"""Labels in several columns and rows of a list: one-hot tables, own targets, boxes, ids."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reading import refused

from dsbuilder.layouts.list.reader import ImageList
from dsbuilder.plugin import Boxes, ClassLabel, MultiLabel, Text, Value

NAMES = ("a", "b", "c", "d")


def source_of(root: Path, text: str, *, ending: str = "png", **options: Any) -> ImageList:
    """A source of a table beside four images of 40 x 20 pixels, a to d."""
    (root / "images").mkdir(exist_ok=True)
    for name in NAMES:
        Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(root / f"images/{name}.{ending}")
    (root / "list.csv").write_text(text)
    return ImageList(path=root / "images", list=root / "list.csv", **options)


def targets(source: ImageList) -> dict[str, Mapping[str, Any]]:
    return {record.key: record.targets for record in source.open().records}


def refusal(source: ImageList, root: Path) -> str:
    return refused(source).replace(f"{root}/", "")


FLAGS: Mapping[str, Any] = {"label_column": None}


def test_one_hot_columns_are_classes_in_the_order_of_the_columns(tmp_path):
    text = "file_name,dog,cat\na.png,1,0\nb.png,0,1.0\n"
    source = source_of(tmp_path, text, one_hot_columns=("dog", "cat"), **FLAGS)
    assert targets(source) == {"a.png": {"label": "dog"}, "b.png": {"label": "cat"}}
    assert source.open().targets == {"label": ClassLabel(names=("dog", "cat"))}


def test_multi_hot_columns_are_several_classes_or_none(tmp_path):
    text = "file_name,dog,cat\na.png,1,1\nb.png,0,1\nc.png,0,0\n"
    source = source_of(tmp_path, text, multi_hot_columns=("dog", "cat"), **FLAGS)
    found = {key: each["labels"] for key, each in targets(source).items()}
    assert found == {"a.png": ["dog", "cat"], "b.png": ["cat"], "c.png": []}
    assert source.open().targets == {"labels": MultiLabel(names=("dog", "cat"))}


def test_what_is_not_one_hot_is_an_error_of_its_line(tmp_path):
    text = "file_name,dog,cat\na.png,1,1\nb.png,0,1\nc.png,0,0\nd.png,2,0\n"
    source = source_of(tmp_path, text, one_hot_columns=("dog", "cat"), **FLAGS)
    several = "Correct the line; of several classes an image these are multi_hot_columns."
    assert refusal(source, tmp_path).splitlines() == [
        "list.csv:2: expected one 1 in the 2 columns of classes, found 2: 'dog', 'cat'. " + several,
        "list.csv:4: expected one 1 in the 2 columns of classes, found none. " + several,
        "list.csv:5: dog: expected 0 or 1, found '\"2\"'. Correct the line.",
    ]


def test_target_columns_make_a_target_each(tmp_path):
    text = "file_name,age,sex,tags,said\na.png,3.5,m,x;y,oh\nb.png,4,f,,no\n"
    kinds = {"age": "value", "sex": "class", "tags": "classes", "said": "text"}
    source = source_of(tmp_path, text, target_columns=kinds, separator=";", **FLAGS)
    assert targets(source)["a.png"] == {"age": 3.5, "sex": "m", "tags": ["x", "y"], "said": "oh"}
    assert source.open().targets == {
        "age": Value(size=0),
        "sex": ClassLabel(names=("f", "m")),
        "tags": MultiLabel(names=("x", "y")),
        "said": Text(),
    }


def test_a_class_of_its_own_may_be_one_alone_as_well(tmp_path):
    text = "file_name,age,sex\na.png,3,m\nb.png,4,m\n"
    source = source_of(tmp_path, text, target_columns={"age": "value", "sex": "class"}, **FLAGS)
    assert source.open().targets["sex"] == ClassLabel(names=("m",))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"one_hot_columns": ("a", "b")},
            "expected the target 'label' from one option, found label_column and one_hot_columns.",
        ),
        (
            {"target_columns": {"label": "class"}},
            "expected the target 'label' from one option, found label_column and target_columns.",
        ),
        (
            {"labels_column": "a", "multi_hot_columns": ("b", "c")},
            "expected the target 'labels' from one option, found labels_column and "
            "multi_hot_columns.",
        ),
    ],
)
def test_two_options_for_one_target_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError) as caught:
        source_of(tmp_path, "", **options)
    assert str(caught.value).startswith(message)


BOXES = ("x1", "y1", "x2", "y2")
ROWS = "file_name,label,x1,y1,x2,y2\na.png,cat,0,0,20,10\nb.png,,,,,\na.png,dog,20,10,40,20\n"


def boxes(source: ImageList) -> dict[str, list[tuple[str, Sequence[float]]]]:
    return {
        key: [(box["label"], [round(share, 6) for share in box["box"]]) for box in each["objects"]]
        for key, each in targets(source).items()
    }


def test_rows_of_one_image_are_its_boxes_and_one_without_numbers_has_none(tmp_path):
    source = source_of(tmp_path, ROWS, box_columns=BOXES)
    assert boxes(source) == {
        "a.png": [("cat", [0, 0, 0.5, 0.5]), ("dog", [0.5, 0.5, 1, 1])],
        "b.png": [],
    }
    assert source.open().targets == {"objects": Boxes(names=("cat", "dog"))}


@pytest.mark.parametrize(
    ("numbers", "options"),
    [
        ("10,5,30,15", {"box_form": "corners"}),
        ("10,5,20,10", {"box_form": "width_height"}),
        ("20,10,20,10", {"box_form": "center"}),
        (".25,.25,.75,.75", {"box_unit": "shares"}),
        (".25,.25,.5,.5", {"box_unit": "shares", "box_form": "width_height"}),
        (".5,.5,.5,.5", {"box_unit": "shares", "box_form": "center"}),
    ],
)
def test_every_form_and_unit_of_a_box_says_the_same(tmp_path, numbers, options):
    text = f"file_name,label,x1,y1,x2,y2\na.png,cat,{numbers}\n"
    source = source_of(tmp_path, text, box_columns=BOXES, **options)
    assert boxes(source) == {"a.png": [("cat", [0.25, 0.25, 0.75, 0.75])]}


def test_a_box_may_stand_in_one_column_and_need_no_class(tmp_path):
    text = 'file_name,bbox\na.png,"[10, 5, 20, 10]"\nb.png,\n'
    options = {"box_columns": ("bbox",), "box_form": "width_height", **FLAGS}
    found = boxes(source_of(tmp_path, text, **options))
    assert found == {"a.png": [("object", [0.25, 0.25, 0.75, 0.75])], "b.png": []}


def test_one_wrong_row_sets_the_whole_image_aside(tmp_path):
    text = ROWS + "a.png,cat,100,100,120,120\nc.png,cat,0,0,1,x\n"
    source = source_of(tmp_path, text, box_columns=BOXES)
    found = {each.key: each.error for each in source.open().records}
    assert found["b.png"] is None
    assert "list.csv:5: expected a box of which half lies in the image" in found["a.png"]
    assert "list.csv:6: y2: expected a finite number" in found["c.png"]


def test_rows_of_one_image_must_agree_in_what_else_they_say(tmp_path):
    text = "file_name,label,x1,y1,x2,y2,who\na.png,c,0,0,9,9,tom\na.png,c,0,0,9,9,tim\n"
    source = source_of(tmp_path, text, box_columns=BOXES, group_column="who")
    assert refusal(source, tmp_path) == (
        "list.csv:3: expected the group to be the same in all lines of 'a.png', found '\"tom\"' "
        "and '\"tim\"'. Correct one of the lines."
    )


def test_rows_of_one_image_add_up_to_its_classes(tmp_path):
    text = "file_name,tag\na.png,cat\nb.png,dog\na.png,dog\na.png,cat\n"
    found = targets(source_of(tmp_path, text, labels_column="tag", **FLAGS))
    assert found == {"a.png": {"labels": ["cat", "dog"]}, "b.png": {"labels": ["dog"]}}


def test_several_rows_of_one_class_say_how_else_they_may_be_meant(tmp_path):
    source = source_of(tmp_path, "file_name,label\na.png,cat\nb.png,dog\na.png,dog\n")
    assert refusal(source, tmp_path).endswith(
        "Remove one of the lines, or say which columns are boxes (box_columns) or several classes "
        "(labels_column)."
    )


def test_ids_without_endings_name_the_image(tmp_path):
    source = source_of(tmp_path, "file_name,label\na,x\nb,y\n", ending="JPG")
    assert list(targets(source)) == ["a.JPG", "b.JPG"]


def test_an_id_of_two_images_or_of_none_is_an_error(tmp_path):
    source = source_of(tmp_path, "file_name,label\na,x\nb,y\ne,y\nc.jpg,x\nd,x\n")
    (tmp_path / "images/a.jpg").write_bytes(b"")
    (tmp_path / "images/e.txt").write_bytes(b"")
    found = [each.error for each in source.open().records if each.error is not None]
    assert [each.replace(f"{tmp_path}/", "") for each in found] == [
        "list.csv:2: expected one file called 'a' below images, found 'a.jpg' and 'a.png'. Write "
        "which one. Correct the line.",
        "list.csv:4: expected a file below images, found no 'e'. Correct the line.",
        "list.csv:5: expected a file below images, found no 'c.jpg'. Correct the line.",
    ]


def test_columns_and_tables_that_nothing_reads_are_named(tmp_path):
    text = "file_name,label,camera,\na.png,x,1,\nb.png,y,2,\nc.png,y,2,\nd.png,y,2,\n"
    source = source_of(tmp_path, text)
    (tmp_path / "images/old.csv").write_text("")
    assert source.open().notes == [
        "columns that nothing reads: 'camera'",
        "1 file was skipped: 'old.csv'",
    ]
