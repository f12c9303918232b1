"""What is wrong with an encoded image, told without decoding it: whether it ends early, how large.

A decoder says that a file is damaged; it seldom says that the rest of it is missing, which is what
an interrupted download leaves behind and what a second download repairs.
"""

import io
from collections.abc import Callable

from PIL import Image

from dsbuilder.errors import DataError
from dsbuilder.images import jpeg, png, raster

_JPEG, _GIF, _BMP, _RIFF = b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF"
_JPEG_END, _JPEG_SCAN = b"\xff\xd9", b"\xff\xda"


def ends_early(data: bytes) -> bool:
    """Whether bytes are the beginning of an image file: it starts as one and lacks its end.

    Asked of a file that does not decode; TIFF, whose parts stand in any order, is never said to.
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


_CUT: dict[bytes, Callable[[bytes], bool]] = {
    _JPEG: _jpeg_is_cut,
    png.SIGNATURE: _png_is_cut,
    _GIF: _gif_is_cut,
    _BMP: _bmp_is_cut,
    _RIFF: _webp_is_cut,
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
