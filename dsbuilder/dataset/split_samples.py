"""The samples of a split as a sequence, in stored order: `dataset["train"]`."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np

from dsbuilder.cache import ledger
from dsbuilder.cache.codec import Codec, ShardReader
from dsbuilder.cache.manifest import Shard
from dsbuilder.errors import naming
from dsbuilder.sample import Sample

_Open = tuple[Shard, ShardReader, np.ndarray]
"""A shard, its reader, and the offset and length of each of its samples, `(n, 2)`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SplitSamples(Sequence[Sample]):
    """The samples of a split, decoded as they are asked for.

    Attributes:
      folder: folder of the dataset.
      where: how errors call it.
      codec: codec that decodes its shards.
      split: name of the split.
      shards: its shards.
    """

    folder: Path
    where: Path
    codec: Codec
    split: str
    shards: tuple[Shard, ...]

    def __repr__(self) -> str:
        return f"<{self.split}: {len(self)} samples, {self.codec.signature}>"

    def __len__(self) -> int:
        return sum(shard.samples for shard in self.shards)

    def __iter__(self) -> Iterator[Sample]:
        with naming(str(self.folder), str(self.where)):
            for shard in self.shards:
                reader = self.codec.open(self.folder, shard.stem)
                for entry in ledger.read(self.folder / ledger.file_name(shard.stem)):
                    yield self.codec.decode(reader.read(entry.offset, entry.length))

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        """Returns a sample by its number in stored order, or those of a slice.

        Raises:
          IndexError: there are not so many.
        """
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        place = int(np.searchsorted(self._ends, number, side="right"))
        before = int(self._ends[place - 1]) if place else 0
        with naming(str(self.folder), str(self.where)):
            _, reader, places = self._opened(self.shards[place])
            offset, length = places[number - before].tolist()
            return self.codec.decode(reader.read(offset, length))

    @cached_property
    def _ends(self) -> np.ndarray:
        """For each shard, how many samples it and those before it hold."""
        return np.array(list(itertools.accumulate(shard.samples for shard in self.shards)))

    @cached_property
    def _last(self) -> list[_Open]:
        """The shard that was asked last, if any: the next sample often lies in it."""
        return []

    def _opened(self, shard: Shard) -> _Open:
        if not self._last or self._last[0][0] != shard:
            entries = ledger.read(self.folder / ledger.file_name(shard.stem))
            places = np.array([(each.offset, each.length) for each in entries], np.int64)
            self._last[:] = [(shard, self.codec.open(self.folder, shard.stem), places)]
        return self._last[0]
