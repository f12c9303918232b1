"""An array that lies in several `.npy` files, mapped as one.

Files are mapped one after the other into a stretch of addresses that is set aside for them, each so
far behind the one before that its rows continue the same grid: a file can only be mapped at whole
pages, so between two files there are rows that are nowhere. Nothing is read or copied for it; a row
of any file is then a row of one array, which one native gather takes.
"""

import contextlib
import ctypes
import math
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.cache.npy import load_array

_FIXED, _PRIVATE = 0x10, 0x02  # the same on Linux and macOS
_FAILED = ctypes.c_void_p(-1).value
_MOST_BYTES = 1 << 45
"""Of addresses, of which a process has 2**47; they cost nothing."""


@dataclass(frozen=True, kw_only=True)
class JoinedRows:
    """The rows of an array in several files.

    What lies between two files is no memory: to read it ends the process.

    Attributes:
      values: array `(places, ...)`, the rows of each file at its first place and after it; to
        write to it changes no file.
      first: int64 `(files,)`, place of each file's first row.
    """

    values: np.ndarray
    first: np.ndarray


def join_rows(paths: Sequence[Path]) -> JoinedRows | None:
    """Maps the rows of arrays of the same dtype and rows.

    Returns:
      None where the system, or how the files begin, does not allow for it.

    Raises:
      CacheError: a file is missing, cut, or not an array.
    """
    arrays = [load_array(path, writable=True) for path in paths]
    if len(arrays) == 1:
        return JoinedRows(values=np.asarray(arrays[0]), first=np.zeros(1, np.int64))
    rows = {(array.shape[1:], array.dtype) for array in arrays}
    begins = {_begin(array) % mmap.PAGESIZE for array in arrays}
    if len(rows) > 1 or len(begins) > 1 or os.name != "posix":
        return None
    row_bytes = math.prod(arrays[0].shape[1:]) * arrays[0].itemsize
    step = math.lcm(mmap.PAGESIZE, row_bytes)
    # Each begins at the first place on the common grid that is behind the one before.
    sizes = [_begin(array) % mmap.PAGESIZE + array.nbytes for array in arrays]
    starts = np.cumsum([0, *(-(-size // step) * step for size in sizes)])
    if starts[-1] > _MOST_BYTES:
        return None
    with contextlib.suppress(OSError, AttributeError):
        (begin,) = begins
        stretch = _Stretch(int(starts[-1]))
        for path, array, start in zip(paths, arrays, starts[:-1].tolist(), strict=True):
            stretch.map(path, start, _begin(array), array.nbytes)
        shape = (int(starts[-1] - begin) // row_bytes, *arrays[0].shape[1:])
        values = np.ndarray(shape, arrays[0].dtype, buffer=np.asarray(stretch), offset=begin)
        return JoinedRows(values=values, first=starts[:-1] // row_bytes)
    return None


def _begin(array: np.ndarray) -> int:
    """Returns where the values of a mapped array begin in its file, in bytes."""
    offset: int = array.offset  # type: ignore[attr-defined]  # of np.memmap
    return offset


class _Stretch:
    """Addresses that nothing else comes to lie in; given back with the last array over them."""

    def __init__(self, size: int) -> None:
        self._library = _library()
        self._size = size
        reserved = mmap.MAP_ANONYMOUS | _PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
        self._address = self._mapped(None, size, 0, reserved, -1, 0)
        self.__array_interface__ = {
            "shape": (size,),
            "typestr": "|u1",
            "data": (self._address, False),
            "version": 3,
        }

    def map(self, path: Path, start: int, offset: int, size: int) -> None:
        """Maps a part of a file; its page comes to lie at `start`."""
        skipped = offset % mmap.PAGESIZE
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._mapped(
                self._address + start,
                size + skipped,
                mmap.PROT_READ | mmap.PROT_WRITE,
                _FIXED | _PRIVATE,
                fd,
                offset - skipped,
            )
        finally:
            os.close(fd)

    def _mapped(self, address: int | None, *given: int) -> int:
        found: int = self._library.mmap(address, *given)
        if found == _FAILED:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return found

    def __del__(self) -> None:
        if hasattr(self, "_address"):
            self._library.munmap(self._address, self._size)


def _library() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = (
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int),
        ctypes.c_int64,
    )
    library.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return library
