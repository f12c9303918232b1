"""The heartbeat of a worker: a page of shared memory that says where it is, and that it lives.

It costs a worker less than a microsecond a sample, and it can still be read when the worker is
dead, which is when it matters: it names the very item that the worker was at.
"""

import mmap
import os
import struct
from dataclasses import dataclass
from typing import NamedTuple, Self

_LAYOUT = struct.Struct("=qqqqqqq")
_ATTEMPTS = 100


class Beat(NamedTuple):
    """What a page says.

    Attributes:
      pid: process id of the worker; 0 before it began.
      number: count of the beats so far.
      task: count of the tasks it was given so far, this one included.
      item, part: its place in the task; see `role.At`.
      done: number of samples of the task that are behind it.
    """

    pid: int
    number: int
    task: int
    item: int
    part: int
    done: int


@dataclass
class Heartbeat:
    """One page; the supervisor's end and the worker's end are made from the same descriptor."""

    page: mmap.mmap
    fd: int
    number: int = 0

    @classmethod
    def create(cls) -> Self:
        """Returns a page that no one has written to."""
        fd = os.memfd_create("dsbuilder-heartbeat")
        os.ftruncate(fd, _LAYOUT.size)
        return cls.open(fd)

    @classmethod
    def open(cls, fd: int) -> Self:
        """Returns the page of a descriptor that was sent here."""
        return cls(mmap.mmap(fd, _LAYOUT.size), fd)

    def beat(self, task: int, item: int, part: int, done: int) -> None:
        """Says where this process is."""
        self.number += 1
        place = (os.getpid(), self.number, task, item, part, done)
        # In one copy: `pack_into` clears the page first, and the other end would read zeros. The
        # number stands at both ends, so that what was read in the middle of the copy is told.
        self.page[:] = _LAYOUT.pack(*place, self.number)

    def read(self) -> Beat:
        """Returns what the worker said last."""
        for _ in range(_ATTEMPTS):  # a worker that was killed while it wrote will never be done
            *place, last = _LAYOUT.unpack(self.page[:])
            beat = Beat(*place)
            if beat.number == last:
                break
        return beat

    def close(self) -> None:
        """Gives the page back."""
        self.page.close()
        os.close(self.fd)
