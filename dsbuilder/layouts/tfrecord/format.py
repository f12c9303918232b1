"""Files of records, opened once in a process, packed with gzip or not."""

import gzip
import re
import weakref
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from dsbuilder.errors import CacheError
from dsbuilder.plugin import DataError
from dsbuilder.records import example, tfrecord
from dsbuilder.records.rows import open_file, unpacked

_NAME = re.compile(
    r".*(?:\.(?:tfrecords?|tfrec|record)s?(?:-\d+-of-\d+)?|-\d{5}-of-\d{5})(?:\.gz)?", re.IGNORECASE
)
_GZIP = b"\x1f\x8b\x08"


def is_record_file(name: str) -> bool:
    """Whether a name is one that files of records bear."""
    return not name.startswith(".") and _NAME.fullmatch(name) is not None


@dataclass(frozen=True)
class RecordFiles:
    """Open files by path; they are closed when this is no longer held."""

    opened: dict[Path, BinaryIO] = field(default_factory=dict)

    def __post_init__(self) -> None:
        weakref.finalize(self, _close, self.opened)

    def examples(self, path: Path) -> Iterator[tuple[int, dict[str, example.Decoded]]]:
        """Yields the byte offset and the features of every record of a file, in its order.

        Raises:
          DataError: the file is missing, cut or corrupt, or a record is no Example.
        """
        try:
            for offset, _, payload in tfrecord.frames(self._file(path)):
                yield offset, _decoded(path, offset, payload)
        except CacheError as error:
            raise _damaged(path, error) from None

    def read(self, path: Path, offset: int) -> dict[str, example.Decoded]:
        """Returns the features of the record at a byte offset.

        Raises:
          DataError: there is none, or it is corrupt.
        """
        try:
            return _decoded(path, offset, tfrecord.read_at(self._file(path), offset))
        except CacheError as error:
            raise _damaged(path, error) from None

    def _file(self, path: Path) -> BinaryIO:
        if path not in self.opened:
            self.opened[path] = _opened(path)
        return self.opened[path]


def _close(opened: dict[Path, BinaryIO]) -> None:
    for file in opened.values():
        file.close()


def _opened(path: Path) -> BinaryIO:
    file = open_file(path)
    head = file.read(12)
    if tfrecord.begins_with_frame(head) or not head.startswith(_GZIP):
        return file
    with file:
        file.seek(0)
        try:
            with gzip.open(file) as stream:
                return unpacked(cast(BinaryIO, stream))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(
                f"{path}: expected a whole gzip file, found a cut or damaged one ({error}). "
                "Download it again."
            ) from None


def _decoded(path: Path, offset: int, payload: bytes) -> dict[str, example.Decoded]:
    try:
        return example.decode(payload)
    except CacheError as error:
        raise _damaged(f"{path}: byte {offset}", error) from None


def _damaged(where: Path | str, error: CacheError) -> DataError:
    # What reads our own shards says to build them again, which is no use for a stranger's file.
    message = str(error).replace("Build the dataset again.", "Download or write the file again.")
    return DataError(message if message.startswith(str(where)) else f"{where}: {message}")
