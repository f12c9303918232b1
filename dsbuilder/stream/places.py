"""Where the samples of a split lie in its shards, so that they are read in any order."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from dsbuilder.cache import ledger
from dsbuilder.cache.codec import ShardReader
from dsbuilder.cache.npy import NpyCodec
from dsbuilder.errors import CacheError
from dsbuilder.stream.reading import Reading


class Places:
    """The places of a split, in stored order; shards are opened when one of them is read."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    @cached_property
    def rows(self) -> np.ndarray:
        """Number of the shard, offset and length of every sample, int64 `(n, 3)`.

        Raises:
          CacheError: a ledger is missing, or does not say where each sample of its shard lies.
        """
        found = [np.empty((0, 3), np.int64)]
        for number, shard in enumerate(self._reading.shards):
            rows = np.empty((shard.samples, 3), np.int64)
            rows[:, 0] = number
            rows[:, 1:] = self._in_shard(shard.stem, shard.samples)
            found.append(rows)
        return np.concatenate(found)

    def _in_shard(self, stem: str, samples: int) -> np.ndarray:
        dataset = self._reading.dataset
        if isinstance(dataset.codec, NpyCodec):  # a row is an offset
            return np.stack([np.arange(samples), np.zeros(samples, np.int64)], axis=1)
        path = dataset.path / ledger.file_name(stem)
        places = ledger.places(path)
        if len(places) != samples:
            raise CacheError(
                f"{path}: expected the places of {samples} samples, found {len(places)}. Build the "
                "dataset again."
            )
        return places

    @cached_property
    def _readers(self) -> Sequence[ShardReader]:
        dataset = self._reading.dataset
        return [dataset.codec.open(dataset.path, each.stem) for each in self._reading.shards]

    def at(self, place: int) -> tuple[ShardReader, int, int]:
        """Returns the shard of the sample at a place, its offset and length there."""
        shard, offset, length = self.rows[place].tolist()
        return self._readers[shard], offset, length

    def payload(self, place: int) -> bytes:
        """Returns the stored bytes of the sample at a place.

        Raises:
          CacheError: they are damaged.
        """
        shard, offset, length = self.at(place)
        return shard.read(offset, length)
