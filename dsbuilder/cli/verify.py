"""`dsbuilder verify`: whether everything of a dataset is as it was built."""

from pathlib import Path

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, shown


@click.command()
@options.dataset
@options.as_json
@click.pass_context
def verify(context: click.Context, dataset: Path, *, as_json: bool) -> None:
    """Check every file, count, key and label of a dataset.

    Exits with 1 and names all problems: files that are missing, changed or do not belong there,
    counts that disagree, labels out of range, and records that are used in two splits.
    """
    from dsbuilder.actions.verify import verify as run
    from dsbuilder.dataset import load

    screen = Screen(as_json=as_json)
    with progress.samples(screen, before="comparing checksums") as report:
        found = run(load(dataset, whole=False), on_progress=report)
    if not as_json:
        found.raise_if_damaged()
    text = f"all {len(found.files)} files and {found.samples} samples are as they were built."

    def draw() -> None:
        line(f"{shown(dataset)}: {text}")
        follow(("train", dataset))

    screen.show(found, draw)
    if not found.intact:
        context.exit(1)
