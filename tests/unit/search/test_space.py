"""Points of a space: seeded, each once, evenly spread, within what is said."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.pipelinefile.tuning import Choices, SearchInterval
from dsbuilder.search.space import SearchOption, narrowed, trials


def option(path, low, high, *, scale="linear", **given):
    return SearchOption(
        path=path, searched=SearchInterval(low=low, high=high, scale=scale), **given
    )


RATE = option("rate", 1e-4, 1e-1, scale="log")
WIDTH = option("width", 4, 64, scale="log", whole=True, own=32)
DEPTH = option("depth", 1, 3, whole=True, own=2)
KIND = SearchOption(path="kind", searched=Choices(("relu", "swish", None)), own="relu")


def first(count, options, seed=0):
    return list(itertools.islice(trials(options, seed), count))


def test_the_first_trial_is_the_pipeline_as_it_is_and_a_seed_says_the_others():
    options = [RATE, WIDTH, KIND]
    assert first(20, options)[0] == {}
    assert first(20, options, 1) == first(40, options, 1)[:20]
    assert first(20, options, 1)[1:] != first(20, options, 2)[1:]


@given(st.integers(0, 2**40), st.floats(0, 1, exclude_max=True))
def test_values_are_within_what_is_said_and_numbers_short(seed, share):
    assert 1e-4 <= RATE.at(share) <= 1e-1
    assert len(f"{RATE.at(share):.4e}".rstrip("0")) <= 10
    assert RATE.at(share) == float(f"{RATE.at(share):.4g}")
    assert WIDTH.at(share) in range(4, 65)
    assert type(WIDTH.at(share)) is int
    for values in first(5, [RATE, WIDTH, DEPTH, KIND], seed)[1:]:
        assert list(values) == ["rate", "width", "depth", "kind"]


def test_whole_numbers_and_choices_are_equally_frequent_and_the_log_scale_is_by_factors():
    shares = np.linspace(0, 1, 3000, endpoint=False)
    for number in (1, 2, 3):
        assert [DEPTH.at(s) for s in shares].count(number) == pytest.approx(1000, abs=1)
    assert [KIND.at(s) for s in shares].count(None) == 1000
    rates = [RATE.at(s) for s in shares]
    assert sum(1e-3 <= each < 1e-2 for each in rates) == pytest.approx(1000, abs=3)


@given(st.integers(0, 2**40))
def test_the_first_trials_lie_evenly_by_each_option_and_together(seed):
    """Of Halton's points, b ** k in a row lie in as many stretches of the axis of base b."""
    side = 2**2 * 3**2 * 5**2
    options = [option(name, 0, side - 1, whole=True) for name in "abc"]
    points = np.array([list(each.values()) for each in first(101, options, seed)[1:]])
    for axis, base in enumerate((2, 3, 5)):
        for cells in (base, base**2):
            for start in range(0, len(points) - cells, cells):
                found = points[start : start + cells, axis] // (side // cells)
                assert sorted(found) == list(range(cells))
    pairs = points[:36, :2] // (side // 4, side // 9)
    assert len({tuple(each) for each in pairs}) == 36


def test_nothing_is_tried_twice_and_a_small_space_ends():
    found = list(trials([DEPTH, SearchOption(path="kind", searched=Choices((1, True)), own=1)], 0))
    assert found[0] == {}
    assert len({tuple(map(repr, each.values())) for each in found[1:]}) == len(found) - 1 == 5
    assert {"depth": 2, "kind": 1} not in [each for each in found if repr(each.get("kind")) == "1"]


def test_an_interval_is_narrowed_to_where_good_trials_lay():
    assert narrowed(RATE, [0.01, 0.003, 0.02]) == SearchInterval(low=0.003, high=0.02, scale="log")
    assert narrowed(RATE, [0.01, 0.01]) is None
    assert narrowed(RATE, [0.01, None, 0.0, 0.02, "auto"]) == narrowed(RATE, [0.01, 0.02])
    assert narrowed(RATE, [None]) is None
    assert narrowed(KIND, ["swish", None, "swish"]) == Choices(("swish", None))
    assert narrowed(KIND, ["swish"]) is None
