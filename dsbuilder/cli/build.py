"""`dsbuilder build`: a pipeline -> a dataset."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.screen import Screen, facts, line, shown, warned

if TYPE_CHECKING:
    from dsbuilder.builder import Built

_MOST_QUARANTINED = 5


@click.command()
@options.pipeline
@options.out
@options.workers
@options.overrides
@options.plugins
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
    pipeline: Path,
    out: Path,
    workers: int | None,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
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
    from dsbuilder.builder import build_dataset

    screen = Screen(as_json=as_json, quiet=quiet)
    if exclude is not None:
        overrides = (*overrides, f"build.exclude={json.dumps(str(exclude.absolute()))}")
    try:
        with progress.samples(screen) as report:
            built = build_dataset(
                pipeline,
                out,
                workers=workers,
                overrides=overrides,
                plugins=options.folders(plugin_folders),
                rehash=rehash,
                sample_timeout_s=sample_timeout,
                on_progress=report,
            )
    except KeyboardInterrupt as error:
        error.add_note("Finished shards are kept: the same command goes on where this one stopped.")
        raise
    document = describe(built)
    screen.show(document, lambda: _draw(built))


def describe(built: "Built") -> dict[str, Any]:
    """Returns what a build came to as JSON values."""
    known = built.manifest
    return {
        "path": str(built.path),
        "name": known.name,
        "version": known.version,
        "fingerprint": known.fingerprint,
        "splits": {
            split: {"samples": known.num_samples(split), "classes": known.class_counts(split)}
            for split in known.splits
        },
        "made": built.made,
        "reused": built.reused,
        "quarantined": [
            {key: row[key] for key in ("key", "stage", "exception")} for row in built.quarantined
        ],
        "reproducible": known.reproducible,
        "warnings": warned(*built.warnings),
    }


def _draw(built: "Built") -> None:
    from dsbuilder.cli.counts import draw_counts

    known = built.manifest
    draw_counts(
        {split: known.class_counts(split) for split in known.splits},
        {"samples": {split: known.num_samples(split) for split in known.splits}},
    )
    line()
    made = [
        ("dataset", shown(built.path)),
        ("samples", f"{built.made} made, {built.reused} reused"),
    ]
    if built.quarantined:
        made.append(("set aside", _quarantined(built)))
    facts(made)
    line()
    line(f"next: dsbuilder info {shown(built.path)}")


def _quarantined(built: "Built") -> str:
    """Says what was set aside, once for an image and its variants."""
    first = {row["key"].partition("//")[0]: row for row in reversed(built.quarantined)}
    reasons = [f"{key}: {row['stage']}: {row['exception']}" for key, row in sorted(first.items())]
    count, images = len(built.quarantined), len(reasons)
    lines = [
        f"{count} sample{'s' * (count > 1)} of {images} image{'s' * (images > 1)}, "
        f"listed in {shown(built.path / 'quarantine.jsonl')}",
        *reasons[:_MOST_QUARANTINED],
    ]
    if images > _MOST_QUARANTINED:
        lines.append(f"... and {images - _MOST_QUARANTINED} more")
    return "\n".join(lines)
