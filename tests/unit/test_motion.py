"""A motion takes points and masks to the same places, whatever its matrix."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.plugin import Boxes, BoxSet, Instances, Keypoints, Mask, Motion, PointSet

SIZE = (48, 64)


def turned(degrees: float, scale: float, *, mirrored: bool) -> Motion:
    """A turn about the middle."""
    angle = math.radians(degrees)
    turn = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    turn = turn @ np.diag([-1 if mirrored else 1, 1])
    middle = np.array([SIZE[1] / 2, SIZE[0] / 2])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = turn, middle - turn @ middle
    return Motion(matrix=matrix, before=SIZE, after=SIZE)


@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.6, 1.5),
    mirrored=st.booleans(),
    x=st.integers(12, 52),
    y=st.integers(12, 36),
)
def test_a_dot_of_a_mask_lies_under_its_keypoint(degrees, scale, mirrored, x, y) -> None:
    motion = turned(degrees, scale, mirrored=mirrored)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    mask = ((rows - y) ** 2 + (columns - x) ** 2 <= 25).astype(np.uint8)
    moved = Mask(names=("none", "dot")).move(mask, motion)
    point = motion.points(np.array([x, y], np.float64))
    found_rows, found_columns = np.nonzero(moved)
    if (point > 10).all() and (point < np.array(SIZE[::-1]) - 10).all():
        assert found_columns.mean() + 0.5 == pytest.approx(point[0], abs=0.5)
        assert found_rows.mean() + 0.5 == pytest.approx(point[1], abs=0.5)
    assert motion.mirrors == mirrored


@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.2, 1.5),
    mirrored=st.booleans(),
    count=st.integers(0, 20),
)
def test_each_instance_moves_as_its_mask_does(degrees, scale, mirrored, count) -> None:
    motion = turned(degrees, scale, mirrored=mirrored)
    rng = np.random.default_rng(count)
    boxes = np.sort(rng.integers(0, SIZE, (count, 2, 2)), axis=1).tolist()
    polygons = [[x, y, right, y, right, low, x, low] for (y, x), (low, right) in boxes]
    objects = [
        {"label": "a", "box": [0, 0, 1, 1], "polygons": [each], "n": place}
        for place, each in enumerate(polygons)
    ]
    kind = Instances(names=("a",), attributes=(("n", "int64"),))
    value = kind.parse({"objects": objects, "size": list(SIZE)})
    found, mask = kind.move(value, motion), Mask(names=("none", "a"))
    expected = [mask.move(each.astype(np.uint8), motion) for each in value.masks()]
    still = np.array_equal(motion.matrix, np.eye(3))
    kept = [place for place, each in enumerate(expected) if each.any() or still]
    assert found.boxes.attributes["n"].tolist() == kept
    for place, own, corners in zip(kept, found.masks(), found.boxes.corners, strict=True):
        assert np.array_equal(own, expected[place])
        rows, columns = np.nonzero(own) if own.any() else (np.zeros(1), np.zeros(1))
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        if still:
            edges = [0, 0, 64, 48]
        assert corners * (64, 48, 64, 48) == pytest.approx(edges, abs=1e-4)


@given(degrees=st.floats(-180, 180), scale=st.floats(0.6, 1.5), mirrored=st.booleans())
def test_a_box_surrounds_what_is_painted_in_it(degrees, scale, mirrored) -> None:
    motion = turned(degrees, scale, mirrored=mirrored)
    mask = np.zeros(SIZE, np.uint8)
    mask[10:30, 20:50] = 1
    corners = np.array([[20 / 64, 10 / 48, 50 / 64, 30 / 48]], np.float32)
    boxes = BoxSet(corners=corners, classes=np.zeros(1, np.int64))
    found = Boxes(names=("a",)).move(boxes, motion)
    rows, columns = np.nonzero(Mask(names=("n", "a")).move(mask, motion))
    left, top, right, bottom = found.corners[0] * (64, 48, 64, 48)
    assert left <= columns.min() + 1 and columns.max() <= right
    assert top <= rows.min() + 1 and rows.max() <= bottom


def test_what_comes_from_outside_is_ignored_or_of_class_0() -> None:
    motion = Motion.of_box((4, 4), (0, 0, 4, 4), (2, 1, 4, 4), (8, 6))
    mask = np.ones((4, 4), np.uint8)
    for kind, outside in ((Mask(names=("a", "b")), 0), (Mask(names=("a", "b"), ignore=7), 7)):
        expected = np.full((8, 6), outside)
        expected[2:6, 1:5] = 1
        assert kind.move(mask, motion).tolist() == expected.tolist()


def test_a_perspective_moves_points_by_their_own_scale() -> None:
    matrix = np.array([[1, 0, 0], [0, 1, 0], [0.01, 0, 1]])
    motion = Motion(matrix=matrix, before=(100, 100), after=(100, 100))
    assert motion.points(np.array([[0.0, 0.0], [100.0, 50.0]])).tolist() == [[0, 0], [50, 25]]
    mask = np.zeros((100, 100), np.uint8)
    mask[:, 50:] = 1
    edge = Mask(names=("a", "b")).move(mask, motion)[5]
    assert np.flatnonzero(edge)[0] == pytest.approx(100 / 3, abs=1)


def test_a_box_that_leaves_is_dropped_and_its_attributes_with_it() -> None:
    target = Boxes(names=("a",), attributes=(("word", "string"),))
    value = target.parse(
        [
            {"label": "a", "box": [0.0, 0.0, 0.25, 0.5], "word": "gone"},
            {"label": "a", "box": [0.25, 0.0, 0.75, 0.5], "word": "cut"},
            {"label": "a", "box": [0.75, 0.5, 1.0, 1.0], "word": "kept"},
        ]
    )
    right_half = Motion.of_box((40, 40), (0, 20, 40, 20), (0, 0, 40, 20), (40, 20))
    moved = target.move(value, right_half)
    assert moved.attributes["word"].tolist() == ["cut", "kept"]
    assert moved.corners.tolist() == [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]


def test_a_mirror_swaps_the_names_and_their_visibility() -> None:
    target = Keypoints(names=("left", "nose", "right"), swaps=(("left", "right"),))
    value = PointSet(
        points=np.array([[[0.25, 0.5], [0.5, 0.5], [0.75, 0.25]]], np.float32),
        visibility=np.array([[2, 2, 1]]),
    )
    flip = Motion.of_box((8, 8), (0, 0, 8, 8), (0, 0, 8, 8), (8, 8), mirrored=True)
    moved = target.move(value, flip)
    assert moved.points.tolist() == [[[0.25, 0.25], [0.5, 0.5], [0.75, 0.5]]]
    assert moved.visibility.tolist() == [[1, 2, 2]]
    assert target.move(moved, flip) == value
