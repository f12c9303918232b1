"""Each network from scratch is what its name says, and learns what it says it learns."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsbuilder.builtin.models.cbam import Cbam
from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.crnn import Crnn
from dsbuilder.builtin.models.lenet import Lenet
from dsbuilder.builtin.models.mlp import Mlp
from dsbuilder.builtin.models.resnet_small import ResnetSmall
from dsbuilder.builtin.models.rnn import Rnn
from dsbuilder.builtin.models.unet import Unet
from dsbuilder.builtin.models.vgg_small import VggSmall
from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Value
from dsbuilder.testing import check_learning

keras = pytest.importorskip("keras")

DIGITS = ClassLabel(names=tuple("0123456789"))
SMALL = {
    "cbam": Cbam(width=4, depth=2),
    "cnn": Cnn(width=4, depth=2),
    "crnn": Crnn(width=4, depth=2, units=8),
    "crnn_one_way": Crnn(width=4, depth=2, cell="simple_rnn", layers=2, bidirectional=False),
    "lenet": Lenet(),
    "lenet_1998": Lenet(form=1998),
    "mlp": Mlp(width=16, batch_norm=True),
    "resnet_small": ResnetSmall(width=4, depth=2, blocks=1, attention="cbam"),
    "rnn": Rnn(width=16),
    "rnn_both_ways": Rnn(width=8, cell="gru", depth=2, bidirectional=True),
    "unet": Unet(width=4, depth=2),
    "vgg_small": VggSmall(width=4, depth=2, dense=16, dropout=0.0),
}
QUICK = ("mlp",)
FEW_ROWS = ImageSignature(height=8, width=32, channels=3)
"""Images for networks that take a step for each row, which TensorFlow takes one by one here."""
CALLED_ON_JAX = ("crnn", "mlp", "unet")
"""Of these, which have layers of every kind, JAX compiles each operation of a call by itself."""


def signature(height=28, width=28, channels=1, **targets):
    image = ImageSignature(height=height, width=width, channels=channels)
    return Signature(image=image, targets=targets or {"label": DIGITS})


def layers_of(model, kind):
    return [each for each in model.layers if isinstance(each, kind)]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in QUICK)) for n in SMALL]
)
def test_every_network_learns_what_it_takes(name):
    if isinstance(SMALL[name], Rnn):
        check_learning(SMALL[name], image=FEW_ROWS)
    else:
        check_learning(SMALL[name])


JAX = """
import sys
import keras
sys.path.insert(0, sys.argv[1])
import test_networks
from dsbuilder.testing import check_learning, check_model

assert keras.backend.backend() == "jax"
for name, builder in test_networks.SMALL.items():
    if name in test_networks.CALLED_ON_JAX:
        check_model(builder)
    check_learning(builder)
    print(name)
