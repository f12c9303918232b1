"""Where a shard's encoded samples wait, in the order they were made, to be written in its own."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from typing import NamedTuple

from dsbuilder.builder.task import Output, Root
from dsbuilder.cache import ledger
from dsbuilder.sample import Params


class Made(NamedTuple):
    """A sample that was made or copied, and where its bytes lie in the spool.

    Attributes:
      root, output: what was planned.
      applied: (stage id, drawn params) of a sample that was made.
      copied: the ledger's entry of one that was copied.
    """

    root: Root
    output: Output
    applied: Sequence[tuple[str, Params]]
    copied: ledger.Entry | None
    start: int
    length: int


@dataclass
class Spool:
    """Encoded samples in the order they were made, in an unbuffered file that has no name."""

    file: FileIO
    size: int = 0
    made: list[Made] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    reused: int = 0
    reproducible: bool = True

    def add(
        self,
        payload: bytes,
        root: Root,
        output: Output,
        *,
        applied: Sequence[tuple[str, Params]] = (),
        copied: ledger.Entry | None = None,
    ) -> None:
        """Keeps a sample."""
        self.made.append(Made(root, output, applied, copied, self.size, len(payload)))
        rest = memoryview(payload)
        while rest:  # a disk that is nearly full takes a part, and refuses the next
            written = os.pwrite(self.file.fileno(), rest, self.size)
            self.size += written
            rest = rest[written:]

    def payloads(self) -> Iterator[bytes]:
        """Yields the samples in the order of `made`."""
        for each in self.made:
            yield os.pread(self.file.fileno(), each.length, each.start)
