"""TFRecord framing without TensorFlow.

A file is frames back to back, and nothing else:

    length of the payload   8 bytes, little-endian
    masked CRC32C of those  4 bytes
    payload
    masked CRC32C of it     4 bytes

Both checksums are always verified: a flipped bit or a cut file must never reach a training.
"""

import io
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from dsbuilder.errors import CacheError

_HEAD = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")

_LARGE = 1 << 24

HEAD_BYTES, TAIL_BYTES = _HEAD.size, _CRC.size
OVERHEAD_BYTES = HEAD_BYTES + TAIL_BYTES


def frame(data: bytes) -> bytes:
    """Returns `data` as one TFRecord frame; a file is such frames, concatenated."""
    return b"".join(parts(data))


def parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Returns the frame of `data` in parts, of which `data` itself is not copied."""
    length = _LENGTH.pack(len(data))
    return _HEAD.pack(len(data), _masked(length)), data, _CRC.pack(_masked(data))


def frame_length(payload_bytes: int) -> int:
    """Returns the length in bytes of the frame around a payload of `payload_bytes`."""
    return payload_bytes + OVERHEAD_BYTES


def read(path: str | os.PathLike[str]) -> Iterator[tuple[int, int, bytes]]:
    """Yields every frame of a file in its order, as (offset, length, payload).

    `offset` and `length` are the frame's own, in bytes, so that offset + length is the offset of
    the next frame and the two are enough to copy it undecoded.

    Raises:
      CacheError: the file is missing, cut or corrupt; names it and the byte offset. Frames before
        the damage have been yielded by then.
    """
    try:
        file = Path(path).open("rb")  # noqa: SIM115 (closed by the `with` below)
    except OSError as error:
        raise CacheError(
            f"{path}: expected a TFRecord file, {error.strerror or error}. Build it again."
        ) from error
    with file:
        yield from frames(file)


class PayloadError(CacheError):
    """The payload of a frame is damaged, of which the head is whole: the next one can be found.

    Attributes:
      length: length of the payload, in bytes.
    """

    def __init__(self, message: str, length: int) -> None:
        self.length = length
        super().__init__(message)


def frames(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yields every frame of an open file from its start; see `read`."""
    for offset, length, data in frames_or_damage(file):
        if isinstance(data, PayloadError):
            raise data
        yield offset, length, data


def frames_or_damage(file: BinaryIO) -> Iterator[tuple[int, int, bytes | PayloadError]]:
    """Yields every frame as `frames` does, the error in place of a payload that is damaged.

    Raises:
      CacheError: the file is cut, or the head of a frame is corrupt, so that no other is found.
    """
    offset = file.seek(0)
    while head := file.read(_HEAD.size):
        data: bytes | PayloadError
        try:
            data = _payload(file, offset, head)
            length = frame_length(len(data))
        except PayloadError as error:
            data, length = error, frame_length(error.length)
        yield offset, length, data
        offset += length


def begins_with_frame(head: bytes) -> bool:
    """Whether a file's first 12 bytes are the head of a frame, as its own checksum says."""
    if len(head) < _HEAD.size:
        return False
    return bool(_HEAD.unpack_from(head)[1] == _masked(head[: _LENGTH.size]))


def read_at(file: BinaryIO, offset: int) -> bytes:
    """Returns the payload of the frame at byte `offset` of an open file; moves its position.

    Raises:
      CacheError: there is no whole, intact frame; names the file and the byte offset.
    """
    file.seek(offset)
    return _payload(file, offset, file.read(_HEAD.size))


def _masked(data: bytes) -> int:
    """Returns the CRC32C of `data`, rotated and shifted as TFRecord stores it."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _payload(file: BinaryIO, offset: int, head: bytes) -> bytes:
    if len(head) < _HEAD.size:
        raise _damage(file, offset, f"a frame's head of {_HEAD.size} bytes", f"{len(head)} bytes")
    length, length_crc = _HEAD.unpack(head)
    found = _masked(head[: _LENGTH.size])
    if found != length_crc:
        raise _damage(
            file, offset, f"length checksum {length_crc:08x}", f"{found:08x} (corrupt, or no frame)"
        )
    if length > _LARGE and length > _size(file):  # takes no memory for what is not there
        raise _damage(file, offset, "a frame within the file", f"a length of {length} bytes")
    # One read for payload and checksum; the length has a checksum of its own, so it can be trusted.
    rest = file.read(length + _CRC.size)
    if len(rest) < length + _CRC.size:
        at = offset + _HEAD.size
        raise _damage(
            file, at, f"{length + _CRC.size} more bytes", f"{len(rest)} (the file is cut)"
        )
    data, data_crc = rest[:length], _CRC.unpack_from(rest, length)[0]
    found = _masked(data)
    if found != data_crc:
        at = offset + _HEAD.size
        damage = _damage(file, at, f"payload checksum {data_crc:08x}", f"{found:08x} (corrupt)")
        raise PayloadError(str(damage), length)
    return data


def _size(file: BinaryIO) -> int:
    """Returns the size of a plain file, which bounds a frame; of a packed one it is not known."""
    raw = getattr(file, "raw", file)
    return os.fstat(raw.fileno()).st_size if isinstance(raw, io.FileIO) else sys.maxsize


def _damage(file: BinaryIO, offset: int, expected: str, found: str) -> CacheError:
    name = getattr(file, "name", "TFRecord stream")
    return CacheError(
        f"{name}: byte {offset}: expected {expected}, found {found}. Build the dataset again."
    )
