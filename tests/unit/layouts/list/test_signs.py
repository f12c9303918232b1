"""What lists seem to hold: the splits of their folders, one-hot tables, boxes, own targets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsbuilder.layouts.list.reader import ImageList
from dsbuilder.plugin import Signs

COUNT = 12


def images(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(folder / f"{name}.png")


def table(path: Path, header: str, rows: Sequence[str], *, ending: str = ".png") -> None:
    """Writes a table of rows, each with the name of an image before it."""
    lines = [f"{number % COUNT}{ending},{row}" for number, row in enumerate(rows)]
    path.write_text("\n".join([header, *lines]) + "\n")


def recognized(root: Path, header: str, rows: Sequence[str], *, ending: str = ".png") -> Signs:
    images(root, [str(number) for number in range(COUNT)])
    table(root / "all.csv", header, rows, ending=ending)
    return ImageList.signs(root)


def records_of(root: Path, signs: Signs) -> Mapping[str, Any]:
    """Returns key -> (split, targets) of what the proposed options read."""
    options = dict(signs.options)
    for name in ("path", "list"):
        if name in options:
            options[name] = root / str(options[name])
    if "lists" in options:
        lists: Any = options["lists"]
        options["lists"] = {
            split: (root / folder, root / path) for split, (folder, path) in lists.items()
        }
    found = ImageList(**options).open().records  # type: ignore[arg-type]
    assert not any(each.error for each in found)
    return {each.key: (each.split, each.targets) for each in found}


@pytest.mark.parametrize("name", ["labels.csv", "_classes.csv"])
def test_tables_in_the_folders_of_splits_are_taken_together(tmp_path, name):
    for split, count in {"train": 6, "valid": 3, "test": 2}.items():
        names = [f"{split}{number}" for number in range(count)]
        images(tmp_path / split, names)
        lines = [f"{each}.png,{'ab'[place % 2]}" for place, each in enumerate(names)]
        (tmp_path / split / name).write_text("\n".join(["filename,label", *lines]))
    found = ImageList.signs(tmp_path)
    assert (found.evidence, found.explained) == ("declared", 1)
    splits = [split for split, _ in records_of(tmp_path, found).values()]
    counts = {split: splits.count(split) for split in splits}
    assert counts == {"train": 6, "validation": 3, "test": 2}


def test_few_rows_of_one_split_change_no_kind(tmp_path):
    for split, cells in {"train": ["0", "1"] * 6, "test": ["0", "1"]}.items():
        images(tmp_path / split, [str(number) for number in range(COUNT)])
        table(tmp_path / split / "labels.csv", "file_name,label", cells)
    assert "lists" in ImageList.signs(tmp_path).options
    assert "value_columns" not in ImageList.signs(tmp_path).options


def test_a_list_without_labels_and_a_shorter_one_are_named(tmp_path):
    images(tmp_path / "train", [str(number) for number in range(COUNT)])
    images(tmp_path / "test", ["0", "1"])
    table(tmp_path / "train.csv", "id,breed", ["pug", "boxer"] * 6, ending="")
    table(tmp_path / "train_old.csv", "id,breed", ["pug", "boxer"], ending="")
    (tmp_path / "test.csv").write_text("id\n0\n1\n")
    found = ImageList.signs(tmp_path)
    assert found.options["path"] == "train"
    assert set(records_of(tmp_path, found)) == {f"{number}.png" for number in range(COUNT)}
    told = found.comments["list"].partition("lists that are not read: ")[2]
    assert "train_old.csv" in told
    assert "test.csv (has no column that is plainly the label" in told


@pytest.mark.parametrize(
    ("header", "rows", "options"),
    [
        ("file,cat,dog,pig", ["1,0,0", "0,1,0", "0,0,1"] * 4, "one_hot_columns"),
        ("file,cat,dog,pig", ["1,0,0", "0,1,1", "0,0,0"] * 4, "multi_hot_columns"),
        ("file,cat,dog,pig", ["1.0,0,0", "0,1,1", "0,0,0"] * 4, "multi_hot_columns"),
    ],
)
def test_columns_of_0_and_1_are_classes_and_not_numbers(tmp_path, header, rows, options):
    found = recognized(tmp_path, header, rows)
    assert found.options[options] == ("cat", "dog", "pig")
    assert len(records_of(tmp_path, found)) == COUNT


def test_a_label_beside_a_flag_stays_the_label(tmp_path):
    found = recognized(tmp_path, "file,label,checked", ["0,1", "1,1", "1,0"] * 4)
    assert found.options.keys() == {"path", "list", "image_column"}
    assert found.comments["list"].endswith("columns that are not read: checked")


@pytest.mark.parametrize("cells", [("0", "1"), ("m", "f")])
def test_age_and_gender_are_two_targets(tmp_path, cells):
    rows = [f"{20 + number},{cells[number % 2]}" for number in range(COUNT)]
    found = recognized(tmp_path, "path,age,gender", rows)
    assert found.evidence == "declared"
    assert found.options["target_columns"] == {"age": "value", "gender": "class"}
    _, first = records_of(tmp_path, found)["1.png"]
    assert first == {"age": 21.0, "gender": cells[1]}


@pytest.mark.parametrize("header", ["f,x,y", "f,p1,p2", "f,eye_x,eye_y", "f,u,v"])
def test_columns_of_one_series_are_one_vector(tmp_path, header):
    found = recognized(tmp_path, header, [f"{n},{n * 2}" for n in range(COUNT)])
    assert found.options["value_columns"] == tuple(header.split(",")[1:])


def test_what_may_be_a_label_and_what_is_a_text_is_less_sure(tmp_path):
    rows = [f"{n},digest {n * 7}" for n in range(COUNT)]
    found = recognized(tmp_path, "path,bytes,sha", rows)
    assert (found.evidence, found.options["value_columns"]) == ("possible", ("bytes",))
    assert found.comments["list"].endswith("columns that are not read: sha")


@pytest.mark.parametrize(
    ("header", "row", "form"),
    [
        ("file,width,height,class,xmin,ymin,xmax,ymax", "40,20,cat,10,5,30,15", "corners"),
        ("file,class,x,y,w,h", "cat,10,5,20,10", "width_height"),
        ("file,label,x_center,y_center,width,height", "cat,20,10,20,10", "center"),
        ("file,bbox,label", '"[10, 5, 20, 10]",cat', "width_height"),
        ("file,LabelName,XMin,XMax,YMin,YMax", "cat,0.25,0.75,0.25,0.75", "corners"),
    ],
)
def test_several_rows_an_image_are_boxes(tmp_path, header, row, form):
    found = recognized(tmp_path, header, [row] * (COUNT + 2))
    assert found.options["box_form"] == form
    _, targets = records_of(tmp_path, found)["0.png"]
    box = {"label": "cat", "box": [0.25, 0.25, 0.75, 0.75]}
    assert targets == {"objects": [box, box]}


def test_several_rows_an_image_with_other_classes_are_several_classes(tmp_path):
    found = recognized(tmp_path, "file,tag", ["a", "b"] * 6 + ["b", "a"])
    assert found.options["labels_column"] == "tag"
    assert records_of(tmp_path, found)["0.png"] == (None, {"labels": ["a", "b"]})


def test_ids_lie_deeper_too_and_each_split_in_its_own_folder(tmp_path):
    for split in ("train", "test"):
        images(tmp_path / "images" / split, [str(number) for number in range(COUNT)])
        table(tmp_path / f"{split}.csv", "id,kind", ["a", "b"] * 6, ending="")
    found = ImageList.signs(tmp_path)
    assert found.options["lists"] == {
        "train": ("images/train", "train.csv"),
        "test": ("images/test", "test.csv"),
    }
    assert len(records_of(tmp_path, found)) == 2 * COUNT


@pytest.mark.parametrize(
    ("header", "row", "targets"),
    [
        ("label,confidence", "{},0.{}", {"label": "cat"}),
        ("mood,confidence", "{},0.{}", {"label": "cat"}),
        ("mood,age,mood_confidence", "{0},1{1},0.{1}", {"mood": "cat", "age": 10.0}),
    ],
)
def test_how_sure_a_model_is_of_a_label_is_no_label(tmp_path, header, row, targets):
    rows = [row.format(("cat", "dog")[number % 2], number) for number in range(COUNT)]
    signs = recognized(tmp_path, f"file_name,{header}", rows)
    assert records_of(tmp_path, signs)["0.png"][1] == targets
    assert "columns that are not read: " in signs.comments["list"]
