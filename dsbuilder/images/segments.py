"""Parts of an image file that are decoded by themselves, each as a small image file of its own.

What a TIFF holds in tiles or strips, and what a BMP holds row by row, is cut out and given the
header that makes an image of it alone. So whatever decodes whole files decodes parts of them, and
to the same pixels; and of a file of gigabytes only what a window needs is read.
"""

import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from dsbuilder.errors import DataError

Size = tuple[int, int]
"""(height, width)."""
Box = tuple[int, int, int, int]
"""(top, left, height, width), in pixels as they are stored."""


class ByteSource:
    """Bytes that are read where they are wanted: of a file, or those in memory."""

    def __init__(self, data: Path | bytes) -> None:
        self._data = data
        self._file: BinaryIO | None = None

    def read(self, offset: int, length: int) -> bytes:
        """Returns bytes from an offset on.

        Raises:
          DataError: there are fewer, as in a file that is cut.
        """
        there = max(0, min(length, self.size - offset)) if offset >= 0 else 0
        if there != length:
            raise DataError(
                f"expected {length} bytes at byte {offset}, found {there}: the file is cut, or "
                "damaged. Replace it."
            )
        if isinstance(self._data, bytes):
            found = self._data[offset : offset + length]
        else:
            if self._file is None:
                self._file = self._data.open("rb")
                weakref.finalize(self, self._file.close)
            self._file.seek(offset)
            found = self._file.read(length)
        if len(found) != length:
            raise DataError(
                f"expected {length} bytes at byte {offset}, found that the file shrank."
            )
        return found

    @cached_property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data) if isinstance(self._data, bytes) else self._data.stat().st_size

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """A part that is decoded by itself.

    Attributes:
      name: number or place by which it is known within its file.
      box: which pixels it holds.
    """

    name: int | Box
    box: Box


class SegmentedImage(ABC):
    """An image file that holds its pixels in segments.

    Attributes:
      size: (height, width) as stored.
      turn: orientation; see `orientation.py`.
      packed: whether segments are of a size of their own; else they are cut as a window wants.
    """

    size: Size
    turn: int
    packed: bool

    @abstractmethod
    def segments(self, box: Box) -> Iterator[FilePart]:
        """Yields the segments that hold the pixels of a box within the image."""

    @abstractmethod
    def encoded(self, segment: FilePart) -> bytes:
        """Returns a segment as an image file of its own.

        Raises:
          DataError: the file is cut.
        """


def rows_of(
    source: ByteSource, start: int, stride: int, rows: range, columns: tuple[int, int]
) -> Iterator[bytes]:
    """Yields a part of each row of pixels that lie in a file as they are.

    Args:
      start: where the first row of all begins.
      stride: bytes of a row.
      columns: first byte of the part in its row, and how many.
    """
    offset, length = columns
    if length * 2 > stride and rows:  # most of it is wanted: one read in place of many
        first = min(rows)
        block = source.read(start + first * stride, (len(rows) - 1) * stride + offset + length)
        for row in rows:
            begins = (row - first) * stride + offset
            yield block[begins : begins + length]
        return
    for row in rows:
        yield source.read(start + row * stride + offset, length)
