"""Boxes in pixels become shares of the sides and come back; errors of rounding are cut off."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts import boxes as box

sides = st.integers(1, 5000)
shares = st.floats(0, 1)


@given(sides, sides, shares, shares, shares, shares)
def test_there_and_back_is_the_identity(height, width, x, y, right, bottom):
    corners = [min(x, right), min(y, bottom), max(x, right), max(y, bottom)]
    pixels = box.to_width_height(corners, (height, width))
    found = box.from_width_height(pixels, (height, width), box.Clipping())
    assert found == pytest.approx(corners, abs=1e-9)
    assert all(0 <= share <= 1 for share in found)


def test_boxes_a_rounding_error_outside_are_cut_at_the_edge():
    clipping = box.Clipping()
    assert box.from_corners([-2, -0.5, 102, 50], (50, 100), clipping) == [0, 0, 1, 1]
    assert box.from_width_height([-9, 0, 1018, 5], (10, 1000), clipping) == [0, 0, 1, 0.5]
    assert clipping.notes() == []


@pytest.mark.parametrize(
    ("corners", "cut"),
    [
        ([-10, 0, 10, 25], [0, 0, 0.1, 0.5]),
        ([50, 25, 150, 50], [0.5, 0.5, 1, 1]),
        ([-10, 10, 20, 10], [0, 0.2, 0.2, 0.2]),
    ],
)
def test_a_box_of_which_half_lies_inside_is_cut_and_counted(corners, cut):
    clipping = box.Clipping()
    assert box.from_corners(corners, (50, 100), clipping) == cut
    assert clipping.notes() == [
        "1 box reaches out of the image by at most half, and is cut at its edge"
    ]


@given(st.floats(-1, 2), st.floats(-1, 2), st.floats(0.05, 1), st.floats(0.05, 1))
def test_a_box_is_kept_just_if_half_of_its_area_is_inside(x, y, width, height):
    corners = [x * 1000, y * 1000, (x + width) * 1000, (y + height) * 1000]
    across = max(0.0, min(1, x + width) - max(0, x)) * max(0.0, min(1, y + height) - max(0, y))
    share = across / (width * height)
    if abs(share - 0.5) < 1e-3 or box.lies_within([c / 1000 for c in corners], (1000, 1000)):
        return
    clipping = box.Clipping()
    try:
        found = box.from_corners(corners, (1000, 1000), clipping)
    except DataError:
        assert share < 0.5
    else:
        assert share > 0.5
        assert clipping.boxes == 1
        assert all(0 <= each <= 1 for each in found)


@pytest.mark.parametrize(
    "corners",
    [
        [-6, 0, 5, 5],
        [0, 0, 202, 5],
        [200, 0, 205, 0],
        [0, 0, 5, math.nan],
        [0, 0, 5],
        [5, 0, 4, 1],
        "abcd",
    ],
)
def test_other_boxes_are_refused(corners):
    with pytest.raises(DataError, match="expected a box"):
        box.from_corners(corners, (50, 100), box.Clipping())


def test_sides_below_zero_are_refused():
    with pytest.raises(DataError, match=r"expected \[x, y, width, height\] with sides >= 0"):
        box.from_width_height([5, 5, -1, 2], (50, 100), box.Clipping())
