"""Resizing keeps shapes and dtypes, does not bleed, and fits without distortion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsbuilder.images.scale import Placement, fit, place, resize

SIDE = st.integers(1, 40)
SIZES = st.tuples(SIDE, SIDE)
INTERPOLATIONS = st.sampled_from(["area", "linear", "cubic", "nearest"])


def noise(size, channels=3, dtype=np.uint8) -> np.ndarray:
    values = np.random.default_rng(size).integers(0, 256, (*size, channels))
    return values.astype(dtype)


@settings(deadline=None)
@given(SIZES, SIZES, INTERPOLATIONS, st.sampled_from([1, 3, 4]))
def test_the_result_has_the_size_channels_and_dtype(source, size, interpolation, channels):
    for dtype in (np.uint8, np.uint16, np.float32):
        resized = resize(noise(source, channels, dtype), size, interpolation=interpolation)
        assert resized.shape == (*size, channels)
        assert resized.dtype == dtype


@settings(deadline=None)
@given(SIZES, SIZES, INTERPOLATIONS, st.sampled_from([1, 3, 4]))
def test_one_color_stays_that_color(source, size, interpolation, channels):
    color = np.array((200, 3, 90, 77), np.uint8)[:channels]
    resized = resize(np.full((*source, channels), color), size, interpolation=interpolation)
    assert (resized == color).all()


@settings(deadline=None)
@given(SIZES, st.sampled_from([1, 3, 4]))
def test_a_size_that_fits_is_the_identity(size, channels):
    image = noise(size, channels)
    assert resize(image, size) is image
    for how in ("crop", "pad", "stretch"):
        assert fit(image, size, fit=how) is image


def test_area_averages_when_it_shrinks():
    image = np.array([[0, 10, 100, 110], [20, 30, 120, 130]], np.uint8)[:, :, None]
    assert resize(image, (1, 2)).tolist() == [[[15], [115]]]


def test_area_is_linear_when_it_grows():
    image = np.array([[0, 100]], np.uint8)[:, :, None]
    assert resize(image, (1, 4)).tolist() == resize(image, (1, 4), interpolation="linear").tolist()
    assert resize(image, (1, 4)).tolist() == [[[0], [25], [75], [100]]]


def test_area_averages_the_shrinking_axis_and_is_linear_on_the_growing_one():
    image = np.array([[0, 100], [20, 140]], np.uint8)[:, :, None]
    assert resize(image, (1, 4)).tolist() == [[[10], [38], [93], [120]]]


def test_nearest_takes_the_pixel_below_the_center():
    image = np.arange(9, dtype=np.uint8)[None, :, None]
    assert resize(image, (1, 3), interpolation="nearest").reshape(-1).tolist() == [1, 4, 7]


@pytest.mark.parametrize("interpolation", ["area", "linear", "cubic"])
@pytest.mark.parametrize("size", [(4, 4), (32, 32), (4, 32)])
def test_the_color_of_transparent_pixels_does_not_bleed(interpolation, size):
    image = np.zeros((16, 16, 4), np.uint8)
    image[:, :, 1] = 255
    image[:8] = (200, 0, 0, 255)
    resized = resize(image, size, interpolation=interpolation)
    seen = resized[resized[:, :, 3] > 0]
    assert np.abs(seen[:, :3].astype(int) - (200, 0, 0)).max() <= 1
    assert resized[0, 0, 3] == 255
    assert resized[-1, -1, 3] == 0


def test_alpha_itself_is_averaged():
    image = np.array([[(10, 20, 30, 255), (90, 90, 90, 0)]], np.uint8)
    assert resize(image, (1, 1)).tolist() == [[[10, 20, 30, 128]]]


def test_read_only_images_are_accepted():
    image = noise((8, 8), 4)
    image.flags.writeable = False
    assert resize(image, (4, 4)).shape == (4, 4, 4)
    assert fit(image, (4, 6), fit="pad").shape == (4, 6, 4)


@settings(deadline=None)
@given(SIZES, SIZES, st.sampled_from(["crop", "pad", "stretch"]), st.sampled_from([1, 3, 4]))
def test_every_fit_gives_the_size(source, size, how, channels):
    fitted = fit(noise(source, channels), size, fit=how)
    assert fitted.shape == (*size, channels)
    assert fitted.flags.c_contiguous


@settings(deadline=None)
@given(st.tuples(st.integers(1, 400), st.integers(1, 400)), SIZES)
def test_crop_and_pad_keep_proportions_to_half_a_pixel(source, size):
    ratios = size[0] / source[0], size[1] / source[1]
    padded = place(source, size, fit="pad").scaled
    cropped = place(source, size, fit="crop")
    for side, length, scaled, cut, covering in zip(
        source, size, padded, cropped.box[2:], cropped.scaled, strict=True
    ):
        assert abs(scaled - max(1, side * min(ratios))) <= 0.5
        if max(ratios) <= 1:  # cut from the source, which is the finer grid
            assert abs(cut - max(1, length / max(ratios))) <= 0.5 + 1e-9
        else:
            assert abs(covering - side * max(ratios)) <= 0.5 + 1e-9


@settings(deadline=None)
@given(SIZES, SIZES)
def test_a_crop_covers_and_is_centerd(source, size):
    placement = place(source, size, fit="crop")
    top, left, height, width = placement.box
    below, right = source[0] - top - height, source[1] - left - width
    assert 0 <= below - top <= 1
    assert 0 <= right - left <= 1
    for offset, scaled, side in zip(placement.offset, placement.scaled, size, strict=True):
        assert scaled >= side
        assert 0 <= (scaled - side + offset) + offset <= 1


@settings(deadline=None)
@given(SIZES, SIZES)
def test_padding_shows_the_whole_image_in_the_middle(source, size):
    placement = place(source, size, fit="pad")
    assert placement.box == (0, 0, *source)
    for offset, scaled, side in zip(placement.offset, placement.scaled, size, strict=True):
        assert 0 <= (side - scaled - offset) - offset <= 1
    assert placement.scaled[0] == size[0] or placement.scaled[1] == size[1]


def test_placements_by_hand():
    assert place((100, 200), (50, 50), fit="crop") == Placement(
        box=(0, 50, 100, 100), scaled=(50, 50), offset=(0, 0)
    )
    assert place((10, 20), (50, 50), fit="crop") == Placement(
        box=(0, 0, 10, 20), scaled=(50, 100), offset=(0, -25)
    )
    assert place((100, 200), (50, 50), fit="pad") == Placement(
        box=(0, 0, 100, 200), scaled=(25, 50), offset=(12, 0)
    )
    assert place((3, 5), (7, 9), fit="stretch") == Placement(
        box=(0, 0, 3, 5), scaled=(7, 9), offset=(0, 0)
    )


def test_crop_shows_the_middle():
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, 2:6] = 200
    assert (fit(image, (2, 2), fit="crop") == 200).all()
    assert (fit(image, (8, 4), fit="crop", interpolation="nearest") == 200).all()


@pytest.mark.parametrize(
    ("channels", "expected"), [(1, [76]), (3, [255, 0, 0]), (4, [255, 0, 0, 0])]
)
def test_padding_is_the_background_in_the_channels_of_the_image(channels, expected):
    image = np.full((2, 4, channels), 9, np.uint8)
    padded = fit(image, (4, 4), fit="pad", background=(255, 0, 0))
    assert padded[0, 0].tolist() == padded[3, 3].tolist() == expected
    assert (padded[1:3] == 9).all()
