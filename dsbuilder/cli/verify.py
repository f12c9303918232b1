"""`dsbuilder verify`: a dataset's files against their checksums."""

from pathlib import Path

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown


@click.command()
@options.dataset
@options.as_json
def verify(dataset: Path, *, as_json: bool) -> None:
    """Compare every file of a dataset with its checksum.

    Exits with 1 and names all files that are missing or differ.
    """
    from dsbuilder.cache import store
    from dsbuilder.dataset import load

    opened = load(dataset)
    opened.verify()
    files = sorted(store.read_sums(opened.path))
    Screen(as_json=as_json).show(
        {"path": str(opened.path), "intact": True, "files": files},
        lambda: line(f"{shown(dataset)}: all {len(files)} files are as they were built."),
    )
