"""Tails are those of scipy, and a correction that of its definition."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from dsbuilder.diagnosis.significance import (
    binomial_tail,
    fisher_tail,
    student_tails,
    surely_not_chance,
)


@given(st.integers(1, 300), st.floats(0.001, 0.999), st.data())
def test_a_binomial_tail_is_that_of_scipy(of, probability, data):
    count = data.draw(st.integers(0, of))
    expected = stats.binom.sf(count - 1, of, probability)
    assert binomial_tail(count, of, probability) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("probability", "tail"), [(0.0, 0.0), (1.0, 1.0)])
def test_what_never_or_always_is_has_a_tail_too(probability, tail):
    assert binomial_tail(3, 5, probability) == tail
    assert binomial_tail(0, 5, probability) == 1


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_one_side_of_fishers_test_is_that_of_scipy(of, of_others, data):
    count, others = data.draw(st.integers(0, of)), data.draw(st.integers(0, of_others))
    table = [[count, of - count], [others, of_others - others]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert fisher_tail(count, of, others, of_others) == pytest.approx(expected, abs=1e-9)


def test_a_test_counts_less_the_more_there_are():
    assert surely_not_chance([0.01, 0.04], of=2) == [True, True]
    assert surely_not_chance([0.01, 0.04], of=5) == [True, False]
    assert surely_not_chance([0.04, 0.01], of=6) == [False, False]
    assert surely_not_chance([], of=0) == []


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=20))
def test_pairs_are_tested_as_scipy_does(differences):
    assume(np.std(differences) > 1e-6)
    expected = stats.ttest_1samp(differences, 0).pvalue
    assert student_tails(differences) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_pairs_that_all_agree_are_taken_for_rounded():
    assert student_tails([0, 0]) == 1
    assert student_tails([0.25] * 2) > 0.05 > student_tails([0.25] * 4)
    assert student_tails([-0.25] * 4) == student_tails([0.25] * 4)
