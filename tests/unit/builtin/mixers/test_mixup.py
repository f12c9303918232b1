"""mixup: the formula, to the bit; partners of any size; soft labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builtin.mixers.mixup import Mixup
from dsbuilder.plugin import (
    ClassLabel,
    ImageSignature,
    PluginError,
    Sample,
    Signature,
    Text,
    generator,
)

LABEL = ClassLabel(names=("a", "b", "c"))


def sample(label: int, size: tuple[int, int] = (6, 8), dtype: str = "uint8") -> Sample:
    rng = np.random.default_rng(label)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    image = (image / np.float32(255)).astype(dtype) if dtype == "float32" else image.astype(dtype)
    return Sample(key=f"{label}.png", image=image, targets={"label": label})


@given(weight=st.integers(0, 256).map(lambda share: share / 256))
def test_the_image_is_the_weighted_sum_rounded_to_nearest(weight: float) -> None:
    one, other = sample(0), sample(1)
    result = Mixup().apply(one, [other], {"weight": weight}).image
    exact = weight * one.image.astype(np.float64) + (1 - weight) * other.image
    assert result.dtype == np.uint8
    assert np.array_equal(result, np.floor(exact + 0.5))


def test_the_whole_range_of_16_bits_fits() -> None:
    one = sample(0).replace(image=np.full((2, 2, 3), 65535, np.uint16))
    result = Mixup().apply(one, [one], {"weight": 77 / 256}).image
    assert (result == 65535).all()


def test_floats_stay_float32() -> None:
    one, other = sample(0, dtype="float32"), sample(1, dtype="float32")
    result = Mixup().apply(one, [other], {"weight": 0.25}).image
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, 0.25 * one.image + 0.75 * other.image, rtol=1e-6)


def test_a_weight_of_one_or_none_gives_one_of_the_two() -> None:
    one, other = sample(0), sample(1)
    assert np.array_equal(Mixup().apply(one, [other], {"weight": 1.0}).image, one.image)
    assert np.array_equal(Mixup().apply(one, [other], {"weight": 0.0}).image, other.image)


def test_a_partner_of_another_size_is_fitted_and_the_rest_kept() -> None:
    one, other = sample(0), sample(1, size=(13, 5))
    before = other.image.copy()
    one.image.flags.writeable = other.image.flags.writeable = False
    result = Mixup().apply(one, [other], {"weight": 0.5})
    assert result.image.shape == one.image.shape
    assert np.array_equal(other.image, before)
    assert result.key == one.key


def test_labels_are_mixed_by_their_kind() -> None:
    mixed = Mixup().mix(sample(0), [sample(2)], {"weight": 0.75}, {"label": LABEL})
    assert mixed.targets["label"].tolist() == [0.75, 0.0, 0.25]


def test_the_signature_becomes_soft_and_texts_are_refused() -> None:
    image = ImageSignature(height=6, width=8, channels=3)
    signature = Signature(image=image, targets={"label": LABEL})
    assert Mixup().output_signature(signature) == Signature(
        image=image, targets={"label": ClassLabel(names=LABEL.names, soft=True)}
    )
    with pytest.raises(PluginError, match="a target of kind 'text' cannot be mixed"):
        Mixup().output_signature(Signature(image=image, targets={"text": Text()}))


def test_the_weight_is_drawn_from_the_beta_distribution() -> None:
    weights = [
        Mixup(alpha=0.5).draw(sample(0), [sample(1)], generator(7, key))["weight"]
        for key in range(3000)
    ]
    assert abs(np.mean(weights) - 0.5) < 0.03
    assert abs(np.var(weights) - 1 / 8) < 0.01  # 1 / (4 * (2 * alpha + 1))
    assert all(weight * 256 == round(weight * 256) for weight in weights)


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan")])
def test_alpha_is_above_zero(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha: expected more than 0, found"):
        Mixup(alpha=alpha)
