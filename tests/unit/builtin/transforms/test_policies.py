"""Published policies: their operations against closed forms, what they draw, where points go."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from dsbuilder.builtin.transforms.aug_mix import AugMix
from dsbuilder.builtin.transforms.auto_augment import TABLES, AutoAugment
from dsbuilder.builtin.transforms.erase import Erase
from dsbuilder.builtin.transforms.policy import (
    GEOMETRIC,
    OPERATIONS,
    applied,
    motion_of,
    size_of,
)
from dsbuilder.builtin.transforms.rand_augment import RandAugment
from dsbuilder.builtin.transforms.trivial_augment import TrivialAugment
from dsbuilder.plugin import ImageSignature, Range, Sample, Signature, generator

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (24, 32, 3), np.uint8)


def sample(image=IMAGE):
    return Sample(key="a", image=image, targets={})


def draws(plugin, number, image=IMAGE):
    return [plugin.draw(sample(image), generator("policy", seed)) for seed in range(number)]


def operation(use, at, image=IMAGE, fill=128):
    return applied(image, [{"use": use, "at": at}], fill)


def test_colors_change_as_the_papers_say():
    wide = IMAGE.astype(int)
    assert np.array_equal(operation("invert", 0), 255 - IMAGE)
    assert np.array_equal(operation("posterize", 3), IMAGE & 0b1110_0000)
    assert np.array_equal(operation("solarize", 100), np.where(IMAGE >= 100, 255 - wide, wide))
    assert np.array_equal(operation("brightness", -1), np.zeros_like(IMAGE))
    gray = operation("color", -1)
    assert np.array_equal(gray[..., 0], gray[..., 1]) and np.array_equal(gray[..., 1], gray[..., 2])
    picture = Image.fromarray(IMAGE)
    assert np.array_equal(operation("equalize", 0), np.asarray(ImageOps.equalize(picture)))
    sharper = np.asarray(ImageEnhance.Sharpness(picture).enhance(1.7))
    assert np.array_equal(operation("sharpness", 0.7), sharper)
    narrow = (IMAGE // 4 + 50).astype(np.uint8)
    stretched = operation("autocontrast", 0, narrow)
    assert stretched.min() == 0 and stretched.max() >= 254


@pytest.mark.parametrize("use", OPERATIONS[1:])
def test_an_operation_of_no_size_leaves_the_image(use):
    if use in ("autocontrast", "equalize"):
        return  # these have no size
    assert np.array_equal(operation(use, size_of(use, 0, 24, 32)), IMAGE)


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_images_and_alpha_are_taken(channels):
    image = RNG.integers(0, 256, (9, 7, channels), np.uint8)
    for use in OPERATIONS[1:]:
        found = operation(use, size_of(use, 0.5, 9, 7), image)
        assert found.shape == image.shape and found.dtype == np.uint8
        if channels == 4 and use not in GEOMETRIC:
            assert np.array_equal(found[..., 3], image[..., 3])
    outside = operation("translate_x", 3, np.full((9, 7, channels), 255, np.uint8), fill=10)
    assert (outside[:, :3, 0] == 10).all() and (outside[:, 3:] == 255).all()
    assert channels == 1 or (outside[:, :3, 3] == 0).all(), "what comes in is transparent"


@pytest.mark.parametrize("use", GEOMETRIC)
def test_points_go_where_the_pixels_go(use):
    image = np.zeros((80, 100, 1), np.uint8)
    image[28:31, 58:61] = 255
    operations = [
        {"use": use, "at": {"rotate": 17.0, "shear_x": 0.3, "shear_y": -0.2}.get(use, 9.4)},
        {"use": "rotate", "at": -5.0},
    ]
    found = applied(image, operations, 0)[..., 0].astype(float)
    rows, columns = np.mgrid[0:80, 0:100] + 0.5
    middle = [(columns * found).sum() / found.sum(), (rows * found).sum() / found.sum()]
    expected = motion_of((80, 100), operations).points(np.array([[59.5, 29.5]]))[0]
    assert middle == pytest.approx(expected, abs=0.15)
    assert np.abs(np.array(middle) - [59.5, 29.5]).max() > 1


def test_directions_are_those_of_the_papers_and_drawn_evenly():
    found = [
        each for drawn in draws(RandAugment(magnitude=30), 600) for each in drawn["operations"]
    ]
    signs = [each["at"] > 0 for each in found if each["use"] == "rotate"]
    assert {abs(each["at"]) for each in found if each["use"] == "rotate"} == {30}
    assert 0.3 < np.mean(signs) < 0.7
    assert {each["at"] for each in found if each["use"] == "solarize"} == {0}
    assert {each["at"] for each in found if each["use"] == "posterize"} == {4}
    assert {abs(each["at"]) for each in found if each["use"] == "translate_x"} == {
        round(32 * 150 / 331, 6)
    }
    counts = [sum(each["use"] == use for each in found) for use in OPERATIONS]
    assert counts[0] == 0, "no change is drawn as well, and not noted"
    assert min(counts[1:]) > 0.5 * 1200 / 14


def test_what_was_applied_is_told_in_words():
    drawn = {"operations": [{"use": "rotate", "at": -12.5}, {"use": "equalize", "at": 0.0}]}
    assert RandAugment().explain(sample(), drawn) == {"applied": "rotate -12.5, equalize"}
    assert RandAugment().explain(sample(), {"operations": []}) == {"applied": "nothing"}


def test_rand_augment_applies_as_many_as_it_says():
    assert all(not drawn["operations"] for drawn in draws(RandAugment(number=0), 5))
    assert max(len(drawn["operations"]) for drawn in draws(RandAugment(number=4), 50)) == 4


def test_trivial_augment_draws_one_of_any_size():
    found = draws(TrivialAugment(), 2000)
    assert max(len(drawn["operations"]) for drawn in found) == 1
    turns = [
        each["at"] for drawn in found for each in drawn["operations"] if each["use"] == "rotate"
    ]
    assert 100 < max(map(abs, turns)) <= 135 and min(map(abs, turns)) < 20
    bits = {
        each["at"] for drawn in found for each in drawn["operations"] if each["use"] == "posterize"
    }
    assert bits == {2, 3, 4, 5, 6, 7, 8}


def test_the_tables_are_whole():
    assert {name: len(table) for name, table in TABLES.items()} == {"imagenet": 25, "cifar10": 25}
    steps = [step for table in TABLES.values() for pair in table for step in pair]
    assert len(steps) == 100
    assert {use for use, _, _ in steps} <= {*OPERATIONS, "invert"}
    assert all(0 <= p <= 1 and 0 <= level <= 9 for _, p, level in steps)
    assert TABLES["imagenet"][0] == (("posterize", 0.4, 8), ("rotate", 0.6, 9))
    assert TABLES["cifar10"][24] == (("translate_y", 0.7, 9), ("autocontrast", 0.9, 1))


def test_auto_augment_draws_pairs_of_its_table_as_often_as_it_says():
    found = draws(AutoAugment(), 3000)
    shears = sum(any(each["use"] == "shear_x" for each in drawn["operations"]) for drawn in found)
    assert shears / 3000 == pytest.approx(0.6 / 25, abs=0.01)
    assert {each["at"] for d in found for each in d["operations"] if each["use"] == "shear_x"} == {
        round(sign * 0.3 * 5 / 9, 6) for sign in (-1, 1)
    }


def test_aug_mix_blends_by_its_weights():
    params = {
        "chains": [[{"use": "invert", "at": 0}], [{"use": "posterize", "at": 1}]],
        "weights": [0.25, 0.75],
        "mixed": 0.6,
    }
    found = AugMix(width=2).apply(sample(), params).image
    exact = 0.4 * IMAGE + 0.6 * (0.25 * (255.0 - IMAGE) + 0.75 * (IMAGE & 128))
    assert np.abs(found - exact).max() <= 0.5
    drawn = AugMix().draw(sample(), generator("mix", 1))
    assert sum(drawn["weights"]) == pytest.approx(1) and len(drawn["chains"]) == 3
    assert all(1 <= len(chain) <= 3 for chain in drawn["chains"])


def test_aug_mix_keeps_no_more_bits_than_the_paper():
    found = draws(AugMix(severity=10, depth=3), 200)
    chains = [each for drawn in found for chain in drawn["chains"] for each in chain]
    assert {each["at"] for each in chains if each["use"] == "posterize"} == {1, 2, 3, 4}


def test_aug_mix_without_geometry_moves_nothing():
    assert AugMix().geometry == "breaks" and AugMix(geometric=False).geometry == "fixed"
    found = draws(AugMix(geometric=False), 50)
    uses = {each["use"] for drawn in found for chain in drawn["chains"] for each in chain}
    assert not uses & set(GEOMETRIC)


def test_erase_overwrites_one_rectangle_of_the_stated_area():
    for drawn in draws(Erase(), 50):
        top, left, height, width = drawn["box"]
        assert 0.015 < height * width / (24 * 32) < 0.45
        found = Erase(fill=7).apply(sample(), drawn).image
        assert (found[top : top + height, left : left + width] == 7).all()
        outside = np.ones((24, 32), bool)
        outside[top : top + height, left : left + width] = False
        assert np.array_equal(found[outside], IMAGE[outside])
    mean = Erase(fill="mean").apply(sample(), {"box": [0, 0, 24, 32], "seed": 0}).image
    assert mean[0, 0] == pytest.approx(IMAGE.mean(axis=(0, 1)), abs=0.5) and np.ptp(mean) < 20
    noise = Erase().apply(sample(), {"box": [0, 0, 24, 32], "seed": 0}).image
    assert noise.std() > 60 and not np.array_equal(noise, IMAGE)


def test_erase_leaves_an_image_that_no_rectangle_fits():
    assert Erase().apply(sample(), {"box": None, "seed": 1}).image is IMAGE


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (lambda: RandAugment(magnitude=31), "magnitude: expected a size in"),
        (lambda: RandAugment(number=-1), "number: expected 0 or more"),
        (lambda: RandAugment(fill=300), "fill: expected a value"),
        (lambda: AugMix(severity=11), "severity: expected a number in"),
        (lambda: AugMix(alpha=0), "alpha: expected more than 0"),
        (lambda: Erase(fill=-1), "fill: expected a value"),
        (lambda: Erase(ratio=Range(0.3, float("inf"))), "ratio: expected values in"),
    ],
)
def test_wrong_options_are_refused(make, wrong):
    with pytest.raises(ValueError, match=wrong):
        make()


@pytest.mark.parametrize("plugin", [RandAugment(), AugMix(), Erase()])
def test_images_of_floats_are_refused(plugin):
    image = ImageSignature(height=8, width=8, channels=3, dtype="float32")
    with pytest.raises(ValueError, match="expected uint8 images, found float32"):
        plugin.output_signature(Signature(image=image, targets={}))
