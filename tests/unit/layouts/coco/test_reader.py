"""The COCO source: the layouts it reads, with their traps, and what it refuses."""

import json
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reading import notes_of, put, reading

from dsbuilder.builder import build_dataset
from dsbuilder.errors import DataError
from dsbuilder.images import polygon, rle
from dsbuilder.layouts.coco.reader import Coco
from dsbuilder.plugin import Boxes, Instances, Keypoints, Mask, Text
from dsbuilder.proposal.recognition import LEAST, Candidate, weighed

read, targets, refusal = reading(Coco)
notes = partial(notes_of, Coco)

CATEGORIES = [{"id": 90, "name": "zebra"}, {"id": 18, "name": "dog"}]
BOX = {"image_id": 1, "category_id": 18, "bbox": [4, 3, 20, 15], "iscrowd": 0}
DOG = {"label": "dog", "box": [0.1, 0.1, 0.6, 0.6], "iscrowd": 0}
TRAIN, VAL = "annotations/instances_train2017.json", "annotations/instances_val2017.json"
NAMED = {"train": ("a.jpg", "b.jpg"), "val": ("c.jpg",)}
UNREAD = (
    "attributes that not every object has, or of several types, or whose name is taken, are not "
    "read"
)
OBJECTS = {"objects": {"train": TRAIN, "val": VAL}}


def images(*names: str) -> list[dict[str, Any]]:
    return [
        {"id": number, "file_name": name, "width": 40, "height": 30}
        for number, name in enumerate(names, start=1)
    ]


def document(names: tuple[str, ...], *annotations: dict[str, Any], **more: Any) -> str:
    numbered = [{"id": number, **each} for number, each in enumerate(annotations, start=1)]
    found = {"images": images(*names), "annotations": numbered, "categories": CATEGORIES, **more}
    return json.dumps(found)


def coco2017(root: Path, **more: str) -> Path:
    """The layout of COCO itself."""
    crowd = {**BOX, "category_id": 90, "iscrowd": 1}
    return put(
        root,
        {
            TRAIN: document(("a.jpg", "b.jpg"), BOX, crowd),
            VAL: document(("c.jpg",), BOX),
            "train2017/a.jpg": "",
            "train2017/b.jpg": "",
            "val2017/c.jpg": "",
            **more,
        },
    )


def single(root: Path, *annotations: dict[str, Any], **more: Any) -> Path:
    return put(root, {"a.json": document(("a.jpg",), *annotations, **more), "a.jpg": ""})


def test_boxes_of_every_split_are_read_from_where_the_images_lie(tmp_path):
    root = coco2017(tmp_path)
    records = read(root, **OBJECTS)
    assert [(each.key, each.split, each.path) for each in records.values()] == [
        ("train2017/a.jpg", "train", root / "train2017/a.jpg"),
        ("train2017/b.jpg", "train", root / "train2017/b.jpg"),
        ("val2017/c.jpg", "validation", root / "val2017/c.jpg"),
    ]
    assert records["train2017/a.jpg"].targets == {
        "objects": [DOG, {**DOG, "label": "zebra", "iscrowd": 1}]
    }
    assert records["train2017/b.jpg"].targets == {"objects": []}
    assert targets(root, **OBJECTS) == {
        "objects": Boxes(
            names=("dog", "zebra"), attributes=(("iscrowd", "int64"),), numbers=(18, 90)
        )
    }
    assert notes(root, **OBJECTS) == []


def test_the_layout_of_roboflow_is_read_where_names_of_images_are_those_of_other_splits(tmp_path):
    note = document(("0.jpg",), BOX)
    root = put(
        tmp_path,
        {
            f"{s}/{f}": t
            for s in ("train", "valid")
            for f, t in {"0.jpg": "", "_a.json": note}.items()
        },
    )
    records = read(root, objects={"train": "train/_a.json", "valid": "valid/_a.json"})
    assert {each.key: each.split for each in records.values()} == {
        "train/0.jpg": "train",
        "valid/0.jpg": "validation",
    }


