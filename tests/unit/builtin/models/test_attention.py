"""CBAM comes to what its paper's formulas come to in a few lines of numpy."""

import numpy as np
import pytest

from dsbuilder.builtin.models import attention
from dsbuilder.builtin.models.cbam import Cbam
from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.resnet_small import ResnetSmall
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel

keras = pytest.importorskip("keras")

SIGNATURE = Signature(
    image=ImageSignature(height=16, width=12, channels=3),
    targets={"label": ClassLabel(names=("a", "b"))},
)
MAPS = np.random.default_rng(0).normal(size=(2, 9, 11, 8)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_channel(x, hidden, back):
    """sigmoid(MLP(mean) + MLP(maximum)), one MLP for both; times the map."""

    def mlp(row):
        return np.maximum(row @ hidden[0] + hidden[1], 0) @ back[0] + back[1]

    weights = sigmoid(mlp(x.mean((1, 2))) + mlp(x.max((1, 2))))
    return x * weights[:, None, None, :]


def by_place(x, kernel, bias):
    """sigmoid(7x7 over mean and maximum over channels); times the map."""
    both = np.stack([x.mean(-1), x.max(-1)], axis=-1)
    padded = np.pad(both, ((0, 0), (3, 3), (3, 3), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(1, 2))
    weights = sigmoid(np.einsum("nhwcij,ijco->nhwo", windows, kernel) + bias)
    return x * weights


def test_attention_is_what_the_paper_says():
    inputs = keras.Input(MAPS.shape[1:])
    model = keras.Model(inputs, attention.cbam(Cnn(), inputs, "block", reduction=2))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=each.shape) for each in model.get_weights()])
    hidden, back, places = (
        model.get_layer(f"block_{name}").get_weights()
        for name in ("channel_hidden", "channel_back", "place_weights")
    )
    assert [each.shape for each in (hidden[0], back[0], places[0])] == [
        (8, 4),
        (4, 8),
        (7, 7, 2, 1),
    ]
    expected = by_place(by_channel(MAPS, hidden, back), *places)
    assert np.allclose(model(MAPS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("builder", [Cnn, ResnetSmall])
def test_other_networks_take_it_as_an_option_in_every_block(builder):
    with_it, without = (
        builder(width=4, depth=2, attention=attention).build(SIGNATURE)
        for attention in ("cbam", "none")
    )
    places = [each.name for each in with_it.layers if each.name.endswith("_place_weights")]
    assert len(places) == (2 if builder is Cnn else 4)
    assert with_it.count_params() > without.count_params()
    assert not [each for each in without.layers if "channel_" in each.name]


def test_each_part_of_it_can_be_left_out():
    def attended(attend):
        names = [
            each.name for each in Cbam(width=4, depth=1, attend=attend).build(SIGNATURE).layers
        ]
        return ("block0_channel" in names, "block0_place" in names)

    found = [attended(each) for each in ("both", "channels", "places", "nothing")]
    assert found == [(True, True), (True, False), (False, True), (False, False)]
