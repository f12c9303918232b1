"""Packed masks come back as they were, and so do their run lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.images import bit_planes


@given(
    count=st.integers(0, 20),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    share=st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0)),
    seed=st.integers(0, 2**31),
)
def test_masks_come_back_from_planes_and_from_runs(count, size, share, seed) -> None:
    masks = np.random.default_rng(seed).random((count, *size)) < share
    planes = bit_planes.pack(masks, size)
    assert planes.shape == ((count + 7) // 8, *size)
    assert np.array_equal([*bit_planes.unpack(planes, count)] or masks, masks)
    runs = bit_planes.runs(planes, count)
    values = np.arange(len(runs)) & 1
    assert np.array_equal(np.repeat(values, runs).astype(bool), masks.reshape(-1))
    assert (runs[1:] > 0).all()
    assert np.array_equal(bit_planes.of_runs(runs, count, size), planes)


def test_objects_are_taken_in_the_order_of_their_places() -> None:
    masks = np.eye(12, dtype=bool).reshape(12, 3, 4)
    planes = bit_planes.pack(masks, (3, 4))
    found = bit_planes.take(planes, [11, 0, 8])
    assert np.array_equal([*bit_planes.unpack(found, 3)], masks[[11, 0, 8]])


def test_a_mask_is_bounded_by_its_pixels() -> None:
    mask = np.zeros((5, 7), bool)
    assert bit_planes.bounds(mask) is None and bit_planes.shares(mask) is None
    mask[1:3, 4:7] = True
    assert bit_planes.bounds(mask) == (4, 1, 7, 3)
    height, width = mask.shape
    assert bit_planes.shares(mask) == (4 / width, 1 / height, 7 / width, 3 / height)


def test_runs_that_do_not_fill_the_masks_are_refused() -> None:
    for runs in ([3, 2], [7, -1], []):
        with pytest.raises(ValueError, match="expected runs over 1 masks of 3 x 2 pixels"):
            bit_planes.of_runs(np.array(runs, np.int64), 1, (2, 3))
