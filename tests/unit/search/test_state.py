"""What a search has decided is read as it was written, and nothing else is taken for it."""

import pytest

from dsbuilder.errors import TrainError
from dsbuilder.search.state import SearchState, SearchTrial


def test_a_state_is_read_as_it_was_written(tmp_path):
    assert SearchState.read(tmp_path, "a") == SearchState(asked="a")
    state = SearchState(asked="a", planned=9, epochs=(1, 3), rungs=((2, 1),), spent_s=1.5)
    for number in (2, 1, 2):
        trial = SearchTrial(number=number, values={"x": [1, None]}, seconds=2.0, failed="why")
        state = state.with_trial(trial)
    assert [each.number for each in state.trials] == state.members(0) == [1, 2]
    assert state.members(1) == (2, 1)
    state.write(tmp_path / "new")
    assert SearchState.read(tmp_path / "new", "a") == state


def test_another_search_and_a_damaged_file_are_refused(tmp_path):
    SearchState(asked="a").write(tmp_path)
    with pytest.raises(TrainError, match="found one of another pipeline"):
        SearchState.read(tmp_path, "b")
    (tmp_path / "search.json").write_text('{"asked": 1}')
    with pytest.raises(TrainError, match=r"search\.json: expected what a search writes"):
        SearchState.read(tmp_path, "a")
