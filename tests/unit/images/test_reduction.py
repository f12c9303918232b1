"""A JPEG is decoded at a reduced scale only where that is nearer to an average over the area."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from dsbuilder.images import jpeg
from dsbuilder.images.encoding import decode
from dsbuilder.images.reduction import WHOLE, eighths, reduced

PHOTOGRAPHS = (data.astronaut, data.coffee, data.chelsea, data.rocket)
SIDE = st.integers(1, 5000)


def to_short(short: int) -> Callable[[int, int], tuple[int, int]]:
    def shrunk(height: int, width: int) -> tuple[int, int]:
        scale = short / min(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    return shrunk


@given(SIDE, SIDE, st.integers(1, 700))
def test_a_scale_leaves_twice_what_is_wanted_and_ends_in_the_same_size(
    height: int, width: int, short: int
) -> None:
    shrunk = to_short(short)
    count = eighths((height, width), shrunk)
    assert count in (1, 2, 4, WHOLE)
    if count == WHOLE:
        return
    left, wanted = reduced((height, width), count), shrunk(height, width)
    assert shrunk(*left) == wanted
    assert left[0] >= 2 * wanted[0] and left[1] >= 2 * wanted[1]


@pytest.mark.parametrize(("side", "count"), [(500, 8), (512, 4), (1000, 4), (1024, 2), (2048, 1)])
def test_the_smallest_scale_is_chosen(side: int, count: int) -> None:
    assert eighths((side, side), to_short(128)) == count


def test_an_image_that_is_not_resized_is_decoded_whole() -> None:
    assert eighths((4000, 3000), lambda height, width: None) == WHOLE
    encoded = jpeg.encode(data.coffee(), quality=90)
    whole = decode(encoded, mode="rgb")
    assert np.array_equal(decode(encoded, mode="rgb", shrunk=lambda h, w: None), whole)
    assert np.array_equal(decode(encoded, mode="rgb", shrunk=to_short(300)), whole)


def enlarged(image: np.ndarray, height: int) -> np.ndarray:
    width = round(image.shape[1] * height / image.shape[0])
    larger = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 3, (*larger.shape[:2], 1)).astype(np.float32)
    return np.clip(larger + noise, 0, 255).astype(np.uint8)


def nearness(image: np.ndarray, reference: np.ndarray) -> float:
    """PSNR in dB."""
    return float(-10 * np.log10(((image.astype(float) - reference) ** 2).mean() / 255**2))


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize(("height", "short"), [(None, 70), (None, 50), (1200, 224), (1800, 96)])
def test_what_is_decoded_reduced_is_nearer_to_the_area_than_the_whole_resized_linearly(
    photograph: Callable[[], np.ndarray], height: int | None, short: int
) -> None:
    image = photograph() if height is None else enlarged(photograph(), height)
    encoded = jpeg.encode(image, quality=90)
    whole = decode(encoded, mode="rgb")
    part = decode(encoded, mode="rgb", shrunk=to_short(short))
    assert part.shape[0] < whole.shape[0]
    size = to_short(short)(*whole.shape[:2])[::-1]
    reference = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    linear = nearness(cv2.resize(whole, size), reference)
    assert nearness(cv2.resize(part, size), reference) > linear
    assert nearness(cv2.resize(part, size, interpolation=cv2.INTER_AREA), reference) > linear + 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_image_is_measured_upright(orientation: int) -> None:
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(data.coffee()).save(file, "JPEG", exif=exif)
    whole = decode(file.getvalue(), mode="rgb")
    wanted = (whole.shape[0] // 8, whole.shape[1] // 8)
    part = decode(file.getvalue(), mode="rgb", shrunk=lambda height, width: wanted)
    assert part.shape == (whole.shape[0] // 4, whole.shape[1] // 4, 3)
    size = (whole.shape[1], whole.shape[0])
    assert nearness(cv2.resize(part, size), whole) > 15  # turned alike


def test_gray_is_reduced_alike_and_other_formats_never() -> None:
    image = data.coffee()
    encoded = jpeg.encode(image, quality=90)
    assert decode(encoded, mode="gray", shrunk=to_short(50)).shape == (100, 150, 1)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    assert np.array_equal(decode(file.getvalue(), mode="rgb", shrunk=to_short(50)), image)
