"""Randomness keyed by position: who asks decides what is drawn, never when or where it is asked.

Every random decision of dsbuilder starts from a hash of its position (the pipeline's seed, a
stage's id, a sample's key, a copy or an epoch). So bytes cannot depend on the number of workers,
their order, an interruption, or on other samples. Philox is counter-based: its key *is* the hash,
no state is carried.
"""

import hashlib

import numpy as np

Part = str | int


def _hash(parts: tuple[Part, ...], size: int) -> int:
    # Length prefixes keep ("ab", "c") and ("a", "bc") apart; the type mark keeps 1 and "1" apart.
    state = hashlib.blake2b(digest_size=size)
    for part in parts:
        data = str(part).encode("utf-8", "surrogateescape")
        state.update(b"%c%d:" % (b"i" if isinstance(part, int) else b"s", len(data)))
        state.update(data)
    return int.from_bytes(state.digest(), "big")


def rank(*parts: Part) -> int:
    """Returns a uniform integer in [0, 2**64) that depends on the parts alone."""
    return _hash(parts, 8)


def unit(*parts: Part) -> float:
    """Returns a uniform number in [0, 1) that depends on the parts alone."""
    return (_hash(parts, 8) >> 11) / 2**53


def generator(*parts: Part) -> np.random.Generator:
    """Returns the generator of a position; equal parts give equal draws on every machine."""
    return np.random.Generator(np.random.Philox(key=_hash(parts, 16)))


def draw_seed(rng: np.random.Generator) -> int:
    """Draws a seed for `generator`: how a stage hands randomness on to what it nests."""
    return int(rng.integers(2**63))