"""


@pytest.mark.slow
def test_every_network_learns_on_jax_as_well():
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, "-c", JAX, Path(__file__).parent],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == list(SMALL), done.stderr


@pytest.mark.parametrize("side", [28, 32])
def test_lenet_of_1998_has_the_parameters_of_the_paper(side):
    model = Lenet(form=1998).build(signature(side, side))
    assert model.count_params() == 61_706
    by_layer = [each.count_params() for each in model.layers if each.weights]
    assert by_layer == [156, 2416, 48120, 10164, 850]
    assert len(layers_of(model, keras.layers.AveragePooling2D)) == 2
    assert {each.activation.__name__ for each in layers_of(model, keras.layers.Activation)} == {
        "tanh"
    }


def test_lenet_of_today_has_relu_and_max_pooling():
    model = Lenet().build(signature())
    assert model.count_params() == 61_706
    assert len(layers_of(model, keras.layers.MaxPooling2D)) == 2
    assert {each.activation.__name__ for each in layers_of(model, keras.layers.Activation)} == {
        "relu"
    }


@pytest.mark.parametrize(("height", "width"), [(20, 31), (64, 48)])
def test_lenet_pads_what_is_small_and_takes_what_is_large(height, width):
    found = Lenet().build(signature(height, width))
    assert found(np.zeros((1, height, width, 1), "float32")).shape == (1, 10)


def test_mlp_has_as_many_layers_and_units_as_stated():
    model = Mlp(width=7, depth=3, dropout=0.5).build(signature())
    assert [each.units for each in layers_of(model, keras.layers.Dense)] == [7, 7, 7, 10]
    assert len(layers_of(model, keras.layers.Dropout)) == 3


def test_vgg_has_two_two_and_three_convolutions_and_two_dense_layers():
    model = VggSmall(width=4, dense=9).build(signature())
    convolutions = layers_of(model, keras.layers.Conv2D)
    assert [each.filters for each in convolutions] == [4, 4, 8, 8, 16, 16, 16]
    assert [each.units for each in layers_of(model, keras.layers.Dense)] == [9, 9, 10]
    assert [each.rate for each in layers_of(model, keras.layers.Dropout)] == [0.5, 0.5]


def test_resnet_adds_what_came_in_and_halves_with_each_further_group():
    model = ResnetSmall(width=4, depth=3, blocks=2).build(signature(32, 32))
    sums = layers_of(model, keras.layers.Add)
    assert [each.output.shape[1:] for each in sums] == [
        *[(32, 32, 4)] * 2,
        *[(16, 16, 8)] * 2,
        *[(8, 8, 16)] * 2,
    ]
    shortcuts = [each.name for each in model.layers if each.name.endswith("_shortcut_conv")]
    assert shortcuts == ["group1_0_shortcut_conv", "group2_0_shortcut_conv"]


def test_a_residual_block_whose_convolutions_are_zero_passes_what_came_in():
    model = ResnetSmall(width=3, depth=1, blocks=1, batch_norm=False).build(signature(8, 8, 3))
    for layer in layers_of(model, keras.layers.Conv2D):
        if layer.name.startswith("group"):
            layer.set_weights([np.zeros_like(each) for each in layer.get_weights()])
    parts = [model.get_layer("stem_relu").output, model.get_layer("group0_0_relu").output]
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    before, after = keras.Model(model.input, parts)(images)
    assert np.array_equal(before, after)


@pytest.mark.parametrize(
    ("cell", "kind", "gates"),
    [("simple_rnn", "SimpleRNN", 1), ("gru", "GRU", 3), ("lstm", "LSTM", 4)],
)
def test_rnn_reads_rows_with_the_cells_that_are_stated(cell, kind, gates):
    model = Rnn(cell=cell, width=6, depth=2).build(signature(20, 28, 3))
    first, second = (model.get_layer(f"recurrent{index}_{cell}") for index in range(2))
    assert type(first).__name__ == kind
    assert first.input.shape[1:] == (20, 28 * 3) and first.output.shape[1:] == (20, 6)
    assert second.output.shape[1:] == (6,)
    assert first.cell.kernel.shape == (28 * 3, 6 * gates)


def test_rnn_in_both_ways_has_the_outputs_of_both_side_by_side():
    model = Rnn(width=6, bidirectional=True).build(signature())
    assert model.get_layer("recurrent0_both_ways").output.shape == (None, 12)


def test_rows_of_any_number_are_read():
    model = Rnn(width=4).build(signature(None, 28))
    assert model(np.zeros((1, 40, 28, 1), "float32")).shape == (1, 10)


def test_several_targets_are_a_mapping_by_name_whatever_they_are_called(tmp_path):
    targets = {
        "a b": DIGITS,
        "a_b": Value(),
        "image": MultiLabel(names=("x", "y")),
        "block0_0_conv": Value(size=3),
        "größe": Value(size=2),
    }
    model = Cnn(width=2, depth=1).build(signature(**targets))
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        found = each.predict(images, verbose=0)
        assert {name: values.shape for name, values in found.items()} == {
            "a b": (2, 10),
            "a_b": (2, 1),
            "image": (2, 2),
            "block0_0_conv": (2, 3),
            "größe": (2, 2),
        }


def test_unet_learns_rows_beside_a_mask_but_not_alone():
    mask = Mask(names=("sky", "sea"))
    model = Unet(width=2).build(signature(18, 24, label=DIGITS, mask=mask))
    assert {name: each.shape[1:] for name, each in model.output.items()} == {
        "label": (10,),
        "mask": (18, 24, 2),
    }
    with pytest.raises(TrainError, match=r"unet: expected a target that every pixel .* as cnn\.$"):
        Unet().check(signature())


@pytest.mark.parametrize(
    ("builder", "found", "message"),
    [
        (Mlp(), signature(None, 28), "mlp: expected images of one size for its dense layers"),
        (Lenet(), signature(None, 28), "lenet: expected images of one size"),
        (VggSmall(), signature(28, None), "vgg_small: expected images of one size"),
        (VggSmall(depth=5), signature(), "vgg_small: expected images of at least 32 pixels"),
        (ResnetSmall(depth=6), signature(), "resnet_small: expected images of at least 32"),
        (Cbam(depth=5), signature(), "cbam: expected images of at least 32 pixels"),
        (Rnn(), signature(28, None), "rnn: expected images of one width"),
        (Cnn(), signature(mask=Mask(names=("a", "b"))), r"'mask' \(mask\)\. .* such as unet\.$"),
    ],
)
def test_what_a_network_cannot_take_is_refused(builder, found, message):
    with pytest.raises(TrainError, match=message):
        builder.check(found)


@pytest.mark.parametrize(
    "builder", sorted({*map(type, SMALL.values())}, key=lambda each: each.__name__)
)
def test_options_of_all_are_validated_alike(builder):
    for name in builder.counts:
        with pytest.raises(ValueError, match=f"^{name}: expected 1 or more, found 0"):
            builder(**{name: 0})
    with pytest.raises(ValueError, match=r"^l1: expected 0 or more, found -1"):
        builder(l1=-1.0)
    with pytest.raises(ValueError, match=r"^dropout: expected a share"):
        builder(dropout=1.0)


@pytest.mark.parametrize("network", [Cbam, Cnn, Mlp, ResnetSmall, Rnn, Unet, VggSmall])
def test_a_network_that_is_too_wide_is_refused_before_it_takes_memory(network):
    masks = {"mask": Mask(names=("a", "b"))} if network is Unet else {}
    with pytest.raises(
        TrainError, match=r"at most 250000000 weights .most_weights., found \d{9,} in"
    ):
        network(width=1_000_000).build(signature(64, 64, **masks))
    with pytest.raises(TrainError, match=r"at most 100 weights"):
        network(width=8, most_weights=100).build(signature(64, 64, **masks))
