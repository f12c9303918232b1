"""The COCO exporter: what its files and the sidecar say together is read again as it was."""

import json
import re

import numpy as np
import pytest
from detection import ONE_OBJECT, assert_masks_come_back, build, build_masks, pairs, photographs
from PIL import Image

import dsbuilder
from dsbuilder.actions.export import export
from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.layouts.coco import writer
from dsbuilder.layouts.coco.reader import Coco
from dsbuilder.plugin import PointSet

STUFF = "annotations/stuff_train.json"


def test_a_class_that_a_user_ignores_stays_one_among_the_ids(tmp_path):
    dataset = build(tmp_path, ONE_OBJECT, more=", ignore: 斑马")
    export(dataset, tmp_path / "coco", to="coco")
    stuff = {split: f"annotations/stuff_{split}.json" for split in dataset.splits}
    for options in ({}, {"ignore": "斑马"}):
        source = Coco(path=tmp_path / "coco", mask=stuff, **options)
        total = 0
        for sample, values in pairs(dataset, source, "images/{split}/"):
            assert values["kinds"]["mask"].ignore == 2
            assert np.array_equal(values["mask"] == 2, sample.targets["mask"] == 2)
            total += int((values["mask"] == 2).sum())
        assert total == 50


def test_a_class_that_is_called_ignore_is_not_taken_for_pixels_to_ignore(tmp_path):
    dataset = build_masks(tmp_path / "set", background="ignore", ignore=", ignore: 255")
    export(dataset, tmp_path / "coco", to="coco")
    assert_masks_come_back(dataset, Coco(path=tmp_path / "coco", mask=STUFF))


def test_without_the_sidecar_categories_alone_are_the_classes(tmp_path):
    export(build_masks(tmp_path / "set", background="sky"), tmp_path / "coco", to="coco")
    (tmp_path / "coco/dsbuilder.json").unlink()
    target = Coco(path=tmp_path / "coco", mask=STUFF).open().targets["mask"]
    assert (target.names, target.ignore) == (("background", "sky", "sea", "ignore"), None)


def test_an_export_is_read_without_options_and_a_file_that_it_lacks_is_missed(tmp_path):
    dataset = build_masks(tmp_path / "set", background="sky")
    export(dataset, tmp_path / "coco", to="coco")
    source = Coco(path=tmp_path / "coco")
    assert_masks_come_back(dataset, source)
    assert not source.open().notes
    assert tmp_path / "coco" / STUFF in source.open().watches()
    (tmp_path / "coco" / STUFF).unlink()
    with pytest.raises(DataError, match="at least one annotation file is needed"):
        source.open().scan()


def test_files_have_no_more_in_them_than_the_format_asks_for(tmp_path):
    export(build(tmp_path / "set", ONE_OBJECT), tmp_path / "coco", to="coco")
    for path in (tmp_path / "coco/annotations").glob("*.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found["info"] == {}
        assert set(found) <= {"info", "licenses", "images", "annotations", "categories"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"names": ["sky"], "ignore": 255}, "names that dsbuilder.json states, found 'sea' beside"),
        ({"names": "sky"}, "found: mask: names: expected tuple[str, ...], found 'sky'"),
        ({"nams": ["sky"]}, "found: mask: found no 'names'"),
        ({"names": [], "ignore": 5}, "found: expected 1 to 256 classes in a mask, found 0"),
        (3, "expected targets as an export describes them"),
    ],
)
def test_what_the_sidecar_says_of_masks_must_fit(tmp_path, change, told):
    export(build_masks(tmp_path / "set", background="sky"), tmp_path / "coco", to="coco")
    path = tmp_path / "coco/dsbuilder.json"
    found = json.loads(path.read_text())
    described = {"kind": "mask", **change} if isinstance(change, dict) else change
    found["signature"]["targets"] = {"mask": described}
    path.write_text(json.dumps(found))
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        Coco(path=tmp_path / "coco", mask=STUFF).open().scan()
    assert str(caught.value).startswith(str(tmp_path / "coco"))


