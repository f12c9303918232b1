"""Built-in schedules say what share of the learning rate each step has, as their formulas do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builtin.schedules.constant import Constant
from dsbuilder.builtin.schedules.cosine import Cosine
from dsbuilder.builtin.schedules.exponential import Exponential
from dsbuilder.builtin.schedules.one_cycle import OneCycle
from dsbuilder.builtin.schedules.plateau import Plateau
from dsbuilder.builtin.schedules.step import StepDecay
from dsbuilder.plugin import Moment


def shares(schedule, *, epochs=5, steps=4, beyond=0, monitored=()):
    """Returns the share of every step of some epochs."""
    return [
        schedule.share(
            Moment(
                step=step,
                steps_per_epoch=steps,
                epochs=epochs,
                monitored=tuple(monitored[: step // steps]),
            )
        )
        for step in range((epochs + beyond) * steps)
    ]


def test_constant_stays():
    assert set(shares(Constant())) == {1.0}


@given(st.integers(1, 20), st.integers(1, 20))
def test_cosine_is_half_a_cosine_over_all_steps(epochs, steps):
    count = epochs * steps
    expected = [(1 + math.cos(math.pi * step / count)) / 2 for step in range(count)]
    assert shares(Cosine(), epochs=epochs, steps=steps) == pytest.approx(expected)


def test_cosine_rises_in_equal_steps_and_falls_to_its_end():
    found = shares(Cosine(warm_up=1, end=0.1), epochs=3, steps=4)
    falling = [0.1 + 0.9 * (1 + math.cos(math.pi * step / 8)) / 2 for step in range(8)]
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, *falling])


def test_half_an_epoch_warms_up_half_its_steps():
    assert shares(Cosine(warm_up=0.5), epochs=2, steps=4)[:3] == pytest.approx([1 / 3, 2 / 3, 1])


def test_exponential_decays_epoch_by_epoch_or_step_by_step():
    steps = np.arange(20)
    assert shares(Exponential(rate=0.5, every=2)) == pytest.approx(0.5 ** (steps / 8))
    by_step = Exponential(rate=0.5, every=3, unit="steps")
    assert shares(by_step) == pytest.approx(0.5 ** (steps / 3))
    stairs = Exponential(rate=0.5, every=3, unit="steps", staircase=True)
    assert shares(stairs) == pytest.approx(0.5 ** (steps // 3))


def test_step_falls_at_its_moments_or_every_so_often():
    at = shares(StepDecay(at=(1, 3)), epochs=4, steps=2)
    assert at == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01])
    every = shares(StepDecay(factor=0.5, every=2), epochs=5, steps=1)
    assert every == [1, 1, 0.5, 0.5, 0.25]
    by_step = shares(StepDecay(factor=0.5, at=(3,), unit="steps"), epochs=1, steps=5)
    assert by_step == [1, 1, 1, 0.5, 0.5]


@pytest.mark.parametrize("given", [{}, {"at": (1,), "every": 2}, {"every": 0}, {"at": (0,)}])
def test_step_says_what_it_needs(given):
    with pytest.raises(ValueError, match="expected"):
        StepDecay(**given)


def test_one_cycle_rises_and_falls_along_half_cosines():
    found = shares(OneCycle(warm_up=0.25, start=0.2, end=0.0), epochs=2, steps=4)
    rising = [1 - 0.8 * (1 + math.cos(math.pi * step / 2)) / 2 for step in range(2)]
    falling = [(1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert found == pytest.approx([*rising, *falling])
    assert max(found) == found[2] == 1


@pytest.mark.parametrize("schedule", [Cosine(), Cosine(warm_up=2, end=0.3), OneCycle()])
def test_a_shape_stays_where_it_ended_in_epochs_after_it(schedule):
    found = shares(schedule, beyond=2)
    assert set(found[20:]) == {found[19]}


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=30),
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from([0.0, 1.0]),
)
def test_plateau_falls_where_the_callback_of_keras_does(values, patience, cooldown, change):
    keras = pytest.importorskip("keras")
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.5, patience=patience, min_delta=change, cooldown=cooldown
    )
    model = keras.Model()
    model.optimizer = keras.optimizers.SGD(1.0)
    callback.set_model(model)
    callback.on_train_begin()
    expected = [1.0]
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"loss": float(value)})
        expected.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
    schedule = Plateau(patience=patience, cooldown=cooldown, min_change=change)
    found = shares(schedule, epochs=len(values) + 1, steps=1, monitored=[*map(float, values), 0.0])
    assert found == expected


def test_plateau_never_falls_below_its_end():
    found = shares(Plateau(patience=1, end=0.3), epochs=9, steps=1, monitored=[1.0] * 9)
    assert found == [1, 1, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
