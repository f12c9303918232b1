"""`crnn` keeps enough steps to the right for the texts that it reads."""

import numpy as np
import pytest

from dsbuilder.builtin.models.crnn import Crnn
from dsbuilder.errors import TrainError
from dsbuilder.sample import ImageSignature, Signature
from dsbuilder.targets import ClassLabel, Text, Value

keras = pytest.importorskip("keras")


def signature(height=32, width=64, longest=6, **targets):
    image = ImageSignature(height=height, width=width, channels=1)
    text = Text(alphabet="0123456789", longest=longest)
    return Signature(image=image, targets={"text": text, **targets})


@pytest.mark.parametrize(
    ("longest", "steps"),
    [
        (0, 16),  # not known
        (6, 16),  # 64 pixels, 4 each
        (7, 16),
        (8, 32),  # 17 are wanted
        (15, 32),
        (16, 64),
        (40, 64),  # no more than there are columns
    ],
)
def test_there_are_twice_as_many_steps_as_the_longest_text_needs_where_that_can_be(longest, steps):
    model = Crnn(width=2).build(signature(longest=longest))
    assert model.output_shape == (None, steps, 11)
    short = bool(longest) and steps < 2 * longest + 1
    warnings = Crnn(width=2).warnings(signature(longest=longest))
    assert bool(warnings) == short
    if short:
        assert warnings == (
            "crnn: images of 32x64x1 uint8 give 64 steps to the right, the longest text needs 40: "
            "expected 81 for one that can be learnt well. Resize to more in finish.",
        )


def test_a_step_is_as_wide_as_stated_whatever_the_depth():
    for step in (1, 2, 4, 8):
        model = Crnn(width=2, depth=3, step=step).build(signature(longest=3))
        assert model.output_shape[1] == 64 // step
    with pytest.raises(ValueError, match=r"step: expected 2 pixels or fewer for depth 1, found 4"):
        Crnn(depth=1, step=4)


@pytest.mark.parametrize(
    ("builder", "found", "message"),
    [
        (Crnn(), signature(width=20, longest=21), r"at least 21 pixels in width .* finish\.$"),
        (Crnn(step=4), signature(width=20, longest=6), r"at least 24 pixels .* or lower step\.$"),
        (Crnn(depth=4), signature(height=15), "at least 16 pixels for depth 4"),
        (Crnn(), signature(height=None), "expected images of one height"),
        (
            Crnn(),
            signature().replace(targets={"size": Value()}),
            r"read step by step, a text, found 'size' \(value\).*such as cnn\.$",
        ),
    ],
)
def test_what_it_cannot_read_is_refused(builder, found, message):
    with pytest.raises(TrainError, match=message):
        builder.check(found)


def test_columns_stay_in_their_order_from_left_to_right():
    """What changes in the left half of an image changes no step of the right half."""
    model = Crnn(width=2, depth=1, step=1, units=3, bidirectional=False).build(signature(8, 16, 2))
    images = np.random.default_rng(0).random((2, 8, 16, 1), np.float32)
    images[1, :, :12] = images[0, :, :12]
    one, two = np.asarray(model(images))
    same = np.isclose(one, two, atol=1e-6).all(axis=-1)
    assert same[:11].all() and not same[13:].any()


def test_characters_that_are_not_known_yet_pass_the_check_and_not_the_build():
    unknown = signature().replace(targets={"text": Text()})
    Crnn().check(unknown)
    with pytest.raises(TrainError, match="text: expected a number of outputs that is known"):
        Crnn().build(unknown)


def test_rows_are_learnt_beside_a_text():
    found = signature(color=ClassLabel(names=("red", "green", "blue")), size=Value())
    model = Crnn(width=2).build(found)
    shapes = {name: tuple(each.shape) for name, each in model.output.items()}
    assert shapes == {"text": (None, 16, 11), "color": (None, 3), "size": (None, 1)}


def test_lines_of_any_width_are_read():
    model = Crnn(width=2).build(signature(width=None))
    assert model(np.zeros((1, 32, 100, 1), "float32")).shape == (1, 25, 11)
    assert model(np.zeros((1, 32, 60, 1), "float32")).shape == (1, 15, 11)


@pytest.mark.parametrize(("cell", "kind"), [("simple_rnn", "SimpleRNN"), ("gru", "GRU")])
def test_cells_are_as_stated_and_read_both_ways(cell, kind):
    model = Crnn(width=2, cell=cell, units=5, layers=2).build(signature())
    layers = [each for each in model.layers if isinstance(each, keras.layers.Bidirectional)]
    assert [type(each.forward_layer).__name__ for each in layers] == [kind, kind]
    assert layers[-1].output.shape == (None, 16, 10)


def test_cells_begin_as_goes_with_their_own_activation():
    model = Crnn(width=2, bidirectional=False, initializer="he_uniform").build(signature())
    cell = model.get_layer("recurrent0_lstm")
    assert type(cell.kernel_initializer).__name__ == "GlorotUniform"
    assert type(model.get_layer("block0_0_conv").kernel_initializer).__name__ == "HeUniform"
