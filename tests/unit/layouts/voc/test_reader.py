"""The VOC source: the layouts it reads, with their traps, and what it refuses."""

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
from dsbuilder.layouts.voc import format as voc
from dsbuilder.layouts.voc.reader import Voc
from dsbuilder.plugin import Boxes, Mask

read, targets, refusal = reading(Voc)
notes = partial(notes_of, Voc)

ATTRIBUTES = (("difficult", "int64"), ("truncated", "int64"))
CAT = {"label": "cat", "box": [0.1, 0.1, 0.6, 0.6], "difficult": 0, "truncated": 1}


def thing(name: str = "cat", corners: tuple[float, ...] = (5, 4, 24, 18), more: str = "") -> str:
    tags = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    bounds = "".join(f"<{tag}>{number}</{tag}>" for tag, number in tags)
    flags = f"<truncated>1</truncated>{more}"
    return f"<object><name>{name}</name>{flags}<bndbox>{bounds}</bndbox></object>"


def annotation(*objects: str, size: str = "<width>40</width><height>30</height>") -> str:
    return f"<annotation>\n<size>{size}</size>\n{''.join(objects)}\n</annotation>"


def devkit(root: Path, **more: str) -> Path:
    """The layout of the development kit."""
    return put(
        root,
        {
            "Annotations/a.xml": annotation(thing(), thing("dog")),
            "Annotations/b.xml": annotation(),
            "Annotations/c.xml": annotation(thing("斑马")),
            "ImageSets/Main/train.txt": "a\nb\n",
            "ImageSets/Main/val.txt": "c\n",
            "ImageSets/Main/trainval.txt": "a\nb\nc\n",
            "ImageSets/Main/cat_train.txt": "a  1\nb -1\n",
            "JPEGImages/a.jpg": "",
            "JPEGImages/b.jpg": "",
            "JPEGImages/c.png": "",
            **more,
        },
    )


def masked(root: Path) -> Path:
    """A set with one mask: a void border, a background, and class 8."""
    devkit(root, **{"ImageSets/Segmentation/train.txt": "a\n"})
    ids = np.full((30, 40), 255, np.uint8)
    ids[2:28, 2:38] = 0
    ids[9:20, 9:20] = 8
    mask = Image.fromarray(ids)
    mask.putpalette(voc.palette())
    (root / "SegmentationClass").mkdir()
    mask.save(root / "SegmentationClass/a.png")
    return root


def test_boxes_of_every_split_are_read(tmp_path):
    root = devkit(tmp_path)
    records = read(root)
    assert [(each.key, each.split, each.path) for each in records.values()] == [
        ("JPEGImages/a.jpg", "train", root / "JPEGImages/a.jpg"),
        ("JPEGImages/b.jpg", "train", root / "JPEGImages/b.jpg"),
        ("JPEGImages/c.png", "validation", root / "JPEGImages/c.png"),
    ]
    assert records["JPEGImages/a.jpg"].targets == {"objects": [CAT, {**CAT, "label": "dog"}]}
    assert records["JPEGImages/b.jpg"].targets == {"objects": []}
    names = ("cat", "dog", "斑马")
    assert targets(root) == {"objects": Boxes(names=names, attributes=ATTRIBUTES)}
    assert notes(root) == ["1 file was skipped: 1 .txt"]


def test_an_image_that_trainval_alone_lists_is_in_no_split(tmp_path):
    root = devkit(tmp_path)
    (root / "ImageSets/Main/val.txt").unlink()
    assert {each.split for each in read(root).values()} == {"train", None}


def test_without_lists_all_images_are_read(tmp_path):
    root = devkit(tmp_path)
    shutil.rmtree(root / "ImageSets")
    assert {each.split for each in read(root).values()} == {None}
    assert len(read(root)) == 3


