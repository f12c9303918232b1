"""`classic` beside Keras' own ImageDataGenerator, on the same draws."""

import numpy as np
import pytest
from skimage import data

from dsbuilder.builtin.transforms.classic import Classic
from dsbuilder.plugin import ImageSignature, Sample, Signature, generator

PHOTOGRAPH = data.astronaut()[100:190, 180:270].copy()
CASES = {
    "turn": {"rotation_range": 40},
    "shift": {"width_shift_range": 0.2, "height_shift_range": 0.3},
    "shear": {"shear_range": 20},
    "zoom": {"zoom_range": 0.4},
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "channels": {"channel_shift_range": 60},
    "brightness": {"brightness_range": (0.4, 1.6)},
    "all": {
        "rotation_range": 25,
        "width_shift_range": 0.1,
        "height_shift_range": 0.1,
        "shear_range": 10,
        "zoom_range": (0.7, 1.2),
        "horizontal_flip": True,
    },
}


def sample(image=PHOTOGRAPH):
    return Sample(key="a", image=image, targets={})


@pytest.mark.parametrize("fill", ["nearest", "constant", "reflect"])
@pytest.mark.parametrize("case", CASES)
def test_pixels_are_those_of_keras(case, fill):
    image_module = pytest.importorskip("keras.src.legacy.preprocessing.image")
    pytest.importorskip("scipy")
    options = {**CASES[case], "fill_mode": fill, "cval": 30.0}
    theirs = image_module.ImageDataGenerator(**options)
    ours = Classic(**options)
    for seed in range(3):
        params = ours.draw(sample(), generator("classic", seed))
        expected = theirs.apply_transform(PHOTOGRAPH.astype(np.float32), params)
        found = ours.apply(sample(), params).image.astype(float)
        apart = np.abs(found - expected)
        # What is constant outside is blended with the edge here, and is not there.
        inner = 0.93 if fill == "constant" else 0.99
        assert apart.mean() < 2 and np.quantile(apart, inner) < 4, (seed, params)


def test_what_leaves_on_one_side_comes_in_on_the_other():
    params = {**Classic().draw(sample(), generator("still", 0)), "tx": 7.0, "ty": -3.0}
    found = Classic(fill_mode="wrap").apply(sample(), params).image
    assert np.array_equal(found, np.roll(PHOTOGRAPH, (3, -7), axis=(0, 1)))


def test_what_is_drawn_spreads_as_keras_says():
    plugin = Classic(
        rotation_range=30,
        width_shift_range=0.25,
        height_shift_range=(2.0, 5.0),
        zoom_range=0.2,
        horizontal_flip=True,
    )
    drawn = [plugin.draw(sample(), generator("spread", seed)) for seed in range(400)]
    turns, shifts = (np.array([each[name] for each in drawn]) for name in ("theta", "tx"))
    assert -30 <= turns.min() < -25 and 25 < turns.max() <= 30
    assert -22.5 <= shifts.min() < -20 and 20 < shifts.max() <= 22.5, "a quarter of 90 pixels"
    assert {each["ty"] for each in drawn} == {-5.0, -2.0, 2.0, 5.0}
    zooms = np.array([[each["zx"], each["zy"]] for each in drawn])
    assert 0.8 <= zooms.min() < 0.83 and 1.17 < zooms.max() <= 1.2
    assert np.ptp(zooms[:, 0] - zooms[:, 1]) > 0.1, "sides are zoomed apart"
    assert 0.4 < np.mean([each["flip_horizontal"] for each in drawn]) < 0.6
    assert not any(each["flip_vertical"] for each in drawn)
    whole = Classic(width_shift_range=3)
    shifts = {whole.draw(sample(), generator("w", seed))["tx"] for seed in range(60)}
    assert shifts == {-2.0, -1.0, 0.0, 1.0, 2.0}


@pytest.mark.parametrize("case", ["turn", "shear", "zoom", "flips", "all"])
def test_points_go_where_the_pixels_go(case):
    image = np.zeros((80, 100, 1), np.uint8)
    image[38:41, 58:61] = 255
    plugin = Classic(**CASES[case], fill_mode="constant")
    params = plugin.draw(sample(image), generator("points", 4))
    found = plugin.apply(sample(image), params).image[..., 0].astype(float)
    rows, columns = np.mgrid[0:80, 0:100] + 0.5
    middle = [(columns * found).sum() / found.sum(), (rows * found).sum() / found.sum()]
    expected = plugin.motion(sample(image), params).points(np.array([[59.5, 39.5]]))[0]
    assert middle == pytest.approx(expected, abs=0.2)


def test_rescaled_images_are_floats():
    plugin = Classic(rescale=1 / 255)
    image = ImageSignature(height=90, width=90, channels=3)
    assert plugin.output_signature(Signature(image=image, targets={})).image.dtype == "float32"
    found = plugin.apply(sample(), plugin.draw(sample(), generator("r", 0))).image
    assert found.dtype == np.float32 and np.allclose(found * 255, PHOTOGRAPH, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"rotation_range": -1}, "rotation_range: expected values in"),
        ({"shear_range": 90}, "shear_range: expected values in"),
        ({"zoom_range": 1}, r"zoom_range: expected 0.01 <= low <= high, found \[0, 2\]"),
        ({"brightness_range": (2, 1)}, "brightness_range: expected 0 <= low <= high"),
        ({"width_shift_range": ()}, "width_shift_range: expected a shift or more"),
        ({"height_shift_range": -0.2}, "height_shift_range: expected 0 or more, found -0.2"),
    ],
)
def test_wrong_options_are_refused(options, wrong):
    with pytest.raises(ValueError, match=wrong):
        Classic(**options)
