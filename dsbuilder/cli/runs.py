"""`dsbuilder runs`: what the run folders below a folder came to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, table

if TYPE_CHECKING:
    from dsbuilder.actions.runs import RunSummary


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("runs"))
@options.as_json
def runs(folder: Path, *, as_json: bool) -> None:
    """List training runs, and what each reached.

    They are looked for below FOLDER, by default `runs`.
    """
    from dsbuilder.actions.runs import runs as listed

    found = listed(folder)
    Screen(as_json=as_json).show(found, lambda: _draw(found.runs))


def _draw(rows: Sequence["RunSummary"]) -> None:
    headings = ("run", "dataset", "model", "epochs", "seconds", "measure")
    splits = ("validation", "test", "of samples")
    table((*headings, *splits), [_cells(row) for row in rows], right=(3, 4, 6, 7, 8))
    line()
    line("validation and test: of the best epoch's model")
    if rows:
        follow(("evaluate", rows[-1].run))


def _cells(row: "RunSummary") -> list[str]:
    from dsbuilder.tasks.intervals import shown

    evaluated, headline = row.evaluation or {}, row.headline or "loss"
    return [
        str(row.run),
        row.dataset,
        row.model,
        str(row.epochs),
        f"{row.seconds:.0f}",
        headline.replace("_", " "),
        shown(row.validation.get(headline), None),
        shown(row.score, row.interval),
        str(evaluated.get("samples", "-")),
    ]
