"""Rows of an array in a file, read one at a time: an array of any size takes no memory.

What is packed is unpacked once in each process, into a temporary file without a name: it goes
when the process ends, however that ends, and the system may write it out where memory is short.
Rows are read by position and not mapped into memory: a file that is cut while it is read ends in an
error, where a map would end the process.
"""

import math
import os
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from dsbuilder.errors import DataError

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ArrayRows:
    """The rows of an uint8 array, in C order, in a file.

    Attributes:
      name: name of the file, for errors.
      file: open; its position is never used. It is closed when the rows are no longer held.
      offset: offset of the first row, in bytes.
      count: number of rows.
      shape: shape of one row.
    """

    name: str
    file: BinaryIO
    offset: int
    count: int
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        weakref.finalize(self, self.file.close)

    @cached_property
    def row_bytes(self) -> int:
        """The size of one row."""
        return math.prod(self.shape)

    def read(self, index: int) -> bytes:
        """Returns the bytes of a row.

        Raises:
          DataError: there is no such row, or the file was cut after it was opened.
        """
        if not 0 <= index < self.count:
            raise DataError(
                f"{self.name}: expected a row {index}, found {self.count} rows. Build again."
            )
        size = self.row_bytes
        row = os.pread(self.file.fileno(), size, self.offset + index * size)
        if len(row) != size:
            raise DataError(
                f"{self.name}: row {index}: expected {size} bytes, found {len(row)}: the file was "
                "cut. Restore it and build again."
            )
        return row

    def image(self, index: int) -> npt.NDArray[np.uint8]:
        """Returns a row of `(H, W)` or `(H, W, C)` as `(H, W, C)` uint8."""
        pixels = np.frombuffer(self.read(index), np.uint8)
        return pixels.reshape(self.shape if len(self.shape) == 3 else (*self.shape, 1))


def check_image_shape(name: str, shape: tuple[int, ...]) -> None:
    """Raises a DataError unless an array of a shape holds images, `(N, H, W)` or `(N, H, W, C)`."""
    is_gray = len(shape) == 3
    is_color = len(shape) == 4 and shape[3] in (1, 3, 4)
    if not (is_gray or is_color) or min(shape[1:]) < 1:
        raise DataError(
            f"{name}: expected images (N, H, W) or (N, H, W, C) with 1, 3 or 4 channels, found "
            f"{shape}. Reshape the array."
        )


def open_file(path: Path) -> BinaryIO:
    """Opens a file of a source for reading.

    Raises:
      DataError: there is none that can be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(
            f"{path}: the file cannot be read ({error.strerror}). Check the path."
        ) from None


def unpacked(stream: BinaryIO, *, limit: int = 1 << 62) -> BinaryIO:
    """Returns a temporary file with what a stream holds, at most `limit` bytes of it.

    It has no name and goes when it is closed or the process ends. What the stream raises, passes.
    """
    file = tempfile.TemporaryFile(prefix="dsbuilder-")  # noqa: SIM115 - the caller's to close
    try:
        for chunk in _chunks(stream, limit):
            file.write(chunk)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file


def _chunks(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    while limit > 0 and (chunk := stream.read(min(limit, _CHUNK_BYTES))):
        limit -= len(chunk)
        yield chunk
