"""The model that is trained takes raw pixels; optimizers and losses are found by name and kind."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.schema import OptimizerOptions
from dsbuilder.plugin import ModelBuilder
from dsbuilder.sample import ImageSpec, SampleSpec
from dsbuilder.targets import ClassLabel
from dsbuilder.train.answers import ANSWERS
from dsbuilder.train.evaluation import SCORES
from dsbuilder.train.fitting import TRAINED
from dsbuilder.train.network import build_network
from dsbuilder.train.objective import OBJECTIVES, objective_of
from dsbuilder.train.optimizer import make_optimizer, optimizers

keras = pytest.importorskip("keras")
LABEL = ClassLabel(names=("a", "b"))
MEAN, DEVIATION = np.array([100.0, 50.0]), np.array([20.0, 5.0])


def signature(dtype="uint8", **targets):
    image = ImageSpec(height=4, width=4, channels=2, dtype=dtype)
    return SampleSpec(image=image, targets=targets or {"label": LABEL})


@dataclass(frozen=True, kw_only=True)
class Mean(ModelBuilder):
    """Yields the mean of each channel: what went into the model can be read off."""

    preprocesses: bool = False
    channels: int = 2

    def build(self, spec):
        inputs = keras.Input(spec.image.shape)
        pooled = keras.layers.GlobalAveragePooling2D()(inputs)
        if self.channels == 2:
            return keras.Model(inputs, pooled)
        return keras.Model(inputs, keras.layers.Dense(self.channels)(pooled))


def network(builder=None, *, normalize=None, spec=None):
    return build_network(
        builder or Mean(),
        spec or signature(),
        outputs=(2,),
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
def test_raw_pixels_are_normalised_inside(normalize, preprocesses, expected):
    model = network(Mean(preprocesses=preprocesses), normalize=normalize)
    assert np.allclose(model.predict(PIXELS, verbose=0), [expected], atol=1e-5)


def test_float_images_go_in_as_they_are():
    model = network(spec=signature("float32"))
    assert np.allclose(model.predict(PIXELS.astype("float32"), verbose=0), [[120, 40]])


def test_normalisation_survives_saving(tmp_path):
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


def test_the_class_loss_is_finite_far_from_the_truth():
    loss = objective_of(signature()).loss(np.array([0]), np.array([[-1e4, 1e4]], "float32"))
    assert float(loss) == pytest.approx(2e4)


def test_soft_targets_take_the_cross_entropy_of_their_weights():
    objective = objective_of(signature(label=LABEL.mixed()))
    truth, logits = np.array([[0.75, 0.25]], "float32"), np.array([[0.0, 0.0]], "float32")
    assert float(objective.loss(truth, logits)) == pytest.approx(math.log(2))
    (accuracy,) = objective.metrics
    accuracy.update_state(truth, np.array([[2.0, 1.0]]))
    assert float(accuracy.result()) == 1.0


def test_every_kind_that_is_trained_has_all_that_a_training_asks_for():
    assert set(OBJECTIVES) == set(SCORES) == set(ANSWERS) == set(TRAINED)


def test_every_optimizer_of_keras_has_a_name():
    assert {"adam", "adamw", "sgd", "rmsprop", "nadam", "adagrad", "lion"} <= set(optimizers())
    assert all(name == name.lower() and " " not in name for name in optimizers())


def test_an_optimizer_takes_its_options():
    options = OptimizerOptions(use="sgd", options={"momentum": 0.9})
    optimizer = make_optimizer(options, learning_rate=0.25)
    assert float(optimizer.learning_rate) == 0.25
    assert optimizer.momentum == 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            OptimizerOptions(use="adan"),
            "train.optimizer: unknown optimizer 'adan'. Did you mean 'adam'?",
        ),
        (
            OptimizerOptions(use="sgd", options={"momentun": 1}),
            "train.optimizer.options: unknown option 'momentun' of sgd. Did you mean 'momentum'?",
        ),
    ],
)
def test_unknown_names_are_answered_with_the_closest(options, message):
    with pytest.raises(TrainError) as error:
        make_optimizer(options, learning_rate=0.1)
    assert str(error.value) == message
