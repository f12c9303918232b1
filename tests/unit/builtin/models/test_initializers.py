"""An initializer goes with its activation by default, and an odd pair is said."""

from typing import get_args

import pytest

from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.initializers import Activation, Initializer, odd_pair, paired
from dsbuilder.builtin.models.lenet import Lenet
from dsbuilder.builtin.models.rnn import Rnn
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel

keras = pytest.importorskip("keras")

SIGNATURE = Signature(
    image=ImageSignature(height=8, width=8, channels=1),
    targets={"label": ClassLabel(names=("a", "b"))},
)


@pytest.mark.parametrize("activation", get_args(Activation))
def test_every_activation_has_an_initializer_that_nothing_speaks_against(activation):
    assert keras.activations.get(activation) is not None
    family = {"tanh": "glorot", "sigmoid": "glorot", "selu": "lecun"}.get(activation, "he")
    assert paired(activation).startswith(family)
    assert odd_pair(activation, paired(activation)) is None


def test_initializers_are_those_of_keras_that_fit_a_kernel_of_any_shape():
    names = {name for name in dir(keras.initializers) if name[0].islower()}
    others = {"constant", "identity", "stft", "get", "serialize", "deserialize"}
    assert set(get_args(Initializer)) == names - others


@pytest.mark.parametrize(
    ("activation", "initializer", "said"),
    [
        ("relu", "glorot_uniform", True),
        ("elu", "he_uniform", False),
        ("tanh", "he_normal", True),
        ("tanh", "lecun_normal", False),  # as in the paper of 1998
        ("sigmoid", "glorot_normal", False),
        ("selu", "he_normal", True),
        ("selu", "lecun_uniform", False),
        ("relu", "orthogonal", False),
        ("gelu", "truncated_normal", False),
        ("relu", "zeros", True),
    ],
)
def test_an_odd_pair_is_said(activation, initializer, said):
    warnings = Cnn(activation=activation, initializer=initializer).warnings(SIGNATURE)
    assert bool(warnings) == said
    assert all(each.startswith(f"cnn: initializer: {initializer} ") for each in warnings)


def test_what_is_odd_depends_on_the_activation_that_a_network_is_known_for():
    assert Lenet(form=1998, initializer="he_normal").warnings(SIGNATURE) == (
        "lenet: initializer: he_normal is not scaled for the activation tanh. "
        "Take Glorot's (glorot_uniform), or leave it out.",
    )
    assert not Lenet(initializer="he_normal").warnings(SIGNATURE)
    assert Rnn(initializer="he_normal").warnings(SIGNATURE)


@pytest.mark.parametrize(
    ("activation", "kind"),
    [("relu", "HeNormal"), ("sigmoid", "GlorotUniform"), ("selu", "LecunNormal")],
)
def test_kernels_begin_as_the_pair_says_and_biases_as_stated(activation, kind):
    options = {"activation": activation, "bias_initializer": "ones", "batch_norm": False}
    model = Cnn(width=2, depth=1, convolutions=1, **options).build(SIGNATURE)
    for layer in (model.get_layer("block0_0_conv"), model.get_layer("logits")):
        assert type(layer.kernel_initializer).__name__ == kind
        assert (layer.bias.numpy() == 1).all()
