"""The YOLO source: the layouts it reads, with their traps, and what it refuses."""

import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reading import notes_of, put, reading

from dsbuilder.errors import DataError
from dsbuilder.layouts.yolo.reader import Yolo
from dsbuilder.plugin import Boxes, Keypoints

read, targets, refusal = reading(Yolo)
notes = partial(notes_of, Yolo)

DATA = "path: .\ntrain: images/train\nval: images/val\nnames: {0: cat, 1: dog}\n"
CAT = [{"label": "cat", "box": [0.25, 0.25, 0.75, 0.75]}]
LINE = "0 0.5 0.5 0.5 0.5\n"


def coco8(root: Path, **more: str) -> Path:
    """The layout of Ultralytics' own example: coco8."""
    return put(
        root,
        {
            "data.yaml": DATA,
            "images/train/a.jpg": "",
            "images/train/deep/b.jpg": "",
            "images/val/c.png": "",
            "labels/train/a.txt": LINE,
            "labels/train/deep/b.txt": "",
            "labels/val/c.txt": LINE + "1 0.5 0.5 1 1\n",
            **more,
        },
    )


def test_images_and_labels_of_every_split_are_read(tmp_path):
    records = read(coco8(tmp_path))
    assert [(each.key, each.split, each.path) for each in records.values()] == [
        ("images/train/a.jpg", "train", tmp_path / "images/train/a.jpg"),
        ("images/train/deep/b.jpg", "train", tmp_path / "images/train/deep/b.jpg"),
        ("images/val/c.png", "validation", tmp_path / "images/val/c.png"),
    ]
    assert records["images/train/a.jpg"].targets == {"objects": CAT}
    assert records["images/train/deep/b.jpg"].targets == {"objects": []}
    assert len(records["images/val/c.png"].targets["objects"]) == 2
    assert notes(tmp_path) == []


def test_classes_are_those_of_data_yaml_in_the_order_of_ids_with_gaps_or_none(tmp_path):
    root = coco8(tmp_path)
    (root / "data.yaml").write_text(DATA.replace("{0: cat, 1: dog}", "{9: bird, 0: cat, 1: dog}"))
    source = Yolo(path=root)
    targets = source.open().targets
    assert targets == {"objects": Boxes(names=("cat", "dog", "bird"))}


def test_the_layout_of_roboflow_is_read(tmp_path):
    data = "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['cat']\n"
    put(
        tmp_path,
        {
            "data.yaml": data,
            "train/images/a.jpg": "",
            "train/labels/a.txt": LINE,
            "valid/images/b.jpg": "",
            "valid/labels/b.txt": LINE,
        },
    )
    assert {each.key: each.split for each in read(tmp_path).values()} == {
        "train/images/a.jpg": "train",
        "valid/images/b.jpg": "validation",
    }


def test_a_list_of_images_is_a_place_as_well(tmp_path):
    root = coco8(
        tmp_path, **{"train.txt": "\ufeff./images/train/a.jpg\r\nimages/val/c.png\r\n\r\n"}
    )
    (root / "data.yaml").write_text("names: [cat, dog]\ntrain: train.txt\n")
    assert set(read(root)) == {"images/train/a.jpg", "images/val/c.png"}
    assert notes(root) == ["2 files were skipped: 1 .jpg, 1 .txt"]


def test_a_missing_label_file_is_a_background_and_reported(tmp_path):
    root = coco8(tmp_path)
    (root / "labels/train/a.txt").unlink()
    assert read(root)["images/train/a.jpg"].targets == {"objects": []}
    assert notes(root) == ["1 image has no label file, hence no objects: 'images/train/a.jpg'"]


def test_no_label_file_at_all_is_an_error(tmp_path):
    root = coco8(tmp_path)
    (root / "labels").rename(root / "annotations")
    assert refusal(root) == (
        "ROOT: no label file is there for any of 3 images; that of "
        "'images/train/a.jpg' would be 'labels/train/a.txt'. Check the folders."
    )


def test_rows_and_images_that_are_there_twice_count_once_and_are_reported(tmp_path):
    root = coco8(tmp_path, **{"more.txt": "images/train/a.jpg\nimages/train/a.jpg\n"})
    (root / "labels/train/a.txt").write_text(LINE * 3)
    (root / "data.yaml").write_text("names: [cat, dog]\ntrain: more.txt\nval: images/val\n")
    assert read(root)["images/train/a.jpg"].targets == {"objects": CAT}
    assert notes(root)[-2:] == [
        "boxes that are there twice count once: 2 left out",
        "images that are listed twice count once: 1 left out",
    ]


