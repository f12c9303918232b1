"""COCO annotation files: what they say, what is mended, what is refused."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.images import rle
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco.annotation import CocoAnnotation, CocoCategory

SIZE = (30, 40)


def some(**changes: Any) -> dict[str, Any]:
    """One image with one object, by default."""
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 18, "bbox": [4, 3, 20, 15]}],
        "categories": [{"id": 90, "name": "zebra"}, {"id": 18, "name": " dog "}],
        **changes,
    }


def read(folder: Path, found: Any) -> coco.CocoFile:
    path = folder / "a.json"
    path.write_bytes(found if isinstance(found, bytes) else json.dumps(found).encode())
    return coco.read(path)


def annotation(folder: Path, **changes: Any) -> CocoAnnotation:
    entry = {**some()["annotations"][0], **changes}
    (found,) = read(folder, some(annotations=[entry])).annotations["a.jpg"]
    return found


def test_ids_with_gaps_are_names_in_their_order(tmp_path):
    document = read(tmp_path, some())
    assert [(each.id, each.name) for each in document.categories] == [(18, "dog"), (90, "zebra")]
    assert document.images == {"a.jpg": coco.CocoImage(id=7, file_name="a.jpg", size=(30, 40))}
    (found,) = document.annotations["a.jpg"]
    assert (found.category.name, found.crowd) == ("dog", 0)
    assert found.box(SIZE, Clipping()) == [0.1, 0.1, 0.6, 0.6]


def test_ids_may_be_texts_and_sizes_may_be_left_out(tmp_path):
    document = read(
        tmp_path,
        {
            "images": [{"id": "x", "file_name": "斑 马's.jpg"}],
            "annotations": [{"image_id": "x", "category_id": "c", "bbox": [0, 0, 1, 1]}],
            "categories": [{"id": "c", "name": "斑马"}],
        },
    )
    assert document.images["斑 马's.jpg"].size is None


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    text = json.dumps(some(), indent=1).replace("\n", "\r\n").encode()
    assert read(tmp_path, b"\xef\xbb\xbf" + text).images.keys() == {"a.jpg"}


def test_an_annotation_that_is_there_twice_counts_once(tmp_path):
    (one,) = some()["annotations"]
    other = {**one, "bbox": [4, 3, 20, 14]}
    document = read(tmp_path, some(annotations=[one, {**one, "id": 2}, other]))
    assert len(document.annotations["a.jpg"]) == 2
    assert document.repeated == 1


POLYGON = [4.5, 1e-3, 7, 2, -0.0, 9]


@pytest.mark.parametrize("indent", [None, 1])
def test_without_outlines_all_else_is_the_same(tmp_path, indent):
    """Also what an outline looks like in a text, and objects that differ in their outlines."""
    alike = {"image_id": 7, "category_id": 18, "bbox": [4, 3, 20, 15]}
    odd = {"who": 'x "segmentation": [[1, 2]]', 'a "segmentation': [[1]], "segmentation": []}
    entries = [
        {"segmentation": [POLYGON, [1, 2, 3, 4, 5, 6]], **alike},
        {"segmentation": [POLYGON], **alike, "attributes": odd},
        {"segmentation": [POLYGON], **alike, "id": 5},
        {"segmentation": [POLYGON], **alike, "id": 6},
        {"segmentation": {"counts": [1, 2], "size": [30, 40]}, **alike},
        {"segmentation": [], **alike},
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(some(annotations=entries), indent=indent))
    whole, short = coco.read(path), coco.read(path, outlines=False)
    assert (short.images, short.categories) == (whole.images, whole.categories)
    assert short.repeated == whole.repeated == 1
    for one, other in zip(whole.annotations["a.jpg"], short.annotations["a.jpg"], strict=True):
        kept = {name: value for name, value in one.found.items() if name != "segmentation"}
        if "attributes" in kept:
            assert other.attributes["who"] == odd["who"]
            assert other.attributes['a "segmentation'] == [[1]]
        else:
            assert kept.items() <= other.found.items()
    assert whole.annotations["a.jpg"][0].found["segmentation"][0] == POLYGON


def test_what_is_wrong_is_told_with_its_line_also_without_outlines(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"images": [],\n"annotations": [{"segmentation": [[1,\n2]]},\n}')
    for outlines in (True, False):
        with pytest.raises(DataError, match=r"a\.json:4: expected JSON, found an error"):
            coco.read(path, outlines=outlines)


def test_an_image_without_annotations_has_none(tmp_path):
    assert read(tmp_path, some(annotations=[])).annotations == {"a.jpg": []}


IMAGE = {"id": 7, "file_name": "a.jpg"}
NOTE = {"image_id": 7, "category_id": 18}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (b"", ":1: expected JSON, found an error in column 1"),
        (b'{"images": [],\n "annotations": [}', ":2: expected JSON, found an error in column 18"),
        (b'{"images": NaN}', "expected JSON in UTF-8, found an error: NaN is no JSON number"),
        (b"[" * 100_000, "expected JSON"),
        (b'{"images": "\xff"}', "expected JSON in UTF-8"),
        (b"9" * 5000, "expected JSON in UTF-8"),
        ([], "expected a JSON object, found a list"),
        ({"image": [], "annotations": []}, "there is no list 'images'."),
        (some(annotations={}), "there is no list 'annotations'"),
        (some(categories={}), "expected a list 'categories', found '{}'"),
        (some(images=[7]), "images[0]: expected an object, found '7'"),
        (some(images=[{"id": 7}]), "images[0]: expected a text 'file_name', found 'null'"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, found, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read(tmp_path, found)
    assert str(caught.value).startswith(str(tmp_path / "a.json"))


def told(document: coco.CocoFile) -> str:
    """All that is wrong with entries, a line for each."""
    unnamed = (f"{place}: {problem}" for place, problem in document.unnamed.items())
    faults = (f"{each.name}: {each.fault}" for each in document.categories if each.fault)
    return "\n".join([*document.errors.values(), *unnamed, *document.strays, *faults])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (some(images=[IMAGE, 7]), "images[1]: expected an object, found '7'"),
        (some(images=[{"file_name": "a"}]), "images[0]: expected a number or text 'id'"),
        (some(images=[{**IMAGE, "id": True}]), "images[0]: expected a number or text 'id'"),
        (
            some(images=[IMAGE, {**IMAGE, "file_name": "b"}]),
            "images[1]: expected every image once, found the id 7",
        ),
        (some(images=[IMAGE, {**IMAGE, "id": 8}]), "images[1]: expected every image once, found"),
        (some(images=[{**IMAGE, "width": 0, "height": 9}]), "expected 'width' and 'height' in"),
        (some(images=[{**IMAGE, "width": 9}]), "expected 'width' and 'height' in pixels"),
        (some(annotations=[{**NOTE, "image_id": 8}]), "annotations[0]: expected an image of"),
        (some(annotations=[{**NOTE, "image_id": "7"}]), "found image_id '7'"),
        (some(annotations=[{**NOTE, "category_id": 1}]), "one of the 2 categories, found cat"),
        (some(annotations=[{**NOTE, "iscrowd": 2}]), "expected iscrowd 0 or 1, found '2'"),
        (some(annotations=[{**NOTE, "segments_info": []}]), "found a panoptic one"),
        (some(categories=[{"id": 1}]), "categories[0]: expected a text 'name'"),
        (
            some(categories=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], annotations=[]),
            "categories[1]: expected every category once, found 1 as 'a' and 'b'",
        ),
        (
            some(categories=[{"id": 1, "name": "a", "keypoints": ["x"], "skeleton": [[1, 2]]}]),
            "expected pairs of numbers from 1 to 1 in 'skeleton', found '[1, 2]'",
        ),
        (
            some(categories=[{"id": 1, "name": "a", "skeleton": 3}]),
            "a: expected a list 'skeleton', found '3'",
        ),
    ],
)
def test_a_wrong_entry_is_told_with_its_place_and_the_others_are_read(tmp_path, found, message):
    assert message in told(read(tmp_path, found))


def test_what_is_there_twice_and_equal_counts_once(tmp_path):
    same = [{"id": 18, "name": "dog"}] * 2
    document = read(tmp_path, some(images=[IMAGE, IMAGE], categories=same))
    assert told(document) == ""
    assert len(document.annotations["a.jpg"]) == len(document.categories) == 1


def test_categories_of_one_name_are_one_class(tmp_path):
    twice = [{"id": 18, "name": "dog"}, {"id": 2, "name": "dog"}]
    document = read(tmp_path, some(categories=twice))
    assert [(each.id, each.name) for each in document.categories] == [(2, "dog")]
    assert document.annotations["a.jpg"][0].label() == "dog"


def test_every_wrong_entry_is_named(tmp_path):
    wrong = [{**NOTE, "image_id": 8}, NOTE, {**NOTE, "category_id": 2}]
    document = read(tmp_path, some(annotations=wrong))
    assert document.errors == {
        "a.jpg": f"{document.path}: annotations[2]: expected one of the 2 categories, found "
        "category_id 2."
    }
    assert document.notes("a.json") == [
        "1 entry is left out of 'a.json', the first: annotations[0]: expected an image of "
        "'images', found image_id 8. Add the image or remove the annotation"
    ]


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (None, "expected 'bbox' as [x, y, width, height], found 'null'"),
        ([1, 2, 3], "expected a box of four numbers"),
        (["1", 2, 3, 4], "expected a box of four numbers"),
        ([1, 2, -3, 4], "expected [x, y, width, height] with sides >= 0"),
        ([31, 2, 20, 4], "expected a box of which half lies in the image of 40 x 30 pixels"),
    ],
)
def test_a_wrong_box_is_refused(tmp_path, box, message):
    with pytest.raises(DataError, match=re.escape(message)):
        annotation(tmp_path, bbox=box).box(SIZE, Clipping())


def test_a_box_a_rounding_error_outside_is_moved_to_the_edge(tmp_path):
    found = annotation(tmp_path, bbox=[-0.4, 0, 41.9, 30.01])
    assert found.box(SIZE, Clipping()) == [0, 0, 1, 1]


def test_segments_are_polygons_or_run_lengths(tmp_path):
    mask = np.zeros(SIZE, np.uint8)
    mask[3:9, 4:20] = 1
    polygon = [[4, 3, 20, 3, 20.5, 9, 4, 9]]
    compressed, plain = rle.encode(mask), rle.runs(rle.encode(mask))
    for segmentation, segment in [
        (polygon, {"polygons": polygon}),
        ({"counts": compressed, "size": [30, 40]}, {"counts": compressed}),
        ({"counts": plain, "size": [30, 40]}, {"counts": plain}),
        ([], None),
        ([[]], None),
        ([[], polygon[0]], {"polygons": polygon}),
        (None, None),
    ]:
        found = annotation(tmp_path, segmentation=segmentation)
        assert found.segment(SIZE) == segment


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([4, 3, 20, 3], "expected a segmentation of polygons"),
        ([[4, 3, 20, 3]], "expected a segmentation of polygons"),
        ([[4, 3, 20, 3, 1, 1, 5]], "expected a segmentation of polygons"),
        ([[4, 3, 20, 3, 1, None]], "expected a segmentation of polygons"),
        ("x", "expected a segmentation of polygons"),
        ({"counts": 5, "size": [30, 40]}, "expected run lengths in 'counts', found '5'"),
        ({"counts": [1200], "size": [40, 30]}, "expected run lengths of the image's size [30, 40]"),
        ({"counts": [1199], "size": [30, 40]}, "of 40 x 30 pixels, found 1199 pixels"),
        ({"counts": "é", "size": [30, 40]}, "expected compressed run lengths"),
    ],
)
def test_a_wrong_segmentation_is_refused(tmp_path, segmentation, message):
    with pytest.raises(DataError, match=re.escape(message)):
        annotation(tmp_path, segmentation=segmentation).segment(SIZE)


PERSON = [{"id": 18, "name": "p", "keypoints": ["l", "r"], "skeleton": [[1, 2]]}]


def pointed(folder: Path, keypoints: Any) -> CocoAnnotation:
    entry = {**NOTE, "keypoints": keypoints}
    document = read(folder, some(categories=PERSON, annotations=[entry]))
    assert document.categories[0].edges == (("l", "r"),)
    return document.annotations["a.jpg"][0]


def test_keypoints_are_shares_with_their_visibility(tmp_path):
    found = pointed(tmp_path, [20, 15, 2, 999, 999, 0])
    assert found.keypoints(SIZE) == [[0.5, 0.5, 2], [0.0, 0.0, 0]]


@pytest.mark.parametrize(
    ("keypoints", "message"),
    [
        ([1, 2, 2], "expected 3 numbers for each of 2 keypoints, found '[1, 2, 2]'"),
        ([1, 2, 3, 1, 2, 1], "expected a visibility of 0, 1 or 2, found 3"),
        ([99, 2, 2, 1, 2, 1], "expected a keypoint inside the image"),
        ("x", "expected 3 numbers for each of 2 keypoints"),
    ],
)
def test_wrong_keypoints_are_refused(tmp_path, keypoints, message):
    with pytest.raises(DataError, match=re.escape(message)):
        pointed(tmp_path, keypoints).keypoints(SIZE)


def test_a_caption_is_a_text(tmp_path):
    assert annotation(tmp_path, caption="a dog").caption() == "a dog"
    with pytest.raises(DataError, match="expected a text 'caption', found '5'"):
        annotation(tmp_path, caption=5).caption()


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=8)


@given(st.lists(TEXT.map(str.strip).filter(bool), min_size=1, max_size=4, unique=True))
def test_what_is_written_is_read_again(tmp_path_factory, names):
    images = [
        coco.CocoImage(id=n, file_name=f"{name}.png", size=(n, 2 * n))
        for n, name in enumerate(names, 1)
    ]
    categories = [
        CocoCategory(id=n, name=name, keypoints=("a", name), edges=(("a", name),))
        for n, name in enumerate(names, 1)
        if name != "a"
    ]
    annotations = [{"image_id": 1, "caption": name} for name in names]
    path = tmp_path_factory.getbasetemp() / "written.json"
    path.write_text(coco.written(images, annotations, categories), encoding="utf-8")
    document = coco.read(path)
    assert list(document.images.values()) == images
    assert list(document.categories) == categories
    found = [each.caption() for each in document.annotations[images[0].file_name]]
    assert found == names


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(st.data())
def test_any_changed_value_is_read_or_refused(tmp_path_factory, data):
    entry = {
        **some()["annotations"][0],
        "segmentation": [[1, 1, 5, 1, 5, 5]],
        "keypoints": [1, 1, 2, 3, 3, 1],
        "caption": "x",
        "attributes": {"a": 1},
    }
    found = some(categories=PERSON, annotations=[entry])
    part = data.draw(st.sampled_from(["images", "annotations", "categories"]))
    key = data.draw(st.sampled_from(sorted(found[part][0])))
    found[part][0][key] = data.draw(VALUES)
    folder = tmp_path_factory.getbasetemp()
    with contextlib.suppress(DataError):
        document = read(folder, json.dumps(found, allow_nan=True).encode())
        for each in (each for found in document.annotations.values() for each in found):
            for of in (CocoAnnotation.segment, CocoAnnotation.keypoints):
                with contextlib.suppress(DataError):
                    of(each, SIZE)
            with contextlib.suppress(DataError):
                each.box(SIZE, Clipping())
