"""Rungs of successive halving: a third goes on, three times as long, within the time there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.search.halving import MOST, Pace, admitted, cost_s, most_trials, rungs, survivors

PACES = st.builds(Pace, start_s=st.floats(0.01, 20), epoch_s=st.floats(0.01, 60))


@pytest.mark.parametrize(
    ("trials", "epochs", "expected"),
    [
        (27, 27, (1, 3, 9, 27)),
        (27, 10, (2, 4, 10)),
        (9, 60, (7, 20, 60)),
        (8, 60, (20, 60)),
        (3, 3, (1, 3)),
        (2, 60, (60,)),
        (100, 2, (2,)),
        (100, 1, (1,)),
    ],
)
def test_there_are_as_many_rungs_as_trials_and_epochs_allow(trials, epochs, expected):
    assert rungs(trials, epochs) == expected


@given(st.integers(1, 500), st.integers(1, 300))
def test_rungs_grow_to_a_whole_training_and_one_trial_is_left_to_it(trials, epochs):
    found = rungs(trials, epochs)
    assert list(found) == sorted(found)
    assert found[-1] == epochs
    left = trials
    for _ in found[1:]:
        left = admitted(left)
    assert left >= 1
    assert 3 ** (len(found) - 1) <= min(trials, epochs)


def test_the_cost_is_that_of_all_trials_but_the_first():
    pace = Pace(start_s=1.0, epoch_s=10.0)
    # 8 others for an epoch, 3 for two more, 1 for six more.
    assert cost_s(9, (1, 3, 9), pace) == 8 * 11 + 3 * 21 + 61
    assert cost_s(1, (9,), pace) == 0


@given(st.integers(1, 100), PACES, st.floats(0, 20_000))
def test_as_many_trials_as_there_is_time_for(epochs, pace, available_s):
    count = most_trials(epochs, pace, available_s)
    if count > 1:
        assert cost_s(count, rungs(count, epochs), pace) <= available_s
    assert count == MOST or cost_s(count + 1, rungs(count + 1, epochs), pace) > available_s


def test_the_best_survive_ties_by_their_loss_and_never_without_a_score():
    scores = {1: (-0.9, 0.5), 2: (-0.9, 0.4), 3: (float("inf"), 0.1), 4: (-0.8, 0.1)}
    assert survivors(scores, 2) == (2, 1)
    assert survivors(scores, 9) == (2, 1, 4)
