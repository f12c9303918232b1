"""Removes builds that no version stands for, and what interrupted builds and exports left."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.document import Document
from dsbuilder.cache import leftovers
from dsbuilder.cache.folders import MARKER
from dsbuilder.cache.leftovers import Leftover
from dsbuilder.errors import CacheError


@dataclass(frozen=True, kw_only=True)
class CleanDocument(Document):
    """What cleaning removed.

    Attributes:
      removed: folders and files that were removed, or would be.
      freed_bytes: size of what is freed on disk.
      dry_run: whether nothing was removed.
    """

    removed: tuple[Leftover, ...]
    freed_bytes: int
    dry_run: bool


def clean(path: Path | str, *, dry_run: bool = False) -> CleanDocument:
    """Removes what no version below an output folder, or beside a dataset, needs.

    A build or an export that is at work stays. A training that still has an old build open loses
    it.

    Args:
      path: folder that datasets are built in, or a dataset; or one that was to hold an export.
      dry_run: removes nothing, and says what would be removed.

    Raises:
      CacheError: there are no builds, or another build is at work there.
    """
    removed = leftovers.find_exports(Path(path))
    stores = leftovers.stores_at(Path(path))
    if not stores and not removed:
        raise CacheError(
            f"{path}: expected an output folder or a dataset in one, found no builds. "
            "Give the folder that datasets were built in, such as out."
        )
    freed, warnings = leftovers.freed_bytes(removed), []
    if not dry_run:
        leftovers.remove(removed)
    for store in stores:
        with store.locked():
            found = leftovers.find(store)
            freed += leftovers.freed_bytes(found)
            warnings += _of_unmarked(leftovers.unmarked(store))
            if not dry_run:
                leftovers.remove(found)
        removed += found
    return CleanDocument(
        removed=tuple(removed), freed_bytes=freed, dry_run=dry_run, warnings=tuple(warnings)
    )


def _of_unmarked(found: Sequence[Path]) -> list[str]:
    return [
        f"{path}: it is named like a build, and stays, since it has no file {MARKER} that says "
        "dsbuilder made it, as the first builds had none. If it is one, make that file (it may "
        "be empty) and clean again, or remove the folder yourself."
        for path in found
    ]
