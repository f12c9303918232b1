"""Where the files of a tar archive lie in it, so that each is read alone and nothing is unpacked.

Headers are read here and not by Python's tarfile, which takes a damaged header for the end of the
archive, so that all behind it would be lost without a word. Understood are the old form, ustar, GNU
(long names) and PAX (`path` and `size`); what is no plain file is passed over by its kind.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dsbuilder.errors import DataError
from dsbuilder.records.rows import open_file

_BLOCK = 512
_LONGEST = _CHUNK = 1 << 20
_FILES = frozenset(b"\x0007")
_LONG_NAME, _PAX = b"Lx"
_ABOUT_NEXT = frozenset(b"LxgK")
_MOST_DIGITS = 20
_KINDS = {
    **dict.fromkeys(b"12", "links"),
    **dict.fromkeys(b"346", "devices"),
    ord("5"): "folders",
}
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zX": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class TarEntry(NamedTuple):
    """One entry of an archive.

    Attributes:
      name: name as it stands there.
      offset: offset of the content, in bytes from the start of the archive.
      size: size of the content, in bytes.
      kind: `files`, or what else it is: `folders`, `links` or `devices`.
    """

    name: str
    offset: int
    size: int
    kind: str = "files"


def members(path: Path) -> Iterator[TarEntry]:
    """Yields the entries of an archive, in its order, reading their headers alone.

    Raises:
      DataError: there is no such file, it is packed, cut or damaged, or holds a sparse file.
    """
    with open_file(path) as file:
        yield from _Headers(path=path, file=file, end=os.fstat(file.fileno()).st_size).read()


def content(path: Path, offset: int, size: int) -> bytes:
    """Returns so many bytes of an archive.

    Raises:
      DataError: there are fewer.
    """
    with open_file(path) as file:
        found = os.pread(file.fileno(), size, offset)
    if len(found) != size:
        raise DataError(
            f"{path}: byte {offset}: expected {size} bytes, found {len(found)}: the file was "
            "changed. Build again."
        )
    return found


@dataclass(kw_only=True)
class _Headers:
    """Reads one header after the other.

    Attributes:
      end: the size of the archive.
      place: where the next header begins.
      said: what an entry before said of the next one: its name, its size.
    """

    path: Path
    file: BinaryIO
    end: int
    place: int = 0
    said: dict[bytes, bytes] = field(default_factory=dict)

    def read(self) -> Iterator[TarEntry]:
        while (header := self._block()).strip(b"\0"):
            member, kind = self._member(header), header[156]
            if kind in _ABOUT_NEXT:
                self._note(kind, member)
            else:
                self.said.clear()
                yield member
        if self.said:
            raise self._damaged("a name without a file")
        self._check_end()

    def _check_end(self) -> None:
        """Raises a DataError if there is anything but zeros behind the end."""
        for place in range(self.place, self.end, _CHUNK):
            if os.pread(self.file.fileno(), _CHUNK, place).strip(b"\0"):
                raise self._damaged("an end with more behind it")

    def _block(self) -> bytes:
        block = os.pread(self.file.fileno(), _BLOCK, self.place)
        if len(block) != _BLOCK:
            raise self._damaged(f"{len(block)} bytes, so that it is cut")
        return block

    def _member(self, header: bytes) -> TarEntry:
        """Returns the entry of a header, and goes on to the next."""
        self._check_sum(header)
        kind = _KINDS.get(header[156], "files" if header[156] in _FILES else "entries")
        name, start = self._name(header), self.place + _BLOCK
        if kind in ("links", "devices", "folders"):  # whatever size stands there
            self.place = start
            return TarEntry(name=name, offset=start, size=0, kind=kind)
        if header[156] == ord("S") or b"GNU.sparse.major" in self.said:
            raise self._damaged("a sparse file, which is not read")
        size = self._size(header)
        if not 0 <= size <= self.end - start:
            raise self._damaged(f"a file of {size} bytes, so that it is cut")
        self.place = start + -(-size // _BLOCK) * _BLOCK
        kind = "folders" if kind == "files" and name.endswith("/") else kind
        return TarEntry(name=name, offset=start, size=size, kind=kind)

    def _size(self, header: bytes) -> int:
        stated = self.said.get(b"size")
        if stated is None or header[156] in _ABOUT_NEXT:
            return self._number(header[124:136])
        return self._number(stated, base=10)

    def _check_sum(self, header: bytes) -> None:
        counted = header[:148] + b" " * 8 + header[156:]
        excess = self._number(header[148:156]) - sum(counted)
        if excess and excess != -256 * sum(
            byte > 127 for byte in counted
        ):  # signed, of old writers
            raise self._damaged(self._no_tar(header))

    def _no_tar(self, header: bytes) -> str:
        packed = [name for start, name in _PACKED.items() if header.startswith(start)]
        return f"one packed with {packed[0]}: unpack it" if packed else "another sum of its bytes"

    def _number(self, digits: bytes, *, base: int = 8) -> int:
        """Returns a number in digits, or in bytes, as GNU writes those beyond 8 GB."""
        if digits[:1] == b"\x80":
            return int.from_bytes(digits[1:], "big")
        words = digits.strip(b" \0")
        if words.strip(b"0123456789"[:base]) or len(words) > _MOST_DIGITS:
            raise self._damaged(f"no number but {words[:_MOST_DIGITS]!r}")
        return int(words, base) if words else 0

    def _name(self, header: bytes) -> str:
        name = self.said.get(b"path")
        if name is None:
            name = header[:100].partition(b"\0")[0]
            prefix = header[345:500].partition(b"\0")[0]
            if prefix and header[257:263] == b"ustar\0":
                name = prefix + b"/" + name
        return name.decode("utf-8", "surrogateescape")

    def _note(self, kind: int, member: TarEntry) -> None:
        """Keeps what an entry says of the next one."""
        if member.size > _LONGEST:
            raise self._damaged(f"a name of {member.size} bytes")
        said = os.pread(self.file.fileno(), member.size, member.offset)
        if kind == _LONG_NAME:
            self.said[b"path"] = said.partition(b"\0")[0]
        elif kind == _PAX:
            self.said.update(self._pairs(said))

    def _pairs(self, text: bytes) -> Mapping[bytes, bytes]:
        r"""Returns the pairs of a PAX header, each `length key=value\n`."""
        pairs: dict[bytes, bytes] = {}
        while text.strip(b"\0"):
            digits = text.partition(b" ")[0]
            length = int(digits) if digits.isdigit() and len(digits) < 9 else 0
            key, equals, value = text[len(digits) + 1 : length - 1].partition(b"=")
            if not equals or len(text) < length or text[length - 1 : length] != b"\n":
                raise self._damaged("a PAX header that breaks off")
            pairs[key] = value
            text = text[length:]
        return pairs

    def _damaged(self, found: str) -> DataError:
        return DataError(
            f"{self.path}: byte {self.place}: expected the header of a file in a tar archive, or "
            f"its end, found {found}. Write or download it again."
        )
