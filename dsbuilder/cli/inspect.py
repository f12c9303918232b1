"""`dsbuilder inspect`: what is wrong with the data of a pipeline's source."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.screen import Screen, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.inspect import InspectDocument, InspectFinding
    from dsbuilder.actions.session import Session

_FILE = click.Path(path_type=Path)
_EXAMPLES = 3


@click.command()
@click.option(
    "--only", multiple=True, metavar="NAME", help="Run this inspector alone. May be repeated."
)
@click.option(
    "--exclude",
    type=_FILE,
    metavar="FILE",
    help="Write the keys that have a finding, for `build --exclude FILE`.",
)
@click.option("--sheet", type=_FILE, metavar="FILE", help="Draw the findings as a picture, a PNG.")
@options.workers
@options.opened
@options.as_json
@click.pass_context
def inspect(
    context: click.Context,
    opened: "Session",
    only: tuple[str, ...],
    exclude: Path | None,
    sheet: Path | None,
    workers: int | None,
    *,
    as_json: bool,
) -> None:
    """Say what is wrong with the data: images, labels, duplicates, leaks.

    Every inspector runs, with the options that the pipeline states for it, but those that it
    ignores. Exits with 1 if one that the pipeline calls an error has found something.
    """
    screen = Screen(as_json=as_json)
    with progress.samples(screen) as report:
        found = opened.inspect(
            only=only, exclude=exclude, sheet=sheet, workers=workers, on_progress=report
        )
    screen.show(found, lambda: _draw(found, exclude, sheet))
    if found.has_error:
        context.exit(1)


def _draw(found: "InspectDocument", exclude: Path | None, sheet: Path | None) -> None:
    by_inspector = {
        name: [each for each in found.findings if each.inspector == name] for name in found.counts
    }
    rows = [
        (name, str(len(findings)), list(_examples(findings)))
        for name, findings in by_inspector.items()
        if findings
    ]
    if rows:
        table(("finding", "count", "examples, and what to do"), rows, right=[1])
        line()
    clean = [name for name, count in found.counts.items() if not count]
    if clean:
        line(f"nothing found: {', '.join(clean)}")
    line(f"{len(found.keys)} of {found.records} records have a finding.")
    for path in (exclude, sheet):
        if path is not None:
            line(f"written: {shown(path)}")


def _examples(findings: Sequence["InspectFinding"]) -> Iterator[str]:
    for each in findings[:_EXAMPLES]:
        yield each.text if each.key is None else f"{each.key}: {each.text}"
    if len(findings) > _EXAMPLES:
        yield f"... and {len(findings) - _EXAMPLES} more; --json lists all"
    yield f"-> {findings[0].advice}"
