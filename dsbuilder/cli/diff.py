"""`dsbuilder diff`: which samples two datasets differ in, and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, labeled, line, shown, table
from dsbuilder.cli.tables import draw_counts

if TYPE_CHECKING:
    from dsbuilder.actions.diff import DiffDocument

_MOST_ROWS = 20


@click.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@options.as_json
def diff(before: Path, after: Path, *, as_json: bool) -> None:
    """Say which samples B added, removed or changed since A, and why.

    A and B are datasets, such as two versions or two builds of one version.
    """
    from dsbuilder.actions.dataset import load

    screen = Screen(as_json=as_json)
    with progress.working(screen, "comparing"):
        found = load(before).diff(load(after))
    screen.show(found, lambda: _draw(before, after, found))


def _draw(before: Path, after: Path, found: "DiffDocument") -> None:
    from dsbuilder.pipelinefile.stages import SPLITS

    counts = {"added": found.added, "removed": found.removed, "changed": found.changed}
    line(f"{shown(before)} -> {shown(after)}: {found.unchanged} samples are the same")
    if found.changes:
        splits = [split for split in SPLITS if any(split in each for each in counts.values())]
        line()
        draw_counts({split: {} for split in splits}, {k: c for k, c in counts.items() if c})
        line()
        rows = [(each.kind, str(each.samples), each.reason) for each in found.reasons]
        _draw_some(("", "samples", "why"), rows)
        line()
        keys = [(each.kind, each.key, "; ".join(each.reasons)) for each in found.changes]
        _draw_some(("", "sample", "why"), keys)
    for note in found.notes:
        labeled("note:", note, fg="yellow")
    first = next((each for each in found.changes if each.kind != "removed"), None)
    if first is not None:
        line()
        follow(("explain", after, first.key))


def _draw_some(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table(headings, rows[:_MOST_ROWS], right=[1] if "samples" in headings else [])
    if len(rows) > _MOST_ROWS:
        line(f"... and {len(rows) - _MOST_ROWS} more; --json lists all.")
