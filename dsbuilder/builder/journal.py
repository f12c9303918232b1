"""The journal of a shard under way: encoded samples in the order they were made, which outlive it.

Samples wait here until all of their shard are made, and are then written in the shard's order (the
hash of each key), so memory does not grow with the shard. A sample is two TFRecord frames: a note
(when its build was planned, and its line of the ledger) and its bytes. Both have checksums: of a
journal that an interrupted build or a worker that died left behind, all up to the first damage is
taken up. Equal fingerprints mean equal bytes, whoever made them. Of a sample that a shard of an
earlier build holds, only where it lies is noted: it is read from there.

A worker's journal is written over by its next shard, since new pages of a file cost more than to
fill old ones. So behind the samples of one shard may be those of another, which count for nothing.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from dsbuilder.cache import ledger
from dsbuilder.cache.codec import ShardReader
from dsbuilder.errors import CacheError
from dsbuilder.records import tfrecord
from dsbuilder.seeding import rank


class Journaled(NamedTuple):
    """Where a sample lies in a journal.

    Attributes:
      planned_ns: when the build that made it was planned.
      line: place of its line of the ledger, as (offset, length).
      payload: place of its bytes, as (offset, length).
    """

    planned_ns: int
    line: tuple[int, int]
    payload: tuple[int, int]


class Elsewhere(NamedTuple):
    """A sample that lies in a shard of an earlier build.

    Attributes:
      shard: reader of that shard.
      line: its line of that shard's ledger.
      place: its offset and length there.
    """

    shard: ShardReader
    line: str
    place: tuple[int, int]

    def read(self) -> bytes:
        """Returns its bytes.

        Raises:
          CacheError: the shard is damaged there.
        """
        return self.shard.read(*self.place)


@dataclass
class Journal:
    """Encoded samples of one shard.

    Attributes:
      path: its file, open as `handle`.
      planned_ns: when this build was planned.
      left: samples that were found there, by fingerprint.
      end: where the next sample goes.
      made: (rank in the shard, place) of the samples that this shard holds.
    """

    path: Path
    handle: int
    planned_ns: int
    left: Mapping[str, Journaled] = field(default_factory=dict)
    end: int = 0
    made: list[tuple[int, Journaled | Elsewhere]] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, planned: Collection[str], planned_ns: int) -> Self:
        """Opens a journal, or makes one.

        Args:
          planned: fingerprints of the shard's samples.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        left = dict(_left(path, planned))
        end = max((sum(each.payload) + tfrecord.TAIL_BYTES for each in left.values()), default=0)
        return cls(path, handle, planned_ns, left, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.handle)

    @property
    def size_bytes(self) -> int:
        """Bytes of all samples of the shard."""
        return sum(map(_length, (place for _, place in self.made)))

    def add(self, payload: bytes, entry: ledger.Entry) -> None:
        """Keeps a sample.

        Args:
          entry: its entry in the ledger; where it says that it lies is passed over.
        """
        line = ledger.line(entry).encode()
        note = b"%d %b" % (self.planned_ns, line)
        begin = self.end + tfrecord.HEAD_BYTES + len(note) - len(line)
        first = self.end + tfrecord.frame_length(len(note)) + tfrecord.HEAD_BYTES
        self._append([*tfrecord.parts(note), *tfrecord.parts(payload)])
        place = Journaled(self.planned_ns, (begin, len(line)), (first, len(payload)))
        self.made.append((rank("order", entry.key), place))

    def _append(self, parts: list[bytes]) -> None:
        whole = sum(map(len, parts))
        written = os.pwritev(self.handle, parts, self.end)
        while written < whole:  # a disk that is nearly full takes a part, and refuses the next
            rest = b"".join(parts)[written:]
            written += os.pwrite(self.handle, rest, self.end + written)
        self.end += whole

    def recall(self, fingerprint: str, key: str) -> tuple[bytes, bool] | None:
        """Takes up a sample that was left here; None if there is none.

        Returns:
          its bytes, and whether this very build made it, in a worker that died.
        """
        place = self.left.get(fingerprint)
        if place is None:
            return None
        self.made.append((rank("order", key), place))
        return self._at(place.payload), place.planned_ns == self.planned_ns

    def refer(self, key: str, sample: Elsewhere) -> None:
        """Notes that a sample lies elsewhere, and where."""
        self.made.append((rank("order", key), sample))

    def sort(self) -> None:
        """Brings the samples into the shard's order."""
        self.made.sort(key=lambda each: each[0])

    def payloads(self) -> Iterator[bytes]:
        """Yields the bytes of every sample, in the order of `made`."""
        for _, place in self.made:
            yield place.read() if isinstance(place, Elsewhere) else self._at(place.payload)

    def lines(self, offsets: Collection[int]) -> Iterator[str]:
        """Yields the line of the ledger of every sample, in the order of `made`.

        Args:
          offsets: where each sample lies in the shard.
        """
        for (_, place), offset in zip(self.made, offsets, strict=True):
            line = place.line if isinstance(place, Elsewhere) else self._at(place.line).decode()
            yield ledger.placed(line, offset=offset, length=_length(place))

    def _at(self, place: tuple[int, int]) -> bytes:
        return os.pread(self.handle, place[1], place[0])


def _length(place: Journaled | Elsewhere) -> int:
    return place.place[1] if isinstance(place, Elsewhere) else place.payload[1]


def file_name(stem: str) -> str:
    """Returns the name of the journal of a shard."""
    return f"{stem}.journal"


def left_in(folder: Path, stem: str, planned: Collection[str]) -> set[str]:
    """Returns the fingerprints of the samples that an interrupted build made of a shard."""
    return {fingerprint for fingerprint, _ in _left(folder / file_name(stem), planned)}


def _left(path: Path, planned: Collection[str]) -> Iterator[tuple[str, Journaled]]:
    """Yields the samples at the front of a journal, as far as they are whole and planned."""
    try:
        frames = tfrecord.read(path)
        for (start, length, note), (begin, _, payload) in zip(frames, frames, strict=False):
            moment, _, line = note.partition(b" ")
            fingerprint = ledger.fingerprint_of(line.decode())
            if fingerprint not in planned:
                return
            at = start + length - tfrecord.TAIL_BYTES - len(line)
            payload_at = (begin + tfrecord.HEAD_BYTES, len(payload))
            yield fingerprint, Journaled(int(moment), (at, len(line)), payload_at)
    except (CacheError, ValueError):
        return  # no journal, or the end of what is whole: the rest is made again