def test_the_folder_of_a_split_wins_where_names_are_the_same_in_several(tmp_path):
    note = document(("0.jpg",), BOX)
    root = put(tmp_path, {TRAIN: note, VAL: note, "images/train/0.jpg": "", "images/val/0.jpg": ""})
    assert set(read(root, **OBJECTS)) == {"images/train/0.jpg", "images/val/0.jpg"}
    root = put(tmp_path / "x", {"a.json": note, "one/0.jpg": "", "two/0.jpg": ""})
    assert refusal(root, objects="a.json") == (
        "ROOT/a.json: expected its images in one folder below ROOT, found them in 'one/', "
        "'two/'. Say which with `images`."
    )
    assert set(read(root, objects="a.json", images="two")) == {"two/0.jpg"}
    assert set(read(root, objects={"train": "a.json"}, images={"train": "one/"})) == {"one/0.jpg"}


def test_file_names_may_have_folders_in_them(tmp_path):
    root = put(tmp_path, {"a.json": document(("x/1.jpg", "y/1.jpg")), "x/1.jpg": "", "y/1.jpg": ""})
    assert set(read(root, objects="a.json")) == {"x/1.jpg", "y/1.jpg"}


def test_names_with_spaces_quotes_and_chinese_letters_are_read(tmp_path):
    names = ('it\'s a "cat".jpg', "斑马 1.jpg")
    root = put(tmp_path, {"标 注.json": document(names, BOX), **dict.fromkeys(names, "")})
    assert set(read(root, objects="标 注.json")) == set(names)


def test_a_mask_is_made_of_polygons_and_run_lengths_larger_objects_first(tmp_path):
    square, inner = [[0, 0, 20, 0, 20, 20, 0, 20]], np.zeros((30, 40), np.uint8)
    inner[5:10, 5:10] = 1
    counts = {"counts": rle.encode(inner), "size": [30, 40]}
    root = single(
        tmp_path,
        {**BOX, "category_id": 90, "segmentation": counts, "area": 25},
        {**BOX, "segmentation": square, "area": 400},
        {**BOX, "category_id": 90, "segmentation": {"counts": rle.runs(counts["counts"])}},
    )
    (record,) = read(root, mask="a.json").values()
    target = targets(root, mask="a.json")["mask"]
    assert target == Mask(names=("background", "dog", "zebra"))
    mask = target.parse(record.targets["mask"])
    assert mask.shape == (30, 40)
    assert np.bincount(mask.ravel()).tolist() == [1200 - 400, 400 - 25, 25]
    assert mask[7, 7] == 2


def test_instances_are_objects_with_a_mask_each_of_polygons_or_run_lengths(tmp_path):
    parts, inner = [[0.25, 0, 20, 0, 20, 20], [30, 1, 38, 1, 34, 9.5]], np.zeros((30, 40), np.uint8)
    inner[5:10, 5:10] = 1
    packed = {"counts": rle.encode(inner), "size": [30, 40]}
    plain = {"counts": rle.runs(packed["counts"]), "size": [30, 40]}
    more = {"attributes": {"who": "Ann", "size": 3}}
    root = single(
        tmp_path,
        {**BOX, "segmentation": parts, **more},
        {**BOX, "category_id": 90, "segmentation": packed, **more},
        {**BOX, "category_id": 90, "segmentation": plain, "iscrowd": 1, **more},
        {**BOX, "segmentation": [], **more},
        {k: v for k, v in BOX.items() if k != "bbox"} | {"segmentation": parts[:1], **more},
    )
    (record,) = read(root, instances="a.json").values()
    target = targets(root, instances="a.json")["instances"]
    assert target == Instances(
        names=("dog", "zebra"),
        attributes=(("iscrowd", "int64"), ("who", "string")),
        numbers=(18, 90),
    )
    value = target.parse(record.targets["instances"])
    assert value.shape == (30, 40) and target.classes(value) == ["dog", "zebra", "zebra", "dog"]
    assert value.boxes.attributes["iscrowd"].tolist() == [0, 0, 1, 0]
    assert value.polygons(0) == parts and value.polygons(1) == value.polygons(2) == []
    assert np.array_equal(value.mask(0), polygon.fill(parts, (30, 40)))
    assert np.array_equal(value.mask(1), inner) and np.array_equal(value.mask(2), inner)
    assert value.boxes.corners[0].tolist() == pytest.approx([0.1, 0.1, 0.6, 0.6])
    left, top, right, bottom = value.boxes.corners[3] * (40, 30, 40, 30)  # around its pixels
    assert (left, top) == (pytest.approx(1), 0) and 18 < bottom <= right <= 20
    assert notes(root, instances="a.json") == [
        f"{UNREAD}: 'size'",
        "1 annotation has no segmentation, hence no place among instances",
    ]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"segmentation": [[0, 0, 1, 1]]}, "expected a segmentation of polygons"),
        ({"segmentation": {"counts": [3]}}, "expected run lengths of 40 x 30 pixels, found 3"),
        ({"segmentation": {"counts": "0", "size": [3, 4]}}, "expected run lengths of the image's"),
    ],
)
def test_instances_of_a_wrong_segmentation_are_set_aside(tmp_path, found, message):
    root = single(tmp_path, {**BOX, **found})
    assert f"ROOT/a.json: annotations[0]: {message}" in refusal(root, instances="a.json")


