"""What a source's records hold, as hashes: from the stat index, the files, or the source's word."""

from collections.abc import Sequence
from pathlib import Path

from dsbuilder.builder.survey import Survey
from dsbuilder.cache import fingerprint
from dsbuilder.cache.index import UNREADABLE, content_hashes
from dsbuilder.errors import DataError
from dsbuilder.plugin import Source
from dsbuilder.sample import Record


def hash_records(
    surveyed: Survey, index: Path, *, rehash: bool = False, keep: bool = True
) -> dict[str, str]:
    """Returns the content hash of every record by key, reading only files that may have changed.

    Args:
      index: the stat index; see `cache/index.py`.
      rehash: reads every file, whatever the index says.
      keep: whether the index is written back.
    """
    source = surveyed.pipeline.settings.source
    stated: dict[str, str] = {}
    files: list[str] = []
    for record in surveyed.records:
        identity = source.identity(record) if source is not None else None
        if identity is not None:
            stated[record.key] = fingerprint.digest(identity)
        else:
            files.append(str(_file_of(record)))
        files += map(str, record.files)
    known = content_hashes(index, list(dict.fromkeys(files)), rehash=rehash, keep=keep)
    return {
        record.key: _together(
            stated.get(record.key) or known[str(_file_of(record))],
            [known[str(file)] for file in record.files],
        )
        for record in surveyed.records
    }


def hash_record(source: Source, record: Record) -> str:
    """Returns the content hash of one record as it is now; empty if its file is gone."""
    identity = source.identity(record)
    own = fingerprint.digest(identity) if identity is not None else _now(_file_of(record))
    return _together(own, [_now(file) for file in record.files])


def _now(path: Path) -> str:
    return fingerprint.of_file(path) if path.is_file() else ""


def _together(own: str, files: Sequence[str]) -> str:
    """Returns one hash for a record: that of its pixels, unless its targets have files, too."""
    if UNREADABLE in (own, *files):
        return UNREADABLE
    return fingerprint.digest(own, files) if files else own


def _file_of(record: Record) -> Path:
    if record.path is None:
        raise DataError(
            f"{record.key}: expected a path or an identity to tell whether it changed, found "
            "neither. Let the source define identity()."
        )
    return record.path
