"""Randomness keyed by position: who asks decides what is drawn, never when or where it is asked.

Every random decision of dsbuilder starts from a hash of its position (the pipeline's seed, a
stage's id, a sample's key, a copy or an epoch). So bytes cannot depend on the number of workers,
their order, an interruption, or on other samples. Philox is counter-based: its key *is* the hash,
no state is carried.
"""

import hashlib
import struct
import threading
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

Part = str | int


class _Key(ISeedSequence):
    """Hands a key to Philox. `Philox(key=...)` asks the system for entropy that it never uses."""

    def __init__(self, words: tuple[int, int]) -> None:
        self._words = np.array(words, np.uint64)

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        return self._words


class _Thread(threading.local):
    """The generator that a thread reuses."""

    def __init__(self) -> None:
        self.generator = _keyed((0, 0))


def _keyed(words: tuple[int, int]) -> np.random.Generator:
    # Any ISeedSequence will do, which numpy's stubs do not say.
    return np.random.Generator(np.random.Philox(_Key(words)))  # type: ignore[arg-type]


def _hash(parts: tuple[Part, ...], size: int) -> bytes:
    return hashlib.blake2b(b"".join(map(_framed, parts)), digest_size=size).digest()


@lru_cache(maxsize=4096, typed=True)  # stages and numbers come again for every sample
def _framed(part: Part) -> bytes:
    """Returns a part as bytes that no other part, or parts together, are."""
    # Length prefixes keep ("ab", "c") and ("a", "bc") apart; the type mark keeps 1 and "1" apart.
    data = str(part).encode("utf-8", "surrogateescape")
    return b"%c%d:%s" % (b"i" if isinstance(part, int) else b"s", len(data), data)


def _words(parts: tuple[Part, ...]) -> tuple[int, int]:
    """Returns the hash as the two words of a key, the lower one first."""
    high, low = struct.unpack(">QQ", _hash(parts, 16))
    return low, high


_ZEROS = (0, 0, 0, 0)
_FRESH = {
    "bit_generator": "Philox",
    "buffer": _ZEROS,
    "buffer_pos": 4,
    "has_uint32": 0,
    "uinteger": 0,
}
_THREAD = _Thread()


def rank(*parts: Part) -> int:
    """Returns a uniform integer in [0, 2**64) that depends on the parts alone."""
    return int.from_bytes(_hash(parts, 8), "big")


def unit(*parts: Part) -> float:
    """Returns a uniform number in [0, 1) that depends on the parts alone."""
    return (rank(*parts) >> 11) / 2**53


def generator(*parts: Part) -> np.random.Generator:
    """Returns the generator of a position; equal parts give equal draws on every machine."""
    return _keyed(_words(parts))


def passing_generator(*parts: Part) -> np.random.Generator:
    """Returns a generator that draws what `generator` would, at a third of its cost.

    It is this thread's one: the next call sets it to another position. So it serves one `draw`.
    """
    state = {"counter": _ZEROS, "key": _words(parts)}
    _THREAD.generator.bit_generator.state = {**_FRESH, "state": state}
    return _THREAD.generator


def draw_seed(rng: np.random.Generator) -> int:
    """Draws a seed for `generator`: how a stage hands randomness on to what it nests."""
    # What `rng.integers(2**63)` draws, at a fifth of its cost.
    return int(rng.bit_generator.random_raw()) >> 1
