"""Built-in schedules say what share of the learning rate each epoch has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.builtin.schedules.constant import Constant
from dsbuilder.builtin.schedules.cosine import Cosine


@given(st.integers(1, 50))
def test_cosine_falls_from_1_to_nearly_0(epochs):
    shares = [Cosine().share(epoch, epochs) for epoch in range(epochs)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[-1] <= 2.5 / epochs**2 or epochs == 1


def test_cosine_is_half_way_down_in_the_middle():
    assert Cosine().share(2, 4) == pytest.approx(0.5)


def test_constant_stays():
    assert {Constant().share(epoch, 4) for epoch in range(4)} == {1.0}
