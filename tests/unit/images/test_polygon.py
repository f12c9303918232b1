"""Polygons and pixels: one is covered where its center lies inside; outlines give it again."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import data, measure

from dsbuilder.errors import DataError
from dsbuilder.images import polygon

COORDINATE = st.floats(-10, 40, allow_nan=False).map(lambda number: round(number, 2))
POLYGON = st.lists(COORDINATE, min_size=6, max_size=20).map(lambda flat: flat[: len(flat) & ~1])


def covers(flat, x, y):
    """The even-odd rule for one point, edge by edge."""
    points = list(zip(flat[::2], flat[1::2], strict=True))
    inside = False
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        if (ay <= y) != (by <= y) and ax + (y - ay) / (by - ay) * (bx - ax) <= x:
            inside = not inside
    return inside


@given(POLYGON)
def test_a_pixel_is_covered_where_its_center_lies_inside(flat):
    mask = polygon.fill([flat], (24, 30))
    expected = [[covers(flat, x + 0.5, y + 0.5) for x in range(30)] for y in range(24)]
    assert np.array_equal(mask, np.array(expected, np.uint8))


def test_a_rectangle_on_the_grid_covers_its_pixels_alone():
    mask = polygon.fill([[2, 1, 5, 1, 5, 4, 2, 4]], (6, 8))
    expected = np.zeros((6, 8), np.uint8)
    expected[1:4, 2:5] = 1
    assert np.array_equal(mask, expected)


@given(st.floats(1, 19), st.floats(1, 19))
def test_neighbors_share_no_pixel_and_leave_no_gap(top, bottom):
    left = polygon.fill([[0, 0, top, 0, bottom, 20, 0, 20]], (20, 20))
    right = polygon.fill([[top, 0, 20, 0, 20, 20, bottom, 20]], (20, 20))
    assert np.array_equal(left + right, np.ones((20, 20), np.uint8))


def test_several_polygons_are_their_union():
    one, other = [0, 0, 4, 0, 4, 4, 0, 4], [2, 2, 6, 2, 6, 6, 2, 6]
    both = polygon.fill([one, other], (8, 8))
    assert np.array_equal(both, polygon.fill([one], (8, 8)) | polygon.fill([other], (8, 8)))


def test_a_circle_has_its_area():
    angles = np.linspace(0, 2 * math.pi, 200, endpoint=False)
    flat = np.stack([50 + 30 * np.cos(angles), 50 + 30 * np.sin(angles)], axis=1).ravel()
    assert abs(int(polygon.fill([flat], (100, 100)).sum()) / (math.pi * 900) - 1) < 0.005


def test_what_lies_outside_or_has_no_area_covers_nothing():
    assert not polygon.fill([[50, 50, 60, 50, 60, 60], [1, 1, 2, 1], [3, 3], []], (8, 8)).any()


SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def filled(region: np.ndarray, scale: float = 1.0) -> list[np.ndarray]:
    flat = [
        [each * scale for point in outline for each in point]
        for outline in polygon.outlines(region)
    ]
    return [polygon.fill([[each / scale for each in points]], region.shape) for points in flat]


@given(SIZES.flatmap(lambda size: arrays.arrays(np.bool_, size)), st.sampled_from([1, 1 / 7, 1e-3]))
def test_filled_outlines_are_the_region_each_part_once(region: np.ndarray, scale: float) -> None:
    parts = filled(region, scale)
    assert np.array_equal(np.sum([np.zeros(region.shape, int), *parts], axis=0), region)
    assert len(parts) == measure.label(region, connectivity=1).max()


def test_a_real_outline_with_holes_is_filled_to_the_pixel() -> None:
    region = data.camera()[::2, ::2] < 70
    assert np.array_equal(sum(filled(region)), region)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["##"], [[(0, 0), (2, 0), (2, 1), (0, 1)]]),
        (["###", "#.#"], [[(0, 0), (3, 0), (3, 2), (2, 2), (2, 1), (1, 1), (1, 2), (0, 2)]]),
        (["#.", ".#"], [[(0, 0), (1, 0), (1, 1), (0, 1)], [(1, 1), (2, 1), (2, 2), (1, 2)]]),
        (["..", ".."], []),
    ],
)
def test_an_outline_has_corners_alone(rows, expected) -> None:
    region = np.array([[letter == "#" for letter in row] for row in rows])
    assert polygon.outlines(region) == expected


def test_a_hole_is_part_of_the_one_polygon() -> None:
    region = np.ones((3, 3), bool)
    region[1, 1] = False
    [outline] = polygon.outlines(region)
    assert len(outline) == 4 + 2 + 4 + 2  # outside, the way there, the hole, the way back
    assert np.array_equal(filled(region)[0], region)


def test_a_polygon_is_filled_alike_in_parts(monkeypatch):
    flat = np.random.default_rng(0).uniform(-5, 40, 200).tolist()
    whole = polygon.fill([flat], (33, 35))
    monkeypatch.setattr(polygon, "_AT_ONCE", 7)
    assert np.array_equal(polygon.fill([flat], (33, 35)), whole)


def test_what_a_polygon_takes_is_bounded():
    zigzag = [0, 0, 10_000, 10_000] * 30_000
    with pytest.raises(DataError, match="cross at most 500000000 rows of pixels, found 600000000"):
        polygon.fill([zigzag], (10_000, 10_000))
