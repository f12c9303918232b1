"""`dsbuilder report`: a page that shows a dataset."""

from pathlib import Path

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown, size


@click.command()
@options.dataset
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The page to write; by default report.html in the folder of what it shows.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@options.as_json
def report(dataset: Path, output: Path | None, *, opens: bool, as_json: bool) -> None:
    """Write a page that shows a dataset, to look at and to share.

    Counts before and after, originals beside their variants, findings, charts, the pipeline, times,
    and how others open it. The file holds everything and asks no other computer. Every build
    writes it.
    """
    from dsbuilder.actions.dataset import load

    found = load(dataset).report(output)
    Screen(as_json=as_json).show(
        found, lambda: line(f"{shown(found.output)}: {size(found.size_bytes)}")
    )
    if opens:
        click.launch(found.output.absolute().as_uri())
