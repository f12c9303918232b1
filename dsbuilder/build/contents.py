"""What a source's records hold, as hashes: from the stat index, the files, or the source's word."""

from pathlib import Path

from dsbuilder.build.survey import Survey
from dsbuilder.cache import fingerprint
from dsbuilder.cache.index import content_hashes
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
    files: dict[str, Path] = {}
    for record in surveyed.records:
        identity = source.identity(record) if source is not None else None
        if identity is not None:
            stated[record.key] = fingerprint.digest(identity)
        else:
            files[record.key] = _file_of(record)
    hashes = content_hashes(index, list(files.values()), rehash=rehash, keep=keep)
    return {**stated, **{key: hashes[path] for key, path in files.items()}}


def hash_record(source: Source, record: Record) -> str:
    """Returns the content hash of one record as it is now; empty if its file is gone."""
    identity = source.identity(record)
    if identity is not None:
        return fingerprint.digest(identity)
    path = _file_of(record)
    return fingerprint.of_file(path) if path.is_file() else ""


def _file_of(record: Record) -> Path:
    if record.path is None:
        raise DataError(
            f"{record.key}: expected a path or an identity to tell whether it changed, found "
            "neither. Let the source define identity()."
        )
    return record.path
