"""`dsbuilder preview`: originals beside their variants, made just as a build would make them.

Of a built dataset it shows samples as they are stored.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.following import Command, again, follow
from dsbuilder.cli.screen import Screen, line, shown

if TYPE_CHECKING:
    from dsbuilder.actions.preview import PreviewDocument
    from dsbuilder.actions.preview_dataset import PreviewDatasetDocument
    from dsbuilder.actions.session import Session

_MOST_COPIES = 4  # as in actions/preview.py, which --help shall not import


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The picture to write; by default preview.png, or preview-2.png and so on if that is "
    "taken.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=6,
    show_default=True,
    metavar="N",
    help="Originals to show, and synthesized samples of each kind.",
)
@click.option(
    "--copies",
    type=click.IntRange(min=0),
    default=None,
    metavar="K",
    help=f"Variants of each; by default what the pipeline says, at most {_MOST_COPIES}.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Shows other originals; each looks as it will in the dataset.",
)
@click.option("--stages", is_flag=True, help="Show a sample after every stage, one by one.")
@options.opened
@options.as_json
def preview(
    opened: "Session",
    output: Path | None,
    count: int,
    copies: int | None,
    seed: int,
    *,
    stages: bool,
    as_json: bool,
) -> None:
    """Draw a picture sheet: originals beside their variants.

    Everything is as a build would make it: a variant is the one that the dataset will hold, before
    it is encoded. Where the pipeline streams, so are two epochs of the stream. In place of a
    pipeline a built DATASET, such as a bank, shows samples as they are stored, in --count rows.
    """
    screen = Screen(as_json=as_json)
    if opened.pipeline.is_dir():
        from dsbuilder.actions.dataset import load

        if stages or copies is not None:
            raise click.UsageError("expected neither --stages nor --copies for a dataset.")
        stored = load(opened.pipeline).preview(output, count=count, seed=seed)
        screen.show(stored, lambda: _draw(_stored_summary(stored), ("train", opened.pipeline)))
        return
    with progress.working(screen, "drawing"):
        found = opened.preview(output, count=count, copies=copies, seed=seed, stages=stages)
    screen.show(found, lambda: _draw(_summary(found), again("build")))


def _draw(summary: str, command: Command) -> None:
    line(summary)
    follow(command)


def _stored_summary(found: "PreviewDatasetDocument") -> str:
    shows = [f"{len(keys)} samples of {split}" for split, keys in found.shown.items()]
    return f"{shown(found.output)}: {' and '.join(shows)}"


def _summary(found: "PreviewDocument") -> str:
    shows = [
        f"{len(keys)} {word}"
        for keys, word in (
            (found.originals, f"originals{' with their variants' * found.varied}"),
            (found.synthesized, "synthesized samples"),
        )
        if keys
    ]
    return f"{shown(found.output)}: {' and '.join(shows)}"
