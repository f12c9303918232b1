"""resize: the shape it promises, the identity where nothing is to do."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builtin.transforms.resize import Resize
from dsbuilder.plugin import ClassLabel, ImageSignature, Sample, Signature

SIDES = st.integers(1, 60)


def signature(
    height: int | None, width: int | None, channels: int = 3, dtype: str = "uint8"
) -> Signature:
    image = ImageSignature(height=height, width=width, channels=channels, dtype=dtype)
    return Signature(image=image, targets={"label": ClassLabel(names=("a", "b"))})


def noise(height: int, width: int, channels: int = 3) -> Sample:
    rng = np.random.default_rng(height * 1000 + width)
    image = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Sample(key="a.png", image=image, targets={"label": 1})


@given(height=SIDES, width=SIDES, short=SIDES, channels=st.sampled_from([1, 3, 4]))
def test_short_states_the_sides_it_makes(
    height: int, width: int, short: int, channels: int
) -> None:
    plugin = Resize(short=short)
    result = plugin.apply(noise(height, width, channels), {}).image
    assert plugin.output_signature(signature(height, width, channels)).image.accepts(result)
    assert min(result.shape[:2]) == short
    longer = max(height, width) * short / min(height, width)
    assert abs(max(result.shape[:2]) - longer) <= 0.5


@given(
    height=SIDES,
    width=SIDES,
    size=st.tuples(SIDES, SIDES),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    channels=st.sampled_from([1, 3, 4]),
)
def test_size_is_met_whatever_comes_in(
    height: int, width: int, size: tuple[int, int], fit: Any, channels: int
) -> None:
    plugin = Resize(size=size, fit=fit)
    result = plugin.apply(noise(height, width, channels), {}).image
    assert result.shape == (*size, channels)
    assert plugin.output_signature(signature(None, None, channels)).image.accepts(result)


@pytest.mark.parametrize(
    "plugin", [Resize(short=8), Resize(size=(8, 12)), Resize(size=(8, 12), fit="pad")]
)
def test_what_has_its_shape_is_the_very_same_array(plugin: Resize) -> None:
    sample = noise(8, 12)
    assert plugin.apply(sample, {}).image is sample.image


def test_an_unknown_side_stays_unknown_with_short() -> None:
    for given_sides in ((None, None), (50, None), (None, 50)):
        after = Resize(short=8).output_signature(signature(*given_sides)).image
        assert (after.height, after.width) == (None, None)


def test_the_input_is_left_as_it_is() -> None:
    sample = noise(20, 30)
    sample.image.flags.writeable = False
    before = sample.image.copy()
    Resize(size=(5, 40), fit="pad", background="red").apply(sample, {})
    assert np.array_equal(sample.image, before)


def test_padding_takes_the_background() -> None:
    result = Resize(size=(4, 8), fit="pad", background="#102030").apply(noise(4, 4), {}).image
    assert result[0, 0].tolist() == [16, 32, 48]


def test_crop_keeps_the_middle() -> None:
    image = np.zeros((4, 8, 1), np.uint8)
    image[:, 2:6] = 200
    result = Resize(size=(4, 4)).apply(Sample(key="a", image=image, targets={}), {}).image
    assert (result == 200).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected either 'short' or 'size', found neither."),
        ({"short": 3, "size": (3, 3)}, "expected either 'short' or 'size', found both."),
        ({"short": 0}, "short: expected 1 or more pixels, found 0."),
        ({"size": (0, 3)}, "size: expected 1 or more pixels a side, found [0, 3]."),
        (
            {"short": 3, "background": "wite"},
            "background: expected an opaque color: a name, '#rrggbb' or [r, g, b], found 'wite'.",
        ),
        (
            {"short": 3, "background": (0, 0, 256)},
            "background: expected values in [0, 255], found [0, 0, 256].",
        ),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Resize(**options)
    assert str(caught.value) == message


def test_other_dtypes_are_refused_by_check() -> None:
    with pytest.raises(ValueError, match="expected uint8 or uint16 or float32 images, found int64"):
        Resize(short=3).output_signature(signature(4, 4, dtype="int64"))
    with pytest.raises(
        ValueError, match="expected uint8 images to pad with a color, found float32"
    ):
        Resize(size=(3, 3), fit="pad").output_signature(signature(4, 4, dtype="float32"))


def test_importing_it_imports_no_image_library() -> None:
    module = "dsbuilder.builtin.transforms.resize"
    code = f"import sys, {module}; assert not {{'cv2', 'PIL'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 90))
def test_shrinks_to_is_the_size_of_the_whole_image_afterwards(
    height: int, width: int, side: int
) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    for plugin in (Resize(short=side), Resize(size=(side, 2 * side), fit="stretch")):
        resized = plugin.apply(Sample(key="a", image=image, targets={}), {}).image
        assert plugin.shrinks_to(height, width) == resized.shape[:2]


def test_shrinks_to_knows_what_is_cut_and_padded_and_leaves_nearest_alone() -> None:
    assert Resize(size=(50, 50)).shrinks_to(400, 600) == (50, 75)
    assert Resize(size=(50, 50), fit="pad").shrinks_to(400, 600) == (33, 50)
    assert Resize(short=50, interpolation="nearest").shrinks_to(400, 600) is None