def test_a_category_may_say_of_pixels_that_they_do_not_count(tmp_path):
    root = single(tmp_path, {**BOX, "segmentation": [[0, 0, 4, 0, 4, 4]]})
    assert targets(root, mask="a.json", ignore="zebra")["mask"].ignore == 2
    assert "expected the category 'owl' of `ignore`" in refusal(root, mask="a.json", ignore="owl")


def test_keypoints_are_read_with_their_mirrored_pairs_and_edges(tmp_path):
    points = ["nose", "left_eye", "right_eye"]
    person = [{"id": 1, "name": "person", "keypoints": points, "skeleton": [[1, 2], [1, 3]]}]
    found = {**BOX, "category_id": 1, "keypoints": [20, 15, 2, 4, 3, 1, 0, 0, 0]}
    root = single(tmp_path, found, {**BOX, "category_id": 1}, categories=person)
    options = {"keypoints": "a.json", "objects": "a.json"}
    (record,) = read(root, **options).values()
    assert record.targets["keypoints"] == [[[0.5, 0.5, 2], [0.1, 0.1, 1], [0.0, 0.0, 0]]]
    assert len(record.targets["objects"]) == 2
    assert targets(root, **options)["keypoints"] == Keypoints(
        names=tuple(points),
        swaps=(("left_eye", "right_eye"),),
        edges=(("nose", "left_eye"), ("nose", "right_eye")),
    )


def test_keypoints_of_several_kinds_of_object_are_refused(tmp_path):
    kinds = [{"id": n, "name": f"c{n}", "keypoints": ["a"] * n} for n in (1, 2)]
    root = single(
        tmp_path, {"image_id": 1, "category_id": 1, "keypoints": [1, 1, 1]}, categories=kinds
    )
    assert "expected keypoints of one kind of object, found 'c1', 'c2'" in refusal(
        root, keypoints="a.json"
    )


def test_captions_are_a_text_with_a_line_for_each(tmp_path):
    told = [{"image_id": 1, "caption": text} for text in ("a dog", "a wet dog")]
    root = single(tmp_path, *told, categories=[])
    (record,) = read(root, text="a.json").values()
    assert record.targets == {"text": "a dog\na wet dog"}
    assert targets(root, text="a.json") == {"text": Text()}


def test_several_files_of_one_split_are_joined_by_their_images(tmp_path):
    captions = document(("a.jpg",), {"image_id": 1, "caption": "x"}, categories=[])
    root = put(single(tmp_path, BOX), {"captions.json": captions})
    (record,) = read(root, objects="a.json", text="captions.json").values()
    assert record.targets == {"objects": [DOG], "text": "x"}
    (root / "captions.json").write_text(document(("b.jpg",), {"image_id": 1, "caption": "x"}))
    assert refusal(root, objects="a.json", text="captions.json") == (
        "ROOT/captions.json: expected the images of a.json, found 'a.jpg' in one of them alone. "
        "Name files of the same images."
    )


@pytest.mark.parametrize("option", ["instances", "mask"])
def test_a_file_that_is_spelled_in_two_ways_is_read_once_with_its_polygons(tmp_path, option):
    root = single(tmp_path, {**BOX, "segmentation": [[0, 0, 9, 0, 9, 9]]})
    (record,) = read(root, **{"objects": "./a.json", option: "a.json"}).values()
    assert record.error is None and set(record.targets) == {"objects", option}
    (alone,) = read(root, **{option: "a.json"}).values()
    assert record.targets[option] == alone.targets[option]
    assert notes(root, **{"objects": "./a.json", option: "a.json"}) == []


