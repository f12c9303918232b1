"""What counts as the same picture: photographs that were handled, and no others."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from dsbuilder.builtin.inspectors import likeness
from dsbuilder.plugin import Record, Seen, View

PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "coins", "rocket", "moon", "page")


def photograph(name: str) -> np.ndarray:
    image = getattr(data, name)()
    return np.ascontiguousarray(np.dstack([image] * 3) if image.ndim == 2 else image[..., :3])


def view_of(image: np.ndarray, key: str = "a") -> View:
    return View(record=Record(key=key), kinds={}, read=lambda: image, decode=lambda pixels: pixels)


def alike(*images: np.ndarray) -> list[list[int]]:
    seen = Seen(
        records=[Record(key=str(place)) for place in range(len(images))],
        measures=[likeness.describe(view_of(image)) for image in images],
    )
    return [list(group) for group in likeness.alike(seen, 0.12, 0.4).groups]


def jpeg(image: np.ndarray, quality: int = 50) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def halved(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def brightened(image: np.ndarray) -> np.ndarray:
    return np.clip(image * 1.15, 0, 255).astype(np.uint8)


def noisy(image: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def blurred(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 1)


def cropped(image: np.ndarray) -> np.ndarray:
    rows, columns = (round(size * 0.02) for size in image.shape[:2])
    return np.ascontiguousarray(image[rows:-rows, columns:-columns])


def turned(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 2, 1)
    return cv2.warpAffine(image, turn, (width, height))


def clipped(image: np.ndarray) -> np.ndarray:
    return np.clip(image * 1.2, 0, 255).astype(np.uint8)


def tinted(image: np.ndarray) -> np.ndarray:
    return np.clip(image * np.array([1.1, 1, 0.9]), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "handled", [jpeg, halved, brightened, noisy, blurred, cropped, turned, clipped, tinted]
)
def test_a_photograph_that_was_handled_is_alike(handled: Callable[..., np.ndarray]) -> None:
    images = [photograph(name) for name in PHOTOGRAPHS]
    both = [*images, *(handled(image) for image in images)]
    count = len(images)
    assert alike(*both) == [[place, place + count] for place in range(count)]


def test_different_photographs_and_turned_ones_are_not_alike() -> None:
    images = [photograph(name) for name in PHOTOGRAPHS]
    assert not alike(*images, *(np.ascontiguousarray(image[::-1]) for image in images))


def test_the_same_shapes_in_another_color_are_not_alike() -> None:
    image = photograph("astronaut")
    assert not alike(image, np.ascontiguousarray(image[..., ::-1]))


def test_images_that_show_nothing_are_not_alike() -> None:
    assert not alike(np.full((40, 40, 3), 7, np.uint8), np.full((50, 40, 3), 9, np.uint8))


def test_gray_and_rgba_forms_of_a_picture_are_alike() -> None:
    gray = photograph("camera")
    opaque = np.dstack([gray, np.full(gray.shape[:2], 255, np.uint8)])
    assert alike(gray, gray[..., :1], opaque) == [[0, 1, 2]]


def test_many_copies_of_one_picture_cost_no_comparison_of_all_with_all() -> None:
    rng = np.random.default_rng(3)
    base = halved(halved(photograph("coffee"))).astype(np.int16)
    noisy = [
        (base + rng.integers(0, 2, base.shape)).clip(0, 255).astype(np.uint8) for _ in range(900)
    ]
    assert alike(*noisy) == [list(range(900))]


def test_the_difference_of_thumbnails_is_that_of_their_standardized_pixels() -> None:
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (40, 768), np.uint8)
    pixels[20:] = pixels[:20] // 2 + rng.integers(0, 9, (20, 768), np.uint8)
    pixels[0] = 7  # no deviation at all
    left, right = np.divmod(np.arange(1600), 40)
    centerd = pixels - pixels.mean(axis=1, keepdims=True)
    scaled = centerd / np.maximum(centerd.std(axis=1, keepdims=True), 4)
    expected = np.sqrt(((scaled[left] - scaled[right]) ** 2).mean(axis=1))
    found = likeness.Thumbnails(pixels).differences(left, right)
    assert np.allclose(found, expected, atol=1e-6)
