"""`dsbuilder build`: a pipeline -> a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.following import again, follow
from dsbuilder.cli.screen import Lines, Screen, facts, line, shown
from dsbuilder.cli.tables import draw_counts

if TYPE_CHECKING:
    from dsbuilder.actions.build import BuildDocument
    from dsbuilder.actions.session import Session

_MOST_QUARANTINED = 5


@click.command()
@options.out
@options.workers
@options.opened
@click.option("--rehash", is_flag=True, help="Read every source file again, changed or not.")
@click.option(
    "--sample-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="Set a sample aside that takes longer, with what it was at; not with --workers 0.",
)
@click.option(
    "--exclude",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Leave out the keys of a list, as `inspect --exclude FILE` writes it.",
)
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="Print warnings and errors alone.")
def build(
    opened: "Session",
    out: Path,
    workers: int | None,
    *,
    rehash: bool,
    sample_timeout: float,
    exclude: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Build the dataset of a pipeline.

    It appears whole or not at all in DIR/name/version. A build that was interrupted goes on where
    it stopped; what has not changed since the last build is used again.
    """
    screen = Screen(as_json=as_json, quiet=quiet)
    try:
        with progress.samples(screen) as report:
            built = opened.build(
                out,
                workers=workers,
                rehash=rehash,
                sample_timeout_s=sample_timeout,
                exclude=exclude,
                on_progress=report,
            )
    except KeyboardInterrupt as error:
        error.add_note("Finished shards are kept: the same command goes on where this one stopped.")
        raise
    screen.show(built, lambda: _draw(built))


def _draw(built: "BuildDocument") -> None:
    draw_counts(
        {split: each.classes for split, each in built.splits.items()},
        {"samples": {split: each.samples for split, each in built.splits.items()}},
    )
    line()
    made: list[tuple[str, Lines]] = [
        ("dataset", shown(built.path)),
        ("samples", f"{built.made} made, {built.reused} reused"),
    ]
    if built.corrected:
        made.append(("corrected", f"{built.corrected} labels"))
    if built.lost:
        made.append(("lost", [each.text for each in built.lost]))
    if built.quarantined:
        made.append(("set aside", _quarantined(built)))
    if built.report is not None:
        made.append(("report", shown(built.report)))
    facts(made)
    line()
    classes = {name for each in built.splits.values() for name in each.classes}
    learnable = [again("train")] if len(classes) != 1 else []  # one class tells nothing apart
    follow(("preview", built.path), *learnable)


def _quarantined(built: "BuildDocument") -> list[str]:
    """Says what was set aside, once for an image and its variants."""
    first = {each.key.partition("//")[0]: each for each in reversed(built.quarantined)}
    reasons = [f"{key}: {each.stage}: {each.exception}" for key, each in sorted(first.items())]
    count, images = len(built.quarantined), len(reasons)
    lines = [
        f"{count} sample{'s' * (count > 1)} of {images} image{'s' * (images > 1)}, "
        f"listed in {shown(built.path / 'quarantine.jsonl')}",
        *reasons[:_MOST_QUARANTINED],
    ]
    if images > _MOST_QUARANTINED:
        lines.append(f"... and {images - _MOST_QUARANTINED} more")
    return lines
