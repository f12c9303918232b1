"""DiffAugment, against what is drawn by hand."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from keras import ops

from dsbuilder.train.gan import diff_augment as augment

IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, 16, 24, 3)).astype(np.float32)


def drawn(**numbers: float) -> np.ndarray:
    """Returns numbers that change nothing, but for those that are said."""
    names = ("brightness", "saturation", "contrast", "down", "right", "hole_down", "hole_right")
    middle = dict.fromkeys(names, 0.5) | numbers
    return np.tile(np.array([middle[name] for name in names], np.float32), (3, 1))


def made(parts, **numbers: float) -> np.ndarray:
    return ops.convert_to_numpy(augment.diff_augment(IMAGES, drawn(**numbers), parts))


def test_the_middle_of_what_is_drawn_changes_neither_color_nor_place() -> None:
    assert made(("color", "translation")) == pytest.approx(IMAGES, abs=1e-5)
    assert np.array_equal(made(()), IMAGES)


def test_color_changes_brightness_saturation_and_contrast_as_published() -> None:
    assert made(("color",), brightness=0.9) == pytest.approx(IMAGES + 0.4, abs=1e-5)
    gray = IMAGES.mean(axis=3, keepdims=True)
    assert made(("color",), saturation=0.0) == pytest.approx(
        np.broadcast_to(gray, IMAGES.shape), abs=1e-5
    )
    mean = IMAGES.mean(axis=(1, 2, 3), keepdims=True)
    expected = (IMAGES - mean) * 1.25 + mean
    assert made(("color",), contrast=0.75) == pytest.approx(expected, abs=1e-5)


def test_translation_shifts_by_up_to_an_eighth_and_brings_in_the_middle_gray() -> None:
    shifted = made(("translation",), down=0.999, right=0.0)  # 2 rows down, 3 columns left
    expected = np.zeros_like(IMAGES)
    expected[:, 2:, :-3] = IMAGES[:, :-2, 3:]
    assert shifted == pytest.approx(expected, abs=1e-6)


def test_cutout_makes_a_hole_of_half_the_sides() -> None:
    cut = made(("cutout",), hole_down=0.5, hole_right=0.5)
    hole = (cut == 0).all(axis=3)
    assert (hole.sum(axis=(1, 2)) == 8 * 12).all()
    assert hole[0, 4:12, 6:18].all()
    at_a_corner = (made(("cutout",), hole_down=0.0, hole_right=0.0) == 0).all(axis=3)
    assert (at_a_corner.sum(axis=(1, 2)) == 4 * 6).all()
    assert at_a_corner[0, :4, :6].all()


def test_each_image_has_draws_of_its_own() -> None:
    numbers = augment.draw(np.random.default_rng(1), 3)
    assert numbers.shape == (3, augment.NUMBERS)
    whole = ops.convert_to_numpy(augment.diff_augment(IMAGES, numbers, ("color", "translation")))
    for place in range(3):
        alone = augment.diff_augment(
            IMAGES[place : place + 1], numbers[place : place + 1], ("color", "translation")
        )
        assert ops.convert_to_numpy(alone)[0] == pytest.approx(whole[place], abs=1e-5)


def test_gradients_pass_all_of_it() -> None:
    import tensorflow as tf

    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        changed = augment.diff_augment(images, drawn(down=0.9), ("color", "translation", "cutout"))
        total = tf.reduce_sum(changed**2)
    slope = tape.gradient(total, images).numpy()
    assert np.isfinite(slope).all()
    assert (np.abs(slope) > 0).mean() > 0.5
