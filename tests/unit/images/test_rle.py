"""Run lengths of masks: the forms COCO writes, and what is refused."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dsbuilder.errors import DataError
from dsbuilder.images import rle

MASKS = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 1)
)


@given(MASKS)
def test_decoding_what_was_encoded_is_the_identity(mask):
    assert np.array_equal(rle.decode(rle.encode(mask), mask.shape), mask)


@given(MASKS)
def test_numbers_and_their_compressed_text_are_the_same_mask(mask):
    numbers = rle.runs(rle.encode(mask))
    assert np.array_equal(rle.decode(numbers, mask.shape), mask)


def test_runs_go_down_the_columns_and_begin_with_zeros():
    mask = rle.decode([1, 2, 3], (2, 3))
    assert mask.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert mask.dtype == np.uint8 and mask.flags.c_contiguous


def test_a_mask_that_begins_with_one_begins_with_an_empty_run():
    assert rle.runs(rle.encode(np.ones((2, 2)))) == [0, 4]


def test_large_runs_survive():
    mask = np.zeros((1500, 1500), np.uint8)
    mask[700:, 3:1400] = 1
    assert np.array_equal(rle.decode(rle.encode(mask), mask.shape), mask)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([1, 2], "expected runs over 3 x 2 = 6 pixels, found 3"),
        ([1, -1, 6], "expected run lengths of 0 or more, found -1"),
        ([1, 2.5], "expected run lengths of 0 or more, found 2.5"),
        ([True, 5], "expected run lengths of 0 or more, found True"),
        ("é", "expected compressed run lengths, found 'é'"),
        ("P", "expected compressed run lengths, found them cut"),
        ("o" * 99, "expected compressed run lengths, found 'o'"),
        ("", "expected runs over 3 x 2 = 6 pixels, found 0"),
    ],
)
def test_malformed_counts_are_refused(counts, message):
    with pytest.raises(DataError, match=message):
        rle.decode(counts, (2, 3))


@given(st.text(max_size=30) | st.lists(st.integers(-3, 30), max_size=9))
def test_any_counts_are_decoded_or_refused(counts):
    with contextlib.suppress(DataError):
        assert rle.decode(counts, (5, 6)).shape == (5, 6)