def test_points_of_other_names_than_the_sidecar_states_are_refused(tmp_path):
    export(build(tmp_path / "set", ONE_OBJECT), tmp_path / "coco", to="coco")
    path = tmp_path / "coco/annotations/person_keypoints_train.json"
    path.write_text(path.read_text().replace("nose", "beak"))
    with pytest.raises(
        DataError, match=r"names that dsbuilder\.json states, found 'beak', 'left_e"
    ):
        Coco(
            path=tmp_path / "coco", keypoints=str(path.relative_to(tmp_path / "coco"))
        ).open().scan()


def test_captions_that_are_all_empty_are_read(tmp_path):
    Image.fromarray(photographs()[0]).save(tmp_path / "a.png")
    (tmp_path / "p.yaml").write_text(
        "name: silent\nsource: {use: imagefolder, path: .}\nsplit: {train: 1}\n"
    )
    (tmp_path / "metadata.csv").write_text('file_name,text\na.png,""\n')
    built = build_dataset(tmp_path / "p.yaml", tmp_path / "out", workers=0)
    export(dsbuilder.load(built.path), tmp_path / "coco", to="coco")
    options = {**Coco.signs(tmp_path / "coco").options, "path": tmp_path / "coco"}
    [record] = Coco(**options).open().records
    assert record.targets == {"text": ""}


def test_boxes_of_which_there_are_none_at_all_are_recognized(tmp_path):
    export(build(tmp_path / "set", [[]] * 5), tmp_path / "coco", to="coco")
    options = Coco.signs(tmp_path / "coco").options
    assert set(options) == {"path", "objects", "mask", "keypoints", "text"}


@pytest.mark.parametrize(("to", "name"), [("coco", "iscrowd"), ("voc", "difficult")])
def test_a_flag_of_boxes_that_is_none_is_refused(tmp_path, to, name):
    Image.fromarray(photographs()[0]).save(tmp_path / "a.png")
    row = {"bbox": [[1, 2, 3, 4]], "categories": ["cat"], name: [7]}
    (tmp_path / "metadata.jsonl").write_text(json.dumps({"file_name": "a.png", "objects": row}))
    (tmp_path / "p.yaml").write_text(
        f"name: odd\nsource: {{use: imagefolder, path: ., attributes: [{name}]}}\n"
        "split: {train: 1}\n"
    )
    built = build_dataset(tmp_path / "p.yaml", tmp_path / "out", workers=0)
    with pytest.raises(DataError, match=f"'a.png': .*'{name}' of boxes to be 0 or 1, found 7"):
        export(dsbuilder.load(built.path), tmp_path / to, to=to)


def test_keypoints_have_the_class_and_the_box_of_their_object(tmp_path):
    export(build(tmp_path / "set", ONE_OBJECT), tmp_path / "coco", to="coco")
    boxes, points = (
        json.loads((tmp_path / f"coco/annotations/{kind}_train.json").read_text(encoding="utf-8"))
        for kind in ("instances", "person_keypoints")
    )
    assert [each["name"] for each in points["categories"]] == [
        each["name"] for each in boxes["categories"]
    ]
    assert points["annotations"]
    by_image = {each["image_id"]: each for each in boxes["annotations"]}
    for each in points["annotations"]:
        other = by_image[each["image_id"]]
        for name in ("category_id", "bbox", "area", "iscrowd"):
            assert each[name] == other[name]


def test_keypoints_of_fewer_objects_than_boxes_find_theirs():
    points = PointSet(
        points=np.array([[[0.6, 0.6], [0.7, 0.7]], [[0.1, 0.9], [0.1, 0.9]]], np.float32),
        visibility=np.array([[2, 2], [2, 0]]),
    )
    boxes = [
        {"category_id": n, "bbox": bounds, "area": bounds[2] * bounds[3], "iscrowd": 0}
        for n, bounds in enumerate([[0, 0, 100, 80], [50, 50, 30, 30], [0, 0, 20, 20]])
    ]
    found = list(writer._points(points, (100, 100), boxes, 7))
    assert [each["category_id"] for each in found] == [1, 7]
    assert found[0]["bbox"] == [50, 50, 30, 30]
