"""A temporary folder beside a target, in which a folder becomes whole before it is moved there.

One that a killed process left is known and removed by the next: it holds the marker of what is
ours, and nobody holds its lock, which ends with the process that made it.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dsbuilder.cache import folders

_PREFIX = ".dsbuilder-"
_SUFFIX = ".partial"


@contextlib.contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Yields a new folder on the same disk; it is removed with what is still in it at the end.

    What killed processes left beside the target is removed first, as far as it can be.

    Raises:
      OSError: it cannot be made.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(
            errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target.parent)
        ) from None
    for path in abandoned(target.parent):
        with contextlib.suppress(OSError):
            folders.remove(path)
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=_SUFFIX, dir=target.parent))
    try:
        # Locked before it is called the marker: so no marked folder is without its lock.
        with (made / f"{folders.MARKER}.tmp").open("xb") as marker:
            folders.lock(marker)
            marker.write(folders.TEXT)
            marker.flush()
            Path(marker.name).rename(made / folders.MARKER)
            yield made
    finally:
        with contextlib.suppress(OSError):
            folders.remove(made)


def abandoned(folder: Path) -> list[Path]:
    """Returns the temporary folders that killed processes left in a folder."""
    names = (f"{_PREFIX}*{_SUFFIX}", f"{_PREFIX}*{_SUFFIX}{folders.REMOVED}")
    return sorted(path for name in names for path in folder.glob(name) if _is_abandoned(path))


def _is_abandoned(path: Path) -> bool:
    if not folders.is_marked(path):
        return False
    try:
        descriptor = os.open(path / folders.MARKER, os.O_RDWR | os.O_NOFOLLOW)
        with open(descriptor, "r+b") as marker:  # noqa: PTH123 - it follows no link
            return folders.lock(marker)
    except OSError:  # an empty one may be about to be marked; or another process holds its lock
        return False
