"""BMP in segments: the rows and columns of a window, as a BMP of its own."""

import math
import struct
from collections.abc import Iterator

from dsbuilder.images import orientation
from dsbuilder.images.segments import Box, ByteSource, FilePart, SegmentedImage, rows_of

_FILE, _LEAST_HEADER, _MOST_HEAD = 14, 40, 1 << 16
_PLAIN, _FIELDS = 0, 3


def opened(source: ByteSource) -> "BmpSegments | None":
    """Returns a BMP that can be read in segments; None of another file, and of a packed one.

    Raises:
      DataError: it is damaged.
    """
    head = source.read(0, min(_FILE + _LEAST_HEADER, source.size))
    if head[:2] != b"BM" or len(head) < _FILE + _LEAST_HEADER:
        return None
    start, header = struct.unpack_from("<II", head, 10)
    width, height, _, bits, packing = struct.unpack_from("<iiHHI", head, 18)
    fits = header >= _LEAST_HEADER and _FILE + header <= start <= _MOST_HEAD and width > 0
    if not (fits and height and packing in (_PLAIN, _FIELDS) and bits in (1, 4, 8, 16, 24, 32)):
        return None
    return BmpSegments(source, source.read(0, start), width=width, height=height, bits=bits)


class BmpSegments(SegmentedImage):
    """A BMP whose rows lie in it as they are, most often the lowest one first."""

    packed = False
    turn = orientation.UPRIGHT

    def __init__(
        self, source: ByteSource, head: bytes, *, width: int, height: int, bits: int
    ) -> None:
        self._source, self._head, self._bits = source, head, bits
        self._is_upward = height > 0
        self.size = (abs(height), width)

    def segments(self, box: Box) -> Iterator[FilePart]:
        """Yields the box, widened to whole bytes."""
        top, left, height, width = box
        step = 8 // math.gcd(8, self._bits)
        first, stop = left // step * step, -(-(left + width) // step) * step
        wanted = (top, first, height, min(stop, self.size[1]) - first)
        yield FilePart(name=wanted, box=wanted)

    def encoded(self, segment: FilePart) -> bytes:
        """Returns the rows and columns of a box as a BMP."""
        top, left, height, width = segment.box
        whole = self.size[0]
        first = whole - top - height if self._is_upward else top
        rows = range(first, first + height)
        columns = (left * self._bits // 8, -(-width * self._bits // 8))
        stride, filled = _stride(self.size[1], self._bits), _stride(width, self._bits)
        parts = rows_of(self._source, len(self._head), stride, rows, columns)
        content = b"".join(part.ljust(filled, b"\0") for part in parts)
        head = bytearray(self._head)
        struct.pack_into("<I", head, 2, len(head) + len(content))
        struct.pack_into("<ii", head, 18, width, height if self._is_upward else -height)
        struct.pack_into("<I", head, 34, len(content))
        return bytes(head) + content


def _stride(width: int, bits: int) -> int:
    """Returns the bytes of a row, which are filled up to a multiple of four."""
    return (width * bits + 31) // 32 * 4
