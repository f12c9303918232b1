"""The bytes that a generator of numpy draws, computed anywhere at once.

Philox4x64-10 (J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel Random Numbers: As Easy
as 1, 2, 3", 2011) makes 32 bytes of each number that counts blocks, with no state. Accelerators
know no 64 bits on every backend, so a word is a pair of uint32, the lower one first, and a product
is put together of products of 16 bits.
"""

from typing import Any

import numpy as np

from dsbuilder.plugin import generator

Word = tuple[Any, Any]

BLOCK_BYTES = 32
_ROUNDS = 10
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_LOW = 0xFFFFFFFF


def key_of(*parts: str | int) -> list[int]:
    """Returns the key of `generator(*parts)`: four words of 32 bits, the lowest first."""
    words = generator(*parts).bit_generator.state["state"]["key"]
    return [int(each) for each in np.asarray(words, "<u8").view("<u4")]


def drawn_bytes(keys: Any, count: int, ops: Any) -> Any:
    """Returns the first bytes that `integers(0, 256, ..., np.uint8)` draws, int32 `(B, n)`.

    Args:
      keys: of generators that have drawn nothing yet, uint32 `(B, 4)`.
      count: how many there are to be at least; n is the next multiple of 32.
    """
    blocks = -(-count // BLOCK_BYTES)
    keys = ops.cast(keys, "uint32")
    pair: list[Word] = [(keys[:, i : i + 1], keys[:, i + 1 : i + 2]) for i in (0, 2)]
    zero = ops.zeros((1, blocks), "uint32")
    first = ops.cast(ops.arange(1, blocks + 1, dtype="int32"), "uint32")[None, :]
    state: list[Word] = [(first, zero), (zero, zero), (zero, zero), (zero, zero)]
    for number in range(_ROUNDS):
        if number:
            pair = [
                _sum(each, _word(step, ops), ops) for each, step in zip(pair, _STEPS, strict=True)
            ]
        (low0, high0), (low1, high1) = (
            _product(state[place], multiplier, ops)
            for place, multiplier in zip((0, 2), _MULTIPLIERS, strict=True)
        )
        state = [
            _xor(_xor(high1, state[1], ops), pair[0], ops),
            low1,
            _xor(_xor(high0, state[3], ops), pair[1], ops),
            low0,
        ]
    halves = ops.stack([half for word in state for half in word], axis=-1)
    parts = [
        ops.bitwise_and(ops.right_shift(halves, _of(8 * i, ops)), _of(255, ops)) for i in range(4)
    ]
    found = ops.cast(ops.stack(parts, axis=-1), "int32")
    return ops.reshape(found, (-1, blocks * BLOCK_BYTES))


def _of(value: int, ops: Any) -> Any:
    return ops.convert_to_tensor(np.uint32(value))


def _word(value: int, ops: Any) -> Word:
    return _of(value & _LOW, ops), _of(value >> 32, ops)


def _xor(one: Word, other: Word, ops: Any) -> Word:
    return ops.bitwise_xor(one[0], other[0]), ops.bitwise_xor(one[1], other[1])


def _sum(one: Word, other: Word, ops: Any) -> Word:
    low = one[0] + other[0]
    return low, one[1] + other[1] + ops.cast(low < one[0], "uint32")


def _product(word: Word, multiplier: int, ops: Any) -> tuple[Word, Word]:
    """Returns the lower and the upper word of a product."""
    by = _word(multiplier, ops)
    low = _wide(word[0], by[0], ops)
    middle = _sum(_wide(word[0], by[1], ops), (low[1], _of(0, ops)), ops)
    other = _sum(_wide(word[1], by[0], ops), (middle[0], _of(0, ops)), ops)
    high = _sum(_wide(word[1], by[1], ops), (middle[1], _of(0, ops)), ops)
    high = _sum(high, (other[1], _of(0, ops)), ops)
    return (low[0], other[0]), high


def _wide(one: Any, other: Any, ops: Any) -> Word:
    """Returns the product of two words of 32 bits."""
    half, shift = _of(0xFFFF, ops), _of(16, ops)
    (a0, a1), (b0, b1) = (
        (ops.bitwise_and(each, half), ops.right_shift(each, shift)) for each in (one, other)
    )
    low, first, second, high = a0 * b0, a0 * b1, a1 * b0, a1 * b1
    middle = first + ops.right_shift(low, shift)  # below 2**32: (2**16 - 1)**2 + 2**16 - 1
    other_middle = second + ops.bitwise_and(middle, half)
    bottom = ops.bitwise_and(low, half) + ops.left_shift(other_middle, shift)
    top = high + ops.right_shift(middle, shift) + ops.right_shift(other_middle, shift)
    return bottom, top
