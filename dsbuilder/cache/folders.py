"""Folders of our own: marked when they are made, so that nothing else is removed; made to last.

Whoever keeps builds on a larger disk links `.builds` or `.builds/prepared` to a folder there, next
to folders of others. So a folder is removed only if it holds our marker, and through handles of
folders, which follow no link: what is removed is what was looked at. A link that stands for the
folder *in* which something is removed is followed; it keeps working.

What `sync` was called on outlasts a power cut; the name of a file lasts once its folder is synced.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from dsbuilder.errors import CacheError

MARKER = ".dsbuilder"
TEXT = b"dsbuilder made this folder, and removes it when nothing needs it any more.\n"
REMOVED = ".removed"
"""Ends the name of a folder that is being removed."""


def make(path: Path) -> None:
    """Makes a marked folder, with the folders above; one that is there is marked.

    Raises:
      CacheError: there is a link, whose folder may be another's.
    """
    make_lasting(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    if path.is_symlink():
        raise CacheError(
            f"{path}: expected a folder that dsbuilder makes, found a link. Move it away, or link "
            "the folder above."
        )
    marker = path / MARKER
    if not marker.exists():
        marker.write_bytes(TEXT)
        sync_all([marker, path, path.parent])


def make_lasting(path: Path) -> None:
    """Makes a folder and those above it, so that they outlast a power cut."""
    if not path.exists():
        make_lasting(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Waits until a file's bytes, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot do it for folders: there is nothing to wait for.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP) or not path.is_dir():
            raise
    finally:
        os.close(handle)


def sync_all(paths: Collection[Path]) -> None:
    """Waits until the bytes of files are on the disk, of all at once.

    A disk that writes for one of them writes for all: a dozen take about as long as two.
    """
    with ThreadPoolExecutor(max(len(paths), 1)) as threads:
        list(threads.map(sync, paths))


def sync_below(path: Path) -> None:
    """Syncs all files and folders below a folder, and the folder."""
    found = [(Path(folder), files) for folder, _, files in os.walk(path)]
    sync_all([folder / name for folder, files in found for name in files])
    sync_all([folder for folder, _ in found])


def is_marked(path: Path) -> bool:
    """Whether a folder is ours: no link, and marked; or empty, which does no harm."""
    try:
        with _opened(path, os.O_NOFOLLOW) as handle:
            names = os.listdir(handle)  # noqa: PTH208 - a handle has no path
            return not names or (MARKER in names and _is_file(handle, MARKER))
    except OSError:
        return False


def remove(path: Path) -> bool:
    """Removes a marked folder and says whether it was one; no part of it stays under its name.

    Raises:
      OSError: something of it cannot be removed.
    """
    if not is_marked(path):
        return False
    gone = path.name.removesuffix(REMOVED) + REMOVED
    if gone != path.name:
        remove(path.with_name(gone))  # one that an earlier removal left
    with _opened(path.parent) as holder:
        os.rename(path.name, gone, src_dir_fd=holder, dst_dir_fd=holder)
        with _opened(gone, os.O_NOFOLLOW, holder) as handle:
            _sweep(handle, keep=[MARKER])
            _sweep(handle, keep=())  # the marker last: what is left by half is still ours
        os.rmdir(gone, dir_fd=holder)
    return True


def sweep(path: Path, *, keep: Collection[str]) -> None:
    """Removes whatever lies in a folder but some names.

    Raises:
      OSError: something cannot be removed, or the folder is a link.
    """
    with _opened(path, os.O_NOFOLLOW) as handle:
        _sweep(handle, keep)


def _sweep(handle: int, keep: Collection[str]) -> None:
    for name in set(os.listdir(handle)).difference(keep):
        mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            shutil.rmtree(name, dir_fd=handle)  # by handles, too: it follows no link
        else:
            os.unlink(name, dir_fd=handle)


def _is_file(handle: int, name: str) -> bool:
    return stat.S_ISREG(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)


@contextlib.contextmanager
def _opened(path: Path | str, flags: int = 0, holder: int | None = None) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | flags, dir_fd=holder)
    try:
        yield handle
    finally:
        os.close(handle)


def lock(file: IO[Any]) -> bool:
    """Takes the lock of a file until it is closed, and says whether this system has such locks.

    Raises:
      OSError: another process holds it (BlockingIOError), or this file system has none.
    """
    try:
        import fcntl  # here alone: whoever only reads datasets needs no such system
    except ImportError:
        return False
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True