def test_attributes_that_every_object_has_are_kept_and_others_reported(tmp_path):
    root = single(
        tmp_path,
        {**BOX, "attributes": {"occluded": True, "who": "x", "rare": 1}},
        {**BOX, "attributes": {"occluded": False, "who": "y"}},
    )
    assert targets(root, objects="a.json")["objects"].attributes == (
        ("iscrowd", "int64"),
        ("occluded", "int64"),
        ("who", "string"),
    )
    (record,) = read(root, objects="a.json").values()
    assert record.targets["objects"][0] == {**DOG, "occluded": 1, "who": "x"}
    assert notes(root, objects="a.json") == [f"{UNREAD}: 'rare'"]


def test_the_header_of_the_image_says_its_size_where_the_file_does_not(tmp_path):
    named = [{"id": 1, "file_name": "a.jpg"}]
    root = single(tmp_path, BOX, images=named)
    assert "ROOT/a.jpg: expected a size in its header" in refusal(root, objects="a.json")
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(root / "a.jpg")
    (record,) = read(root, objects="a.json").values()
    assert record.targets == {"objects": [DOG]}


def test_stray_and_repeated_things_are_counted(tmp_path):
    root = coco2017(tmp_path, **{"train2017/stray.jpg": "", "notes.txt": ""})
    (root / VAL).write_text(document(("c.jpg",), BOX, BOX))
    assert notes(root, **OBJECTS) == [
        "2 files were skipped: 1 .jpg, 1 .txt",
        f"annotations that are there twice count once: 1 of '{VAL}' left out",
    ]


