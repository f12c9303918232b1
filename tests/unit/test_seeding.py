"""Randomness depends on the position that asks, and on nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.seeding import draw_seed, generator, rank, unit

PARTS = st.lists(st.integers() | st.text(), min_size=1, max_size=5)


@given(PARTS)
def test_equal_positions_draw_equal_numbers(parts: list[int | str]) -> None:
    assert np.array_equal(generator(*parts).random(4), generator(*parts).random(4))


@given(PARTS, PARTS)
def test_different_positions_draw_different_numbers(
    one: list[int | str], other: list[int | str]
) -> None:
    same_types = [type(part) for part in one] == [type(part) for part in other]
    if one != other or not same_types:
        assert generator(*one).random() != generator(*other).random()


def test_boundaries_between_parts_count() -> None:
    assert rank("ab", "c") != rank("a", "bc")
    assert rank(1) != rank("1")


def test_ranks_and_units_are_uniform() -> None:
    units = np.array([unit("u", i) for i in range(20_000)])
    ranks = np.array([rank("r", i) / 2**64 for i in range(20_000)])
    for values in (units, ranks):
        counts, _ = np.histogram(values, bins=20, range=(0, 1))
        assert abs(counts - 1000).max() < 150  # about 5 standard deviations


def test_the_draws_are_these_on_every_machine() -> None:
    rng = generator(7, "augment/A.HorizontalFlip", "cat/1.jpg", 2)
    assert rank("shard", "cat/1.jpg") == 9464891695666549713
    assert draw_seed(rng) == 4159074462465417830
