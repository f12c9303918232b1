"""`dsbuilder verify`: whether everything of a dataset is as it was built."""

from pathlib import Path

import click

from dsbuilder.cli import options
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
    from dsbuilder.cache import store
    from dsbuilder.dataset import opened

    found = opened(dataset)
    if not as_json:
        found.verify()
    problems = found.problems() if as_json else []
    files = sorted(store.read_sums(found.path)) if not problems else []
    samples = sum(found.num_samples(split) for split in found.splits)
    Screen(as_json=as_json).show(
        {
            "path": str(found.path),
            "intact": not problems,
            "problems": problems,
            "files": files,
            "samples": samples,
        },
        lambda: line(
            f"{shown(dataset)}: all {len(files)} files and {samples} samples are as they were "
            "built."
        ),
    )
    if problems:
        context.exit(1)
