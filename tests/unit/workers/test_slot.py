"""What is left in a slot is taken from it, uncopied, whatever it held before."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dsbuilder.workers import Slot

KINDS = st.sampled_from(["u1", "<i8", "<f4", "<f8", "<u2"])
NUMBERS = arrays.arrays(KINDS, arrays.array_shapes(min_dims=0, min_side=0, max_side=5))
TEXTS = st.lists(st.binary(max_size=9), max_size=6).map(
    lambda found: np.array([*found, b""], object)[:-1]
)
BATCHES = st.dictionaries(st.text(max_size=4), NUMBERS | TEXTS, max_size=5)


def ends() -> tuple[Slot, Slot]:
    """Returns the worker's end of a slot, and the supervisor's."""
    _, slot = Slot.create(2)
    return slot, Slot(os.dup(slot.fd), 1)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return (
        one.shape == other.shape
        and one.dtype == other.dtype
        and (
            one.tolist() == other.tolist()
            if one.dtype == object
            else one.tobytes() == other.tobytes()
        )
    )


@given(st.lists(BATCHES, min_size=1, max_size=4))
def test_what_was_left_last_is_taken(batches) -> None:
    worker, supervisor = ends()
    for batch in batches:
        taken, _ = supervisor.take(worker.leave(batch))
        assert list(taken) == list(batch)
        assert all(same(taken[name], batch[name]) for name in batch)
        del taken
    os.close(worker.fd)
    os.close(supervisor.fd)


def test_the_first_array_is_filled_in_place_and_nothing_is_copied() -> None:
    worker, supervisor = ends()
    image = worker.first((3, 5, 7), np.dtype(np.uint8))
    image[...] = 9
    placed = worker.leave({"image": image, "label": np.arange(3)})
    taken, whole = supervisor.take(placed)
    assert np.all(taken["image"] == 9) and taken["label"].tolist() == [0, 1, 2]
    assert all(np.shares_memory(each, whole) for each in taken.values())
    assert all(each.ctypes.data % 64 == 0 for each in taken.values())
    worker.first((3, 5, 7), np.dtype(np.uint8))[...] = 4
    assert np.all(taken["image"] == 4)


def test_arrays_outlive_the_slot_and_a_larger_batch() -> None:
    worker, supervisor = ends()
    small, _ = supervisor.take(worker.leave({"image": np.full(10, 3, np.uint8)}))
    large, _ = supervisor.take(worker.leave({"image": np.full(100_000, 5, np.uint8)}))
    os.close(supervisor.fd)
    os.close(worker.fd)
    assert np.all(large["image"] == 5) and np.all(small["image"] == 5)  # the same memory


@pytest.mark.parametrize("shape", [(0,), (0, 4), (2, 0, 3)])
def test_nothing_is_taken_as_nothing(shape) -> None:
    worker, supervisor = ends()
    taken, _ = supervisor.take(worker.leave({"boxes": np.empty(shape, np.float32)}))
    assert taken["boxes"].shape == shape