def test_stray_images_labels_and_other_files_are_skipped_and_counted(tmp_path):
    root = coco8(tmp_path, **{"images/x.jpg": "", "labels/train/gone.txt": LINE, "README": ""})
    assert set(read(root)) == set(read(coco8(tmp_path / "again")))
    shutil.rmtree(tmp_path / "again")
    assert notes(root)[-1] == ("3 files were skipped: 1 .jpg, 1 .txt, 1 without an extension")


def test_what_is_read_and_what_is_skipped_are_all_files(tmp_path):
    root = coco8(tmp_path, **{"images/x.jpg": "", "labels/gone.txt": "", "a.md": ""})
    read_files = len(read(root)) + 3 + 1  # images, label files, data.yaml
    skipped = int(re.search(r"(\d+) files were skipped", notes(root)[0]).group(1))
    assert read_files + skipped == sum(path.is_file() for path in root.rglob("*"))


TRIANGLE = "0 0 0 1 0 0 1\n1 0 0 0.5 0 0 0.5\n"
POSE = "names: [cat]\ntrain: images\nkpt_shape: [3, 3]\nflip_idx: [0, 2, 1]\n"


def segments(root: Path) -> Path:
    files = {"data.yaml": "names: [sky, sea]\ntrain: images\n", "labels/a.txt": TRIANGLE}
    root = put(root, {**files, "images/a.png": "", "images/b.png": "", "labels/b.txt": ""})
    for name in "ab":
        Image.fromarray(np.zeros((4, 8, 3), np.uint8)).save(root / f"images/{name}.png")
    return root


def pose(root: Path) -> Path:
    line = "0 .5 .5 .5 .5 .25 .5 2 0.75 .5 1 0 0 0\n"
    files = {"data.yaml": POSE, "labels/a.txt": line * 2, "labels/b.txt": "", "images/b.png": ""}
    return put(root, {**files, "images/a.png": ""})


def test_polygons_are_read_as_the_boxes_around_them_and_that_is_said(tmp_path):
    records = read(segments(tmp_path))
    assert records["images/a.png"].targets == {
        "objects": [
            {"label": "sky", "box": [0, 0, 1, 1]},
            {"label": "sea", "box": [0, 0, 0.5, 0.5]},
        ]
    }
    assert notes(tmp_path) == [
        "polygons that are read as the boxes around them: 2; `polygons` says otherwise"
    ]


