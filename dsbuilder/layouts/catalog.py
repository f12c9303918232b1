"""What the catalogs of layouts have in common: the source that opened them, and their records."""

import hashlib
from pathlib import Path
from typing import Generic, TypeVar

from dsbuilder.errors import DataError
from dsbuilder.plugin import Catalog, Record, Source

AnySource = TypeVar("AnySource", bound=Source)


class SourceCatalog(Catalog, Generic[AnySource]):
    """A catalog of what the options of a source name."""

    def __init__(self, source: AnySource) -> None:
        self._source = source


def file_of(record: Record) -> Path:
    """Returns the file that a record lies in.

    Raises:
      DataError: it names none, so another catalog listed it.
    """
    if record.path is None:
        raise DataError(f"{record.key}: the record names no file.")
    return record.path


def digest(*parts: bytes) -> str:
    """Returns what stands for pixels in a fingerprint: a hash of their bytes, one after another."""
    return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()
