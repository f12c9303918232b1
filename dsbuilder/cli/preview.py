"""`dsbuilder preview`: originals beside their variants, made just as a build would make them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown, warned

if TYPE_CHECKING:
    from dsbuilder.cli.exhibit import Exhibit

_MOST_COPIES = 4


@click.command()
@options.pipeline
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
@options.overrides
@options.plugins
@options.as_json
def preview(
    pipeline: Path,
    output: Path | None,
    count: int,
    copies: int | None,
    seed: int,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Draw a picture sheet: originals beside their variants.

    Everything is as a build would make it: a variant is the one that the dataset will hold, before
    it is encoded. Where the pipeline streams, so are two epochs of the stream.
    """
    from dsbuilder.builder import load_spec, survey
    from dsbuilder.cli.exhibit import Exhibit
    from dsbuilder.report.sheet import draw_sheet, write_png

    assigned = [*overrides, *([f"augment.copies={copies}"] if copies is not None else [])]
    surveyed = survey(load_spec(pipeline, assigned, options.folders(plugin_folders)))
    most = _MOST_COPIES if copies is None else copies
    exhibit = Exhibit(surveyed, count=count, copies=most, seed=seed)
    output = output or _free(Path("preview.png"))
    write_png(draw_sheet(exhibit.sheet(), side=exhibit.side), output)
    document = {
        "output": str(output.absolute()),
        "originals": [root.key for root in exhibit.originals],
        "synthesized": [root.key for root in exhibit.synthesized],
        "warnings": warned(*surveyed.warnings),
    }
    Screen(as_json=as_json).show(document, lambda: line(_summary(output, exhibit)))


def _free(wanted: Path) -> Path:
    """Returns a path, or with the next number behind its stem that no file has."""
    path, number = wanted, 1
    while os.path.lexists(path):
        number += 1
        path = wanted.with_stem(f"{wanted.stem}-{number}")
    return path


def _summary(output: Path, exhibit: "Exhibit") -> str:
    shows = [
        f"{len(roots)} {word}"
        for roots, word in (
            (exhibit.originals, f"originals{' with their variants' * exhibit.is_varied}"),
            (exhibit.synthesized, "synthesized samples"),
        )
        if roots
    ]
    return f"{shown(output)}: {' and '.join(shows)}"
