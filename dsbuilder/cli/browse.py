"""`dsbuilder browse`: a dataset in a browser."""

import contextlib
from pathlib import Path

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, facts, shown


@click.command()
@options.dataset
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="The port of this machine to serve on; by default a free one.",
)
@click.option(
    "--exclude",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where records that are marked to be left out go, as build.exclude reads them; by "
    "default NAME-exclude.txt.",
)
@click.option(
    "--corrections",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where classes that are marked as wrong go, as source.corrections reads them; by default "
    "NAME-corrections.csv.",
)
@options.source
@options.plugins
@click.option("--no-open", is_flag=True, help="Print the address, and open no browser.")
@options.as_json
def browse(
    dataset: Path,
    port: int,
    exclude: Path | None,
    corrections: Path | None,
    source: Path | None,
    plugin_folders: tuple[Path, ...],
    *,
    no_open: bool,
    as_json: bool,
) -> None:
    """Look at a dataset in a browser, and mark what is wrong with it.

    Samples with what they are labelled with, by split, class, origin, stage, finding and key; each
    with its whole history. What is marked is written to two files that a build reads. It is served
    on this machine alone, to who knows the address, until Ctrl-C.
    """
    from dsbuilder.actions.dataset import load

    server = load(dataset).browse(
        port=port,
        exclude=exclude,
        corrections=corrections,
        source=source,
        plugins=options.folders(plugin_folders),
    )
    told = server.told
    rows = [
        ("open", told.url),
        ("left out", shown(told.exclude)),
        ("wrong", shown(told.corrections)),
    ]
    Screen(as_json=as_json).show(told, lambda: facts([*rows, ("end", "Ctrl-C")]))
    with contextlib.closing(server), contextlib.suppress(KeyboardInterrupt):
        if not no_open:
            click.launch(told.url)
        server.serve()
