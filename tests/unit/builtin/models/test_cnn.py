"""The options of `cnn` do what their words say, in the model that is built."""

import numpy as np
import pytest

from dsbuilder.builtin.models.cnn import Cnn
from dsbuilder.builtin.models.initializers import Activation, Initializer
from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Text, Value

keras = pytest.importorskip("keras")


def signature(height=16, width=16, channels=3, classes=4, **targets):
    return Signature(
        image=ImageSignature(height=height, width=width, channels=channels),
        targets=targets
        or {"label": ClassLabel(names=tuple(f"c{index}" for index in range(classes)))},
    )


def layers_of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def convolutions(model):
    return layers_of(model, keras.layers.Conv2D)


def test_output_is_one_logit_a_class_of_any_sign():
    model = Cnn(width=4).build(signature(classes=5))
    images = np.random.default_rng(0).normal(size=(8, 16, 16, 3)).astype("float32")
    logits = model(images).numpy()
    assert logits.shape == (8, 5)
    assert not np.allclose(logits.sum(axis=1), 1), "probabilities, where logits are promised"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_number_of_channels_is_taken(channels):
    assert Cnn(width=2).build(signature(channels=channels)).input_shape == (None, 16, 16, channels)


def test_width_doubles_with_each_block_and_depth_counts_blocks():
    model = Cnn(width=4, depth=2, convolutions=1).build(signature())
    assert [layer.filters for layer in convolutions(model)] == [4, 8]
    assert model.get_layer("block1_pool").output.shape[1:3] == (4, 4)


def test_convolutions_and_kernel_shape_each_block():
    model = Cnn(width=4, depth=1, convolutions=3, kernel=5).build(signature())
    assert [layer.kernel_size for layer in convolutions(model)] == [(5, 5)] * 3


@pytest.mark.parametrize("activation", Activation.__args__)
def test_every_activation_is_the_function_of_its_name(activation):
    model = Cnn(width=2, depth=1, convolutions=1, dense=(3,), activation=activation).build(
        signature()
    )
    values = np.linspace(-3, 3, 7).astype("float32")
    expected = getattr(keras.activations, activation)(keras.ops.convert_to_tensor(values))
    found = layers_of(model, keras.layers.Activation)
    assert len(found) == 2
    for layer in found:
        assert np.allclose(layer(values), expected)


@pytest.mark.parametrize("initializer", Initializer.__args__)
def test_every_initializer_is_of_every_kernel(initializer):
    model = Cnn(width=2, depth=1, dense=(3,), initializer=initializer).build(signature())
    expected = type(keras.initializers.get(initializer))
    layers = convolutions(model) + layers_of(model, keras.layers.Dense)
    assert len(layers) == 4
    assert all(type(layer.kernel_initializer) is expected for layer in layers)


def test_initial_values_have_the_initializers_spread():
    first = convolutions(Cnn(width=64, initializer="he_normal").build(signature()))[1].kernel
    fan_in = 3 * 3 * 64
    assert np.std(first.numpy()) == pytest.approx(np.sqrt(2 / fan_in), rel=0.05)


def test_equal_kernels_of_two_layers_are_drawn_independently():
    one, two, *_ = convolutions(Cnn(width=4, depth=1, convolutions=3).build(signature()))[1:]
    assert not np.allclose(one.kernel, two.kernel)


def test_l2_adds_its_share_of_the_squared_kernels_to_the_loss():
    model = Cnn(width=2, depth=1, l2=0.01).build(signature())
    kernels = [layer.kernel.numpy() for layer in convolutions(model)]
    kernels.append(model.get_layer("logits").kernel.numpy())
    expected = 0.01 * sum(np.square(kernel).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-4)


def test_l1_adds_its_share_of_the_absolute_kernels_to_the_loss():
    model = Cnn(width=2, depth=1, convolutions=1, l1=0.5).build(signature())
    kernels = [convolutions(model)[0].kernel.numpy(), model.get_layer("logits").kernel.numpy()]
    expected = 0.5 * sum(np.abs(kernel).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-4)


