"""Samples -> pictures of a page. What a browser can show is taken as it is stored, byte for byte.

Else it is drawn, with what of the targets lies over it, and reduced where it is large. A page has
so much room for pictures, and takes no more when it is used up.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dsbuilder.cache.codec import Codec, fixed_shape
from dsbuilder.errors import DsbuilderError
from dsbuilder.images import encoding, jpeg
from dsbuilder.records import example
from dsbuilder.report.page.blocks import Picture
from dsbuilder.sample import Sample
from dsbuilder.targets.stored import IMAGE

SIDE = 224
"""Longer side of a picture that is drawn, in pixels."""

_MOST_STORED = 24_000
"""Bytes up to which a stored image is taken as it is."""
_LOSSLESS = 64 * 64
"""Pixels up to which a picture is kept exactly."""
_TYPES = {"jpeg": "image/jpeg", "png": "image/png"}


@dataclass
class Room:
    """Room that a page has for pictures.

    Attributes:
      left: bytes that are left of it.
    """

    left: int = 4_000_000

    def takes(self, picture: Picture) -> bool:
        """Whether there is room for a picture, which is then taken."""
        if len(picture.source) > self.left:
            return False
        self.left -= len(picture.source)
        return True


def stored_picture(codec: Codec, payload: bytes, *, alt: str, lines: Sequence[str] = ()) -> Picture:
    """Returns the picture of a stored sample.

    Args:
      payload: the sample as a shard holds it.
    """
    if codec.image != "raw" and not codec.signature.positional:
        data = example.decode(payload)[IMAGE][0]
        if isinstance(data, bytes) and len(data) <= _MOST_STORED:
            size = encoding.size(data)
            return Picture(source=_uri(data, _TYPES[codec.image]), size=size, alt=alt, lines=lines)
    return sample_picture(codec.decode(payload), alt=alt, lines=lines)


def sample_picture(sample: Sample, *, alt: str, lines: Sequence[str] = ()) -> Picture:
    """Returns the picture of a sample, with what of its targets lies over it."""
    from dsbuilder.report.canvas import picture as drawn  # most pages need no drawing
    from dsbuilder.report.canvas import to_uint8
    from dsbuilder.report.overlay import lay, overlays_of

    overlays = overlays_of(sample)
    pixels = to_uint8(sample.image)
    if not overlays and pixels.shape[2] in (1, 3) and max(pixels.shape[:2]) <= SIDE:
        return _picture(pixels, alt, lines)  # drawn at its own size by whoever shows it
    picture = np.asarray(lay(drawn(sample.image, SIDE), overlays))
    return _picture(picture, alt, lines)


def file_picture(data: bytes, *, alt: str) -> Picture:
    """Returns a picture that is a PNG already, made smaller in bytes where that is much."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        image.load()
        size = (image.height, image.width)
        if len(data) <= 10 * _MOST_STORED:
            return Picture(source=_uri(data, "image/png"), size=size, alt=alt)
        packed = io.BytesIO()
        image.convert("RGB").save(packed, format="WEBP", quality=85)
    return Picture(source=_uri(packed.getvalue(), "image/webp"), size=size, alt=alt)


def luma(codec: Codec, payload: bytes) -> tuple[tuple[int, int], float] | None:
    """Returns (height, width) of a stored image and its mean brightness in [0, 255].

    A JPEG is decoded at an eighth of its size, of which the mean is the same. None of an image of
    floats, whose values mean what its pipeline says.
    """
    data = example.decode(payload)[IMAGE][0]
    if codec.signature.image.dtype != "uint8" or not isinstance(data, bytes):
        return None
    try:
        if codec.image == "raw":
            pixels = np.frombuffer(data, np.uint8).reshape(fixed_shape(codec.signature))
            size = (pixels.shape[0], pixels.shape[1])
        elif codec.image == "jpeg":
            size = encoding.size(data)
            pixels = jpeg.decode(data, gray=True, least=(1, 1))
        else:
            pixels = codec.decode_image(data)
            size = (pixels.shape[0], pixels.shape[1])
    except (DsbuilderError, ValueError):
        return None
    return size, _brightness(pixels)


def _brightness(pixels: np.ndarray) -> float:
    means = pixels.reshape(-1, pixels.shape[2]).mean(axis=0)
    if len(means) < 3:
        return float(means[0])
    return float(means[:3] @ (0.299, 0.587, 0.114))


def _picture(pixels: np.ndarray, alt: str, lines: Sequence[str]) -> Picture:
    height, width = pixels.shape[:2]
    form: Literal["jpeg", "png"] = "png" if height * width <= _LOSSLESS else "jpeg"
    data = encoding.encode(pixels, form, quality=88)
    return Picture(source=_uri(data, _TYPES[form]), size=(height, width), alt=alt, lines=lines)


def _uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
