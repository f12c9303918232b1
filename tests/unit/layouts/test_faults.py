"""Errors are collected while reading goes on."""

from pathlib import Path

import pytest

from dsbuilder.errors import DataError
from dsbuilder.layouts.faults import Faults
from dsbuilder.plugin import Record


def test_all_errors_are_told_with_their_places():
    faults = Faults()
    faults.check()
    for line in (1, 2, 3):
        with faults.collecting(f"a.txt:{line}", "Correct it."):
            if line != 2:
                raise DataError("expected a, found b.")
    with pytest.raises(DataError) as caught:
        faults.check()
    assert str(caught.value) == (
        "a.txt:1: expected a, found b. Correct it.\na.txt:3: expected a, found b. Correct it."
    )


def test_errors_are_told_up_to_a_limit_and_all_are_records():
    faults = Faults(root=Path("/data"))
    for line in range(100):
        faults.add(f"/data/in/a.txt:{line}", "expected a, found b.")
    with pytest.raises(DataError) as caught:
        faults.check()
    assert len(str(caught.value).splitlines()) == 21
    unsound = faults.unsound()
    assert len(unsound) == 100
    assert (unsound[3].key, unsound[3].error) == (
        "in/a.txt:3",
        "/data/in/a.txt:3: expected a, found b.",
    )


def test_a_record_with_several_errors_is_one_and_no_sound_one():
    faults, record = Faults(), Record(key="a", split="test")
    for line in (1, 2):
        with faults.collecting(f"a.txt:{line}", record=record):
            raise DataError("no.")
    (found,) = faults.unsound()
    assert (found.key, found.split, found.error) == ("a", "test", "a.txt:1: no. a.txt:2: no.")
    assert [each.key for each in faults.sound([record, Record(key="b")])] == ["b"]
    with pytest.raises(DataError, match=r"a\.txt:1: no"):
        faults.sound([record])


def test_a_few_errors_are_none_of_the_set():
    faults = Faults()
    faults.add("a:1", "no.")
    faults.check_few(of=10)
    with pytest.raises(DataError):
        faults.check_few(of=9)


def test_other_exceptions_pass():
    with pytest.raises(ZeroDivisionError), Faults().collecting():
        raise ZeroDivisionError
