"""`dsbuilder predict`: what a trained model says of images, as they are read."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, echo, line, shown

if TYPE_CHECKING:
    from dsbuilder.actions.predict import Predictions

_TOP = 3


@click.command()
@click.pass_context
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
    help="Of several classes: the probability over which one is named; of two classes: over which "
    "the second is. [default: what the training chose, or 0.5]",
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
@click.option(
    "--why",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Of classes: where pictures go that show where in each image the reason lies (Grad-CAM).",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the answers as a list of labels, the least confident first: a .csv, .tsv or .jsonl "
    "that the source `list` reads.",
)
@click.option(
    "--tta",
    type=click.Choice(["flip", "shift", "flip+shift", "auto"]),
    help="Test-time augmentation: show each image mirrored, shifted, or both as well, and average "
    "what the model says; auto takes what leaves the answer as it is.",
)
@click.option(
    "--tile",
    type=click.IntRange(min=1),
    metavar="SIDE",
    help="Of masks: cut each image into overlapping tiles of so many pixels a side, answer each, "
    "and put the answers together, averaged where tiles overlap.",
)
@click.option(
    "--overlap",
    type=click.IntRange(min=0),
    metavar="PIXELS",
    help="What neighboring tiles have in common, less than half of a tile. [default: an eighth]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "jsonl", "json"]),
    default="table",
    show_default=True,
    help="How answers are printed: all but json as images are read. --json is --format json.",
)
@options.plugins
@options.as_json
def predict(
    context: click.Context,
    /,
    model: Path,
    paths: tuple[Path, ...],
    form: str,
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
    **asked: Any,
) -> None:
    """Say what a trained model makes of images: classes, numbers, texts or masks.

    A PATH is an image, or a folder, which stands for all images below it. Numbers are in the units
    of the labels; a mask has the size of the image. An image that cannot be read is named, the
    others are answered, and the exit code is 1.
    """
    from dsbuilder.actions.predict import predictions

    shape = "json" if as_json else form
    screen = Screen(as_json=shape.startswith("json"))
    found = predictions(
        model,
        paths,
        **asked,
        plugins=options.folders(plugin_folders),
        starting=partial(startup.tensorflow, screen),
    )
    if shape == "json":
        with progress.working(screen, "asking the model"):
            document = found.document()
        screen.show(document, lambda: None)
        failures = len(document.failures)
    else:
        failures = _stream(found, shape)
    if shape == "table":
        for where in filter(None, (asked["masks"], asked["overlays"], asked["why"])):
            line(f"written to {shown(where.absolute())}")
        if found.source is not None:
            _say_source(found.source)
        if not failures:
            follow(("export-model", model, "--to", "keras"))
    if failures:
        context.exit(1)


def _stream(found: "Predictions", shape: str) -> int:
    """Prints each answer as it comes; returns how many images have none."""
    from dsbuilder.cli import answers

    printers: dict[str, Callable[[], answers.Printer]] = {
        "table": partial(answers.AnswerTable, found.kinds),
        "csv": partial(answers.CommaSeparated, found.kinds),
        "jsonl": answers.JsonLines,
    }
    printer, answered, failures = printers[shape](), 0, 0
    for each in found.each:
        if "error" in each:
            printer.failure(each)
            failures += 1
        else:
            printer.answer(each)
            answered += 1
    printer.close()
    if failures and answered + failures > 1:
        echo(f"{failures} of {answered + failures} images are not answered.")
    return failures


def _say_source(options: Mapping[str, Any]) -> None:
    """Prints the section of a pipeline that reads the list of labels."""
    said = ", ".join(f"{name}: {json.dumps(each)}" for name, each in options.items())
    line(f"labels, the least confident first: {shown(Path(options['list']).absolute())}")
    line(f"to build them: source: {{{said}}}")