def test_an_annotation_without_a_segmentation_is_reported_where_masks_are_made(tmp_path):
    root = single(
        tmp_path, {**BOX, "segmentation": []}, {**BOX, "segmentation": [[0, 0, 9, 0, 9, 9]]}
    )
    assert notes(root, mask="a.json") == [
        "1 annotation has no segmentation, hence no place in a mask"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (document(("gone.jpg",), BOX), "found none, such as 'gone.jpg'"),
        (document(("a.jpg", "gone.jpg"), BOX), "ROOT/a.json: expected a file below ROOT, found no"),
        (document(("../a.jpg",), BOX), "ROOT/a.json: file_name: expected a path without '..'"),
        (document(("/etc/passwd",), BOX), "file_name: expected a relative path"),
        (document(("a.jpg",), {**BOX, "bbox": [31, 3, 20, 4]}), "annotations[0]: expected a box"),
        (document(("a.jpg",), {"image_id": 1, "bbox": [0, 0, 1, 1]}), "there is no 'category_id'"),
        (document(("a.jpg",), {"image_id": 1, "caption": "x"}), "no annotation has 'bbox'"),
        (document(()), "ROOT: there are no images in 'a.json'"),
        (document(("a.jpg",), categories=[]), "there are no categories in 'a.json'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, message):
    root = put(tmp_path, {"a.json": text, "a.jpg": ""})
    told = refusal(root, objects="a.json")
    assert message in told
    assert told.count("ROOT/a.json") <= 1


def test_paths_that_lead_out_are_refused(tmp_path):
    root = single(tmp_path / "root", BOX)
    put(tmp_path, {"b.json": document(("b.jpg",), BOX), "b.jpg": ""})
    assert "expected a path without '..'" in refusal(root, objects="../b.json")
    (root / "b.jpg").symlink_to(tmp_path / "b.jpg")
    (root / "b.json").write_text(document(("b.jpg",), BOX))
    assert "which links to" in refusal(root, objects="b.json")
    assert "expected a path without '..'" in refusal(root, objects="a.json", images="..")


def test_an_image_in_two_splits_is_refused(tmp_path):
    root = put(single(tmp_path, BOX), {"b.json": document(("a.jpg",), BOX)})
    assert "found 'a.jpg' again in train and validation" in refusal(
        root, objects={"train": "a.json", "val": "b.json"}
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"images": "a"},
            "at least one annotation file is needed, of objects, instances, mask, keypoints, text.",
        ),
        ({"objects": {"trian": "a"}}, "expected names of splits, found 'trian'. Did you mean"),
        ({"objects": {}}, "objects: there is no split"),
        ({"objects": {"val": "a", "dev": "b"}}, "expected each split once, found val, dev"),
        ({"objects": "a", "text": {"train": "b"}}, "text: expected a file for no split"),
        ({"objects": "a", "ignore": "x"}, "ignore: there is no 'mask' beside it"),
        ({"objects": "a", "images": {"x": "y"}}, "images: expected names of splits, found 'x'"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Coco(path=tmp_path, **options)


def test_without_options_there_must_be_an_export(tmp_path):
    root = single(tmp_path, BOX)
    assert refusal(root).startswith(
        "ROOT: at least one annotation file is needed, of objects, instances, mask, keypoints, "
        "text, or an export with dsbuilder.json. Name files, such as objects: {train: "
    )


PIECES = ["", "0", "-", '"', "{}", "[", "null", "1e9", ",", "é", "..", "\\u0000", "true"]


@given(st.integers(0, 700), st.integers(0, 9), st.sampled_from(PIECES))
def test_a_changed_file_is_read_rightly_or_refused(tmp_path_factory, start, length, piece):
    root = tmp_path_factory.getbasetemp() / "changed"
    shutil.rmtree(root, ignore_errors=True)
    segmented = {**BOX, "segmentation": [[0, 0, 9, 0, 9, 9]], "attributes": {"a": 1}}
    single(root, segmented, {**segmented, "iscrowd": 1})
    text = (root / "a.json").read_text()
    (root / "a.json").write_text(text[:start] + piece + text[start + length :], encoding="utf-8")
    source = Coco(path=root, objects="a.json", mask="a.json")
    try:
        catalog = source.open()
        records, kinds = catalog.records, catalog.targets
        if any(each.error for each in records) or any("left out" in n for n in catalog.notes):
            return
        parsed = [
            {name: kind.parse(record.targets[name]) for name, kind in kinds.items()}
            for record in records
        ]
    except DataError:
        return
    stated = json.loads((root / "a.json").read_text(encoding="utf-8"))
    assert len(records) == len({json.dumps(each) for each in stated["images"]})
    boxes = sum(len(each["objects"]) for each in parsed)
    assert boxes == len({json.dumps({**a, "id": 0}, sort_keys=True) for a in stated["annotations"]})


def test_the_layout_of_coco_is_recognized_with_every_file_in_its_place(tmp_path):
    captions = {}
    for split, names in (("train", ("a.jpg", "b.jpg")), ("val", ("c.jpg",))):
        told = [{"image_id": n, "caption": "x"} for n in range(1, len(names) + 1)]
        captions[f"annotations/captions_{split}2017.json"] = document(names, *told, categories=[])
    root = coco2017(tmp_path, **captions)
    found = Coco.signs(root)
    assert found.evidence == "declared"
    assert not found.contradictions
    assert found.options == {
        "path": ".",
        "objects": {"train": TRAIN, "validation": VAL},
        "text": {
            "train": "annotations/captions_train2017.json",
            "validation": "annotations/captions_val2017.json",
        },
    }
    assert "annotate objects, text (3 images, 2 categories: 'dog', 'zebra')" in found.reason
    assert len(read(root, **{k: v for k, v in found.options.items() if k != "path"})) == 3


def test_images_of_one_name_in_two_splits_are_counted_twice(tmp_path):
    found = Coco.signs(coco2017(tmp_path, **{VAL: document(("a.jpg",))}))
    assert "annotate objects (3 images" in found.reason


def test_one_file_without_a_split_is_recognized(tmp_path):
    root = single(tmp_path, {**BOX, "segmentation": [[0, 0, 9, 0, 9, 9]]})
    assert Coco.signs(root).options == {"path": ".", "objects": "a.json", "mask": "a.json"}


def test_a_split_without_any_boxes_is_recognized_with_the_others(tmp_path):
    kept = {f"annotations/captions_{each}2017.json": name for each, name in NAMED.items()}
    captions = {
        path: document(
            names, *({"image_id": n + 1, "caption": "x"} for n in range(len(names))), categories=[]
        )
        for path, names in kept.items()
    }
    root = coco2017(tmp_path, **captions | {VAL: document(("c.jpg",))})
    found = Coco.signs(root)
    assert found.options["objects"] == {"train": TRAIN, "validation": VAL}
    assert found.options["text"] == dict(zip(("train", "validation"), kept, strict=True))
    options = {name: each for name, each in found.options.items() if name != "path"}
    assert read(root, **options)["val2017/c.jpg"].targets == {"objects": [], "text": "x"}


def test_a_split_without_boxes_does_not_take_those_of_its_masks(tmp_path):
    covered = {**BOX, "segmentation": [[0, 0, 9, 0, 9, 9]]}
    stuff = {"train": "annotations/stuff_train.json", "validation": "annotations/stuff_val.json"}
    masks = {
        stuff["train"]: document(("a.jpg", "b.jpg"), covered),
        stuff["validation"]: document(("c.jpg",), covered),
    }
    found = Coco.signs(coco2017(tmp_path, **masks | {VAL: document(("c.jpg",))}))
    objects = {"train": TRAIN, "validation": VAL}
    assert found.options == {"path": ".", "objects": objects, "mask": stuff}


def test_an_empty_file_replaces_none_that_says_something_and_holds_no_captions(tmp_path):
    empty = document(("c.jpg",))
    told = document(("a.jpg", "b.jpg"), {"image_id": 1, "caption": "x"})
    files = {"captions_train.json": told, "captions_val.json": empty, "a/" + VAL: empty}
    found = Coco.signs(coco2017(tmp_path, **files))
    assert found.options == {"path": ".", "objects": {"train": TRAIN, "validation": VAL}}
    assert found.reason.endswith(
        f"; not used: '{'a/' + VAL}', 'captions_train.json', 'captions_val.json'"
    )


def test_files_that_are_empty_throughout_are_no_set(tmp_path):
    found = Coco.signs(put(tmp_path, {"train.json": document(("a.jpg",)), "a.jpg": ""}))
    assert found.evidence is None


def test_a_file_too_large_to_be_read_now_is_taken_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("dsbuilder.layouts.coco.signs._READ_BYTES", 10)
    found = Coco.signs(coco2017(tmp_path))
    assert found.options["objects"] == {"train": TRAIN, "validation": VAL}
    assert "files are too large to be looked into" in found.reason


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a/1.png": ""}, "no JSON file with images and annotations lies in it"),
        ({"a.json": "[1]"}, "no JSON file with images and annotations lies in it"),
        ({"a.json": '{"images": [3], "annotations": []}'}, "a.json: images[0]: expected an object"),
        ({"a.json": document(("gone.jpg",), BOX)}, "but 1 of these are not there"),
    ],
)
def test_other_layouts_are_not_taken_for_it(tmp_path, files, reason):
    found = Coco.signs(put(tmp_path, files))
    assert found.evidence is None or found.contradictions == ["1 of these are not there"]
    taken = Candidate(source="coco", signs=found, certainty=weighed(found))
    assert taken.certainty < LEAST
    assert reason in taken.reason


