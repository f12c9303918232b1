"""The entries of an EXIF block, which is a TIFF file without an image; a damaged one has fewer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_TEXT, _INLINE = 2, 4


@dataclass(frozen=True, kw_only=True)
class ExifEntry:
    """One entry of a directory.

    Attributes:
      tag: number that says what it is.
      block: the whole block.
      order: its byte order.
      start: where in it the entry stands.
    """

    tag: int
    block: bytes
    order: Literal["little", "big"]
    start: int

    @property
    def short(self) -> int:
        """The value of an entry that holds one number of 2 bytes."""
        return self._number(8, 2)

    @property
    def long(self) -> int:
        """The value of an entry that holds one number of 4 bytes, such as a place."""
        return self._number(8, 4)

    @property
    def text(self) -> str:
        """The value of an entry that holds a text, up to its first NUL; empty of another."""
        count = self._number(4, 4)
        if self._number(2, 2) != _TEXT:
            return ""
        start = self.start + 8 if count <= _INLINE else self.long
        value = self.block[start : start + count].partition(b"\0")[0]
        return value.decode("utf-8", errors="replace").strip()

    def _number(self, offset: int, size: int) -> int:
        start = self.start + offset
        return int.from_bytes(self.block[start : start + size], self.order)


def entries(exif: bytes, directory: int | None = None) -> Iterator[ExifEntry]:
    """Yields the entries of a directory; none of what is no EXIF block.

    Args:
      exif: starts at the byte order mark, or at the ``Exif`` name before it; may be empty.
      directory: where it stands, as an entry says; None takes the first one, of the image.
    """
    block = exif.removeprefix(b"Exif\0\0")
    if block[:2] not in (b"II", b"MM"):
        return
    order: Literal["little", "big"] = "little" if block[:2] == b"II" else "big"
    at = int.from_bytes(block[4:8], order) if directory is None else directory
    count = int.from_bytes(block[at : at + 2], order)
    for start in range(at + 2, min(at + 2 + 12 * count, len(block)), 12):
        tag = int.from_bytes(block[start : start + 2], order)
        yield ExifEntry(tag=tag, block=block, order=order, start=start)
