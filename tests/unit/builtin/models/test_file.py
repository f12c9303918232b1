"""`file`: a saved model gets new last layers; code in it is not run."""

import json
import zipfile

import numpy as np
import pytest

from dsbuilder.builtin.models.backbones.weights import load_weights
from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.file import File
from dsbuilder.builtin.models.saved import load
from dsbuilder.builtin.models.unet import Unet
from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, Text, Value

keras = pytest.importorskip("keras")

LABEL = ClassLabel(names=("a", "b", "c"))
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("float32")


def signature(side=16, channels=3, **targets):
    image = ImageSignature(height=side, width=side, channels=channels)
    return Signature(image=image, targets=targets or {"label": LABEL})


def saved(path, *layers):
    inputs = keras.Input((16, 16, 3))
    x = inputs
    for layer in layers:
        x = layer(x)
    keras.Model(inputs, x).save(path)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model as a run saves it: another one within, after its normalization."""
    inner = Cnn(width=4, depth=2).build(signature(label=ClassLabel(names=tuple("abcdefg"))))
    inputs = keras.Input((16, 16, 3))
    outer = keras.Model(inputs, inner(keras.layers.Rescaling(1 / 255)(inputs)))
    path = tmp_path_factory.mktemp("run") / "best.keras"
    outer.save(path)
    return path


def test_the_last_layer_gives_way_and_the_others_keep_their_weights(run):
    model = File(path=run).build(signature(label=LABEL, size=Value()))
    assert {name: each.shape for name, each in model(IMAGES).items()} == {
        "label": (2, 3),
        "size": (2, 1),
    }
    before = keras.models.load_model(run)
    features = keras.Model(before.layers[-1].input, before.layers[-1].get_layer("head_pool").output)
    expected = features(IMAGES / 255)
    kernel, bias = model.get_layer("logits0_label").get_weights()
    assert np.allclose(model(IMAGES)["label"], expected @ kernel + bias, atol=1e-5)


def test_frozen_features_stay_and_the_new_layer_learns(run):
    model = File(path=run, freeze=True).build(signature())
    assert [each.path for each in model.trainable_weights] == ["logits/kernel", "logits/bias"]
    assert File(path=run).build(signature()).get_layer("logits") is not None


def test_the_model_is_saved_and_loaded(run, tmp_path):
    model = File(path=run).build(signature())
    model.save(tmp_path / "again.keras")
    assert np.allclose(keras.models.load_model(tmp_path / "again.keras")(IMAGES), model(IMAGES))


@pytest.mark.parametrize(
    ("pixels", "first"), [("raw", 200.0), ("unit", 200 / 255), ("signed", 0.568), (None, 200 / 255)]
)
def test_pixels_come_as_the_model_takes_them(tmp_path, pixels, first):
    path = saved(tmp_path / "m.keras", keras.layers.Flatten(), keras.layers.Dense(2))
    model = File(path=path, pixels=pixels).build(signature())
    flat = next(each for each in model.layers if hasattr(each, "layers"))
    scaled = model.input if pixels == "raw" else model.layers[1].output
    seen = keras.Model(model.input, flat(scaled))
    assert np.asarray(seen(np.full((1, 16, 16, 3), 200.0, "float32"))).ravel()[0] == pytest.approx(
        first, abs=1e-3
    )


def test_softmax_and_dropout_after_the_last_layer_go_with_it(tmp_path):
    layers = [keras.layers.Flatten(), keras.layers.Dense(5), keras.layers.Softmax()]
    model = File(path=saved(tmp_path / "m.keras", *layers)).build(signature())
    assert model.get_layer("logits").input.shape == (None, 16 * 16 * 3)


def test_a_sequential_model_is_taken(tmp_path):
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(5)]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    assert File(path=tmp_path / "m.keras").build(signature()).output_shape == (None, 3)


def test_features_without_a_last_layer_are_averaged(tmp_path):
    path = saved(tmp_path / "m.keras", keras.layers.Conv2D(4, 3, name="seen"))
    model = File(path=path).build(signature())
    assert model.get_layer("logits").input.shape == (None, 4)
    assert any(each.count_params() == 3 * 3 * 3 * 4 + 4 for each in model.layers)


def test_masks_are_learnt_from_a_model_of_masks(tmp_path):
    Unet(width=2, depth=1).build(signature(mask=Mask(names=("a", "b")))).save(tmp_path / "m.keras")
    three = Mask(names=("a", "b", "c"))
    model = File(path=tmp_path / "m.keras").build(signature(mask=three, label=LABEL))
    assert {name: each.shape[1:] for name, each in model.output.items()} == {
        "mask": (16, 16, 3),
        "label": (3,),
    }


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (Mask(names=("a", "b")), "a map of the image's size for a mask"),
        (Text(alphabet="ab"), "a sequence for a text"),
    ],
)
def test_features_that_cannot_tell_of_a_target_are_refused_before_keras_is_asked(
    run, target, wanted
):
    with pytest.raises(TrainError) as error:
        File(path=run).check(signature(it=target))
    assert str(error.value) == (
        f"{run}: expected features that are {wanted}, found 8. "
        "Take a model that was made for such targets."
    )


def with_lambda(path, function):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Lambda(function, name="sly", output_shape=(16, 16, 3))(inputs)
    inner = keras.Model(inputs, keras.layers.Flatten()(x))
    outer = keras.Input((16, 16, 3))
    keras.Model(outer, keras.layers.Dense(2)(inner(outer))).save(path)
    return path


@pytest.mark.parametrize("function", [lambda x: x * 2, keras.activations.relu])
@pytest.mark.parametrize("use", [lambda p: File(path=p).check(signature()), load])
def test_a_lambda_layer_is_refused_by_name_whatever_it_holds(tmp_path, function, use):
    path = with_lambda(tmp_path / "m.keras", function)
    with pytest.raises(TrainError) as error:
        use(path)
    assert str(error.value) == (
        f"{path}: expected a model of layers alone, found code in the Lambda layer 'sly'. "
        "Build the model with a layer or a function of Keras in its place, and save it again."
    )


def test_weights_are_not_taken_from_a_model_with_a_lambda_layer_either(tmp_path):
    path = with_lambda(tmp_path / "m.keras", lambda x: x)
    with pytest.raises(TrainError, match="found code in the Lambda layer 'sly'"):
        load_weights(Cnn(width=2).build(signature()), path)


def test_a_layer_that_is_not_known_is_an_error(tmp_path):
    path = saved(tmp_path / "m.keras", keras.layers.Flatten(), keras.layers.Dense(2))
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    text = members["config.json"].decode().replace('"Flatten"', '"Unheard"')
    members["config.json"] = text.encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    with pytest.raises(TrainError, match="expected a model of Keras' own layers, found: "):
        load(path)


def test_images_of_another_size_are_refused_before_keras_is_asked(run):
    with pytest.raises(TrainError) as error:
        File(path=run).check(signature(side=20))
    assert str(error.value) == (
        "file: expected images of 16x16x3, which best.keras takes, found 20x20x3 uint8. "
        "Resize them in finish; image.mode says the channels."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file. Check the path."),
        (b"nothing of the kind", "expected a model that Keras saved as .keras, found another file"),
        (json.dumps([1]).encode(), "expected a model that Keras saved as .keras, found no model"),
    ],
)
def test_a_file_that_is_no_model_is_an_error(tmp_path, content, message):
    path = tmp_path / "m.keras"
    if content is not None and content.startswith(b"["):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("config.json", content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(TrainError) as error:
        File(path=path).check(signature())
    assert str(error.value).startswith(f"{path}: {message}")


def test_a_model_of_several_outputs_is_refused(tmp_path):
    Cnn(width=2).build(signature(label=LABEL, size=Value())).save(tmp_path / "m.keras")
    with pytest.raises(
        TrainError, match="of one input and one output, found Functional of 1 and 2"
    ):
        File(path=tmp_path / "m.keras").build(signature())
