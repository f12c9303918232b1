"""Fused stages do what the stages they stand for do, and draw as they draw."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import albumentations as A
import numpy as np
import pytest
from albumentations.augmentations.pixel import functional
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from dsbuilder.builtin.transforms.fused_color import FusedColor
from dsbuilder.builtin.transforms.fused_crop_resize_flip import FusedCropResizeFlip
from dsbuilder.plugin import ImageSignature, Params, Range, Sample, Signature, Transform, generator

PHOTOGRAPHS = (data.astronaut, data.coffee, data.chelsea, data.rocket)
COLOR = (
    ("brightness", functional.adjust_brightness_torchvision),
    ("contrast", functional.adjust_contrast_torchvision),
    ("saturation", functional.adjust_saturation_torchvision),
    ("hue", functional.adjust_hue_torchvision),
)
NEUTRAL = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0}


def sample_of(image: np.ndarray) -> Sample:
    return Sample(key="a", image=image, targets={})


def after(plugin: Transform, image: np.ndarray, params: Params) -> np.ndarray:
    return plugin.apply(sample_of(image), params).image


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def stepwise(image: np.ndarray, params: Mapping[str, Any]) -> np.ndarray:
    """The four passes of albumentations, each rounded and cut."""
    for name, adjust in COLOR:
        image = adjust(image, params[name])
    return image


def noise(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_a_crop_has_the_bytes_of_the_stages_it_stands_for(
    photograph: Callable[[], np.ndarray],
) -> None:
    image, plugin = photograph(), FusedCropResizeFlip(size=(64, 80), flip=0.5)
    for seed in range(8):
        params = plugin.draw(sample_of(image), generator("box", seed))
        top, left, height, width = params["box"]
        box = {"x_min": left, "y_min": top, "x_max": left + width, "y_max": top + height}
        flip = A.HorizontalFlip(p=float(params["flip"]))
        stages = A.Compose([A.Crop(**box), A.Resize(64, 80), flip])
        assert np.array_equal(after(plugin, image, params), stages(image=image)["image"])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_flip_mirrors_and_a_box_of_the_size_is_cut_as_it_is(channels: int) -> None:
    image, plugin = noise(20, 30, channels), FusedCropResizeFlip(size=(10, 12))
    cut = after(plugin, image, {"box": [4, 5, 10, 12], "flip": False})
    mirrored = after(plugin, image, {"box": [4, 5, 10, 12], "flip": True})
    assert np.array_equal(cut, image[4:14, 5:17])
    assert np.array_equal(mirrored, image[4:14, 16:4:-1])
    assert cut.flags.c_contiguous and mirrored.flags.c_contiguous


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.floats(0.01, 1),
    st.floats(0.2, 1),
    st.floats(1, 5),
    st.integers(0, 99),
)
def test_every_box_lies_in_the_image(
    height: int, width: int, scale: float, low: float, high: float, seed: int
) -> None:
    plugin = FusedCropResizeFlip(size=(4, 4), scale=Range(scale, 1), ratio=Range(low, high))
    image = np.zeros((height, width, 3), np.uint8)
    params = plugin.draw(sample_of(image), generator("box", seed))
    assert json.loads(json.dumps(params)) == params
    top, left, box_height, box_width = params["box"]
    assert box_height >= 1 and box_width >= 1
    assert 0 <= top <= height - box_height and 0 <= left <= width - box_width


def test_boxes_have_the_distribution_of_a_random_resized_crop() -> None:
    image, count = np.zeros((200, 300, 3), np.uint8), 4000
    ours = FusedCropResizeFlip(size=(8, 8), scale=Range(0.2, 0.9), flip=0.3)
    drawn = [ours.draw(sample_of(image), generator("box", seed)) for seed in range(count)]
    boxes = np.array([params["box"] for params in drawn], float)
    theirs = A.RandomResizedCrop((8, 8), scale=(0.2, 0.9))
    others = []
    for seed in range(count):
        theirs.set_random_state(np.random.default_rng(seed), random.Random(seed))
        left, top, right, bottom = theirs.get_params_dependent_on_data(
            {"shape": image.shape}, {"image": image}
        )["crop_coords"]
        others.append((top, left, bottom - top, right - left))
    for ours_values, their_values in zip(measures(boxes), measures(np.array(others)), strict=True):
        assert largest_gap(ours_values, their_values) < 0.043  # 1.92 sqrt(2 / 4000): 1 in 1,000
    assert abs(np.mean([params["flip"] for params in drawn]) - 0.3) < 0.03


def measures(boxes: np.ndarray) -> list[np.ndarray]:
    """Area, proportions, and place within what is left, of boxes `(n, 4)`."""
    top, left, height, width = boxes.T.astype(float)
    places = [top / np.maximum(1, 200 - height), left / np.maximum(1, 300 - width)]
    return [height * width, width / height, *places]


def largest_gap(one: np.ndarray, other: np.ndarray) -> float:
    """The statistic of Kolmogorov and Smirnov."""
    points = np.concatenate([one, other])
    shares = [
        np.searchsorted(np.sort(values), points, "right") / len(values) for values in (one, other)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


def test_what_never_fits_is_the_largest_box_of_the_proportions() -> None:
    plugin = FusedCropResizeFlip(size=(8, 8), scale=Range(1, 1), ratio=Range(1, 1))
    for shape, box in (((40, 100), [0, 30, 40, 40]), ((100, 40), [30, 0, 40, 40])):
        image = np.zeros((*shape, 3), np.uint8)
        assert plugin.draw(sample_of(image), generator(1))["box"] == box


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
def test_colors_without_hue_are_one_level_from_four_passes(
    photograph: Callable[[], np.ndarray],
) -> None:
    image, plugin = photograph(), FusedColor(hue=Range(0, 0))
    distances = []
    for seed in range(8):
        params = plugin.draw(sample_of(image), generator("color", seed))
        distances.append(distance(after(plugin, image, params), stepwise(image, params)))
    assert np.mean(distances) < 1.5
    assert max(distances) < 3  # where brightness cuts what contrast would bring back


@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize("hue", [-0.05, 0.03, 0.05])
def test_hue_turns_as_in_hsv_but_for_what_hsv_keeps(
    photograph: Callable[[], np.ndarray], hue: float
) -> None:
    image, params = photograph(), {**NEUTRAL, "hue": hue}
    near = distance(after(FusedColor(), image, params), stepwise(image, params))
    away = distance(after(FusedColor(), image, params), stepwise(image, {**params, "hue": -hue}))
    assert near < 11
    assert near < 0.7 * away  # it is the same sense of rotation


def test_neutral_params_are_the_identity_and_gray_stays_gray() -> None:
    image = data.coffee()
    assert np.array_equal(after(FusedColor(), image, NEUTRAL), image)
    gray = np.repeat(image[:, :, :1], 3, axis=2)
    params = {"brightness": 0.9, "contrast": 1.2, "saturation": 1.9, "hue": 0.2}
    changed = after(FusedColor(), gray, params).astype(int)
    assert (np.ptp(changed, axis=2) <= 1).all()
    flat = after(FusedColor(), gray[:, :, :1].copy(), params)
    assert np.abs(changed[:, :, :1] - flat).max() <= 1


def test_a_matrix_is_the_stated_formula() -> None:
    image = noise(40, 50, 3)
    b, c, s, h = 1.15, 0.85, 1.2, 0.04
    luma = np.tile([0.299, 0.587, 0.114], (3, 1))
    values = b * image.reshape(-1, 3).T.astype(float)
    mean = (luma @ values)[0].mean()
    values = c * values + (1 - c) * mean
    values = s * values + (1 - s) * luma @ values
    # Rodrigues' turn about the gray axis.
    axis, turn = np.full(3, 3**-0.5), 2 * np.pi * h
    across = np.cross(axis, values.T).T
    along = np.outer(axis, axis @ values)
    values = along + np.cos(turn) * (values - along) + np.sin(turn) * across
    expected = np.clip(np.rint(values), 0, 255).T.reshape(image.shape)
    params = {"brightness": b, "contrast": c, "saturation": s, "hue": h}
    assert np.abs(after(FusedColor(), image, params) - expected).max() <= 1


def test_alpha_stays_and_what_is_invisible_does_not_count() -> None:
    image = noise(30, 30, 4)
    image[:15, :, 3], image[15:, :, 3] = 0, 255
    params = {"brightness": 1.1, "contrast": 0.5, "saturation": 0.7, "hue": 0.03}
    changed = after(FusedColor(), image, params)
    visible = after(FusedColor(), np.ascontiguousarray(image[15:, :, :3]), params)
    assert np.array_equal(changed[:, :, 3], image[:, :, 3])
    assert np.abs(changed[15:, :, :3].astype(int) - visible).max() <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FusedCropResizeFlip(size=(0, 4)), "size: expected 1 or more"),
        (lambda: FusedCropResizeFlip(size=(4, 4), scale=Range(0, 1)), "scale: .* above 0"),
        (lambda: FusedCropResizeFlip(size=(4, 4), scale=Range(0.5, 2)), r"scale: .*\[0, 1\]"),
        (lambda: FusedCropResizeFlip(size=(4, 4), ratio=Range(-1, 1)), "ratio: .* above 0"),
        (lambda: FusedCropResizeFlip(size=(4, 4), flip=2), "flip: expected a probability"),
        (lambda: FusedColor(brightness=Range(-1, 1)), "brightness: expected values in"),
        (lambda: FusedColor(hue=Range(0, 0.6)), "hue: expected values in"),
    ],
)
def test_options_out_of_range_are_refused(make: Callable[[], Transform], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_images_of_other_types_are_refused_by_check() -> None:
    floats = Signature(
        image=ImageSignature(height=8, width=8, channels=3, dtype="float32"), targets={}
    )
    doubles = Signature(
        image=ImageSignature(height=8, width=8, channels=3, dtype="float64"), targets={}
    )
    with pytest.raises(ValueError, match="expected uint8 images, found float32"):
        FusedColor().output_signature(floats)
    with pytest.raises(ValueError, match="found float64"):
        FusedCropResizeFlip(size=(4, 4)).output_signature(doubles)
    assert FusedCropResizeFlip(size=(4, 5)).output_signature(floats).image.shape == (4, 5, 3)
