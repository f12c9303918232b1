"""Encoded images to pixels and back: the one door to everything that knows an image format.

PNG, JPEG, WebP, BMP, GIF (first frame) and TIFF (first page) are read into uint8 `(H, W, C)` of the
mode that is asked for, upright, whatever they hold. Plain JPEG goes through simplejpeg, twice as
fast as Pillow and equal to the bit; the rest through Pillow. What cannot be read whole is an
error and never a guess; the caller adds the file's name to it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from dsbuilder.errors import DataError
from dsbuilder.images import color, jpeg, orientation, png, raster, reduction
from dsbuilder.images.color import Background
from dsbuilder.images.scale import Fit, Interpolation, Placement, fit, place, resize
from dsbuilder.sample import Mode

__all__ = [
    "IMAGE_EXTENSIONS",
    "MAX_PIXELS",
    "Background",
    "Fit",
    "Header",
    "Interpolation",
    "Mode",
    "Placement",
    "decode",
    "decode_channels",
    "encode",
    "fit",
    "header",
    "place",
    "resize",
    "size",
    "working_bytes",
]

IMAGE_EXTENSIONS = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff")
"""Extensions of the image files that are read, in small letters."""

# Where Pillow, too, refuses: half a gigabyte of RGB. A larger header is a bomb or a mistake.
MAX_PIXELS = 178_956_970

_JPEG_BYTES = {"gray": 1, "rgb": 3, "rgba": 7}
"""Bytes of memory that a pixel takes at the most, by mode; measured, as in `raster.py`."""


def decode(
    data: bytes,
    *,
    mode: Mode,
    background: Background = (255, 255, 255),
    shrunk: reduction.Shrunk | None = None,
    memory_bytes: float = math.inf,
) -> npt.NDArray[np.uint8]:
    """Returns an encoded image as a new `(H, W, C)` uint8 array: C is 3 (rgb), 1 (gray), 4 (rgba).

    The orientation that EXIF or XMP states is applied. 16-bit values are divided by 257 and
    rounded, CMYK is converted as Pillow does. Gray is BT.601 luma (`color.luma`); of a JPEG it is
    the luma that is stored.

    Args:
      background: RGB in [0, 255] that transparency is laid over for `rgb` and `gray`, in sRGB
        values, rounded; `rgba` keeps the alpha channel and the colors below it.
      shrunk: what the image is resized to at once, so that a JPEG far larger than that may be
        decoded at a reduced scale (`reduction.py`); None decodes it whole.
      memory_bytes: working memory that decoding may take, judged by the header.

    Raises:
      DataError: not an image, cut, corrupt, of floats, over `MAX_PIXELS` or what may be taken of
        memory; says which.
    """
    stored = jpeg.header(data)
    if stored is not None:
        _check_pixels(stored)
        turn = orientation.read(*jpeg.metadata(data))
        least = (0, 0) if shrunk is None else _least(stored, turn, shrunk)
        needs = _JPEG_BYTES[mode] * (1 if turn == orientation.UPRIGHT else 2)
        _check_memory(stored if shrunk is None else least, needs, memory_bytes)
        pixels = jpeg.decode(data, gray=mode == "gray", least=least)
    else:
        if data.startswith(png.SIGNATURE):
            png.check(data)
        with raster.opened(data) as image:
            _check_pixels((image.height, image.width))
            needs = raster.working_bytes(image, data)
            _check_memory((image.height, image.width), needs, memory_bytes)
            turn = raster.turn(image, data)
            pixels = raster.channels(image, data)
    return color.convert(orientation.apply(pixels, turn), mode, background=background)


def decode_channels(data: bytes) -> npt.NDArray[np.uint8]:
    """Returns an encoded image as `(H, W, C)` uint8, upright, of the channels that it has.

    C is 1 of gray images but JPEGs, 4 of those that may be transparent, else 3; `decode` brings it
    to a mode.

    Raises:
      DataError: as `decode`.
    """
    stored = jpeg.header(data)
    if stored is not None:
        _check_pixels(stored)
        turn = orientation.read(*jpeg.metadata(data))
        return orientation.apply(jpeg.decode(data, gray=False), turn)
    if data.startswith(png.SIGNATURE):
        png.check(data)
    with raster.opened(data) as image:
        _check_pixels((image.height, image.width))
        turn = raster.turn(image, data)
        return orientation.apply(raster.channels(image, data), turn)


def working_bytes(data: bytes) -> int:
    """Returns how many bytes a pixel takes at the most until it is decoded, by the header alone.

    Raises:
      DataError: not an image.
    """
    if jpeg.header(data) is not None:
        return _JPEG_BYTES["rgb"] * 2  # it may have to be turned
    with raster.opened(data) as image:
        return raster.working_bytes(image, data)


def _least(stored: reduction.Size, turn: int, shrunk: reduction.Shrunk) -> reduction.Size:
    """Returns the (height, width), as stored, at which a JPEG is decoded."""
    count = reduction.eighths(orientation.apply_size(stored, turn), shrunk)
    return stored if count == reduction.WHOLE else reduction.reduced(stored, count)


def size(data: bytes) -> tuple[int, int]:
    """Returns the (height, width) that `decode` would give, from the header alone.

    Raises:
      DataError: not an image, or over `MAX_PIXELS`.
    """
    stored = jpeg.header(data)
    if stored is not None:
        turn = orientation.read(*jpeg.metadata(data))
    else:
        with raster.opened(data) as image:
            stored = image.height, image.width
            turn = raster.turn(image, data)
    _check_pixels(stored)
    return orientation.apply_size(stored, turn)


@dataclass(frozen=True, kw_only=True)
class Header:
    """What an image's header says of it.

    Attributes:
      size: (height, width) as `decode` gives it.
      gray: whether it has luma alone, perhaps with alpha.
      alpha: whether pixels may be transparent.
      lossy: whether it is a JPEG, whose pixels are no one's original.
    """

    size: tuple[int, int]
    gray: bool
    alpha: bool
    lossy: bool


def header(data: bytes) -> Header:
    """Returns what the header of an image says, without decoding a pixel.

    Raises:
      DataError: as `size`.
    """
    with raster.opened(data) as image:
        gray = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I;16")
        alpha = bool(image.has_transparency_data)
        lossy = image.format in ("JPEG", "MPO")
    return Header(size=size(data), gray=gray, alpha=alpha, lossy=lossy)


def encode(
    image: npt.NDArray[np.uint8], format: Literal["jpeg", "png"], *, quality: int = 95
) -> bytes:
    """Returns `(H, W, C)` uint8 as a JPEG or a lossless PNG; equal images give equal bytes.

    Args:
      image: C is 1 or 3, or 4 for PNG; RGB order.
      quality: of the JPEG, in [1, 100]; its chroma is subsampled as `jpeg.SUBSAMPLING` says.

    Raises:
      DataError: the image is of a shape or type that the format cannot hold.
    """
    allowed = (1, 3) if format == "jpeg" else (1, 3, 4)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in allowed:
        raise DataError(
            f"{format}: expected uint8 (H, W, C) with C in {allowed}, "
            f"found {image.dtype} {image.shape}. "
            + ("Store it as PNG or raw." if format == "jpeg" else "Store it raw.")
        )
    return jpeg.encode(image, quality=quality) if format == "jpeg" else png.encode(image)


def _check_memory(size: tuple[int, int], needs: float, memory_bytes: float) -> None:
    """Bounds the working memory of decoding an image; `needs` are bytes a pixel, as measured."""
    height, width = size
    if height * width * needs > memory_bytes:
        raise DataError(
            f"expected an image that takes at most {memory_bytes / 1e6:.0f} MB of memory to decode "
            f"(image.memory_mb), found {width} x {height} pixels, which take "
            f"{height * width * needs / 1e6:.0f} MB. Make it smaller, or allow more."
        )


def _check_pixels(size: tuple[int, int]) -> None:
    height, width = size
    if height * width > MAX_PIXELS:
        raise DataError(
            f"expected at most {MAX_PIXELS} pixels, found {width} x {height}, which may be a "
            "decompression bomb. Make the image smaller."
        )
