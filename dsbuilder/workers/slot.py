"""A slot: memory that a worker leaves arrays in, and that the supervisor takes them from uncopied.

All slots of a run lie in one file without a name, known by its descriptor alone, so nothing is left
behind by whatever way either side ends; a terabyte apart, of which only what was ever written takes
memory. One side at a time uses a slot: who gives a task that names it lends it to the worker until
that answers.
"""

import mmap
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

_ALIGNED_BYTES = 64
"""At multiples of this TensorFlow takes an array as it is."""

_APART_BYTES = 1 << 40

_TEXTS = "texts"

Placed = Mapping[str, Any]
"""Where arrays lie in a slot, as JSON values: name, dtype, shape, offset of each; their end."""


@dataclass
class Slot:
    """One end of a slot; the other is made from the same descriptor.

    Attributes:
      fd: descriptor of the file that holds the slots.
      number: place among them, from 0 on.
    """

    fd: int
    number: int = 0

    def __post_init__(self) -> None:
        self._end, self._begun = 0, False
        self._memory: mmap.mmap | None = None

    @classmethod
    def create(cls, count: int) -> list[Self]:
        """Returns slots that hold nothing, of one new file."""
        fd = os.memfd_create("dsbuilder-slots")
        os.ftruncate(fd, count * _APART_BYTES)  # none of it is there until it is written
        return [cls(fd, number) for number in range(count)]

    def first(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Returns an array at the slot's beginning, to be filled and then left there by `leave`."""
        self._end, self._begun = 0, True
        return self._array(self._place(int(np.prod(shape)) * dtype.itemsize), shape, dtype)

    def leave(self, arrays: Mapping[str, np.ndarray]) -> Placed:
        """Puts arrays into the slot; what `first` returned is not copied.

        Args:
          arrays: by name; those of objects hold bytes. If `first` was called, its array comes
            first.
        """
        begun, self._end, self._begun = self._begun, 0, False
        placed = [
            self._leave(name, array, filled=begun and number == 0)
            for number, (name, array) in enumerate(arrays.items())
        ]
        return {"arrays": placed, "end": self._end}

    def _leave(self, name: str, array: np.ndarray, *, filled: bool) -> list[Any]:
        if array.dtype != object:
            offset = self._place(array.nbytes)
            if not filled:
                self._array(offset, array.shape, array.dtype)[...] = array
            return [name, array.dtype.str, array.shape, offset]
        texts = list(array.ravel())
        ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
        joined = np.frombuffer(b"".join(texts), np.uint8)
        offset = self._place(ends.nbytes + joined.nbytes)
        self._array(offset, ends.shape, ends.dtype)[...] = ends
        self._array(offset + ends.nbytes, joined.shape, joined.dtype)[...] = joined
        return [name, _TEXTS, array.shape, offset]

    def take(self, placed: Placed) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Returns the arrays that lie in the slot, and the one that lives as long as any of them.

        They share the slot's memory, but for those of objects.
        """
        whole = np.frombuffer(self._mapped(max(placed["end"], 1)), np.uint8)
        return {name: _taken(whole, *each) for name, *each in placed["arrays"]}, whole

    def _place(self, size: int) -> int:
        """Returns where so many bytes go, behind what lies there."""
        offset = -(-self._end // _ALIGNED_BYTES) * _ALIGNED_BYTES
        self._end = offset + size
        return offset

    def _array(self, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        return np.ndarray(shape, dtype, self._mapped(max(self._end, 1)), offset)

    def _mapped(self, size: int) -> mmap.mmap:
        """Returns at least so much of the file as memory."""
        if self._memory is None or len(self._memory) < size:
            start = self.number * _APART_BYTES
            # The one before goes with its last array.
            self._memory = mmap.mmap(self.fd, size, offset=start)
        return self._memory


def _taken(whole: np.ndarray, dtype: str, shape: Sequence[int], offset: int) -> np.ndarray:
    if dtype != _TEXTS:
        kind = np.dtype(dtype)
        size = int(np.prod(shape)) * kind.itemsize
        return whole[offset : offset + size].view(kind).reshape(shape)
    count = int(np.prod(shape))
    ends = whole[offset : offset + 8 * count].view(np.int64)
    text = whole[offset + 8 * count : offset + 8 * count + int(ends[-1] if count else 0)].tobytes()
    found = np.empty(count, object)
    found[:] = [text[start:end] for start, end in pairwise([0, *ends.tolist()])]
    return found.reshape(shape)
