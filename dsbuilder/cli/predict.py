"""`dsbuilder predict`: the classes of images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, startup
from dsbuilder.cli.screen import Screen, shown, table

if TYPE_CHECKING:
    from dsbuilder.train.prediction import Prediction


@click.command()
@click.argument("model", metavar="RUN|MODEL", type=click.Path(path_type=Path))
@click.argument(
    "paths", metavar="PATH...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="K",
    help="Classes to name of each image, the most probable first.",
)
@options.plugins
@options.as_json
def predict(
    model: Path,
    paths: tuple[Path, ...],
    top: int,
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Name the classes of images with a trained model.

    A PATH is an image, or a folder, which stands for all images below it.
    """
    screen = Screen(as_json=as_json)
    with startup.tensorflow(screen):
        from dsbuilder.train.prediction import predict as name_classes

    found = name_classes(model, paths, top=top, plugins=options.folders(plugin_folders))
    screen.show(describe(model, found), lambda: _draw(found))


def describe(model: Path, found: "Sequence[Prediction]") -> dict[str, Any]:
    """Returns predictions as JSON values."""
    return {
        "model": str(model),
        "predictions": [
            {
                "path": str(path),
                "classes": [{"name": name, "probability": share} for name, share in ranked],
            }
            for path, ranked in found
        ],
    }


def _draw(found: "Sequence[Prediction]") -> None:
    most = max((len(ranked) for _, ranked in found), default=0)
    headings = ["image", *("class" if place == 0 else "" for place in range(most))]
    rows = [
        [shown(path), *(f"{name} {share:.3f}" for name, share in ranked)] for path, ranked in found
    ]
    table(headings, rows)
