"""Outlines of regions: filled, they are the regions again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import data, measure

from dsbuilder.images import polygon
from dsbuilder.images.outline import outlines

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def filled(region: np.ndarray, scale: float = 1.0) -> list[np.ndarray]:
    flat = [[each * scale for point in outline for each in point] for outline in outlines(region)]
    return [polygon.fill([[each / scale for each in points]], region.shape) for points in flat]


@settings(max_examples=60)
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
    assert outlines(region) == expected


def test_a_hole_is_part_of_the_one_polygon() -> None:
    region = np.ones((3, 3), bool)
    region[1, 1] = False
    [outline] = outlines(region)
    assert len(outline) == 4 + 2 + 4 + 2  # outside, the way there, the hole, the way back
    assert np.array_equal(filled(region)[0], region)
