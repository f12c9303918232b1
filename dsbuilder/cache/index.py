"""The stat index: content hashes of source files that need not be read again.

A file whose path, size, times and inode are as they were has the content it had, with one
exception: a file that was written within the clock's grain of being hashed may change again without
its times changing. Like git, an entry made too soon after its file's last change is not trusted:
two seconds on a file system that counts whole ones, as FAT does, and a twentieth of one where times
are finer, which is five ticks of the slowest kernel clock.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dsbuilder.cache import fingerprint, store

UNREADABLE = "unreadable"
_COARSE_NS = 2 * 10**9
_FINE_NS = 5 * 10**7
_THREADS = 2


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
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # nothing known: every file is read, which is always right
    return loaded


def _entry(path: str, known: Mapping[str, Any]) -> list[Any]:
    """Returns [hash, size, mtime, ctime, inode, trusted] of a file."""
    facts = state(path)
    if facts is None:
        return ["", 0, 0, 0, 0, False]
    before: list[Any] | None = known.get(path)
    if before is not None and before[1:5] == facts:
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
