"""Every kind of image that Pillow opens, as 8-bit channels.

What Pillow gets wrong is put right here, each against a test: 16-bit color cut to 8 bits
(OpenCV reads it), the transparent gray of a PNG below 8 bits, 16-bit TIFF whose white is zero, and
12-bit TIFF, whose white is 4095.
"""

import io
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from dsbuilder.errors import DataError
from dsbuilder.images import color, jpeg, orientation, png

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")

# All that Pillow's parsers raise on damaged files, its warnings turned into errors among them.
_FAILURES = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    NotImplementedError,
    struct.error,
    Image.DecompressionBombError,
    Warning,
)

_BITS, _PHOTOMETRIC, _PLANAR, _EXTRA = 258, 262, 284, 338
_WHITE_IS_ZERO, _RGB = 0, 2
_PREMULTIPLIED = 1


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """Opens an image, its header alone; what Pillow raises inside the block is a DataError.

    Raises:
      DataError: not an image of `FORMATS`, or a damaged one.
    """
    with guarded(data), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        yield image


@contextmanager
def guarded(data: bytes) -> Iterator[None]:
    """Lets what Pillow raises inside the block over an image be a DataError."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise DataError(_unknown(data)) from error
    except _FAILURES as error:
        raise DataError(
            f"expected a whole image, found a damaged one: {error}. Replace the file."
        ) from error


def working_bytes(image: Image.Image, data: bytes) -> int:
    """Returns how many bytes a pixel takes at the most until it is decoded and resized.

    Measured on images of 25 megapixels of each kind, in every mode.
    """
    if _is_wide(image, data):
        return 10 if image.mode.startswith("I;16") else 26
    if image.has_transparency_data:
        return 21
    return {"1": 6, "L": 6, "RGB": 12}.get(image.mode, 14)


def turn(image: Image.Image, data: bytes) -> int:
    """Returns the orientation that `channels` leaves to be applied to an opened image.

    The packet of XMP is taken from the image, so that Pillow, which follows it in a TIFF alone, and
    only as it loads, does not.
    """
    xmp = image.info.pop("xmp", b"")
    if image.format == "PNG":
        return orientation.read(*png.metadata(data))
    if image.format in ("JPEG", "MPO"):
        return orientation.read(*jpeg.metadata(data))
    if orientation.TAG in _tags(image):
        return orientation.UPRIGHT  # a TIFF, which Pillow turns by its tag
    return orientation.read(image.info.get("exif", b""), xmp if isinstance(xmp, bytes) else b"")


def channels(image: Image.Image, data: bytes) -> color.Pixels:
    """Returns the pixels of an opened image as `(H, W, C)`: 1 gray, 3 RGB, 4 RGBA.

    The first frame of several, as stored but for what `turn`, which is asked before, tells.

    Raises:
      DataError: damaged, or of floats or of integers that have no 8-bit meaning.
    """
    image.load()
    if _is_wide(image, data):
        return _wide_channels(image, data)
    if image.mode in ("F", "I"):
        what = "floating-point" if image.mode == "F" else "signed or 32-bit"
        raise DataError(
            f"expected 8-bit or unsigned 16-bit samples, found {what} ones, whose range is unknown."
            " Convert the image."
        )
    if image.has_transparency_data:
        return np.array(_with_alpha(image, data))
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"))[:, :, None]
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _with_alpha(image: Image.Image, data: bytes) -> Image.Image:
    transparent = image.info.get("transparency")
    if image.format == "PNG" and image.mode == "L" and isinstance(transparent, int):
        # Pillow widens gray of 2 and 4 bits to 8, but not the gray that counts as transparent.
        image.info["transparency"] = transparent * 255 // (2 ** png.bit_depth(data) - 1)
    return image.convert("RGBA")


def _is_wide(image: Image.Image, data: bytes) -> bool:
    if image.mode.startswith("I;16"):
        return True
    if image.format == "PNG":
        return png.bit_depth(data) == 16
    return _tiff_bits(image) == 16 and image.mode in ("RGB", "RGBA", "RGBX", "CMYK")


def _tiff_bits(image: Image.Image) -> int:
    bits: tuple[int, ...] = _tags(image).get(_BITS, (8,))
    return max(bits)


def _tags(image: Image.Image) -> Mapping[int, Any]:
    """Returns the tags of a TIFF; none for other formats."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    return tags


def _wide_channels(image: Image.Image, data: bytes) -> color.Pixels:
    if image.mode.startswith("I;16"):
        return _wide_gray(image)
    alpha = image.mode == "RGBA" or image.has_transparency_data
    if image.format == "TIFF":
        _check_wide_tiff(image)
    still = png.without_animation(data) if image.format == "PNG" else data
    raw = cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint16 or raw.ndim != 3 or raw.shape[2] < 3 + alpha:
        raise DataError(
            f"expected 16-bit RGB or RGBA, found {image.format} of a kind that cannot be read. "
            "Convert the image."
        )
    pixels = raw[:, :, [2, 1, 0, 3] if alpha else [2, 1, 0]].astype(np.uint16, copy=False)
    if alpha and _tags(image).get(_EXTRA) == (_PREMULTIPLIED,):
        pixels = _unmultiplied(pixels)
    return color.narrow(pixels)


def _wide_gray(image: Image.Image) -> color.Pixels:
    values = np.array(image).astype(np.uint16)
    if image.format == "TIFF" and _tiff_bits(image) < 16:
        values = _widened(values, 2 ** _tiff_bits(image) - 1)
    if _tags(image).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = 65535 - values
    gray = color.narrow(values)[:, :, None]
    if "transparency" not in image.info:
        return gray
    alpha = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
    return np.dstack((gray, gray, gray, alpha))


def _widened(values: npt.NDArray[np.uint16], most: int) -> npt.NDArray[np.uint16]:
    """Returns samples in [0, most] as such of 16 bits, rounded."""
    wide = values.astype(np.uint32)
    wide *= 65535
    wide += most // 2
    wide //= most
    return wide.astype(np.uint16)


def _check_wide_tiff(image: Image.Image) -> None:
    tags = _tags(image)
    if tags.get(_PHOTOMETRIC) != _RGB or tags.get(_PLANAR, 1) != 1:
        raise DataError(
            "expected 16-bit gray, RGB or RGBA with interleaved channels, "
            f"found another 16-bit TIFF ({image.mode}). Convert the image."
        )


def _unmultiplied(pixels: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    alpha = pixels[:, :, 3:].astype(np.uint32)
    divisor = np.maximum(alpha, 1)
    colors = (pixels[:, :, :3] * np.uint32(65535) + divisor // 2) // divisor
    return np.dstack((np.minimum(colors, 65535), alpha)).astype(np.uint16)


def _unknown(data: bytes) -> str:
    if not data:
        return "expected an image, found no bytes at all. Replace the file."
    if data[:4] in (b"II*\0", b"MM\0*"):
        return (
            "expected a TIFF of 8-bit or unsigned 16-bit samples, or 12-bit gray, found one that "
            "is cut, or of floats or another kind. Convert or replace the file."
        )
    return (
        f"expected an image (PNG, JPEG, WebP, BMP, GIF, TIFF), found {len(data)} bytes that start "
        f"with {data[:8]!r}: another format, or a header that is cut. Convert or replace the file."
    )
