"""TIFF and BigTIFF in segments: which of their tiles or strips hold a window, each as a TIFF.

The first page counts, as everywhere here. A tile or a strip is given a directory of its own with
the tags that say how its bytes are packed, so that what decodes whole files decodes it, with its
compression, predictor, palette, JPEG tables, 12 and 16 bits. Of pixels that are not packed just the
rows and columns of a window are taken, however large the strip is that they lie in.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.images import orientation
from dsbuilder.images.segments import Box, ByteSource, FilePart, SegmentedImage, Size, rows_of

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_BIG_SIZES = {16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_SHORT, _LONG = 3, 4

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR = 273, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_XMP = 700
_PLAIN, _PACKED = 1, frozenset((1, 5, 7, 8, 32773, 32946, 50000))
"""Compressions: none, and with it LZW, JPEG, deflate, PackBits, deflate by its former number and
Zstandard."""
_YCBCR = 6
_CARRIED = (258, 259, 262, 266, 277, 284, 317, 320, 332, 338, 339, 347, 530, 531, 532)
"""Tags that say how bytes become pixels: bits, packing, colors, predictor, palette, JPEG tables."""
_MOST_ENTRIES, _MOST_XMP = 4096, 1 << 20


@dataclass(frozen=True, kw_only=True)
class _Tag:
    """An entry of a directory: its type, how many values, and their bytes."""

    kind: int
    count: int
    content: bytes


def opened(source: ByteSource) -> "TiffSegments | None":
    """Returns a TIFF that can be read in segments; None of another file, and of another TIFF.

    Raises:
      DataError: it is damaged.
    """
    head = source.read(0, min(16, source.size))
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    version = struct.unpack(f"{order}H", head[2:4])[0] if order and len(head) >= 16 else 0
    if version not in (42, 43):
        return None
    tags = _directory(source, order, is_big=version == 43, head=head)
    image = TiffSegments(source=source, order=order, tags=tags)
    return image if image.is_readable else None


def _directory(source: ByteSource, order: str, *, is_big: bool, head: bytes) -> dict[int, _Tag]:
    """Returns the tags of the first page."""
    at = struct.unpack(f"{order}Q", head[8:16])[0] if is_big else 0
    at = at or struct.unpack(f"{order}I", head[4:8])[0]
    counted, entry = ("Q", "HHQ") if is_big else ("H", "HHI")
    length = struct.calcsize(f"{order}{counted}")
    (count,) = struct.unpack(f"{order}{counted}", source.read(at, length))
    if count > _MOST_ENTRIES:
        raise DataError(f"expected at most {_MOST_ENTRIES} tags, found {count}. Replace the file.")
    room = 8 if is_big else 4
    step = struct.calcsize(f"{order}{entry}") + room
    block = source.read(at + length, count * step)
    tags = {}
    for start in range(0, len(block), step):
        tag, kind, number = struct.unpack_from(f"{order}{entry}", block, start)
        size = (_SIZES | (_BIG_SIZES if is_big else {})).get(kind, 0) * number
        place = block[start + step - room : start + step]
        if not size or (tag == _XMP and size > _MOST_XMP):
            continue
        if size > room:
            (offset,) = struct.unpack(f"{order}{'Q' if is_big else 'I'}", place)
            place = source.read(offset, size)
        tags[tag] = _Tag(kind=kind, count=number, content=place[:size])
    return tags


class TiffSegments(SegmentedImage):
    """The first page of a TIFF."""

    def __init__(self, *, source: ByteSource, order: str, tags: Mapping[int, _Tag]) -> None:
        self._source, self._order, self._tags = source, order, tags
        self.size = (self._number(_HEIGHT), self._number(_WIDTH))
        self._compression = self._number(_COMPRESSION, _PLAIN)
        self._is_tiled = _TILE_OFFSETS in tags
        places, lengths = (
            (_TILE_OFFSETS, _TILE_BYTES) if self._is_tiled else (_STRIP_OFFSETS, _STRIP_BYTES)
        )
        self._offsets, self._lengths = self._numbers(places), self._numbers(lengths)
        whole = self._number(_ROWS, self.size[0])
        self._part: Size = (
            (self._number(_TILE_HEIGHT), self._number(_TILE_WIDTH))
            if self._is_tiled
            else (min(whole, self.size[0]), self.size[1])
        )
        self.turn = self._turn()
        self.packed = self._compression != _PLAIN or self._is_tiled

    def _turn(self) -> int:
        stated = self._number(orientation.TAG, 0)
        if 1 <= stated <= 8:
            return stated
        xmp = self._tags.get(_XMP)
        return orientation.read(b"", xmp.content if xmp else b"")

    @property
    def is_readable(self) -> bool:
        """Whether segments can be told apart and decoded by themselves."""
        height, width = self._part
        if min(*self.size, height, width) < 1 or self._compression not in _PACKED:
            return False
        planes = self._number(_PLANAR, 1) != 1 and self._number(_SAMPLES, 1) > 1
        subsampled = self._number(_PHOTOMETRIC, 0) == _YCBCR and self._compression != 7
        down, across = self._grid
        return (
            not planes
            and not subsampled
            and len(self._offsets) >= down * across
            and (len(self._lengths) >= down * across or not self.packed)
        )

    @property
    def _grid(self) -> Size:
        """How many tiles or strips there are, down and across."""
        (height, width), (tall, wide) = self.size, self._part
        return -(-height // tall), -(-width // wide)

    def segments(self, box: Box) -> Iterator[FilePart]:
        """Yields tiles, strips, or of strips that are not packed what the box wants of them."""
        top, left, height, width = box
        tall, wide = self._part
        for row in range(top // tall, -(-(top + height) // tall)):
            for column in range(left // wide, -(-(left + width) // wide)):
                own = (row * tall, column * wide, *self._held(row))
                if self.packed:
                    yield FilePart(name=row * self._grid[1] + column, box=own)
                else:
                    wanted = self._aligned(_common(own, box))
                    yield FilePart(name=wanted, box=wanted)

    def _held(self, row: int) -> Size:
        """Returns the (height, width) of the tiles or the strip of a row of them."""
        tall, wide = self._part
        return (tall if self._is_tiled else min(tall, self.size[0] - row * tall)), wide

    def _aligned(self, box: Box) -> Box:
        """Returns a box that begins and ends with whole bytes."""
        top, left, height, width = box
        step = 8 // math.gcd(8, self._pixel_bits)
        first, stop = left // step * step, -(-(left + width) // step) * step
        return top, first, height, min(stop, self.size[1]) - first

    @property
    def _pixel_bits(self) -> int:
        bits = self._numbers(_BITS).tolist() or [1]
        samples = self._number(_SAMPLES, 1)
        return sum(bits) if len(bits) == samples else bits[0] * samples

    def encoded(self, segment: FilePart) -> bytes:
        """Returns a tile or a strip, or a part of one, as a TIFF."""
        if isinstance(segment.name, int):
            place = int(self._offsets[segment.name])
            content = self._source.read(place, int(self._lengths[segment.name]))
        else:
            content = self._rows(segment.box)
        return self._file(segment.box[2:], content)

    def _rows(self, box: Box) -> bytes:
        top, left, height, width = box
        tall, bits = self._part[0], self._pixel_bits
        stride = -(-self.size[1] * bits // 8)
        strip = top // tall
        rows = range(top - strip * tall, top - strip * tall + height)
        columns = (left * bits // 8, -(-width * bits // 8))
        return b"".join(rows_of(self._source, int(self._offsets[strip]), stride, rows, columns))

    def _file(self, size: Size, content: bytes) -> bytes:
        """Returns a TIFF of one strip that holds the content."""
        order = self._order
        tags = {tag: self._tags[tag] for tag in _CARRIED if tag in self._tags}
        numbers = {_HEIGHT: size[0], _WIDTH: size[1], _ROWS: size[0], _STRIP_BYTES: len(content)}
        for tag, number in (*numbers.items(), (_STRIP_OFFSETS, 0)):
            tags[tag] = _Tag(kind=_LONG, count=1, content=struct.pack(f"{order}I", number))
        after = 8 + 2 + 12 * len(tags) + 4
        longer = {tag: each for tag, each in tags.items() if len(each.content) > 4}
        places: dict[int, int] = {}
        for tag, each in longer.items():
            places[tag] = after
            after += len(each.content) + len(each.content) % 2
        tags[_STRIP_OFFSETS] = _Tag(kind=_LONG, count=1, content=struct.pack(f"{order}I", after))
        head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
        block = [head, struct.pack(f"{order}H", len(tags))]
        for tag in sorted(tags):
            each = tags[tag]
            value = struct.pack(f"{order}I", places[tag]) if tag in places else each.content
            block.append(
                struct.pack(f"{order}HHI", tag, each.kind, each.count) + value.ljust(4, b"\0")
            )
        block.append(bytes(4))
        block += [each.content + bytes(len(each.content) % 2) for each in longer.values()]
        return b"".join((*block, content))

    def _number(self, tag: int, default: int = 0) -> int:
        found = self._numbers(tag)
        return int(found[0]) if len(found) else default

    def _numbers(self, tag: int) -> np.ndarray:
        each = self._tags.get(tag)
        if each is None or each.kind not in _NUMBERS:
            return np.zeros(0, np.int64)
        return np.frombuffer(each.content, self._order + _NUMBERS[each.kind]).astype(np.int64)


def _common(one: Box, other: Box) -> Box:
    """Returns what two boxes have in common."""
    top, left = max(one[0], other[0]), max(one[1], other[1])
    bottom = min(one[0] + one[2], other[0] + other[2])
    right = min(one[1] + one[3], other[1] + other[3])
    return top, left, bottom - top, right - left
