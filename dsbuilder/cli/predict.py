"""`dsbuilder predict`: what a trained model says of images."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, startup
from dsbuilder.cli.masks import Masks
from dsbuilder.cli.screen import Screen, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.sample import Target
    from dsbuilder.train.prediction import Prediction

_TOP = 3
_FITS = {"top": "class", "threshold": "multi_label", "masks": "mask", "overlays": "mask"}
"""Which kind of target an option is for."""


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
    screen = Screen(as_json=as_json)
    with startup.tensorflow(screen):
        from dsbuilder.train.archive import load_model
        from dsbuilder.train.prediction import image_files
        from dsbuilder.train.prediction import predict as run

    folders = options.folders(plugin_folders)
    trained = load_model(model, plugins=folders)
    (target,) = trained.note.signature.targets.values()
    given = {"top": top, "threshold": threshold, "masks": masks, "overlays": overlays}
    _check_options(target, given)
    writer = Masks(target=target, masks=masks, overlays=overlays)
    found = run(
        trained,
        paths,
        top=(top or _TOP) if target.kind == "class" else None,
        threshold=threshold or 0.5,
        plugins=folders,
    )
    writer.check(list(image_files(paths)))
    described = [_described(each, target, writer) for each in found]
    document = {"model": str(model), "kind": target.kind, "predictions": described}
    screen.show(document, lambda: _draw(described, target, writer))


def _check_options(target: "Target", given: Mapping[str, Any]) -> None:
    for option, value in given.items():
        if value is not None and _FITS[option] != target.kind:
            raise click.UsageError(
                f"expected no --{option} for a model of '{target.kind}'. Leave it out."
            )


def _described(found: "Prediction", target: "Target", writer: Masks) -> dict[str, Any]:
    """Returns a prediction as JSON values; a mask is written, and stands as its path."""
    described: dict[str, Any] = {"path": str(found.path)}
    if target.kind == "mask":
        described |= writer.write(found)
    else:
        described["value"] = found.value
    word = "share" if target.kind == "mask" else "probability"
    if found.scores:
        described["classes"] = [{"name": name, word: value} for name, value in found.scores]
    return described


def _draw(described: Sequence[Mapping[str, Any]], target: "Target", writer: Masks) -> None:
    rows = [[shown(Path(each["path"])), *_CELLS[target.kind](each)] for each in described]
    width = max((len(row) for row in rows), default=1)
    table(["image", _HEADINGS[target.kind], *[""] * (width - 2)], rows)
    for where in writer.folders:
        line(f"written to {shown(where.absolute())}")


def _class_cells(each: Mapping[str, Any]) -> Iterator[str]:
    return (f"{one['name']} {one['probability']:.3f}" for one in each["classes"])


def _label_cells(each: Mapping[str, Any]) -> Iterator[str]:
    named = [one for one in each["classes"] if one["name"] in each["value"]]
    yield ", ".join(f"{one['name']} {one['probability']:.3f}" for one in named) or "none"


def _value_cells(each: Mapping[str, Any]) -> Iterator[str]:
    value = each["value"]
    return (f"{number:.6g}" for number in (value if isinstance(value, list) else [value]))


def _mask_cells(each: Mapping[str, Any]) -> Iterator[str]:
    yield ", ".join(f"{one['name']} {one['share']:.1%}" for one in each["classes"] if one["share"])


_CELLS = {
    "class": _class_cells,
    "multi_label": _label_cells,
    "value": _value_cells,
    "mask": _mask_cells,
}
_HEADINGS = {"class": "class", "multi_label": "classes", "value": "value", "mask": "area"}
