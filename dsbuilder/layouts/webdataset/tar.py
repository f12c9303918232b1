"""Where the files of a tar archive lie in it, so that each is read alone and nothing is unpacked.

Headers are read here and not by Python's tarfile, which takes a damaged header for the end of the
archive, so that all behind it would be lost without a word. Here the next whole header is looked
for, block by block, and the damage told. Understood are the old form, ustar, GNU (long names) and
PAX (`path` and `size`); what is no plain file is passed over by its kind.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dsbuilder.errors import DataError
from dsbuilder.records.rows import open_file

_BLOCK = 512
_END = bytes(2 * _BLOCK)
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
_SUM = slice(148, 156)
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zX": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class TarEntry(NamedTuple):
    """One entry of an archive.

    Attributes:
      name: name as it stands there.
      offset: offset of the content, in bytes from the start of the archive.
      size: size of the content, in bytes.
      kind: `files`, or what else it is: `folders`, `links` or `devices`; `damage` of a header that
        is none, of which `name` says what is wrong.
    """

    name: str
    offset: int
    size: int
    kind: str = "files"


def members(path: Path) -> Iterator[TarEntry]:
    """Yields the entries of an archive, in its order, reading their headers alone.

    Raises:
      DataError: there is no such file, it is packed or cut, holds a sparse file, or no whole header
        behind a damaged one.
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
      count: number of headers that were whole.
      said: what an entry before said of the next one: its name, its size.
    """

    path: Path
    file: BinaryIO
    end: int
    place: int = 0
    count: int = 0
    said: dict[bytes, bytes] = field(default_factory=dict)

    def read(self) -> Iterator[TarEntry]:
        while True:
            header = self._block()
            damage = self._damage(header)
            if damage is not None:
                yield TarEntry(name=str(damage), offset=self.place, size=0, kind="damage")
                if not self._seek_header(damage):
                    break
                continue
            if not header.strip(b"\0"):
                break
            self.count += 1
            member, kind = self._member(header), header[156]
            if kind in _ABOUT_NEXT:
                self._note(kind, member)
            else:
                self.said.clear()
                yield member
        if self.said:
            raise self._damaged("a name without a file")

    def _damage(self, header: bytes) -> DataError | None:
        """Returns what is wrong with a header, or with an end, behind which zeros alone may be."""
        if header.strip(b"\0"):
            fault = _fault(header)
            return None if fault is None else self._damaged(fault)
        for place in range(self.place, self.end, _CHUNK):
            if os.pread(self.file.fileno(), _CHUNK, place).strip(b"\0"):
                return self._damaged("an end with more behind it")
        return None

    def _seek_header(self, damage: DataError) -> bool:
        """Goes on to the next whole header; False if only the end of the archive follows.

        Raises:
          DataError: `damage`, since there is neither.
        """
        self.said.clear()
        for place in range(self.place + _BLOCK, self.end, _CHUNK):
            chunk = os.pread(self.file.fileno(), _CHUNK, place)
            for start in range(0, len(chunk) - _BLOCK + 1, _BLOCK):
                header = chunk[start : start + _BLOCK]
                if header[_SUM].strip(b" \0") and _fault(header) is None:
                    self.place = place + start
                    return True
        ends = self.end >= len(_END) and os.pread(
            self.file.fileno(), len(_END), self.end - len(_END)
        )
        if not self.count or ends != _END:
            raise damage
        return False

    def _block(self) -> bytes:
        block = os.pread(self.file.fileno(), _BLOCK, self.place)
        if len(block) != _BLOCK:
            raise self._damaged(f"{len(block)} bytes, so that it is cut")
        return block

    def _member(self, header: bytes) -> TarEntry:
        """Returns the entry of a header, and goes on to the next."""
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


def _fault(header: bytes) -> str | None:
    """Says why a block is no header, by the sum of its bytes; None if it is one."""
    digits = header[_SUM].strip(b" \0")
    packed = [name for start, name in _PACKED.items() if header.startswith(start)]
    if packed:
        return f"one packed with {packed[0]}: unpack it"
    if digits.strip(b"01234567"):
        return f"no number but {digits!r}"
    counted = header[:148] + b" " * 8 + header[156:]
    excess = int(digits or b"0", 8) - sum(counted)
    if excess and excess != -256 * sum(byte > 127 for byte in counted):  # signed, of old writers
        return "another sum of its bytes"
    return None
