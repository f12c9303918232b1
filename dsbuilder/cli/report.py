"""`dsbuilder report`: a page that shows a dataset, a run, or several runs side by side."""

from pathlib import Path

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown, size


@click.command()
@click.argument(
    "paths", metavar="DATASET|RUN...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The page to write; by default report.html in the folder of what it shows, of several "
    "runs comparison.html.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@options.as_json
def report(paths: tuple[Path, ...], output: Path | None, *, opens: bool, as_json: bool) -> None:
    """Write a page that shows a dataset, a run, or several runs side by side.

    Of a dataset: counts before and after, originals beside their variants, findings, charts, the
    pipeline, times, and how others open it. Of a run: scores, curves, confusions, the worst
    mistakes, the configuration. Of several runs also what differs between them. The file holds
    everything and asks no other computer. Every build and every training writes it.
    """
    from dsbuilder.actions.report import report as write

    found = write(*paths, output=output)
    Screen(as_json=as_json).show(
        found, lambda: line(f"{shown(found.output)}: {size(found.size_bytes)}")
    )
    if opens:
        click.launch(found.output.absolute().as_uri())
