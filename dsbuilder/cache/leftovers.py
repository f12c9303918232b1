"""Builds that no version stands for, and what interrupted ones left: found, and removed.

Only what a build makes is ever touched: folders that are named like a fingerprint and hold our
marker, and its temporary files. The stat index, the lock and whatever else lies there stays. Of a
killed export its temporary folder is known.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.cache import folders, temporary
from dsbuilder.cache.store import BUILD, FRESH_LINK, Store
from dsbuilder.errors import CacheError

_PARTIAL = re.compile(r"[0-9a-f]{32}\.partial")
_REMOVED = re.compile(rf"[0-9a-f]{{32}}(\.[0-9]+|\.partial)?{re.escape(folders.REMOVED)}")
_FILES = ("index.json.tmp", "measures.jsonl.tmp")


@dataclass(frozen=True)
class Leftover:
    """Something that can be removed.

    Attributes:
      path: a folder or a file below `.builds`, a link beside it, or a folder of an export.
      kind: `build`, `partial`, `stray` or `export`.
    """

    path: Path
    kind: str


def stores_at(path: Path) -> list[Store]:
    """Returns the stores that a path means: of an output folder all, of a dataset its own."""
    whole = path.absolute()
    # A version's link is not followed: it leads into `.builds`, two folders below its store.
    for root in (whole, whole.parent, whole.parent.parent):
        if whole.exists() and Store(root).builds.is_dir():
            return [Store(root)]
    below = sorted(whole.iterdir()) if whole.is_dir() else []
    return [Store(each) for each in below if Store(each).builds.is_dir()]


def find_exports(folder: Path) -> list[Leftover]:
    """Returns what killed exports left in a folder, beside what they were to make."""
    return [Leftover(path, "export") for path in temporary.abandoned(folder)]


def find(store: Store) -> list[Leftover]:
    """Returns what no version of a store needs; call it with the store locked."""
    fresh = store.root / FRESH_LINK
    links = [link for link in store.root.iterdir() if link.is_symlink() and link != fresh]
    kept = {link.resolve() for link in links}
    found = [
        Leftover(path, kind)
        for path in sorted(store.builds.iterdir())
        for kind in [_kind(path)]
        if kind is not None and path.resolve() not in kept
    ]
    return [*found, *([Leftover(fresh, "stray")] if fresh.is_symlink() else [])]


def unmarked(store: Store) -> list[Path]:
    """Returns what no version needs and is named as ours is, but has no marker: it stays."""
    named = (BUILD, _PARTIAL, _REMOVED)
    kept = {link.resolve() for link in store.root.iterdir() if link.is_symlink()}
    return [
        path
        for path in sorted(store.builds.iterdir())
        if path.is_dir() and not path.is_symlink() and path.resolve() not in kept
        if any(pattern.fullmatch(path.name) for pattern in named) and not folders.is_marked(path)
    ]


def _kind(path: Path) -> str | None:
    if path.name in _FILES:
        return None if path.is_symlink() or path.is_dir() else "stray"
    for pattern, kind in ((BUILD, "build"), (_PARTIAL, "partial"), (_REMOVED, "stray")):
        if pattern.fullmatch(path.name) and folders.is_marked(path):
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
    """Removes leftovers; what is no longer what was found is left alone.

    Raises:
      CacheError: something cannot be removed.
    """
    for each in leftovers:
        try:
            if each.path.is_symlink() or not each.path.is_dir():
                each.path.unlink(missing_ok=True)
            else:
                folders.remove(each.path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CacheError(
                f"{each.path}: expected a leftover that can be removed, found that it fails "
                f"({reason}). Change its permissions."
            ) from None
