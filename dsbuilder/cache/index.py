"""The stat index: content hashes of source files that need not be read again.

A file whose path, size, times and inode are as they were has the content it had, with one
exception: a file that was written within the clock's grain of being hashed may change again without
its times changing. Like git, an entry made less than two seconds after its file's last change is
not trusted.
"""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dsbuilder.cache import fingerprint, store

UNREADABLE = "unreadable"
_GRAIN_NS = 2 * 10**9
_THREADS = 2


def content_hashes(
    index_path: Path, files: Sequence[Path], *, rehash: bool = False, keep: bool = True
) -> Mapping[Path, str]:
    """Returns the content hash of every file, reading only those that may have changed.

    A file that cannot be read has the hash `UNREADABLE`: making its sample will say why. The index
    is written back for the next time, unless `keep` says not.

    Args:
      rehash: reads every file, whatever the index says.
    """
    known = {} if rehash else _load(index_path)
    parts = [files[start::_THREADS] for start in range(_THREADS)]  # not one by one: too small
    with ThreadPoolExecutor(_THREADS) as threads:
        entries = threads.map(lambda part: {str(path): _entry(path, known) for path in part}, parts)
        fresh = {path: entry for part in entries for path, entry in part.items()}
    trusted = {path: entry for path, entry in fresh.items() if entry[-1] and entry[0]}
    if keep and trusted != known:
        store.write_text(index_path, json.dumps(trusted, separators=(",", ":")))
    return {path: fresh[str(path)][0] or UNREADABLE for path in files}


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # nothing known: every file is read, which is always right
    return loaded


def _entry(path: Path, known: Mapping[str, Any]) -> list[Any]:
    """Returns [hash, size, mtime, ctime, inode, trusted] of a file."""
    try:
        stat = path.stat()
        facts = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        before = known.get(str(path))
        if before is not None and before[1:5] == facts:
            return [before[0], *facts, True]
        now = time.time_ns()
        settled = now - max(stat.st_mtime_ns, stat.st_ctime_ns) > _GRAIN_NS
        return [fingerprint.of_file(path), *facts, settled]
    except OSError:
        return ["", 0, 0, 0, 0, False]
