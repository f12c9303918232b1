"""What Pillow leaves undone for PNG: checksums, EXIF wherever it stands, and fast writing."""

import zlib
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from dsbuilder.errors import DataError

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# zlib's fastest level: on photographs higher ones gain 2 to 13 % for 1.5 to 2.6 times the time.
COMPRESSION = 1


def check(data: bytes) -> None:
    """Checks that a PNG is whole and that every checksum in it holds.

    Pillow accepts a flipped bit in the pixels in 15 % of cases, and gives other pixels.

    Raises:
      DataError: the file is cut or corrupt; names the chunk.
    """
    kind, stop = b"", 0
    for kind, start, stop in chunks(data):
        content, checksum = data[start - 4 : stop], data[stop : stop + 4]
        if len(checksum) == 4 and zlib.crc32(content) != int.from_bytes(checksum):
            raise DataError(
                "expected a whole PNG, found a wrong checksum in its chunk "
                f"{kind.decode('latin-1')!r} at byte {start - 8}. Replace the file."
            )
    if kind != b"IEND" or stop + 4 > len(data):
        raise DataError(
            f"expected a whole PNG, found one that ends early, after {len(data)} bytes. "
            "Replace the file."
        )


def bit_depth(data: bytes) -> int:
    """Returns the bits per sample that a PNG's header states."""
    return data[24]


def exif(data: bytes) -> bytes:
    """Returns the EXIF block of a PNG; empty if there is none."""
    for kind, start, stop in chunks(data):
        if kind == b"eXIf":
            return data[start:stop]
    return b""


def encode(image: npt.NDArray[np.uint8]) -> bytes:
    """Returns `(H, W, C)` uint8 in RGB order, C in 1, 3, 4, as a PNG; equal images, equal bytes."""
    if image.shape[2] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    elif image.shape[2] == 4:
        image = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA)
    _, encoded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION])
    return encoded.tobytes()


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yields (kind, start, stop) of each chunk's content, up to the end chunk or the cut."""
    position = len(SIGNATURE)
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        kind = data[position + 4 : position + 8]
        yield kind, position + 8, position + 8 + length
        if kind == b"IEND":
            return
        position += length + 12