def test_an_image_turned_by_its_camera_does_not_carry_boxes_of_its_stored_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    path = tmp_path / "set/images/a.jpg"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(path, exif=exif)
    found = {"images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}]}
    found |= {"annotations": [{"id": 1, **BOX}], "categories": CATEGORIES}
    (tmp_path / "set/a.json").write_text(json.dumps(found))
    (tmp_path / "p.yaml").write_text(
        "name: set\nsource: {use: coco, path: set, objects: a.json, images: images}\n"
        "split: {train: 1.0}\nfinish: [{use: resize, size: [16, 16]}]\n"
    )
    with pytest.raises(DataError, match="upright image of 40 x 30, as its annotation states"):
        build_dataset(tmp_path / "p.yaml", tmp_path / "out", workers=0)


def test_keys_that_nothing_reads_are_named_with_their_counts(tmp_path):
    root = single(
        tmp_path, {**BOX, "occluded": 1, "attributes": {"old": 1}}, {**BOX, "occluded": 0}
    )
    found = json.loads((root / "a.json").read_text())
    found["images"] = [{**each, "license": 1, "weather": "fog"} for each in found["images"]]
    (root / "a.json").write_text(json.dumps(found))
    count = len(found["images"])
    said = notes(root, objects="a.json")
    assert "keys of annotations that nothing reads: 'occluded' (2)" in said
    assert f"keys of images that nothing reads: 'license' ({count}), 'weather' ({count})" in said
