"""`transfer`: features of a known network under a new head, its preprocessing inside."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.builtin.models.backbones import applications, efficientnet_lite0
from dsbuilder.builtin.models.transfer import Transfer, _silence
from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.slow  # whole networks

SMALL = "MobileNetV3Small"


def signature(side=32, channels=3, classes=3):
    return Signature(
        image=ImageSignature(height=side, width=side, channels=channels),
        targets={"label": ClassLabel(names=tuple(f"c{index}" for index in range(classes)))},
    )


def pixels(side=32, channels=3, count=2):
    shape = (count, side, side, channels)
    return np.random.default_rng(0).integers(0, 256, shape).astype("float32")


def normalizations(model):
    kind = keras.layers.BatchNormalization
    network = model.get_layer("efficientnet_lite0")
    return [layer for layer in network.layers if isinstance(layer, kind)]


def test_every_network_of_keras_applications_has_its_scaling():
    networks = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(applications.SCALINGS) == networks


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("VGG16", "vgg16"),  # caffe
        pytest.param("MobileNetV2", "mobilenet_v2", marks=pytest.mark.slow),  # to [-1, 1]
        pytest.param("MobileNetV3Small", "mobilenet_v3", marks=pytest.mark.slow),  # inside already
    ],
)
def test_preprocessing_inside_equals_the_networks_own(name, module):
    network = applications.build(name, input_shape=(32, 32, 3), imagenet=False)
    bare = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    bare.set_weights(network.get_weights())
    preprocess = importlib.import_module(f"keras.applications.{module}").preprocess_input
    expected = bare(preprocess(pixels())).numpy()
    assert np.allclose(network(pixels()), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("scaling", ["torch", "caffe", "signed"])
def test_scalings_equal_keras_formulas(scaling):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, applications._scaled(inputs, scaling))
    mode = {"signed": "tf"}.get(scaling, scaling)
    expected = keras.applications.imagenet_utils.preprocess_input(pixels(4), mode=mode)
    assert np.allclose(model(pixels(4)), expected, atol=1e-4)


@pytest.mark.parametrize("spelling", ["mobilenet_v3_small", "MobileNetV3Small", "mobilenetv3small"])
def test_a_backbone_answers_to_every_spelling(spelling):
    assert Transfer(backbone=spelling, weights="none")._name == SMALL


def test_an_unknown_backbone_is_answered_with_the_closest():
    with pytest.raises(ValueError) as error:
        Transfer(backbone="mobilnet_v2")
    assert str(error.value) == (
        "backbone: unknown network 'mobilnet_v2'. Did you mean 'MobileNetV2'?"
    )


def test_imagenet_features_are_frozen_and_only_the_head_learns():
    model = Transfer().build(signature())
    assert [weight.path for weight in model.trainable_weights] == ["logits/kernel", "logits/bias"]
    assert model.output_shape == (None, 3)


def test_imagenet_weights_are_loaded():
    model = Transfer().build(signature())
    reference = efficientnet_lite0.build(input_shape=(32, 32, 3))
    efficientnet_lite0.load_weights(reference, None)
    found = model.get_layer("efficientnet_lite0").get_weights()
    for one, two in zip(found, reference.get_weights(), strict=True):
        assert np.array_equal(one, two)


def test_random_features_learn_from_the_start_and_normalize_by_batches():
    model = Transfer(weights="none", dropout=0.0).build(signature())
    assert model.get_layer("efficientnet_lite0").trainable
    before = normalizations(model)[0].moving_mean.numpy().copy()
    model(pixels(), training=True)
    assert not np.allclose(before, normalizations(model)[0].moving_mean)


def unfreeze_all_but_normalization(model):
    for layer in model.get_layer("efficientnet_lite0").layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)


def test_frozen_features_stay_in_inference_mode_when_their_layers_are_unfrozen():
    model = Transfer(dropout=0.0).build(signature())
    unfreeze_all_but_normalization(model)
    before = [layer.moving_mean.numpy().copy() for layer in normalizations(model)]
    trained, inferred = model(pixels(), training=True), model(pixels(), training=False)
    assert np.allclose(trained, inferred)
    for layer, mean in zip(normalizations(model), before, strict=True):
        assert np.array_equal(layer.moving_mean, mean)


def test_inference_mode_survives_saving(tmp_path):
    Transfer(dropout=0.0).build(signature()).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    unfreeze_all_but_normalization(model)
    assert np.allclose(model(pixels(), training=True), model(pixels(), training=False))


def test_frozen_features_leave_nothing_out_at_random():
    network = applications.build("EfficientNetB0", input_shape=(32, 32, 3), imagenet=False)
    first, *others = (network(pixels(), training=True).numpy() for _ in range(12))
    noisy = any(not np.array_equal(first, other) for other in others)
    assert noisy, "a network without noise proves nothing"
    network.trainable = False
    _silence(network)
    assert np.array_equal(network(pixels(), training=True), network(pixels(), training=False))


def test_gray_is_the_same_as_rgb_of_equal_channels():
    gray = Transfer(backbone=SMALL, weights="none").build(signature(channels=1))
    rgb = Transfer(backbone=SMALL, weights="none").build(signature())
    rgb.set_weights(gray.get_weights())
    image = pixels(channels=1)
    assert np.allclose(gray(image), rgb(np.repeat(image, 3, axis=3)), atol=1e-6)


def test_rgba_is_refused():
    with pytest.raises(TrainError) as error:
        Transfer().build(signature(channels=4))
    assert str(error.value) == (
        "transfer: expected images of 3 channels or 1, found 32x32x4 uint8. "
        "Set image.mode to rgb; image.background says what lies under transparency."
    )


def test_too_small_an_image_is_refused_by_check():
    with pytest.raises(TrainError) as error:
        Transfer(backbone="inception_v3", weights="none").check(signature())
    assert str(error.value) == (
        "transfer: expected images of 75x75 or more, which InceptionV3 takes, found 32x32x3 uint8. "
        "Resize them to that in finish, or name another backbone."
    )
    Transfer(backbone="mobilenet_v2", weights="none").check(signature())


@pytest.mark.parametrize("name", applications.SCALINGS)
def test_the_least_side_is_that_of_keras(name):
    """One pixel less is refused, before a layer is made."""
    least = applications.least_side(name)
    with pytest.raises(TrainError, match=f"^{name}: cannot take images of shape"):
        applications.build(name, input_shape=(least - 1, least, 3), imagenet=False)


def test_offline_a_download_says_to_give_a_file(monkeypatch, capsys):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TrainError) as error:
        # 160 wide: a size of which no test machine holds weights already
        applications.build("MobileNet", input_shape=(160, 160, 3), imagenet=True)
    assert str(error.value).startswith(
        "MobileNet: expected to download ImageNet weights, found no way to (URL fetch failure on "
    )
    assert str(error.value).endswith(
        "Go online, or give a file of weights: weights: path/to/weights.h5."
    )


@pytest.fixture(scope="module")
def donor():
    return keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )


@pytest.mark.parametrize(
    "name", [pytest.param("donor.keras", marks=pytest.mark.slow), "donor.weights.h5", "donor.h5"]
)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_weights_of_every_form_are_set(donor, tmp_path, name):
    path = tmp_path / name
    donor.save_weights(path) if ".weights." in name else donor.save(path)
    model = Transfer(backbone=SMALL, weights=path).build(signature())
    found = model.get_layer(SMALL.lower()).get_weights()
    for one, two in zip(found, donor.get_weights(), strict=True):
        assert np.array_equal(one, two)


def test_weights_of_a_model_that_contains_the_backbone_are_set(tmp_path):
    earlier = Transfer(backbone=SMALL, weights="none").build(signature(classes=7))
    whole = keras.Model(earlier.input, keras.layers.Rescaling(1.0)(earlier.output))
    whole.save(tmp_path / "best.keras")
    model = Transfer(backbone=SMALL, weights=tmp_path / "best.keras").build(signature(classes=3))
    found, expected = (each.get_layer(SMALL.lower()).get_weights() for each in (model, earlier))
    for one, two in zip(found, expected, strict=True):
        assert np.array_equal(one, two)


def test_lite0_takes_weights_of_keras_too(tmp_path):
    reference = efficientnet_lite0.build(input_shape=(32, 32, 3))
    reference.save_weights(tmp_path / "lite0.weights.h5")
    model = Transfer(weights=tmp_path / "lite0.weights.h5").build(signature())
    found = model.get_layer("efficientnet_lite0").get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(found, reference.get_weights(), strict=True))


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(f"wide.{end}", marks=pytest.mark.slow) for end in ("keras", "weights.h5")),
        "wide.h5",
    ],
)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_weights_that_do_not_fit_name_the_layer_and_both_shapes(tmp_path, name):
    other = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.75
    )
    path = tmp_path / name
    other.save_weights(path) if ".weights." in name else other.save(path)
    with pytest.raises(TrainError) as error:
        Transfer(backbone=SMALL, weights=path).build(signature())
    found_layer = "conv2d_11" if ".weights." in name else "expanded_conv_3_project"
    assert str(error.value) == (
        f"{path}: expected the weights of mobilenetv3small, found that layer "
        f"'expanded_conv_3_project' needs (1, 1, 96, 40) and the file's layer '{found_layer}' has "
        "(1, 1, 96, 32). Give a file of the same network."
    )


def test_a_file_with_too_few_layers_is_an_error(tmp_path):
    inputs = keras.Input((32, 32, 3))
    keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs)).save(tmp_path / "empty.keras")
    with pytest.raises(TrainError, match="found 0 layers with weights where the network has"):
        Transfer(backbone=SMALL, weights=tmp_path / "empty.keras").build(signature())


def test_a_missing_file_of_weights_is_an_error(tmp_path):
    path = tmp_path / "missing.keras"
    with pytest.raises(TrainError) as error:
        Transfer(backbone=SMALL, weights=path).build(signature())
    assert str(error.value) == f"{path}: no such file of weights. Check the path."


@pytest.mark.parametrize("name", ["broken.keras", "broken.h5", "broken.bin"])
def test_a_file_that_is_not_of_weights_is_an_error(tmp_path, name):
    path = Path(tmp_path / name)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(TrainError, match=f"^{path}: expected "):
        Transfer(backbone=SMALL, weights=path).build(signature())


def test_freezing_random_features_is_refused():
    with pytest.raises(ValueError, match="freeze: expected weights that are worth keeping"):
        Transfer(weights="none", freeze=True)
