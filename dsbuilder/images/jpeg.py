"""JPEG by simplejpeg (libjpeg-turbo), for the common kinds; Pillow reads the rest.

Strict both ways: a warning of the decoder (a file that ends early, a damaged scan) is an error,
because libjpeg would fill what is missing with gray. DCT and chroma upsampling are the exact ones,
so pixels equal those of Pillow and OpenCV to the bit.
"""

import numpy as np
import numpy.typing as npt
import simplejpeg

from dsbuilder.errors import DataError

SUBSAMPLING = "420"

_START = b"\xff\xd8\xff"
EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
"""What a block of metadata begins with."""

_APP1, _SCAN = 0xE1, 0xDA


def header(data: bytes) -> tuple[int, int] | None:
    """Returns (height, width) as stored, if `data` opens as a JPEG that `decode` takes.

    That is a gray one or a YCbCr one. None says nothing about damage: Pillow is asked next.
    """
    if data[:3] != _START:
        return None
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:  # not only damage: rare chroma subsamplings have no name in libjpeg-turbo
        return None
    return (height, width) if space in ("YCbCr", "Gray") else None


def decode(data: bytes, *, gray: bool, least: tuple[int, int] = (0, 0)) -> npt.NDArray[np.uint8]:
    """Returns `(H, W, 3)` RGB or, if `gray`, the stored luma `(H, W, 1)`; as stored, unrotated.

    Args:
      least: (height, width): the smallest scale of n/8 is decoded at which neither side is below
        it; (0, 0) stands for the whole size. See `reduction.py`.

    Raises:
      DataError: the file is cut or corrupt.
    """
    try:
        image: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data,
            colorspace="GRAY" if gray else "RGB",
            fastdct=False,
            fastupsample=False,
            min_height=least[0],
            min_width=least[1],
        )
    except ValueError as error:
        raise DataError(
            f"expected a whole JPEG, found a damaged one: {error}. Replace the file."
        ) from error
    return image


def encode(image: npt.NDArray[np.uint8], *, quality: int) -> bytes:
    """Returns `(H, W, 1)` as a gray JPEG, `(H, W, 3)` RGB as YCbCr with `SUBSAMPLING`."""
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image),
        quality=quality,
        colorspace="GRAY" if image.shape[2] == 1 else "RGB",
        colorsubsampling="Gray" if image.shape[2] == 1 else SUBSAMPLING,
        fastdct=False,
    )
    return data


def metadata(data: bytes) -> tuple[bytes, bytes]:
    """Returns the EXIF block and the XMP packet of a JPEG; empty where there is none."""
    exif = xmp = b""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == _SCAN:
            break
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        stop = position + 2 + (data[position + 2] << 8 | data[position + 3])
        start = position + 4
        if marker == _APP1 and data.startswith(EXIF, start):
            exif = exif or data[start + len(EXIF) : stop]
        elif marker == _APP1 and data.startswith(XMP, start):
            xmp = xmp or data[start + len(XMP) : stop]
        position = stop
    return exif, xmp
