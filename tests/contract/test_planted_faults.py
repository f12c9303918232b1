"""Each fault that plugins had is planted here, and found by the check that is meant for it."""

import time

import planted
import pytest

from dsbuilder.testing import ContractError, check_plugin, outcomes
from dsbuilder.testing.cost import COST
from dsbuilder.testing.elsewhere import elsewhere

FAULTS = [
    (planted.LeftBehind, "places", "is seen at .* and its boxes target is at"),
    (planted.LeftMask, "places", "is seen at .* and its mask target is at"),
    (planted.LeftBoxes, "places", "is seen at .* and its boxes target is at"),
    (planted.WrongSign, "places", "expected targets to go where the pixels go"),
    (planted.FixedFlip, "places", "expected geometry 'fixed' to leave what is seen where it is"),
    (planted.NeedsBoxes, "empty", r"a gray image of 32x48 .* no boxes .*ValueError: zero-size"),
    (planted.NeedsPixels, "small", r"a gray image of 1x1 pixels.*IndexError: index 1 is out of"),
    (planted.NotANumber, "params", "expected params of JSON values, found .*nan"),
    (planted.NumpyParams, "params", "expected params of JSON values, found .*int64"),
    (planted.ManyParams, "params", "expected params of at most 65536 bytes as JSON"),
    (planted.OfProcess, "processes", "expected the same image in another process"),
    (planted.OfClock, "processes", "expected the same image in another process"),
    (planted.OfDate, "processes", "expected the same params in another process"),
    (planted.OfCalendar, "processes", "expected the same params in another process"),
    (planted.OfHash, "processes", "expected the same image in another process"),
    (planted.OfSet, "processes", "expected the same params in another process"),
    (planted.Hoarding, "cost", r"found that 2\.\d MB more are kept after each"),
    (planted.KeepingAll, "cost", r"found that 2\.\d MB more are kept after each"),
    (planted.WrongShape, "signature", "expected an image as its output_signature says, 32x48x1"),
    (planted.Counting, "repeats", "expected the same bytes from the same params"),
    (planted.Remembering, "state", "expected the same after another sample was made"),
    (planted.Writing, "inputs", "expected its input image left alone, found it written to"),
    (planted.WritingBoxes, "inputs", "expected its input targets left alone, found 'boxes'"),
    (planted.Unjust, "weights", r"says, 0\.750, found that 0\.500 of a black one"),
    (planted.CountedText, "repeats", "found different 'text': 'line"),
]


@pytest.mark.parametrize(
    ("cls", "check", "message"), FAULTS, ids=lambda each: getattr(each, "__name__", None)
)
def test_a_planted_fault_is_found_by_the_check_that_is_meant_for_it(cls, check, message) -> None:
    with pytest.raises(ContractError, match=message) as raised:
        check_plugin(cls())
    assert raised.value.check == check
    assert raised.value.shown
    assert str(raised.value).startswith(f"{raised.value.plugin}, {check}, {raised.value.shown}: ")


@pytest.mark.slow
def test_a_slow_plugin_is_found_before_it_is_asked_often() -> None:
    with pytest.raises(ContractError, match=r"expected a call to take 1 s .*, found 2\.\d s"):
        check_plugin(planted.Slow())


def test_what_has_no_fault_passes() -> None:
    for cls in (planted.MirroredRight, planted.Rolled, planted.ByLabel, planted.Standardized):
        check_plugin(cls())


def test_outcomes_go_on_after_a_check_that_failed() -> None:
    found = {check.name: error for check, error in outcomes(planted.OfHash())}
    assert [name for name, error in found.items() if error is not None] == ["processes"]


def test_every_clock_of_the_other_process_is_ahead_as_much() -> None:
    here, day = time.time(), 86_400
    ahead = [there - here for there in elsewhere(planted.moments, planted.Rolled())]
    assert len(ahead) == 8
    assert all(abs(each - 10_000_000) < 2 * day for each in ahead), ahead


def test_a_cache_of_some_places_keeps_no_memory() -> None:
    COST.on(planted.KeepingOne())


def test_what_is_slow_or_keeps_memory_is_asked_no_more() -> None:
    *before, (check, error) = outcomes(planted.Hoarding())
    assert check is COST
    assert error is not None
    assert before
    assert not any(error for _, error in before)


def test_a_plugin_that_no_other_process_finds_is_refused() -> None:
    class Hidden(planted.MirroredRight):
        """Stands in a function."""

    hidden = planted.transform("hidden", geometry="moves")(
        planted.dataclass(frozen=True, kw_only=True)(Hidden)
    )
    with pytest.raises(ContractError, match="expected a class at the top of its module"):
        check_plugin(hidden())
