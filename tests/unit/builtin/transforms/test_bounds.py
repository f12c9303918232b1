"""What would make images larger than a stage may is refused before the work."""

from typing import Any

import numpy as np
import pytest

from dsbuilder.builtin.mixers.mixup import Mixup
from dsbuilder.builtin.transforms.albumentations import Albumentations
from dsbuilder.builtin.transforms.one_of import OneOf
from dsbuilder.builtin.transforms.resize import Resize
from dsbuilder.builtin.transforms.some_of import SomeOf
from dsbuilder.errors import DataError
from dsbuilder.images.size_limit import size_limit
from dsbuilder.plugin import (
    ImageSignature,
    Params,
    Sample,
    Signature,
    Stage,
    Transform,
    check_size,
)

FAR = 300_000
"""Pixels of a side; an image of two such sides takes 270 gigabytes."""

ENLARGING: dict[str, dict[str, Any]] = {
    "Affine": {"scale": [FAR / 60, FAR / 60], "fit_output": True},
    "CenterCrop": {"height": FAR, "width": FAR, "pad_if_needed": True},
    "Crop": {"x_max": FAR, "y_max": FAR, "pad_if_needed": True},
    "CropAndPad": {"px": FAR, "keep_size": False},
    "LongestMaxSize": {"max_size": [FAR, FAR + 1]},
    "Pad": {"padding": FAR},
    "PadIfNeeded": {"min_height": FAR, "min_width": FAR},
    "RandomCrop": {"height": FAR, "width": FAR, "pad_if_needed": True},
    "RandomResizedCrop": {"size": [FAR, FAR]},
    "RandomScale": {"scale_limit": [FAR / 60, FAR / 50]},
    "RandomSizedCrop": {"min_max_height": [20, 40], "size": [FAR, FAR]},
    "Resize": {"height": FAR, "width": FAR},
    "SmallestMaxSize": {"max_size": FAR},
}


def make(member: str, **options: Any) -> Albumentations:
    return Albumentations(member=member, options=options)


def signature(height: int | None, width: int | None) -> Signature:
    return Signature(image=ImageSignature(height=height, width=width, channels=3), targets={})


def noise(height: int, width: int) -> Sample:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Sample(key="a", image=image, targets={})


@pytest.mark.parametrize("member", ENLARGING)
def test_every_class_that_enlarges_asks_before_it_does(member: str) -> None:
    plugin = make(member, **ENLARGING[member])
    stage = Stage(id="s", plugin=plugin)
    with pytest.raises(DataError, match=r"at most 100 megapixels .image\.stage_megapixels., found"):
        stage.apply(noise(48, 64), {"seed": 1})
    with pytest.raises(ValueError, match=r"cannot be applied to an image 48.*at most 100 mega"):
        stage.output_signature(signature(48, 64))
    child = {"use": f"A.{member}", "p": 1, **ENLARGING[member]}
    nested = make("Compose", transforms=[{"use": "A.NoOp"}, child])
    with pytest.raises(DataError, match="at most 100 megapixels"):
        nested.apply(noise(48, 64), {"seed": 1})


@pytest.mark.parametrize("member", ["MotionBlur", "AdvancedBlur", "Blur"])
def test_kernels_count_as_images(member: str) -> None:
    plugin = make(member, blur_limit=[3, 200_001])
    with pytest.raises(ValueError, match=f"A.{member}: blur_limit: a kernel counts as an image"):
        plugin.output_signature(signature(8, 8))


def far() -> Stage:
    return Stage(id="far", plugin=Resize(size=(FAR, FAR)))


def test_stages_within_stages_are_bounded() -> None:
    for plugin in (OneOf(stages=(far(),)), SomeOf(stages=(far(),), pick=1)):
        with pytest.raises(ValueError, match=r"stages\[0\] \(far\): .* at most 100 megapixels"):
            plugin.output_signature(signature(None, None))
        with pytest.raises(DataError, match="at most 100 megapixels"):
            plugin.apply(noise(4, 4), plugin.draw(noise(4, 4), np.random.default_rng(0)))


class Doubles(Transform):
    """One of somebody else, which does not ask."""

    def apply(self, sample: Sample, params: Params) -> Sample:
        return sample.replace(image=np.tile(sample.image, (2, 2, 1)))


def test_what_does_not_ask_is_measured_afterwards() -> None:
    assert Stage(id="s", plugin=Doubles()).apply(noise(4, 4), {}).image.shape == (8, 8, 3)
    with pytest.raises(DataError, match="that it would be 8 x 8"):
        Stage(id="s", plugin=Doubles(), megapixels=63 / 1e6).apply(noise(4, 4), {})
    shrunk = Stage(id="s", plugin=Resize(size=(2, 2)), megapixels=4 / 1e6)
    assert shrunk.apply(noise(4, 4), {}).image.shape == (2, 2, 3)


def test_a_partner_that_a_mixer_enlarges_counts() -> None:
    mixer, sample = Mixup(), noise(2, 20_000)
    with pytest.raises(DataError, match="at most 100 megapixels"):
        mixer.apply(sample, [noise(20, 2)], {"weight": 0.5})


def test_the_limit_is_that_of_the_call() -> None:
    with size_limit(1e-6):
        check_size(1, 1)
        with pytest.raises(DataError, match="at most 1e-06 megapixels"):
            check_size(2, 1)
    check_size(10_000, 10_000)