def test_without_penalties_the_model_adds_no_loss():
    assert Cnn(width=2).build(signature()).losses == []


def test_dropout_stands_after_every_block_and_dense_dropout_before_every_dense_layer():
    model = Cnn(width=2, depth=2, dropout=0.1, dense=(4,), dense_dropout=0.4).build(signature())
    rates = [layer.rate for layer in layers_of(model, keras.layers.Dropout)]
    assert rates == [0.1, 0.1, 0.4, 0.4]
    assert not layers_of(Cnn(width=2).build(signature()), keras.layers.Dropout)


def test_batch_norm_replaces_the_bias():
    with_norm, without = (Cnn(width=2, batch_norm=on).build(signature()) for on in (True, False))
    assert len(layers_of(with_norm, keras.layers.BatchNormalization)) == 6
    assert not layers_of(without, keras.layers.BatchNormalization)
    assert not any(layer.use_bias for layer in convolutions(with_norm))
    assert all(layer.use_bias for layer in convolutions(without))


def test_pooling_is_as_named():
    for pooling, kind in (
        ("max", keras.layers.MaxPooling2D),
        ("average", keras.layers.AveragePooling2D),
    ):
        assert len(layers_of(Cnn(width=2, pooling=pooling).build(signature()), kind)) == 3


def test_head_makes_a_vector_as_named():
    features = {
        head: Cnn(width=2, depth=2, head=head)
        .build(signature())
        .get_layer("head_pool")
        .output.shape
        for head in ("average", "max", "flatten")
    }
    assert features == {"average": (None, 4), "max": (None, 4), "flatten": (None, 4 * 4 * 4)}


def test_images_of_varying_size_are_taken_unless_the_head_is_flat():
    varying = signature(height=None, width=None)
    model = Cnn(width=2).build(varying)
    assert model(np.zeros((1, 24, 40, 3), "float32")).shape == (1, 4)
    with pytest.raises(TrainError) as error:
        Cnn(width=2, head="flatten").build(varying)
    assert str(error.value) == (
        "cnn: expected images of one size for head: flatten, found ?x?x3 uint8. "
        "Add a resize to finish, or take head: average."
    )


def test_too_small_an_image_is_an_error():
    with pytest.raises(TrainError) as error:
        Cnn(depth=5).build(signature())
    assert str(error.value) == (
        "cnn: expected images of at least 32 pixels a side for depth 5, found 16x16x3 uint8. "
        "Lower depth, or resize to more in finish."
    )


def test_a_target_without_classes_is_an_error():
    with pytest.raises(TrainError) as error:
        Cnn().build(signature(words=Text()))
    assert str(error.value) == (
        "cnn: expected a target that a row of outputs answers, such as a class, several classes or "
        "numbers, found 'words' (text). Choose another with train.target, or a model that learns "
        "this one, such as crnn."
    )


def test_the_model_survives_saving(tmp_path):
    model = Cnn(width=2, dropout=0.2, l2=1e-4, dense=(3,)).build(signature())
    model.save(tmp_path / "cnn.keras")
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    again = keras.models.load_model(tmp_path / "cnn.keras")
    assert np.allclose(model(images), again(images))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width: expected 1 or more, found 0."),
        ({"dense": (8, 0)}, "dense: expected 1 or more, found 0."),
        ({"l2": -1.0}, "l2: expected 0 or more, found -1."),
        ({"dropout": 1.0}, "dropout: expected a share in [0, 1), found 1."),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError) as error:
        Cnn(**options)
    assert str(error.value) == message


def test_where_numbers_are_learnt_places_are_kept_unless_sizes_vary():
    def features(**given):
        return Cnn(width=4, depth=1).build(signature(**given)).get_layer("head_pool").output.shape

    label = ClassLabel(names=("a", "b", "c"))
    assert features(label=label) == (None, 4)
    assert features(place=Value(size=2)) == (None, 8 * 8 * 4)
    assert features(place=Value(size=2), label=label) == (None, 8 * 8 * 4)
    assert features(place=Value(), height=None, width=None) == (None, 4)
