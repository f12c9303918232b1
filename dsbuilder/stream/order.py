"""The law of order: what an epoch holds, and in which order it comes. One for every stream.

It depends on (seed, split, epoch) and the order in which samples are stored, alone. So neither a
stage that does nothing, nor another number of workers, reorders an epoch; nor does another codec,
as long as it makes as many shards.

* The order is a permutation by the generator of (seed, "shuffle", split, epoch), of each sample
  once, or of the picks of `sampling.py`; a split that is not shuffled comes as it is stored.
* Host i of n takes every n-th place of it, from i on.

A stream of the tfrecord codec that was asked for a `shuffle_buffer` reads shards from end to end,
and is the only exception: its order depends on the shards, too.
"""

import numpy as np

from dsbuilder.seeding import generator, rank
from dsbuilder.stream.reading import Reading


def picks(reading: Reading, epoch: int) -> np.ndarray:
    """Returns the place of each of this host's samples, and how often it came before.

    int64 `(n, 2)`, in the order of an epoch; a place is one in the split, as it is stored.
    """
    order = np.arange(reading.dataset.num_samples(reading.split))
    if reading.sampler is not None:
        found = reading.sampler.picks(epoch)
    else:
        found = np.stack([order, np.zeros_like(order)], axis=1)
    if reading.shuffle:
        rng = generator(reading.seed, "shuffle", reading.split, epoch)
        order = rng.permutation(order)
    index, count = reading.shard
    return found[order[index::count]]


def shard_order(reading: Reading, epoch: int) -> np.ndarray:
    """Returns the numbers of the shards in the order in which an epoch opens them, int64 `(n,)`."""
    rng = generator(reading.seed, "shuffle", reading.split, "shards", epoch)
    return rng.permutation(len(reading.shards))


def buffer_seed(reading: Reading, epoch: int) -> tuple[int, int]:
    """Returns what a buffer is shuffled by in an epoch, two numbers below 2**63."""
    parts = (reading.seed, "shuffle", reading.split, "buffer", epoch)
    return rank(*parts, 0) >> 1, rank(*parts, 1) >> 1
