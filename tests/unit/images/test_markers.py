"""Markers are found where they went, whatever became of colors."""

import cv2
import numpy as np
import pytest

from dsbuilder.images.markers import Marker, grid, paintings, sightings


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(60, 190, (height, width, channels), np.uint8)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (60, 90)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_markers_are_told_apart_where_they_are(size: tuple[int, int], channels: int) -> None:
    image = picture(*size, channels)
    spread = grid(*size)
    painted = paintings(image, spread)
    assert len(painted) == len(spread).bit_length()
    for marker, seen in zip(spread, sightings(image, painted, spread, size=size), strict=True):
        assert np.hypot(seen.x - marker.x, seen.y - marker.y) < 0.8


def test_they_are_seen_through_a_turn_and_a_change_of_colors() -> None:
    image, spread = picture(64, 96), grid(64, 96)
    matrix = cv2.getRotationMatrix2D((47.5, 31.5), 30, 0.9)

    def change(pixels: np.ndarray) -> np.ndarray:
        return 200 - cv2.warpAffine(pixels, matrix, (96, 64)) // 2

    changed = [change(each) for each in paintings(image, spread)]
    found = sightings(change(image), changed, spread, size=(64, 96))
    seen = 0
    for marker, sighting in zip(spread, found, strict=True):
        x, y = matrix[:, :2] @ (marker.x - 0.5, marker.y - 0.5) + matrix[:, 2] + 0.5
        if 5 < x < 91 and 5 < y < 59:
            assert np.hypot(sighting.x - x, sighting.y - y) < 1
            seen += 1
    assert seen > 8


def test_what_is_covered_or_cut_off_is_not_seen() -> None:
    image = picture(40, 40)
    spread = [Marker(x=10, y=10, radius=4), Marker(x=30, y=30, radius=4)]
    painted = paintings(image, spread)
    cut = slice(0, 20)
    parts = [each[cut, cut] for each in painted]
    first, second = sightings(image[cut, cut], parts, spread, size=(40, 40))
    assert first is not None
    assert second is None
    assert sightings(image, [each[:20] for each in painted], spread, size=(40, 40)) == [None, None]


@pytest.mark.parametrize("side", [96, 190])
def test_they_are_seen_in_an_image_that_was_made_small(side: int) -> None:
    image, spread = picture(512, 512), grid(512, 512)

    def shrunk(pixels: np.ndarray) -> np.ndarray:
        return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)

    painted = [shrunk(each) for each in paintings(image, spread)]
    found = sightings(shrunk(image), painted, spread, size=(512, 512))
    for marker, seen in zip(spread, found, strict=True):
        assert seen is not None
        assert np.hypot(seen.x * 512 / side - marker.x, seen.y * 512 / side - marker.y) < 3