def test_images_and_annotations_may_lie_side_by_side_in_folders_of_splits(tmp_path):
    files = {f"{split}/{name}": "" for split in ("train", "valid") for name in ("0.jpg", "1.jpg")}
    notes = {name.replace(".jpg", ".xml"): annotation(thing()) for name in files}
    root = put(tmp_path, {**files, **notes})
    records = read(root, images=".", annotations=".")
    assert {key: each.split for key, each in records.items()} == {
        "train/0.jpg": "train",
        "train/1.jpg": "train",
        "valid/0.jpg": "validation",
        "valid/1.jpg": "validation",
    }
    assert all(each.targets["objects"] == [CAT] for each in records.values())


def test_names_with_spaces_quotes_chinese_letters_and_windows_line_ends_are_read(tmp_path):
    names = ['it\'s a "cat"', "斑马 1", "a.b"]
    files = {f"JPEGImages/{name}.jpg": "" for name in names}
    files |= {f"Annotations/{name}.xml": annotation(thing()) for name in names}
    lines = "\ufeff" + "\r\n".join(names) + "\r\n\r\n"
    root = put(tmp_path, {"ImageSets/Main/train.txt": lines, **files})
    assert set(read(root)) == {f"JPEGImages/{name}.jpg" for name in names}


def test_an_image_without_annotation_is_a_background_and_reported(tmp_path):
    root = devkit(tmp_path)
    (root / "Annotations/b.xml").unlink()
    assert read(root)["JPEGImages/b.jpg"].targets == {"objects": []}
    assert notes(root)[-1] == ("1 image has no XML file, hence no objects: 'JPEGImages/b.jpg'")


def test_what_is_left_out_is_counted(tmp_path):
    part = "<part><name>head</name></part>"
    more = "<pose>Left</pose><occluded>1</occluded>"
    extra = {"Annotations/gone.xml": annotation(), "JPEGImages/x.jpg": "", "README": ""}
    root = devkit(tmp_path, **extra)
    plain = "<pose>Unspecified</pose>"
    text = annotation(thing(), thing(more=plain), thing("dog", more=part + more))
    text = text.replace("</annotation>", "<weather>fog</weather><path>/a</path></annotation>")
    (root / "Annotations/a.xml").write_text(text)
    assert len(read(root)["JPEGImages/a.jpg"].targets["objects"]) == 2
    assert notes(root) == [
        "4 files were skipped: 1 .jpg, 1 .txt, 1 .xml, 1 without an extension",
        "objects that are there twice count once: 1 left out",
        "parts of objects are not read: 1 left out",
        "elements that nothing reads: 'object.occluded' (1), 'object.pose' (1), 'weather' (1)",
    ]
    read_files = 3 + 3 + 3  # images, annotations, lists
    assert read_files + 4 == sum(path.is_file() for path in root.rglob("*"))


def test_the_header_of_the_image_says_its_size_where_the_annotation_does_not(tmp_path):
    root = devkit(tmp_path)
    zero = annotation(thing(), size="<width>0</width><height>0</height>")
    (root / "Annotations/a.xml").write_text(zero)
    assert "JPEGImages/a.jpg: expected a size in its header" in refusal(root)
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(root / "JPEGImages/a.jpg")
    assert read(root)["JPEGImages/a.jpg"].targets == {"objects": [CAT]}


def test_masks_are_read_of_the_images_that_have_one(tmp_path):
    root = masked(tmp_path)
    (record,) = read(root, mask=True).values()
    found = targets(root, mask=True)
    path = root / "SegmentationClass/a.png"
    assert (record.split, record.files) == ("train", (path,))
    assert found["mask"] == Mask(names=("background", *voc.CLASSES), ignore=255)
    mask = found["mask"].parse(record.targets["mask"])
    assert np.unique(mask).tolist() == [0, 8, 255]
    assert voc.CLASSES[8 - 1] == "cat"
    assert set(read(root, mask=True, objects=False)["JPEGImages/a.jpg"].targets) == {"mask"}


