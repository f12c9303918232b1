"""What is wrong with an encoded image, told without decoding it: whether it ends early, how large.

A decoder says that a file is damaged; it seldom says that the rest of it is missing, which is what
an interrupted download leaves behind and what a second download repairs.
"""

import io
import struct
from collections.abc import Callable, Iterator

from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.images import jpeg, png, raster

_JPEG, _GIF, _BMP, _RIFF = b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF"
_JPEG_END, _JPEG_SCAN = b"\xff\xd9", b"\xff\xda"


def ends_early(data: bytes) -> bool:
    """Whether bytes are the beginning of an image file: it starts as one and lacks its end.

    Asked of a file that does not decode.
    """
    for start, is_cut in _CUT.items():
        if data.startswith(start):
            return is_cut(data)
    return False


def _jpeg_is_cut(data: bytes) -> bool:
    """Whether no end marker follows the first scan; a thumbnail before it has one of its own."""
    scan = data.find(_JPEG_SCAN)
    return scan < 0 or data.find(_JPEG_END, scan) < 0


def _png_is_cut(data: bytes) -> bool:
    *_, (kind, _, stop) = (("", 0, len(data) + 1), *png.chunks(data))
    return kind != b"IEND" or stop + 4 > len(data)


def _gif_is_cut(data: bytes) -> bool:
    return not data.rstrip(b"\0").endswith(b"\x3b")


def _bmp_is_cut(data: bytes) -> bool:
    return len(data) < 6 or len(data) < int.from_bytes(data[2:6], "little")


def _webp_is_cut(data: bytes) -> bool:
    return len(data) < 8 or len(data) < int.from_bytes(data[4:8], "little") + 8


_STRIPS = {273: 279, 324: 325}
"""Tags of a TIFF that say where strips and tiles begin -> those that say how long they are."""
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 16: 8}
_MOST_DIRECTORIES = 1000


def _tiff_is_cut(data: bytes) -> bool:
    """Whether a directory, or pixels that one tells of, lie beyond the end."""
    try:
        return any(stop > len(data) for stop in _tiff_ends(data))
    except struct.error:
        return True


def _tiff_ends(data: bytes) -> Iterator[int]:
    """Yields where the parts of a TIFF end that its directories tell of."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    word, count_of, entry_size = ("Q", "Q", 20) if big else ("I", "H", 12)
    (where,) = struct.unpack_from(order + word, data, 8 if big else 4)
    for _ in range(_MOST_DIRECTORIES):
        if not where:
            return
        (entries,) = struct.unpack_from(order + count_of, data, where)
        start = where + struct.calcsize(order + count_of)
        yield start + entries * entry_size
        found = dict(
            _tiff_numbers(data, start + place * entry_size, order + word)
            for place in range(entries)
        )
        for begins, lengths in _STRIPS.items():
            yield from map(sum, zip(found.get(begins, ()), found.get(lengths, ()), strict=False))
        (where,) = struct.unpack_from(order + word, data, start + entries * entry_size)


def _tiff_numbers(data: bytes, where: int, word: str) -> tuple[int, tuple[int, ...]]:
    """Returns tag and values of an entry of a directory; none of a type that holds no places."""
    tag, kind, count = struct.unpack_from(f"{word[0]}HH{word[1]}", data, where)
    size = _TIFF_SIZES.get(kind, 0) * count
    if not size or tag not in {*_STRIPS, *_STRIPS.values()}:
        return tag, ()
    place = where + struct.calcsize(f"{word[0]}HH{word[1]}")
    if size > struct.calcsize(word):
        (place,) = struct.unpack_from(word, data, place)
    if place + size > len(data):
        raise struct.error("the values of an entry lie beyond the end")
    letter = {1: "B", 2: "B", 3: "H", 4: "I", 16: "Q"}[kind]
    return tag, struct.unpack_from(f"{word[0]}{count}{letter}", data, place)


_CUT: dict[bytes, Callable[[bytes], bool]] = {
    _JPEG: _jpeg_is_cut,
    png.SIGNATURE: _png_is_cut,
    _GIF: _gif_is_cut,
    _BMP: _bmp_is_cut,
    _RIFF: _webp_is_cut,
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _tiff_is_cut),
}


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Returns the (height, width) that a header states, as stored, however large; None without one.

    `image.size` refuses what is too large to decode, and so does Pillow's own `open`.
    """
    stored = jpeg.header(data)
    if stored is not None:
        return stored
    Image.init()
    for name in raster.FORMATS:
        factory, accept = Image.OPEN[name]
        if accept is None or accept(data[:16]) is True:
            return _size(factory, data)
    return None


def _size(factory: Callable[..., Image.Image], data: bytes) -> tuple[int, int] | None:
    try:
        with raster.guarded(data), factory(io.BytesIO(data), "") as image:
            return image.height, image.width
    except DataError:
        return None
