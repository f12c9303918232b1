"""Builds that no version stands for, and what interrupted ones left: found, and removed.

Only what a build makes is ever touched: folders that are named like a fingerprint, and temporary
files. The stat index, the lock and whatever else lies there stays.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.cache.store import Store
from dsbuilder.errors import CacheError

_BUILD = re.compile(r"[0-9a-f]{32}")
_PARTIAL = re.compile(r"[0-9a-f]{32}\.partial")
_STRAY = re.compile(r"link-\d+|.*\.tmp|[0-9a-f]{32}\.removed")


@dataclass(frozen=True)
class Leftover:
    """Something that can be removed.

    Attributes:
      path: a folder or a file below `.builds`.
      kind: `build`, `partial` or `stray`.
    """

    path: Path
    kind: str


def stores_at(path: Path) -> list[Store]:
    """Returns the stores that a path means: of an output folder all, of a dataset its own.

    Raises:
      CacheError: there is none.
    """
    whole = path.absolute()
    # A version's link is not followed: it leads into `.builds`, two folders below its store.
    for root in (whole, whole.parent, whole.parent.parent):
        if whole.exists() and Store(root).builds.is_dir():
            return [Store(root)]
    below = sorted(whole.iterdir()) if whole.is_dir() else []
    found = [Store(each) for each in below if Store(each).builds.is_dir()]
    if not found:
        raise CacheError(
            f"{path}: expected an output folder or a dataset in one, found no builds. "
            "Give the folder that was --out, such as out."
        )
    return found


def find(store: Store) -> list[Leftover]:
    """Returns what no version of a store needs; call it with the store locked."""
    kept = {link.resolve() for link in store.root.iterdir() if link.is_symlink()}
    return [
        Leftover(path, kind)
        for path in sorted(store.builds.iterdir())
        for kind in [_kind(path)]
        if kind is not None and path.resolve() not in kept
    ]


def _kind(path: Path) -> str | None:
    for pattern, kind in ((_BUILD, "build"), (_PARTIAL, "partial"), (_STRAY, "stray")):
        if pattern.fullmatch(path.name):
            return kind
    return None


def freed_bytes(leftovers: Sequence[Leftover]) -> int:
    """Returns what removing would free: a file that a kept build shares frees nothing."""
    links: Counter[tuple[int, int]] = Counter()
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for each in leftovers:
        for path in _files(each.path):
            stat = path.lstat()
            identity = (stat.st_dev, stat.st_ino)
            links[identity] += 1
            sizes[identity] = (stat.st_nlink, stat.st_size)
    return sum(size for each, (count, size) in sizes.items() if links[each] == count)


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    yield from (each for each in path.rglob("*") if each.is_symlink() or not each.is_dir())


def remove(leftovers: Sequence[Leftover]) -> None:
    """Removes leftovers; a build is renamed first, so that none is ever there by half.

    Raises:
      CacheError: something cannot be removed.
    """
    for each in leftovers:
        try:
            _remove(each)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CacheError(
                f"{each.path}: expected a leftover that can be removed, found that it fails "
                f"({reason}). Change its permissions."
            ) from None


def _remove(leftover: Leftover) -> None:
    path = leftover.path
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    if leftover.kind == "build":
        path = path.rename(path.with_name(f"{path.name}.removed"))
    shutil.rmtree(path)
