"""The VOC exporter: what other tools read of it, and what it refuses."""

import json

import pytest
from detection import ONE_OBJECT, POINTS, assert_masks_come_back, build, build_masks

from dsbuilder.actions.export import export
from dsbuilder.errors import DataError
from dsbuilder.layouts.coco.annotation import CocoCategory
from dsbuilder.layouts.voc.reader import Voc


def test_voc_cannot_hold_boxes_around_a_background(tmp_path):
    names = [CocoCategory(id=20, name="background", keypoints=POINTS)]
    dataset = build(tmp_path, ONE_OBJECT, categories=names)
    with pytest.raises(DataError, match="found 'background', which VOC takes for pixels of no"):
        export(dataset, tmp_path / "voc", to="voc")
    assert not (tmp_path / "voc").exists()


def test_the_labelmap_has_a_class_a_line_and_nothing_of_ours(tmp_path):
    export(build_masks(tmp_path / "set", background="sky"), tmp_path / "voc", to="voc")
    assert (tmp_path / "voc/labelmap.txt").read_text() == (
        "# label:color_rgb:parts:actions\nsky:0,0,0::\nsea:128,0,0::\n"
    )


def test_without_the_sidecar_the_labelmap_names_the_classes(tmp_path):
    export(build_masks(tmp_path / "set", background="sky"), tmp_path / "voc", to="voc")
    (tmp_path / "voc/dsbuilder.json").unlink()
    target = Voc(path=tmp_path / "voc", objects=False, mask=True).open().targets["mask"]
    assert (target.names, target.ignore) == (("sky", "sea"), 255)


def test_given_classes_count_before_those_of_the_sidecar(tmp_path):
    dataset = build_masks(tmp_path / "set", background="background")
    export(dataset, tmp_path / "voc", to="voc")
    assert_masks_come_back(dataset, Voc(path=tmp_path / "voc", objects=False, mask=True))
    again = Voc(path=tmp_path / "voc", objects=False, mask=True, classes=("water",))
    assert again.open().targets["mask"].names == ("background", "water")


def test_attributes_that_the_dataset_had_not_are_not_read(tmp_path):
    export(build(tmp_path / "set", ONE_OBJECT), tmp_path / "voc", to="voc")
    found = Voc(path=tmp_path / "voc").open().targets["objects"]
    assert found.attributes == (("difficult", "int64"),)
    path = tmp_path / "voc/dsbuilder.json"
    stated = json.loads(path.read_text(encoding="utf-8"))
    stated["signature"]["targets"]["objects"]["attributes"] = []
    path.write_text(json.dumps(stated))
    assert Voc(path=tmp_path / "voc").open().targets["objects"].attributes == ()
