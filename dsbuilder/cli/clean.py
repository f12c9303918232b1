"""`dsbuilder clean`: removes builds that no version stands for, and what interruptions left."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, shown, size

if TYPE_CHECKING:
    from dsbuilder.actions.clean import CleanDocument

_WORDS = {
    "build": "old build",
    "partial": "interrupted build",
    "stray": "stray file",
    "export": "interrupted export",
}


@click.command()
@click.argument("path", metavar="OUT|DATASET", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@options.as_json
def clean(path: Path, *, dry_run: bool, as_json: bool) -> None:
    """Remove builds that no version stands for, and what interrupted ones left.

    What a version stands for stays, and so does a build that is at work. A training that still has
    an old build open loses it. What a killed export left lies beside the folder that it was to
    make: give the folder that holds that.
    """
    from dsbuilder.actions.clean import clean as run

    found = run(path, dry_run=dry_run)
    Screen(as_json=as_json).show(found, lambda: _draw(found, path))


def _draw(found: "CleanDocument", path: Path) -> None:
    if not found.removed:
        line(f"{shown(path)}: nothing to remove.")
        return
    for each in found.removed:
        line(f"{_WORDS[each.kind]}  {shown(each.path)}")
    counts = Counter(each.kind for each in found.removed)
    words = ", ".join(f"{n} {_WORDS[kind]}{'s' * (n > 1)}" for kind, n in counts.items())
    verb, frees = ("would be removed", "frees") if found.dry_run else ("removed", "freed")
    line(f"{words} {verb}; {frees} {size(found.freed_bytes)}")
    if found.dry_run:
        follow(("clean", path))
