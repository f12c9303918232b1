"""Errors are collected while reading goes on."""

import pytest

from dsbuilder.errors import DataError
from dsbuilder.layouts.faults import Faults


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


def test_the_last_error_within_the_limit_ends_the_reading():
    faults = Faults(limit=2)
    faults.add("one")
    with pytest.raises(DataError) as caught:
        faults.add("two")
    assert str(caught.value) == ("one\ntwo\nThere may be more: only the first 2 errors are shown.")


def test_other_exceptions_pass():
    with pytest.raises(ZeroDivisionError), Faults().collecting():
        raise ZeroDivisionError
