"""grounds: contrast is that of WCAG 2, and every ground keeps it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dsbuilder.builtin.synth.grounds import Grounds, Inks, contrast, in_mode, luminance, painted
from dsbuilder.plugin import DataError, Range, generator


def inks(**options: Any) -> Inks:
    stated: dict[str, Any] = {
        "color": Range(0, 255),
        "background": Range(0, 255),
        "outline_color": Range(0, 255),
        "tinted": True,
        "pairs": (),
        "contrast": 4.5,
    }
    return Inks(**{**stated, **options})


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [  # as the checkers of W3C and WebAIM state them
        ((0, 0, 0), (255, 255, 255), 21.0),
        ((119, 119, 119), (255, 255, 255), 4.48),
        ((118, 118, 118), (255, 255, 255), 4.54),
        ((255, 0, 0), (255, 255, 255), 4.0),
        ((0, 0, 255), (255, 255, 255), 8.59),
        ((0, 128, 0), (255, 255, 0), 4.78),
    ],
)
def test_ratios_are_those_of_wcag(one: Any, other: Any, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


def test_luminance_weighs_the_channels() -> None:
    assert luminance(np.eye(3) * 255) == pytest.approx([0.2126, 0.7152, 0.0722])


@given(seed=st.integers(0, 10_000), ratio=st.floats(1, 12), low=st.integers(0, 40))
def test_drawn_colors_have_the_contrast(seed: int, ratio: float, low: int) -> None:
    plugin = inks(contrast=ratio, color=Range(low, 255), outline_color="white")
    rng = generator("inks", seed)
    drawn: dict[str, Any] = plugin.draw(rng)
    plugin.improve(drawn, rng)
    assert contrast(drawn["color"], drawn["background"]) >= ratio


def test_what_has_the_contrast_draws_nothing_more() -> None:
    plugin, rng = inks(contrast=1.0), generator("inks", 1)
    drawn: dict[str, Any] = plugin.draw(rng)
    state = rng.bit_generator.state
    plugin.improve(drawn, rng)
    assert str(rng.bit_generator.state) == str(state)


def test_outlines_stand_out_where_they_can() -> None:
    for seed in range(50):
        drawn = inks().draw_outline([30, 30, 30], generator(seed))
        assert contrast(drawn, [30, 30, 30]) >= 4.5
    assert inks(outline_color="black").draw_outline([30, 30, 30], generator(1)) == [0, 0, 0]


@pytest.mark.parametrize("kind", ["gradient", "noise", "photo"])
@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (160, 30, 30)])
def test_a_text_can_be_read_on_every_ground(kind: Any, color: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (90, 70, 3), np.uint8)).save(tmp_path / "a.png")
    grounds = Grounds(kinds=(kind,), photos=tmp_path if kind == "photo" else None)
    for seed in range(2):
        drawn = grounds.draw(inks(), (120, 200, 90), generator(seed))
        params = {**drawn, "color": list(color), "background": [120, 200, 90]}
        for size in ((30, 120), (200, 10)):  # wider and higher than the photograph
            made = grounds.paint(params, size, 4.5)
            assert made.shape == (*size, 3) and made.dtype == np.uint8
            assert (contrast(made, color) >= 4.5).mean() >= 0.95
            assert np.array_equal(made, grounds.paint(params, size, 4.5))


def test_grounds_are_drawn_from_equally_often_and_plain_alone_draws_nothing() -> None:
    both = Grounds(kinds=("plain", "noise"), photos=None)
    kinds = [both.draw(inks(), (1, 2, 3), generator(seed))["ground"] for seed in range(200)]
    assert 70 < kinds.count("noise") < 130
    rng = generator("plain")
    assert Grounds(kinds=("plain",), photos=None).draw(inks(), (1, 2, 3), rng) == {}
    assert rng.random() == generator("plain").random()


def test_layers_are_painted_one_over_the_other() -> None:
    ground = np.full((1, 3, 3), 100, np.uint8)
    under, over = np.array([[255, 255, 0]], np.uint8), np.array([[0, 128, 0]], np.uint8)
    made = painted([(under, [200, 0, 0]), (over, [0, 0, 200])], ground, "rgba")
    assert made.tolist() == [[[200, 0, 0, 255], [100, 0, 100, 255], [100, 100, 100, 255]]]
    assert in_mode(ground, "gray").tolist() == [[[100]] * 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contrast": 0.5}, "contrast: expected a ratio in [1, 21], found 0.5."),
        (
            {"color": Range(100, 120), "background": Range(110, 130)},
            "contrast: expected a ratio that 'color' and 'background' come to, at most 1.54, found "
            "4.5. Widen one of them, or ask for less.",
        ),
        (
            {"pairs": (("red", "white"),)},
            "pairs: expected a contrast of 4.5 or more, found 4.00 of red on white. Change a "
            "color, or ask for less contrast.",
        ),
    ],
)
def test_colors_that_cannot_be_read_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        inks(**options)
    assert str(caught.value) == message


def test_wrong_grounds_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ground: at least one is needed"):
        Grounds(kinds=(), photos=None)
    with pytest.raises(ValueError, match="together with the ground 'photo', found no 'photos'"):
        Grounds(kinds=("photo",), photos=None)
    with pytest.raises(ValueError, match="found 'photos' and no such ground"):
        Grounds(kinds=("noise",), photos=tmp_path)
    with pytest.raises(ValueError, match="photos: there is no image below"):
        Grounds(kinds=("photo",), photos=tmp_path)
    (tmp_path / "a.png").write_bytes(b"none")
    broken = Grounds(kinds=("photo",), photos=tmp_path)
    params = {**broken.draw(inks(), (0, 0, 0), generator(1)), "background": [0, 0, 0]}
    with pytest.raises(DataError, match=r"a\.png: cannot be read as an image"):
        broken.paint({**params, "color": [9, 9, 9]}, (8, 8), 1.0)
