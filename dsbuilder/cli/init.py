"""`dsbuilder init`: a folder -> which layout it has, and a pipeline that builds it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.check import draw
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.init import InitDocument

_NEXT = ("inspect", "preview", "build")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="PIPELINE",
    help="The file to write; by default named after the folder, in the current one.",
)
@click.option("--use", metavar="SOURCE", help="Read the folder with this source, sure or not.")
@options.plugins
@options.as_json
def init(
    folder: Path,
    output: Path | None,
    use: str | None,
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Write a pipeline that builds a folder, after looking which layout it has.

    Every source says whether it knows the layout, and why or why not. The pipeline builds as it
    stands; a comment says of each line why it is there. A file that exists is not overwritten.
    """
    from dsbuilder.actions.init import init as run

    screen = Screen(as_json=as_json)
    with progress.working(screen, f"looking at {folder}"):
        found = run(folder, output, use=use, plugins=options.folders(plugin_folders))
    screen.show(found, lambda: _draw(found))


def _draw(found: "InitDocument") -> None:
    rows = [
        (
            f"{each.source} *" if each.source == found.source["use"] else each.source,
            f"{each.certainty:.2f}" if each.certainty else "no",
            each.reason,
        )
        for each in found.recognized
        if each.certainty or each.source == found.source["use"]
    ]
    table(("layout", "certainty", "why"), rows, right=(1,))
    others = [each.source for each in found.recognized if not each.certainty]
    line(f"not {', '.join(others)}; --json says why")
    line()
    draw(found.check)
    line()
    line(f"{shown(found.output)}: written")
    follow(*((verb, found.output) for verb in _NEXT))
