"""Grad-CAM: equal to a closed form where there is one, and at what was planted."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from dsbuilder.builtin.models.cbam import Cbam
from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.lenet import Lenet
from dsbuilder.builtin.models.mlp import Mlp
from dsbuilder.builtin.models.resnet_small import ResnetSmall
from dsbuilder.builtin.models.rnn import Rnn
from dsbuilder.builtin.models.vgg_small import VggSmall
from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, MultiLabel
from dsbuilder.tasks import heads_of

keras = pytest.importorskip("keras")
archive = pytest.importorskip("dsbuilder.train.archive")
attribution = pytest.importorskip("dsbuilder.train.attribution")
network = pytest.importorskip("dsbuilder.train.network")

CLASSES = ClassLabel(names=("a", "b", "c", "d"))
IMAGE = ImageSignature(height=12, width=16, channels=1)


def trained(model, image=IMAGE, **targets):
    signature = Signature(image=image, targets=targets or {"kind": CLASSES})
    note = archive.Note(
        dataset="squares 1.0.0",
        fingerprint="",
        class_names=(),
        signature=signature,
        heads=heads_of(signature),
        normalize="scale",
        pipeline={},
    )
    return archive.Trained(model=model, note=note, path="best.keras")


def pooled(classes=4, *, nested=None):
    """A network of one convolution, pooling over the image and one dense layer."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((12, 16, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    convolution = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="last")
    x = nested(convolution)(x) if nested else convolution(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, name="logits")(x))


def activation_map(model, images, wanted):
    """The class activation map in closed form, the greatest 1: weights times features."""
    kernel, bias = model.get_layer("logits").get_weights()
    last = next(layer for layer in _leaves(model) if layer.name == "last")
    features = np.asarray(last(keras.ops.convert_to_tensor(images / np.float32(255))))
    assert bias.shape == (kernel.shape[1],)
    maps = np.maximum(np.einsum("nhwk,kn->nhw", features, kernel @ wanted.T), 0)
    return maps / maps.max(axis=(1, 2), keepdims=True)


def _leaves(model):
    for layer in model.layers:
        yield from _leaves(layer) if hasattr(layer, "layers") else [layer]


def functional(convolution):
    inputs = keras.Input((12, 16, 1))
    return keras.Model(inputs, convolution(inputs))


def sequential(convolution):
    return keras.Sequential([keras.Input((12, 16, 1)), convolution])


def noise(count=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 12, 16, 1)).astype(np.uint8)


@pytest.mark.parametrize("nested", [None, functional, sequential])
def test_before_pooling_and_a_dense_layer_it_is_the_class_activation_map(nested):
    model, images = pooled(nested=nested), noise()
    logits = np.asarray(model(images))
    wanted = np.eye(4)[logits.argmax(axis=-1)]
    found = attribution.attribute(trained(model), images)
    gradient = np.stack([each["kind"].gradient for each in found])
    assert np.allclose(gradient, activation_map(model, images, wanted), atol=1e-5)
    assert all(each["kind"].attention is None for each in found)


def test_of_two_classes_the_sign_of_the_one_logit_says_which():
    model, images = pooled(1), noise(8)
    kernel, _ = model.get_layer("logits").get_weights()
    middle = float(np.median(np.asarray(model(images))))
    model.get_layer("logits").set_weights([kernel, np.array([-middle], np.float32)])
    logits = np.asarray(model(images))
    assert (logits > 0).any() and (logits < 0).any()
    two = trained(model, kind=ClassLabel(names=("no", "yes")))
    found = np.stack([each["kind"].gradient for each in attribution.attribute(two, images)])
    assert np.allclose(found, activation_map(model, images, np.sign(logits)), atol=1e-5)


def detector():
    """A network of known weights: class 1 is said the more surely, the more bright 3x3 areas."""
    model = pooled(4)
    kernel = np.full((3, 3, 1, 5), 1 / 9, np.float32)
    model.get_layer("last").set_weights([kernel, np.full(5, -0.7, np.float32)])
    dense = np.zeros((5, 4), np.float32)
    dense[:, 1] = 1
    model.get_layer("logits").set_weights([dense, np.array([0, 0.001, 0, 0], np.float32)])
    return trained(model)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (5, 9), (8, 12)])
def test_the_map_points_at_what_was_planted(top, left):
    images = noise(1) // 3
    images[0, top : top + 4, left : left + 4] = 255
    (found,) = attribution.attribute(detector(), images)
    gradient = found["kind"].gradient
    inside = np.zeros_like(gradient, bool)
    inside[top : top + 4, left : left + 4] = True
    assert gradient[~inside].max() == 0
    assert inside.ravel()[gradient.argmax()] and gradient.max() == 1


def test_where_nothing_speaks_for_the_class_the_map_is_empty():
    (found,) = attribution.attribute(detector(), np.zeros((1, 12, 16, 1), np.uint8))
    assert not found["kind"].gradient.any()


def test_a_head_is_told_by_the_last_map_that_leads_to_it():
    """The last convolution of the network is that of a mask, which no class depends on."""
    classes = pooled()
    inputs = keras.Input((12, 16, 1))
    mask = keras.layers.Conv2D(2, 3, padding="same")(classes(inputs)[:, None, None] + inputs)
    model = keras.Model(inputs, {"kind": classes(inputs), "mask": mask})
    both = trained(model, kind=CLASSES, mask=Mask(names=("ground", "thing")))
    images = noise()
    alone = attribution.attribute(trained(classes), images)
    for one, other in zip(attribution.attribute(both, images), alone, strict=True):
        assert other.keys() == one.keys() == {"kind"}
        assert np.allclose(one["kind"].gradient, other["kind"].gradient, atol=1e-5)


def built(builder, *, side=32):
    image = ImageSignature(height=side, width=side, channels=3)
    targets = {"kind": CLASSES, "tags": MultiLabel(names=("x", "y", "z"))}
    signature = Signature(image=image, targets=targets)
    heads = heads_of(signature)
    model = network.build_network(
        builder, signature, heads=heads, normalize="scale", statistics=None
    )
    return trained(model, image, **targets)


def test_attention_of_a_model_is_told_beside_it():
    model = built(Cnn(width=4, depth=2, convolutions=1, attention="cbam"))
    attribution.check(model)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    for each in attribution.attribute(model, images):
        assert each.keys() == {"kind", "tags"}
        for found in each.values():
            assert found.gradient.shape == found.attention.shape == (16, 16)
            assert 0 < found.attention.min() < found.attention.max() < 1


@pytest.mark.parametrize("builder", [Mlp(), Rnn()])
def test_a_model_without_a_feature_map_is_refused(builder):
    with pytest.raises(TrainError, match=r"best\.keras: no convolutional feature map"):
        attribution.check(built(builder))


@pytest.mark.slow
@pytest.mark.parametrize("builder", [Cnn(), Cbam(), Lenet(), ResnetSmall(), VggSmall()])
def test_every_convolutional_model_has_maps(builder):
    model = built(builder)
    attribution.check(model)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    for each in attribution.attribute(model, images):
        for found in each.values():
            assert min(found.gradient.shape) > 1 and found.gradient.max() in (0, 1)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_comes_to_the_same_maps():
    """The closed form, on another backend."""
    which = "class_activation_map and None"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        which,
    ]
    env = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
