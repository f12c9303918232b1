"""`dsbuilder clean`: removes builds that no version stands for."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown, size, warned

if TYPE_CHECKING:
    from dsbuilder.cache.leftovers import Leftover

_WORDS = {"build": "old build", "partial": "interrupted build", "stray": "stray file"}


@click.command()
@click.argument("path", metavar="OUT|DATASET", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@options.as_json
def clean(path: Path, *, dry_run: bool, as_json: bool) -> None:
    """Remove builds that no version stands for, and what interrupted ones left.

    What a version stands for stays, and so does a build that is at work. A training that still has
    an old build open loses it.
    """
    from dsbuilder.cache import leftovers

    found: list[Leftover] = []
    freed = 0
    for store in leftovers.stores_at(path):
        with store.locked():
            own = leftovers.find(store)
            freed += leftovers.freed_bytes(own)
            if not dry_run:
                leftovers.remove(own)
        found += own
    document = {
        "removed": [{"path": str(each.path), "kind": each.kind} for each in found],
        "freed_bytes": freed,
        "dry_run": dry_run,
        "warnings": warned(),
    }
    Screen(as_json=as_json).show(document, lambda: _draw(found, freed, path, dry_run=dry_run))


def _draw(found: "list[Leftover]", freed: int, path: Path, *, dry_run: bool) -> None:
    if not found:
        line(f"{shown(path)}: nothing to remove.")
        return
    for each in found:
        line(f"{_WORDS[each.kind]}  {shown(each.path)}")
    counts = Counter(each.kind for each in found)
    words = ", ".join(f"{n} {_WORDS[kind]}{'s' * (n > 1)}" for kind, n in counts.items())
    verb, frees = ("would be removed", "frees") if dry_run else ("removed", "freed")
    line(f"{words} {verb}; {frees} {size(freed)}")
