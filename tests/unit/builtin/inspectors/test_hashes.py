"""The search finds every pair of hashes that differ in few bits, quickly and in little memory."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsbuilder.builtin.inspectors.hashes import MOST_BITS, pairs_within

hashes = st.lists(st.integers(0, 2**64 - 1), max_size=40, unique=True)


def found(values: np.ndarray, distance: int) -> set[tuple[int, int]]:
    pairs = set()
    for left, right in pairs_within(values, distance):
        assert (left < right).all()
        pairs |= set(zip(left.tolist(), right.tolist(), strict=True))
    return pairs


def compared(values: np.ndarray, distance: int) -> set[tuple[int, int]]:
    return {
        (i, j)
        for i in range(len(values))
        for j in range(i + 1, len(values))
        if (int(values[i]) ^ int(values[j])).bit_count() <= distance
    }


@given(hashes, st.integers(0, MOST_BITS), st.data())
@settings(max_examples=60)
def test_it_finds_just_the_pairs_that_comparing_all_with_all_finds(some, distance, data) -> None:
    near = []
    for value in some[:10]:  # random hashes are never close: some that are
        for bit in data.draw(st.sets(st.integers(0, 63), max_size=MOST_BITS)):
            value ^= 1 << bit
        near.append(value)
    values = np.array(list(dict.fromkeys([*some, *near])), np.uint64)
    assert found(values, distance) == compared(values, distance)


@pytest.mark.parametrize("constant", [0, 20, 40])
def test_it_finds_them_where_most_bits_are_always_equal(constant: int) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2 ** (64 - constant), 400, np.uint64, endpoint=False)
    flips = np.uint64(1) << rng.integers(0, 64 - constant, 400).astype(np.uint64)
    values = np.unique(np.concatenate([values, values ^ flips]))
    assert found(values, 3) == compared(values, 3)


def searched(count: int) -> tuple[float, int, int]:
    """Seconds, bytes at most, and pairs found of `count` hashes; one in ten is near another."""
    rng = np.random.default_rng(2)
    values = rng.integers(0, 2**63, count, np.uint64)
    bits = rng.integers(0, 63, (3, count // 10)).astype(np.uint64)
    for row in bits:
        values[: count // 10] ^= np.uint64(1) << row
    values[-(count // 10) :] = values[: count // 10] ^ (np.uint64(1) << bits[0])
    values = np.unique(values)
    tracemalloc.start()
    began = time.process_time()
    pairs = sum(len(left) for left, _ in pairs_within(values, 6))
    seconds, (_, most) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return seconds, most, pairs


def test_100_000_hashes_take_seconds_and_memory_grows_linearly(capsys) -> None:
    few, many = searched(25_000), searched(100_000)
    assert many[2] >= 10_000
    assert many[1] < 5 * few[1] + 50e6  # four times the hashes, and pieces of a fixed size
    with capsys.disabled():
        print(f" [100,000 hashes: {many[0]:.1f} s, {many[1] / 1e6:.0f} MB at most] ", end="")
    assert many[0] < 60  # seconds on any machine; all with all would take minutes
