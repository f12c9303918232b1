"""`dsbuilder diff`: which samples two datasets differ in, and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown, table, warned

if TYPE_CHECKING:
    from dsbuilder.dataset import Change, Dataset, Difference

_MOST_ROWS = 20


@click.command()
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@options.as_json
def diff(before: Path, after: Path, *, as_json: bool) -> None:
    """Say which samples B added, removed or changed since A, and why.

    A and B are datasets, such as two versions or two builds of one version.
    """
    from dsbuilder.dataset import load

    one, other = load(before), load(after)
    difference = one.diff(other)
    document = _describe(one, other, difference)
    Screen(as_json=as_json).show(document, lambda: _draw(before, after, difference))


def _describe(one: "Dataset", other: "Dataset", difference: "Difference") -> dict[str, Any]:
    from dsbuilder.dataset.difference import KINDS

    return {
        "before": str(one.path),
        "after": str(other.path),
        **{kind: difference.counts(kind) for kind in KINDS},
        "unchanged": difference.unchanged,
        "reasons": [
            {"kind": kind, "reason": reason, "samples": count}
            for kind, reason, count in difference.reasons()
        ],
        "changes": [_describe_change(each) for each in difference.changes],
        "notes": list(difference.notes),
        "warnings": warned(),
    }


def _describe_change(change: "Change") -> dict[str, Any]:
    return {
        "key": change.key,
        "kind": change.kind,
        "before": change.before,
        "after": change.after,
        "reasons": list(change.reasons),
    }


def _draw(before: Path, after: Path, difference: "Difference") -> None:
    from dsbuilder.cli.counts import draw_counts
    from dsbuilder.dataset.difference import KINDS
    from dsbuilder.pipelinefile.stages import SPLITS

    counts = {kind: difference.counts(kind) for kind in KINDS}
    line(f"{shown(before)} -> {shown(after)}: {difference.unchanged} samples are the same")
    if difference.changes:
        splits = [split for split in SPLITS if any(split in each for each in counts.values())]
        line()
        draw_counts({split: {} for split in splits}, {k: c for k, c in counts.items() if c})
        line()
        rows = [(kind, str(count), reason) for kind, reason, count in difference.reasons()]
        _draw_some(("", "samples", "why"), rows)
        line()
        _draw_keys(difference)
    for note in difference.notes:
        line(f"{click.style('note:', fg='yellow')} {note}")


def _draw_keys(difference: "Difference") -> None:
    rows = [(each.kind, each.key, "; ".join(each.reasons)) for each in difference.changes]
    _draw_some(("", "sample", "why"), rows)


def _draw_some(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table(headings, rows[:_MOST_ROWS], right=[1] if "samples" in headings else [])
    if len(rows) > _MOST_ROWS:
        line(f"... and {len(rows) - _MOST_ROWS} more; --json lists all.")