def test_a_labelmap_names_the_classes_and_their_colors(tmp_path):
    root = masked(tmp_path)
    (root / "ImageSets/Main/train.txt").write_text("a\n")
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\n"
        "background:0,0,0::\ndog:1,2,3::\ncat:64,0,0::\n斑马:9,9,9::\n"
    )
    found = targets(root, mask=True)
    assert found["objects"].names == ("dog", "cat", "斑马")
    assert found["mask"].names == ("background", "dog", "cat", "斑马")
    (record,) = read(root, mask=True).values()
    assert np.unique(found["mask"].parse(record.targets["mask"])).tolist() == [0, 2, 255]


def test_given_classes_set_the_order_and_an_unknown_one_is_refused(tmp_path):
    root = devkit(tmp_path)
    names = ("斑马", "dog", "cat", "owl")
    assert targets(root, classes=names)["objects"].names == names
    assert refusal(root, classes=("斑马", "dog", "cats")) == (
        "ROOT/Annotations/a.xml:3: expected one of the 3 classes, found 'cat'. Did you mean 'cats'?"
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "ImageSets/Main/train.txt",
            "a\nz\n",
            "ROOT/ImageSets/Main/train.txt:2: expected an image",
        ),
        ("ImageSets/Main/train.txt", "../a\n", "train.txt:1: expected an image of 'JPEGImages'"),
        ("ImageSets/Main/val.txt", "a\n", "in one split, found 'a' also in train. Correct the"),
        ("Annotations/a.xml", annotation(thing(corners=(30, 1, 60, 9))), "a.xml:3: expected a box"),
        ("Annotations/a.xml", annotation(thing(corners=(9, 1, 6, 9))), "a.xml:3: expected a box"),
        (
            "ImageSets/Main/x.txt",
            "zz\n",
            "x.txt:1: expected an image of 'JPEGImages', found no 'zz'",
        ),
        ("Annotations/a.xml", "<annotation>", "a.xml:1: expected XML, found an error"),
        ("Annotations/a.xml", "<!DOCTYPE a><a/>", "a.xml:1: expected XML without a document type"),
        ("JPEGImages/a.png", "", "expected one image of a name, found 'JPEGImages/a.jpg' and"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path, name, text, message):
    root = devkit(tmp_path, **{name: text})
    assert message in refusal(root)


