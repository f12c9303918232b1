"""Orientation: how a camera was held, as a number from 1 to 8, read of EXIF or XMP and applied.

| value | the stored image must be | value | the stored image must be |
|---|---|---|---|
| 1 | left as it is | 5 | mirrored at its main diagonal (transposed) |
| 2 | mirrored left to right | 6 | turned by 90 degrees clockwise |
| 3 | turned by 180 degrees | 7 | mirrored at its other diagonal |
| 4 | mirrored top to bottom | 8 | turned by 90 degrees counter-clockwise |
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from dsbuilder.images.exif import entries

UPRIGHT = 1
TAG = 0x0112
"""The number of the orientation in EXIF and TIFF."""

_XMP = re.compile(rb"""tiff:Orientation\s*(?:=\s*["']|>)\s*([0-9])\s*["'<]""")


def read(exif: bytes, xmp: bytes = b"") -> int:
    """Returns the orientation that an image's metadata state, in [1, 8].

    What states none, or is damaged, means upright, as every viewer takes it: cameras write the
    pixels apart from it. EXIF counts before XMP, as cameras write the one and editors both.

    Args:
      exif: starts at the byte order mark, or at the ``Exif`` name before it; may be empty.
      xmp: a packet of XMP; may be empty.
    """
    value = next((each.short for each in entries(exif) if each.tag == TAG), None)
    if value is None:
        found = _XMP.search(xmp.replace(b"\0", b""))  # in UTF-16, too, these letters are ASCII
        value = int(found[1]) if found else UPRIGHT
    return value if 1 <= value <= 8 else UPRIGHT


def apply(image: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Returns `(H, W, C)` turned upright, contiguous; the image itself if it is upright."""
    if orientation == UPRIGHT:
        return image
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def apply_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Returns a stored (height, width) as it is once the image stands upright."""
    height, width = size
    return (width, height) if orientation >= 5 else (height, width)
