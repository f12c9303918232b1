"""A `unet` says a class for every pixel, whatever the image's sides are."""

import numpy as np
import pytest

from dsbuilder.builtin.models.unet import Unet
from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask

keras = pytest.importorskip("keras")
MASK = Mask(names=("sky", "sea", "land"), ignore=255)


def signature(height=16, width=16, target=MASK, channels=3):
    image = ImageSignature(height=height, width=width, channels=channels)
    return Signature(image=image, targets={"mask": target})


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 23), (8, 31)])
@pytest.mark.parametrize("channels", [1, 3])
def test_outputs_have_the_size_of_the_image(height, width, channels):
    model = Unet(width=2).build(signature(height, width, channels=channels))
    pixels = np.random.default_rng(0).random((2, height, width, channels), np.float32)
    assert np.asarray(model(pixels)).shape == (2, height, width, 3)


def test_options_are_what_is_built():
    model = Unet(width=4, depth=2, convolutions=1, batch_norm=False, dropout=0.1).build(signature())
    filters = [each.filters for each in model.layers if isinstance(each, keras.layers.Conv2D)]
    assert filters == [4, 8, 16, 8, 4, 3]
    names = {type(each).__name__ for each in model.layers}
    assert "Dropout" in names and "BatchNormalization" not in names


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (signature(7, 16), "unet: expected images of one size, at least 8 pixels a side"),
        (signature(None, 16), "unet: expected images of one size"),
        (
            signature(target=ClassLabel(names=("a",))),
            "unet: expected a target that every pixel answers, such as a mask, found 'mask'",
        ),
    ],
)
def test_what_it_cannot_take_is_refused(signature, message):
    with pytest.raises(TrainError, match=message):
        Unet().build(signature)


@pytest.mark.parametrize("option", [{"width": 0}, {"depth": 0}, {"dropout": 1.0}])
def test_options_out_of_range_are_named(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))}: expected .* found"):
        Unet(**option)
