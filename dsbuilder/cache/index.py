"""What the records of a source hold, as content hashes, and the index that saves reading files.

A record's hash is that of its file, or of what its catalog says stands for its pixels, together
with those of the further files that its labels are read from.

The **stat index** keeps the hash of each file with its size, times and inode. A file of which all
of these are as they were has the content it had, with one exception: a file that was written within
the clock's grain of being hashed may change again without its times changing. Like git, an entry
made too soon after its file's last change is not trusted: two seconds on a file system that counts
whole ones, as FAT does, and a twentieth of one where times are finer, which is five ticks of the
slowest kernel clock.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dsbuilder.cache import fingerprint, store
from dsbuilder.errors import DataError
from dsbuilder.plugin import Catalog
from dsbuilder.sample import Record

UNREADABLE = "unreadable"
"""The content hash of what cannot be read."""

_COARSE_NS = 2 * 10**9
_FINE_NS = 5 * 10**7
_THREADS = 2


def hash_records(
    catalog: Catalog | None,
    records: Sequence[Record],
    index_path: Path,
    *,
    rehash: bool = False,
    keep: bool = True,
) -> dict[str, str]:
    """Returns the content hash of every record by key, reading only files that may have changed.

    Args:
      catalog: of the records; None where there are none.
      rehash: reads every file, whatever the index says.
      keep: whether the index is written back.
    """
    stated: dict[str, str] = {}
    files: list[str] = []
    for record in records:
        identity = catalog.identity(record) if catalog is not None else None
        if identity is not None:
            stated[record.key] = fingerprint.digest(identity)
        else:
            files.append(str(_file_of(record)))
        files += map(str, record.files)
    known = content_hashes(index_path, list(dict.fromkeys(files)), rehash=rehash, keep=keep)
    return {
        record.key: _together(
            stated.get(record.key) or known[str(_file_of(record))],
            [known[str(file)] for file in record.files],
        )
        for record in records
    }


def hash_record(catalog: Catalog, record: Record) -> str:
    """Returns the content hash of one record as it is now; empty if its file is gone."""
    identity = catalog.identity(record)
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
            "neither. Let the catalog define identity()."
        )
    return record.path


def content_hashes(
    index_path: Path, files: Sequence[str], *, rehash: bool = False, keep: bool = True
) -> Mapping[str, str]:
    """Returns the content hash of every file, reading only those that may have changed.

    A file that cannot be read has the hash `UNREADABLE`: making its sample will say why. The index
    is written back for the next time, unless `keep` says not.

    Args:
      rehash: reads every file, whatever the index says.
    """
    known = {} if rehash else _load(index_path)
    parts = [files[start::_THREADS] for start in range(_THREADS)]  # not one by one: too small
    with ThreadPoolExecutor(_THREADS) as threads:
        entries = threads.map(lambda part: {path: _entry(path, known) for path in part}, parts)
        fresh = {path: entry for part in entries for path, entry in part.items()}
    trusted = {path: entry for path, entry in fresh.items() if entry[-1] and entry[0]}
    if keep and trusted != known:
        store.write_text(index_path, json.dumps(trusted, separators=(",", ":")))
    return {path: entry[0] or UNREADABLE for path, entry in fresh.items()}


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # nothing known: every file is read, which is always right
    return loaded if isinstance(loaded, dict) else {}


def _entry(path: str, known: Mapping[str, Any]) -> list[Any]:
    """Returns [hash, size, mtime, ctime, inode, trusted] of a file."""
    facts = state(path)
    if facts is None:
        return ["", 0, 0, 0, 0, False]
    before = known.get(path)
    if type(before) is list and before[1:5] == facts and type(before[0]) is str:
        return before
    try:
        now = time.time_ns()
        return [fingerprint.of_file(Path(path)), *facts, is_settled(facts, now)]
    except OSError:
        return ["", 0, 0, 0, 0, False]


def state(path: Path | str) -> list[int] | None:
    """Returns [size, mtime in ns, ctime in ns, inode] of a file or folder; None if it is gone."""
    try:
        found = os.stat(path)  # noqa: PTH116 - asked for every file of a source
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def is_settled(facts: Sequence[int], at_ns: int) -> bool:
    """Whether a `state` can be trusted to tell every change after a moment, in ns since 1970."""
    _, mtime_ns, ctime_ns, _ = facts
    grain_ns = _FINE_NS if ctime_ns % 10**9 else _COARSE_NS
    return at_ns - max(mtime_ns, ctime_ns) > grain_ns
