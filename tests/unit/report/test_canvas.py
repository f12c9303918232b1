"""An image of any size and kind becomes a picture that can be judged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.report.canvas import picture, placeholder, to_uint8


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 3, 4]), st.integers(16, 64))
def test_a_picture_fits_into_its_square(height: int, width: int, channels: int, side: int) -> None:
    drawn = picture(np.full((height, width, channels), 7, np.uint8), side)
    assert drawn.mode == "RGB"
    assert max(drawn.size) <= side
    assert 2 * max(drawn.size) > side


def test_a_small_image_is_enlarged_pixel_by_pixel() -> None:
    image = np.array([[[0], [255]], [[255], [0]]], np.uint8)
    drawn = np.asarray(picture(image, 9))
    assert drawn.shape == (8, 8, 3)
    assert np.array_equal(drawn[:, :, 0], np.kron(image[:, :, 0], np.ones((4, 4), np.uint8)))


def test_transparency_shows_a_checkerboard_and_opacity_the_image() -> None:
    image = np.zeros((64, 64, 4), np.uint8)
    image[:32] = (200, 0, 0, 255)
    drawn = np.asarray(picture(image, 64))
    assert (drawn[:32] == (200, 0, 0)).all()
    assert set(np.unique(drawn[32:])) == {208, 255}


def test_sixteen_bits_keep_black_and_white() -> None:
    assert to_uint8(np.array([[[0], [65535]]], np.uint16)).ravel().tolist() == [0, 255]


@pytest.mark.parametrize(
    ("values", "shown"),
    [([0.0, 0.5, 1.0], [0, 128, 255]), ([-2.0, 0.0, 2.0], [0, 128, 255]), ([3.0, 3.0], [0, 0])],
)
def test_floats_are_shown_by_their_range(values: list[float], shown: list[int]) -> None:
    image = np.array(values, np.float32).reshape(1, -1, 1)
    assert to_uint8(image).ravel().tolist() == shown


def test_what_is_missing_is_a_crossed_square() -> None:
    drawn = np.asarray(placeholder(32))
    assert drawn.shape == (32, 32, 3)
    assert (drawn[0, 0] == drawn[31, 0]).all()
    assert (drawn[0, 0] != drawn[10, 20]).any()