@pytest.mark.parametrize("polygons", ["mask", "both"])
def test_polygons_are_read_as_a_mask_in_which_smaller_ones_cover_larger_ones(tmp_path, polygons):
    root = segments(tmp_path)
    source = Yolo(path=root, polygons=polygons)
    records = {each.key: each for each in source.open().records}
    kinds = source.open().targets
    assert set(kinds) == ({"mask"} if polygons == "mask" else {"objects", "mask"})
    assert kinds["mask"].names == ("background", "sky", "sea")
    ids = kinds["mask"].parse(records["images/a.png"].targets["mask"])
    assert ids.tolist() == [
        [2, 2, 2, 1, 1, 1, 1, 0],
        [2, 1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert not kinds["mask"].parse(records["images/b.png"].targets["mask"]).any()
    (root / "labels/b.txt").write_text(LINE)
    assert "ROOT/labels/b.txt: expected a polygon in every line, found 1 without one" in refusal(
        root, polygons=polygons
    )


def test_polygons_are_read_as_instances_a_mask_for_each(tmp_path):
    root = segments(tmp_path)
    catalog = Yolo(path=root, polygons="instances").open()
    records, kinds = {each.key: each for each in catalog.records}, catalog.targets
    assert list(kinds) == ["instances"]
    kind = kinds["instances"]
    value = kind.parse(records["images/a.png"].targets["instances"])
    assert kind.classes(value) == ["sky", "sea"]
    assert value.boxes.corners.tolist() == [[0, 0, 1, 1], [0, 0, 0.5, 0.5]]
    assert value.mask(0).astype(int).tolist() == [
        [1, 1, 1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert np.flatnonzero(value.mask(1)).tolist() == [0, 1, 2, 8]
    assert len(kind.parse(records["images/b.png"].targets["instances"])) == 0
    (root / "labels/b.txt").write_text(LINE)
    assert "ROOT/labels/b.txt: expected a polygon in every line, found 1 without one" in refusal(
        root, polygons="instances"
    )


def test_keypoints_are_read_with_their_boxes(tmp_path):
    root = pose(tmp_path)
    source = Yolo(path=root)
    records = {each.key: each for each in source.open().records}
    assert records["images/a.png"].targets == {
        "objects": CAT,
        "keypoints": [[[0.25, 0.5, 2], [0.75, 0.5, 1], [0, 0, 0]]],
    }
    assert records["images/b.png"].targets == {"objects": [], "keypoints": []}
    kinds = source.open().targets
    names = ("point 0", "point 1", "point 2")
    assert kinds["keypoints"] == Keypoints(names=names, swaps=(("point 1", "point 2"),))
    assert notes(root) == ["boxes that are there twice count once: 1 left out"]
    assert "expected no kpt_shape where polygons are read" in refusal(root, polygons="mask")
    (root / "data.yaml").write_text(POSE.replace("flip_idx", "x"))
    assert notes(root)[-1] == (
        "no keypoints change places in a mirrored image, since data.yaml has no flip_idx"
    )


def test_sets_of_polygons_and_of_keypoints_are_recognized(tmp_path):
    found = Yolo.signs(segments(tmp_path / "segments"))
    assert found.options == {"path": ".", "polygons": "both"}
    found = Yolo.signs(pose(tmp_path / "pose"))
    assert (found.evidence, found.options) == ("declared", {"path": "."})
    assert "places of train, 3 keypoints; 2 images with a label file" in found.reason


def test_names_with_spaces_quotes_and_chinese_letters_are_read(tmp_path):
    names = ['it\'s a "cat"', "斑马 1", "a.b"]
    files = {f"images/train/{name}.jpg": "" for name in names}
    files |= {f"labels/train/{name}.txt": LINE for name in names}
    root = put(tmp_path, {"data.yaml": "names: [斑马]\ntrain: images/train\n", **files})
    records = read(root)
    assert set(records) == {f"images/train/{name}.jpg" for name in names}
    assert all(each.targets["objects"][0]["label"] == "斑马" for each in records.values())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("names: [a]\ntrain: ../../x\n", "found '../x'"),
        ("names: [a]\ntrain: /etc\n", "expected a relative path, found the absolute '/etc'"),
        ("names: [a]\ntrain: images/nowhere\n", "found no 'images/nowhere'"),
        ("names: [a]\ntrain: labels\n", "train: there are no images in 'labels'"),
        ("names: [a]\n", "there are no places of a split. Add train, val or test."),
        ("train: images\n", "there is no key 'names'"),
        (
            "names: [cat, dog]\ntrain: images/train\nval: images/train\n",
            "expected every image in one split, found 'images/train/a.jpg' in train and validation",
        ),
        ("names: [cat]\ntrain: images/val\n", "labels/val/c.txt:2: expected a class id of the 1"),
    ],
)
def test_a_wrong_data_yaml_is_refused(tmp_path, data, message):
    root = coco8(tmp_path)
    (root / "data.yaml").write_text(data)
    assert message in refusal(root)


def test_splits_that_are_not_there_can_be_left_out(tmp_path):
    root = coco8(tmp_path)
    (root / "data.yaml").write_text(DATA + "test: images/test\n")
    assert "name the splits to read in `only`" in refusal(root)
    assert len(read(root, only=("train", "validation"))) == 3
    assert {each.split for each in read(root, only=("validation",)).values()} == {"validation"}
    with pytest.raises(ValueError, match="at least one is needed"):
        Yolo(path=root, only=())


def test_every_wrong_line_is_named_up_to_a_limit(tmp_path):
    root = coco8(tmp_path)
    (root / "labels/train/a.txt").write_text("0 10.2 .5 .5 .5\n" + LINE + "5 .5 .5 .5 .5\n")
    (told,) = refusal(root).splitlines()
    assert told.startswith("ROOT/labels/train/a.txt:1: expected shares of the image's sides")
    assert " ROOT/labels/train/a.txt:3: expected a class id" in told
    (wrong,) = [each for each in read(root).values() if each.error]
    assert (wrong.key, wrong.split) == ("images/train/a.jpg", "train")


def test_a_path_that_leads_elsewhere_is_reported_and_not_followed(tmp_path):
    root = coco8(tmp_path)
    (root / "data.yaml").write_text(DATA.replace("path: .", "path: /datasets/coco8"))
    assert notes(root) == [
        "path: '/datasets/coco8' of data.yaml is no folder below and not followed"
    ]
    root = coco8(tmp_path / "outer" / "inner").parent
    (root / "my.yml").write_text(DATA.replace("path: .", "path: inner"))
    assert len(read(root)) == 3


def test_the_file_of_the_classes_must_be_clear(tmp_path):
    root = coco8(tmp_path)
    (root / "data.yaml").rename(root / "a.yaml")
    assert len(read(root)) == 3
    shutil.copy(root / "a.yaml", root / "b.yml")
    assert refusal(root) == (
        "ROOT: expected data.yaml, found 'a.yaml', 'b.yml'. Say which with `data`."
    )
    assert len(read(root, data="b.yml")) == 3
    assert "expected a file below" in refusal(root, data="c.yml")
    (root / "a.yaml").unlink()
    (root / "b.yml").unlink()
    assert refusal(root) == "ROOT: there is no data.yaml. Check the path."
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path / "nowhere")


def test_a_list_cannot_lead_out_of_the_folder(tmp_path):
    root = coco8(tmp_path / "root")
    put(tmp_path, {"secret.jpg": ""})
    (root / "data.yaml").write_text("names: [a]\ntrain: list.txt\n")
    (root / "linked.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "list.txt").write_text("../secret.jpg\n/etc/passwd\nlinked.jpg\n")
    first, second, third = refusal(root).splitlines()
    assert first == (
        "ROOT/list.txt:1: expected a path without '..', found '../secret.jpg'. Correct the line."
    )
    assert second.startswith("ROOT/list.txt:2: expected a relative path")
    assert "which links to" in third


@given(
    st.sampled_from(["data.yaml", "labels/train/a.txt", "labels/val/c.txt"]),
    st.integers(0, 80),
    st.integers(0, 12),
    st.sampled_from(["", "\n", "0", "9 ", "-", "é", "..", ": ", "[", "\x00", " .5", "1e9", "#"]),
)
def test_a_changed_file_is_read_rightly_or_refused(tmp_path_factory, name, start, length, piece):
    root = tmp_path_factory.getbasetemp() / "changed"
    shutil.rmtree(root, ignore_errors=True)
    coco8(root)
    text = (root / name).read_text()
    (root / name).write_text(text[:start] + piece + text[start + length :])
    source = Yolo(path=root)
    try:
        catalog = source.open()
        records, target = catalog.records, catalog.targets["objects"]
    except DataError as error:
        assert str(root) in str(error) or "expected class names" in str(error)
        return
    for record in [each for each in records if each.error is None]:
        lines = root / "labels" / record.key.removeprefix("images/").rsplit(".", 1)[0]
        text = lines.with_suffix(".txt").read_text()
        expected = {tuple(map(float, line.split())) for line in text.splitlines() if line.strip()}
        assert len(target.parse(record.targets["objects"])) == len(expected)


def test_the_layout_is_recognized_with_its_counts(tmp_path):
    found = Yolo.signs(coco8(tmp_path))
    assert found.evidence == "declared"
    assert not found.contradictions
    assert found.reason == (
        "'data.yaml' names 2 classes and places of train, validation; 3 images with a label file"
    )
    assert found.options == {"path": "."}


def test_a_set_that_lies_deeper_or_lacks_a_split_is_recognized(tmp_path):
    root = coco8(tmp_path / "coco8")
    (root / "data.yaml").write_text(DATA + "test: images/test\n")
    (root / "data.yaml").rename(root / "coco8.yaml")
    options = Yolo.signs(tmp_path).options
    assert options == {"path": "coco8", "data": "coco8.yaml", "only": ["train", "validation"]}
    source = Yolo(path=tmp_path / "coco8", data="coco8.yaml", only=tuple(options["only"]))
    assert len(source.open().records) == 3


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a/1.png": ""}, "no data.yaml lies in it"),
        ({"x.yaml": "a: ["}, "'x.yaml': no names of classes and places of images"),
        ({"data.yaml": DATA, "images/train/a.jpg": ""}, "but none of 1 image has a label file"),
        ({"data.yaml": b"\xff\xfe"}, "'data.yaml': no names of classes and places of images"),
    ],
)
def test_other_layouts_are_not_taken_for_it(tmp_path, files, reason):
    found = Yolo.signs(put(tmp_path, files))
    assert found.evidence is None
    assert reason in found.reason


def test_the_pixels_are_the_bytes_of_the_file(tmp_path):
    root = coco8(tmp_path)
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(root / "images/train/a.jpg")
    record = read(root)["images/train/a.jpg"]
    assert Yolo(path=root).open().read(record) == (root / "images/train/a.jpg").read_bytes()


def test_keys_and_splits_of_data_yaml_that_nothing_reads_are_named(tmp_path):
    root = coco8(tmp_path, **{"data.yaml": DATA + "nc: 2\nminival: images/val\nweights: [1, 2]\n"})
    keys = "keys of data.yaml that nothing reads: 'minival', 'weights'"
    assert notes(root) == [keys]
    found = notes(root, only=("train",))
    assert found[1:] == ["splits that are not read: 'validation'", keys]
