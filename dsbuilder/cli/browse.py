"""`dsbuilder browse`: a dataset, or what a pipeline would make, in a browser."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.screen import Screen, facts, shown

if TYPE_CHECKING:
    from dsbuilder.actions.browse import BrowserServer

_COUNT = 24  # as in actions/browse_pipeline.py, which --help shall not import


@click.command()
@click.argument("target", metavar="DATASET|PIPELINE", type=click.Path(path_type=Path))
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of a pipeline that is not built: records of each split to show, and synthesized samples "
    f"of each kind. [default: {_COUNT}]",
)
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
@options.out
@options.overrides
@options.plugins
@click.option("--no-open", is_flag=True, help="Print the address, and open no browser.")
@options.as_json
def browse(
    target: Path,
    plugin_folders: tuple[Path, ...],
    *,
    no_open: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Look at a dataset or a pipeline in a browser, and mark what is wrong.

    Samples with what they are labelled with, by split, class, origin, stage, finding and key; each
    with its whole history. Of a PIPELINE it shows what was built of it in --out; where nothing was,
    or it was changed since, some records as a build would make them, and builds nothing. What is
    marked is written to two files that a build reads. It is served on this machine alone, to who
    knows the address, until Ctrl-C.
    """
    screen = Screen(as_json=as_json)
    server = _server(screen, target, options.folders(plugin_folders), **given)
    told = server.told
    rows = [
        ("open", told.url),
        ("left out", shown(told.exclude)),
        ("wrong", shown(told.corrections)),
    ]
    screen.show(told, lambda: facts([*rows, ("end", "Ctrl-C")]))
    with contextlib.closing(server), contextlib.suppress(KeyboardInterrupt):
        if not no_open:
            click.launch(told.url)
        server.serve()


def _server(
    screen: Screen,
    target: Path,
    folders: list[Path] | None,
    *,
    count: int | None,
    out: Path,
    overrides: tuple[str, ...],
    **given: Any,
) -> "BrowserServer":
    from dsbuilder.actions import session
    from dsbuilder.actions.dataset import load

    if target.suffix in (".yaml", ".yml") and not target.is_dir():
        opened = session.open(target, out=out, overrides=overrides, plugins=folders)
        with progress.working(screen, "making some samples"):
            return opened.browse(count=_COUNT if count is None else count, **given)
    if overrides or count is not None:
        raise click.UsageError("expected neither --set nor --count for a dataset, which is built.")
    return load(target).browse(plugins=folders, **given)
