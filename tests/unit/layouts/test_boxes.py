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
    found = box.from_width_height(pixels, (height, width))
    assert found == pytest.approx(corners, abs=1e-9)
    assert all(0 <= share <= 1 for share in found)


def test_boxes_a_rounding_error_outside_are_cut_at_the_edge():
    assert box.from_corners([-2, -0.5, 102, 50], (50, 100)) == [0, 0, 1, 1]
    assert box.from_width_height([-9, 0, 1018, 5], (10, 1000)) == [0, 0, 1, 0.5]


@pytest.mark.parametrize(
    "corners",
    [[-2.1, 0, 5, 5], [0, 0, 102.1, 5], [0, 0, 5, math.nan], [0, 0, 5], [5, 0, 4, 1], "abcd"],
)
def test_other_boxes_are_refused(corners):
    with pytest.raises(DataError, match="expected a box"):
        box.from_corners(corners, (50, 100))


def test_sides_below_zero_are_refused():
    with pytest.raises(DataError, match=r"expected \[x, y, width, height\] with sides >= 0"):
        box.from_width_height([5, 5, -1, 2], (50, 100))
