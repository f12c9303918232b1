"""`dsbuilder predict`: what a trained model says of images."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, startup
from dsbuilder.cli.screen import Screen, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.predict import PredictDocument

_TOP = 3


@click.command()
@click.argument("model", metavar="RUN|MODEL", type=click.Path(path_type=Path))
@click.argument(
    "paths", metavar="PATH...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="K",
    help=f"Of a class: how many to name of an image, the most probable first. [default: {_TOP}]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="Of several classes: the probability over which one is named. [default: 0.5]",
)
@click.option(
    "--masks",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Of masks: where they go, a PNG an image, whose palette indices are class ids.",
)
@click.option(
    "--overlays",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Of masks: where pictures go, each image with its mask over it.",
)
@options.plugins
@options.as_json
def predict(
    model: Path,
    paths: tuple[Path, ...],
    top: int | None,
    threshold: float | None,
    masks: Path | None,
    overlays: Path | None,
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Say what a trained model makes of images: classes, numbers or masks.

    A PATH is an image, or a folder, which stands for all images below it. Numbers are in the units
    of the labels; a mask has the size of the image.
    """
    from dsbuilder.actions.predict import predict as answered

    screen = Screen(as_json=as_json)
    found = answered(
        model,
        paths,
        top=top,
        threshold=threshold,
        masks=masks,
        overlays=overlays,
        plugins=options.folders(plugin_folders),
        starting=partial(startup.tensorflow, screen),
    )
    screen.show(found, lambda: _draw(found, [each for each in (masks, overlays) if each]))


def _draw(found: "PredictDocument", folders: Sequence[Path]) -> None:
    from dsbuilder.tasks import task_of

    headings, columns = ["image"], [[shown(Path(each["path"]))] for each in found.predictions]
    for name, kind in found.kinds.items():
        task, several = task_of(kind), len(found.kinds) > 1
        cells = [
            list(task.cells(each["heads"][name] if several else each)) for each in found.predictions
        ]
        width = max(map(len, cells), default=1)
        headings += [name if several else task.column, *[""] * (width - 1)]
        for row, own in zip(columns, cells, strict=True):
            row += [*own, *[""] * (width - len(own))]
    table(headings, columns)
    for where in folders:
        line(f"written to {shown(where.absolute())}")
