"""Axes: round numbers, and places that lie between the ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.report.charts.axes import Axis, span, ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(4, 10))
def test_ticks_are_evenly_spaced_and_within_the_range(low, width, at_most):
    found = ticks(low, low + width, at_most=at_most)
    assert 1 <= len(found) <= at_most + 1
    slack = width * 1e-6
    assert all(low - slack <= tick <= low + width + slack for tick in found)
    if len(found) > 2:
        steps = np.diff(found)
        assert np.allclose(steps, steps[0], rtol=1e-3)


def test_ticks_are_round_numbers():
    assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(1, 15, at_most=8) == [2, 4, 6, 8, 10, 12, 14]
    assert ticks(1e-9, 2e-9) == pytest.approx([1e-9, 1.2e-9, 1.4e-9, 1.6e-9, 1.8e-9, 2e-9])
    assert math.copysign(1, ticks(-1, 1)[2]) == 1


def test_a_logarithmic_axis_has_powers_of_ten_at_equal_distances():
    axis = Axis(low=1e-6, high=10.0, start=0, stop=70, logarithmic=True)
    found = axis.ticks(at_most=8)
    assert found == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0])
    assert [axis(tick) for tick in found] == pytest.approx(range(0, 80, 10))


def test_a_logarithmic_axis_within_one_power_of_ten_has_round_numbers_all_the_same():
    axis = Axis(low=16, high=64, start=0, stop=60, logarithmic=True)
    assert axis.ticks() == [20, 30, 40, 50, 60]
    assert axis(32) == pytest.approx(30)


def test_what_lies_beyond_an_end_is_at_the_end():
    axis = Axis(low=0, high=2, start=100, stop=0)
    assert [axis(value) for value in (-1, 0, 0.5, 2, 9)] == [100, 100, 75, 0, 0]


@pytest.mark.parametrize("values", [[], [0.0], [3.0], [-2.0, -2.0], [1.0, 2.0]])
def test_there_is_something_between_the_ends(values):
    low, high = span(values, pad=0.05)
    assert low < high
    assert all(low <= value <= high for value in values)
