"""YOLO label files and data.yaml: what they say, what is mended, what is refused."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.layouts.yolo.line import Pose, YoloObject

NAMES = {0: "cat", 1: "dog"}


def read(path: Path, text: str | bytes, pose: Pose | None = None) -> yolo.LabelFile:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    faults = Faults()
    labels = yolo.read_labels(path, NAMES, faults, pose=pose)
    faults.check()
    return labels


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("train/images/a.b.png", "train/labels/a.b.txt"),
        ("images/images/a.jpg", "images/labels/a.txt"),
        ("photos/a.jpg", "photos/a.txt"),
        ("a.jpg", "a.txt"),
        ("images/a", "labels/a.txt"),
        ("myimages/a.jpg", "myimages/a.txt"),
    ],
)
def test_the_label_lies_where_the_last_folder_of_images_is_one_of_labels(image, label):
    assert yolo.label_path(image) == label


def test_a_line_is_a_class_and_a_box_by_its_center(tmp_path):
    rows = read(tmp_path / "a.txt", "1 0.5 0.25 0.5 0.5\n").objects
    assert rows == (YoloObject(1, (0.25, 0.0, 0.75, 0.5)),)


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_are_read(tmp_path):
    labels = read(tmp_path / "a.txt", b"\xef\xbb\xbf0 .5 .5 .1 .1\r\n\r\n1.0\t5e-1 0.5 0.2 0.2\r\n")
    assert [row.class_id for row in labels.objects] == [0, 1]


def test_an_empty_file_has_no_objects(tmp_path):
    assert read(tmp_path / "a.txt", "\n \n") == yolo.LabelFile()


def test_a_line_that_is_there_twice_counts_once_and_is_reported(tmp_path):
    labels = read(tmp_path / "a.txt", "0 .5 .5 .1 .1\n1 .5 .5 .1 .1\n0 0.50 0.5 0.1 0.1\n")
    assert (len(labels.objects), labels.repeated) == (2, 1)


def test_a_rounding_error_outside_is_moved_to_the_edge(tmp_path):
    (row,) = read(tmp_path / "a.txt", "0 0.5 0.5 1.004 1.0\n").objects
    assert row.corners == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0 0.5 0.5 0.1", "found 4 words in '0 0.5 0.5 0.1'"),
        ("0 0.5 0.5 0.1 0.1 0.9", "found 6 words"),
        ("0 .1 .1 .2 .1 .2", "or a class and x y of three points or more, found 6 words"),
        ("0 .1 .1 .2 .1 .2 .2 .1", "found 8 words in '0 .1 .1 .2 .1 .2 .2 .1'. If these are keyp"),
        ("0 .1 .5 .2 .5 .2 2.2", "expected a polygon of which half lies in the image"),
        ("0 .1 .1 .2 .1 .2 nan", "expected numbers alone, found 'nan'"),
        ("7 .1 .1 .2 .1 .2 .2", "expected a class id of the 2 classes of data.yaml, found '7'"),
        ("cat 0.5 0.5 0.1 0.1", "expected numbers alone, found 'cat'"),
        ("0 0.5 nan 0.1 0.1", "expected numbers alone, found 'nan'"),
        ("0 0.5 0.5 inf 0.1", "expected numbers alone, found 'inf'"),
        ("0 0.5 0.5 1_0 0.1", "expected numbers alone, found '1_0'"),
        ("0 0.5 0.5 ٣ 0.1", "expected numbers alone, found '٣'"),
        ("2 0.5 0.5 0.1 0.1", "expected a class id of the 2 classes of data.yaml, found '2'"),
        ("-1 0.5 0.5 0.1 0.1", "found '-1'"),
        ("0.5 0.5 0.5 0.1 0.1", "found '0.5'"),
        ("0 10.2 0.5 0.1 0.1", "expected shares of the image's sides in [0, 1], found 10.2"),
        ("0 320 240 64 48", "expected shares of the image's sides in [0, 1], found 320 240 64 48"),
        ("0 0.5 0.5 -0.1 0.1", "expected shares"),
        ("0 1.1 0.5 0.4 0.1", "expected a box of which half lies in the image, as shares of its"),
        ("0 1e999 0.5 0.4 0.1", "expected shares"),
    ],
)
def test_a_wrong_line_is_refused_with_file_and_line(tmp_path, line, found):
    with pytest.raises(DataError, match=re.escape(found)) as caught:
        read(tmp_path / "a.txt", f"0 .5 .5 .1 .1\n{line}\n")
    assert str(caught.value).startswith(f"{tmp_path / 'a.txt'}:2: ")


def test_a_polygon_has_the_box_around_it(tmp_path):
    (row,) = read(tmp_path / "a.txt", "1 0.5 0.2 0.7 1.004 0.1 0.4\n").objects
    assert row == YoloObject(1, (0.1, 0.2, 0.7, 1.0), (0.5, 0.2, 0.7, 1.0, 0.1, 0.4))


EYES = Pose(names=("left", "right"), swaps=(("left", "right"),))


def test_keypoints_follow_their_box(tmp_path):
    text = "0 .5 .5 .5 .5 .25 .5 2 -9 7 0\n1 .5 .5 .5 .5 1.004 0 1 0 0 2\n"
    first, second = read(tmp_path / "a.txt", text, EYES).objects
    assert first.points == ((0.25, 0.5, 2), (0.0, 0.0, 0))
    assert (second.corners, second.points) == ((0.25, 0.25, 0.75, 0.75), ((1, 0, 1), (0, 0, 2)))


def test_of_keypoints_without_a_visibility_those_at_the_corner_are_absent(tmp_path):
    pose = Pose(names=("a", "b"), is_seen=False)
    (row,) = read(tmp_path / "a.txt", "0 .5 .5 .5 .5 .25 .5 0 0\n", pose).objects
    assert row.points == ((0.25, 0.5, 2), (0.0, 0.0, 0))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0 .5 .5 .5 .5", "expected 5 + 2 x 3 = 11 words, as kpt_shape in data.yaml says, found 5"),
        ("0 .5 .5 .5 .5 .1 .1 2 .2 .2 2 .3", "found 12 in '0 .5 .5"),
        ("0 .5 .5 .5 .5 .1 .1 2 .2 .2 3", "expected a visibility of 0, 1 or 2 of 'right', found 3"),
        ("0 .5 .5 .5 .5 .1 .1 2 .2 .2 .5", "found 0.5"),
        (
            "0 .5 .5 .5 .5 .1 1.2 2 0 0 0",
            "expected 'left' in shares of the image's sides, in [0, 1]",
        ),
        ("0 .5 .5 .5 .5 .1 nan 0 0 0 0", "expected numbers alone, found 'nan'"),
        ("0 1.2 .5 .5 .5 .1 .1 2 0 0 0", "expected a box of which half lies in the image"),
    ],
)
def test_wrong_keypoints_are_refused_with_file_and_line(tmp_path, line, found):
    with pytest.raises(DataError, match=re.escape(found)) as caught:
        read(tmp_path / "a.txt", f"0 .5 .5 .5 .5 .1 .1 2 0 0 0\n{line}\n", EYES)
    assert str(caught.value).startswith(f"{tmp_path / 'a.txt'}:2: ")


POINT = st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32), st.integers(1, 2))


@given(st.lists(st.tuples(POINT | st.just((0.0, 0.0, 0)), POINT), max_size=4))
def test_keypoints_that_are_written_are_read_again(tmp_path_factory, found):
    rows = [YoloObject(0, (0.0, 0.0, 1.0, 1.0), points=points) for points in found]
    path = tmp_path_factory.getbasetemp() / "pose.txt"
    again = read(path, yolo.written_labels(rows), EYES)
    assert len(again.objects) + again.repeated == len(rows)
    if not again.repeated:
        for one, other in zip(again.objects, rows, strict=True):
            for point, written in zip(one.points, other.points, strict=True):
                assert point == pytest.approx(written, abs=1e-9)


@given(st.text("01. -5e\n", max_size=80), st.sampled_from([None, EYES]))
def test_any_line_of_polygons_or_keypoints_is_read_or_refused(tmp_path_factory, text, pose):
    with contextlib.suppress(DataError):
        for row in read(tmp_path_factory.getbasetemp() / "any.txt", text, pose).objects:
            assert all(0 <= number <= 1 for number in (*row.corners, *row.polygon))
            assert len(row.points) == (0 if pose is None else 2)


def test_a_label_file_of_another_encoding_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a.txt:2: expected text in UTF-8, found the byte 0xe9"):
        read(tmp_path / "a.txt", b"0 .5 .5 .1 .1\n\xe9\n")


SHARE = st.floats(0, 1, width=32)
CORNERS = st.tuples(SHARE, SHARE, SHARE, SHARE).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)


@given(st.lists(st.tuples(st.integers(0, 1), CORNERS), max_size=6))
def test_what_is_written_is_read_again(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "written.txt"
    labels = read(path, yolo.written_labels(YoloObject(*row) for row in rows))
    distinct = list(dict.fromkeys(rows))
    assert len(labels.objects) + labels.repeated == len(rows)
    if len(labels.objects) == len(distinct):  # boxes nearer than 1e-9 are one
        for read_back, (class_id, corners) in zip(labels.objects, distinct, strict=True):
            assert read_back.class_id == class_id
            assert read_back.corners == pytest.approx(corners, abs=1e-9)


@given(st.text("01. -5e\n\r\t,xé", max_size=60) | st.binary(max_size=30))
def test_any_label_file_is_read_or_refused(tmp_path_factory, text):
    with contextlib.suppress(DataError):
        for row in read(tmp_path_factory.getbasetemp() / "any.txt", text).objects:
            assert row.class_id in NAMES
            assert 0 <= row.corners[0] <= row.corners[2] <= 1


def data(path: Path, text: str) -> yolo.DataYaml:
    file = path / "data.yaml"
    file.write_text(text, encoding="utf-8")
    return yolo.read_data(file)


def test_data_yaml_names_classes_and_places(tmp_path):
    found = data(
        tmp_path,
        "path: ../datasets/coco8  # root\ntrain: images/train\nval: [images/val, more.txt]\n"
        "test:  # none\nnames:\n  0: person\n  1: 'no'\n",
    )
    assert found == yolo.DataYaml(
        names={0: "person", 1: "no"},
        root="../datasets/coco8",
        places={"train": ("images/train",), "validation": ("images/val", "more.txt")},
    )


@pytest.mark.parametrize(
    ("names", "read"),
    [
        ("[cat, dog]", {0: "cat", 1: "dog"}),
        ("[no, yes, 1, null, 1.5]", {0: "no", 1: "yes", 2: "1", 3: "null", 4: "1.5"}),
        ("{7: b, 3: a}", {3: "a", 7: "b"}),
        ("['斑马', 'it''s a cat', \"big dog\"]", {0: "斑马", 1: "it's a cat", 2: "big dog"}),
    ],
)
def test_names_are_texts_in_the_order_of_their_ids(tmp_path, names, read):
    found = data(tmp_path, f"names: {names}\ntrain: images\n").names
    assert found == read and list(found) == sorted(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: images\n", "there is no key 'names'"),
        ("name: [a]\n", "Did you mean 'name'?"),
        ("names: cat\n", ":1: names: there is no list of names or id: name"),
        ("names: []\n", "there is no list of names"),
        ("names: [a, '']\n", "found an empty name"),
        ("names: [a, a]\n", "expected each name once, found 'a' again"),
        ("names: {a: 0}\n", "expected ids such as 0, found 'a'"),
        ("names: {0: a, 0: b}\n", "expected each key once, found '0' again"),
        ("names: [[a]]\n", "expected a word, found a list or mapping"),
        ("nc: 3\nnames: [a, b]\n", ":1: nc: expected 2, the number of names, found 3"),
        ("- a\n", "there are no keys such as names and train"),
        ("", "there are no keys such as names and train"),
        ("names: [a\n", "expected YAML, found an error"),
        ("names: *x\n", "expected YAML, found an error"),
        ("a: 1\na: 2\nnames: [b]\n", "expected each key once, found 'a' again"),
    ],
)
def test_a_wrong_data_yaml_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        data(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "data.yaml"))


SHAPE = "names: [a, b]\nkpt_shape: [3, 2]\n"


def test_keypoints_have_names_and_pairs(tmp_path):
    names = "kpt_names:\n  0: [nose, l, r]\n  1: [nose, l, r]\n"
    found = data(tmp_path, f"{SHAPE}flip_idx: [0, 2, 1]\n{names}").pose
    assert found == Pose(names=("nose", "l", "r"), is_seen=False, swaps=(("l", "r"),))
    bare = data(tmp_path, SHAPE).pose
    assert bare == Pose(names=("point 0", "point 1", "point 2"), is_seen=False, is_paired=False)
    assert data(tmp_path, "names: [a]\n").pose is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "names: [a]\nkpt_shape: 3\n",
            ":2: kpt_shape: there is no list of numbers",
        ),
        ("names: [a]\nkpt_shape: [0, 3]\n", "expected [points, 2] or [points, 3], found [0, 3]"),
        ("names: [a]\nkpt_shape: [3, 4]\n", "found [3, 4]"),
        ("names: [a]\nkpt_shape: [3, x]\n", "found 3, x"),
        (f"{SHAPE}flip_idx: [0, 1]\n", ":3: flip_idx: expected for each of 3 points"),
        (f"{SHAPE}flip_idx: [1, 2, 0]\n", "found [1, 2, 0]"),
        (f"{SHAPE}flip_idx: [0, 1, 7]\n", "found [0, 1, 7]"),
        (f"{SHAPE}kpt_names: [a, b, c]\n", ":3: kpt_names: there is no list of names by class"),
        (f"{SHAPE}kpt_names: {{0: [a, b]}}\n", "found ['a', 'b']"),
        (f"{SHAPE}kpt_names: {{0: [a, b, b]}}\n", "the same for each class"),
        (f"{SHAPE}kpt_names: {{0: [a, b, c], 1: [a, c, b]}}\n", "found ['a', 'b', 'c'] and"),
    ],
)
def test_wrong_keypoints_of_data_yaml_are_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        data(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "data.yaml"))


def test_keypoints_of_data_yaml_are_written_and_read_again(tmp_path):
    pose = Pose(names=("n'o: se", "l", "r", "斑"), swaps=(("l", "r"),))
    assert data(tmp_path, yolo.written_data(("a", "b"), {"train": "x"}, pose=pose)).pose == pose


NAME = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1)


@given(st.lists(NAME.map(str.strip).filter(bool), min_size=1, max_size=5, unique=True))
def test_names_of_any_letters_are_written_and_read_again(tmp_path_factory, names):
    folder = tmp_path_factory.getbasetemp()
    places = {"train": "images/train", "validation": "images/validation"}
    found = data(folder, yolo.written_data(names, places))
    assert tuple(found.names.values()) == tuple(names)
    assert found.places == {split: (place,) for split, place in places.items()}


@given(st.text("names:tri val[]{}0,'\"\n -&*!|>#%@`\t", max_size=60))
def test_any_data_yaml_is_read_or_refused(tmp_path_factory, text):
    with contextlib.suppress(DataError):
        assert data(tmp_path_factory.getbasetemp(), f"names: [a]\n{text}").names


def test_a_box_or_polygon_of_which_half_lies_inside_is_cut_and_counted(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("0 1 .5 .4 .2\n0 .5 .5 .5 1.2 .7 .5\n")
    faults = Faults()
    found = yolo.read_labels(path, NAMES, faults)
    faults.check()
    assert [each.corners for each in found.objects] == [
        pytest.approx((0.8, 0.4, 1, 0.6)),
        pytest.approx((0.5, 0.5, 0.7, 1)),
    ]
    assert found.objects[1].polygon == (0.5, 0.5, 0.5, 1.2, 0.7, 0.5)
    assert found.clipped == 2
