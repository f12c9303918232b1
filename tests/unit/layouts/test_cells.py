"""Cells give the plain values of targets, or an error that says what was found."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.layouts import cells

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("cell", "expected"), [("1", 1.0), (" -2e3 ", -2000.0), (3, 3), (2.5, 2.5)]
)
def test_numbers_and_texts_that_say_one_are_numbers(cell, expected):
    assert cells.number(cell) == expected


@pytest.mark.parametrize("cell", ["", "x", "nan", "inf", "1_0", math.nan, 10**400, True, None, []])
def test_what_is_no_finite_number_is_refused(cell):
    with pytest.raises(DataError, match="expected a finite number, found"):
        cells.number(cell)


def test_values_are_of_one_column_or_of_several():
    assert cells.values(["1.5"]) == 1.5
    assert cells.values([[1, 2]]) == [1, 2]
    assert cells.values(["[1, 2.5]"]) == [1, 2.5]
    assert cells.values(["1", 2]) == [1.0, 2]


def test_names_are_a_list_or_a_text_with_separators():
    assert cells.names("cat, big dog,,", ",") == ["cat", "big dog"]
    assert cells.names(["cat", 7], ",") == ["cat", "7"]
    assert cells.names("", ",") == []


def test_a_text_is_taken_as_it_stands():
    assert cells.text(" a ") == " a "
    assert cells.text(7) == "7"


@given(json_values)
def test_any_json_value_is_a_value_or_a_clear_error(cell):
    for read in (cells.text, cells.number, cells.numbers, lambda each: cells.names(each, ",")):
        try:
            read(cell)
        except DataError as error:
            assert str(error).startswith("expected ")