def test_other_folders_must_be_named(tmp_path):
    root = devkit(tmp_path)
    (root / "Annotations").rename(root / "notes")
    assert "no XML file is in 'Annotations' for any of 3" in refusal(root)
    assert len(read(root, annotations="notes")) == 3
    assert "there are no lists such as ImageSets/X/train.txt" in refusal(root, lists="X")
    assert "there are no images in 'pictures/'" in refusal(root, images="pictures")
    assert "expected a path without '..'" in refusal(root, images="../pictures")
    assert "expected a mask of 'a', found no 'SegmentationClass/a.png'" in refusal(
        root, annotations="notes", mask=True
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objects": False}, "expected 'objects' or 'mask' to be true, found neither"),
        ({"classes": ("a", "a")}, "classes: expected names, each once"),
        ({"classes": ()}, "classes: expected names, each once"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Voc(path=tmp_path, **options)


PIECES = ["", "<", "0", "-", "&", "</name>", "é", "..", "\n", "999", "<part/>"]


@given(
    st.sampled_from(["Annotations/a.xml", "ImageSets/Main/train.txt", "labelmap.txt"]),
    st.integers(0, 300),
    st.integers(0, 9),
    st.sampled_from(PIECES),
)
def test_a_changed_file_is_read_rightly_or_refused(tmp_path_factory, name, start, length, piece):
    root = tmp_path_factory.getbasetemp() / "changed"
    shutil.rmtree(root, ignore_errors=True)
    labels = "".join(f"{each}:{n},0,0::\n" for n, each in enumerate(("x", "cat", "dog", "斑马")))
    devkit(root, **{"labelmap.txt": labels})
    text = (root / name).read_text(encoding="utf-8")
    (root / name).write_text(text[:start] + piece + text[start + length :], encoding="utf-8")
    source = Voc(path=root)
    try:
        catalog = source.open()
        records, target = catalog.records, catalog.targets["objects"]
    except DataError as error:
        assert str(root) in str(error) or "expected class names" in str(error)
        return
    for record in [each for each in records if each.error is None]:
        stem = Path(record.key).stem
        text = (root / f"Annotations/{stem}.xml").read_text(encoding="utf-8")
        objects = set(re.findall(r"<object>.*?</object>", text, re.DOTALL))
        assert len(target.parse(record.targets["objects"])) <= len(objects)
        assert bool(record.targets["objects"]) == bool(objects)


def test_the_layout_of_the_development_kit_is_recognized(tmp_path):
    devkit(tmp_path / "VOCdevkit/VOC2012")
    found = Voc.signs(tmp_path)
    assert found.evidence == "declared"
    assert not found.contradictions
    assert found.options == {"path": "VOCdevkit/VOC2012"}
    assert found.reason == (
        "Annotations and JPEGImages: 3 images, 3 XML files, 0 masks; classes such as 'cat', "
        "'dog', '斑马'"
    )
    assert len(read(tmp_path / "VOCdevkit/VOC2012")) == 3


def test_annotations_in_other_folders_and_beside_images_are_recognized(tmp_path):
    note = annotation(thing())
    apart = put(tmp_path / "x", {"annotations/1.xml": note, "images/1.png": ""})
    assert Voc.signs(apart).options == {
        "path": ".",
        "images": "images",
        "annotations": "annotations",
    }
    beside = put(tmp_path / "y", {"train/1.xml": note, "train/1.jpg": "", "test/2.xml": note})
    options = Voc.signs(beside).options
    assert options == {"path": ".", "images": ".", "annotations": "."}
    assert len(read(beside, images=".", annotations=".")) == 1


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a/1.png": ""}, "no XML file lies in it"),
        ({"a.xml": "<html/>", "a.png": ""}, "a.xml:1: expected <annotation>, found <html>"),
        ({"a.xml": annotation(thing())}, "1 XML file of boxes, but no image of the same name"),
    ],
)
def test_other_layouts_are_not_taken_for_it(tmp_path, files, reason):
    found = Voc.signs(put(tmp_path, files))
    assert found.evidence is None
    assert reason in found.reason


def box_of(root: Path, **options: object) -> list[float]:
    box = read(root, **options)["JPEGImages/a.jpg"].targets["objects"][0]["box"]
    return np.round(np.array(box) * [40, 30, 40, 30], 6).tolist()


def test_a_set_that_shows_a_corner_at_0_counts_from_0(tmp_path):
    devkit(tmp_path)
    assert box_of(tmp_path) == [4, 3, 24, 18]
    (tmp_path / "Annotations/c.xml").write_text(annotation(thing(corners=(0, 2, 9, 9))))
    assert box_of(tmp_path) == [5, 4, 25, 19]
    assert notes(tmp_path)[-1] == (
        "corners are read as pixels from 0 on, as one at 0 shows; `corners` says otherwise"
    )
    assert box_of(tmp_path, corners="from_1") == [4, 3, 24, 18]
    (tmp_path / "Annotations/b.xml").write_text(annotation(thing(corners=(1, 1, 40, 9))))
    assert box_of(tmp_path) == [5, 4, 24, 18]
    assert "corners are read as edges" in notes(tmp_path)[-1]


def test_a_wrong_label_is_an_error_of_its_record_alone(tmp_path):
    root = devkit(tmp_path)
    (root / "Annotations/a.xml").write_text(annotation(thing(), thing(corners=(90, 4, 95, 9))))
    (root / "ImageSets/Main/train.txt").write_text("# by hand\na\nb\ngone\n")
    wrong = {key: each.error for key, each in read(root).items() if each.error}
    assert set(wrong) == {"JPEGImages/a.jpg", "ImageSets/Main/train.txt:4"}
    assert "Annotations/a.xml:3: expected a box of which half lies in" in wrong["JPEGImages/a.jpg"]
    assert "lines of lists that begin with # are not read: 1 left out" in notes(root)
