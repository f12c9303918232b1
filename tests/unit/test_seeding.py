"""Randomness depends on the position that asks, and on nothing else."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.seeding import draw_seed, generator, passing_generator, rank, unit

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


@given(PARTS, st.sampled_from(["random", "integers", "shuffle"]))
def test_a_passing_generator_draws_what_the_generator_draws(
    parts: list[int | str], draw: str
) -> None:
    def drawn(rng: np.random.Generator) -> list[float]:
        if draw == "random":
            return rng.random(3).tolist()
        if draw == "integers":
            return rng.integers(9, size=3, dtype=np.uint32).tolist()
        return rng.permutation(7).tolist()

    drawn(passing_generator("another"))
    assert drawn(passing_generator(*parts)) == drawn(generator(*parts))


def test_threads_have_passing_generators_of_their_own() -> None:
    mine = passing_generator(1)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: passing_generator(2).random(5)).result()
    assert mine.random() == generator(1).random()


@given(PARTS)
def test_a_seed_is_what_an_integer_below_two_to_the_63_would_be(parts: list[int | str]) -> None:
    one, other = generator(*parts), generator(*parts)
    for _ in range(3):
        assert draw_seed(one) == int(other.integers(2**63))


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
