"""The model that is trained takes raw pixels, and yields what its heads ask for."""

from dataclasses import dataclass

import numpy as np
import pytest

from dsbuilder.errors import TrainError
from dsbuilder.plugin import ModelBuilder
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import MultiLabel
from dsbuilder.tasks import heads_of

keras = pytest.importorskip("keras")
network_module = pytest.importorskip("dsbuilder.train.network")
LABEL = MultiLabel(names=("a", "b"))
MEAN, DEVIATION = np.array([100.0, 50.0]), np.array([20.0, 5.0])


def signature(dtype="uint8", **targets):
    image = ImageSignature(height=4, width=4, channels=2, dtype=dtype)
    return Signature(image=image, targets=targets or {"label": LABEL})


@dataclass(frozen=True, kw_only=True)
class Mean(ModelBuilder):
    """Yields the mean of each channel: what went into the model can be read off."""

    preprocesses: bool = False
    channels: int = 2

    def build(self, signature):
        inputs = keras.Input(signature.image.shape)
        pooled = keras.layers.GlobalAveragePooling2D()(inputs)
        if self.channels == 2:
            return keras.Model(inputs, pooled)
        return keras.Model(inputs, keras.layers.Dense(self.channels)(pooled))


def network(builder=None, *, normalize=None, spec=None):
    spec = spec or signature()
    return network_module.build_network(
        builder or Mean(),
        spec,
        heads=heads_of(spec),
        normalize=normalize,
        statistics=(MEAN, DEVIATION),
    )


PIXELS = np.stack([np.full((1, 4, 4), 120), np.full((1, 4, 4), 40)], axis=-1).astype("uint8")


@pytest.mark.parametrize(
    ("normalize", "preprocesses", "expected"),
    [
        (None, False, [120 / 255, 40 / 255]),
        ("scale", False, [120 / 255, 40 / 255]),
        ("standardize", False, [1.0, -2.0]),
        (None, True, [120, 40]),
    ],
)
def test_raw_pixels_are_normalized_inside(normalize, preprocesses, expected):
    model = network(Mean(preprocesses=preprocesses), normalize=normalize)
    assert np.allclose(model.predict(PIXELS, verbose=0), [expected], atol=1e-5)


def test_float_images_go_in_as_they_are():
    model = network(spec=signature("float32"))
    assert np.allclose(model.predict(PIXELS.astype("float32"), verbose=0), [[120, 40]])


def test_normalization_survives_saving(tmp_path):
    model = network(normalize="standardize")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.allclose(again.predict(PIXELS, verbose=0), [[1.0, -2.0]], atol=1e-5)


def test_a_model_of_another_number_of_outputs_is_an_error():
    with pytest.raises(TrainError) as error:
        network(Mean(channels=7))
    assert str(error.value) == (
        "model Mean: expected an output of 2 values a sample, found the shape (None, 7). "
        "End the model in a dense layer of 2 units."
    )
