"""`dsbuilder export-model`: a trained model in the form that another program takes."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, shown, size

if TYPE_CHECKING:
    from dsbuilder.actions.export_model import ExportModelDocument


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from dsbuilder.train.model_formats import FORMATS

    return [CompletionItem(each) for each in FORMATS if each.startswith(incomplete)]


@click.command(name="export-model")
@click.argument("model", metavar="RUN|MODEL", type=click.Path(path_type=Path))
@click.argument("dataset", type=click.Path(path_type=Path), required=False)
@click.option(
    "--to",
    required=True,
    metavar="FORMAT",
    shell_complete=_complete,
    help="The format: one of those above.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file or folder to make. [default: beside the model]",
)
@click.option(
    "--int8",
    is_flag=True,
    help="Of tflite: weights and values in 8 bits, their ranges chosen by samples of train.",
)
@click.option("--overwrite", is_flag=True, help="Let an earlier export give way.")
@options.plugins
@options.as_json
def export_model(
    model: Path,
    dataset: Path | None,
    to: str,
    out: Path | None,
    plugin_folders: tuple[Path, ...],
    *,
    int8: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a trained model for another program, with class names and preprocessing inside.

    keras: a .keras file, for Python.
    onnx: for ONNX Runtime and others; needs tf2onnx and onnx.
    saved_model: a folder, for TensorFlow Serving and others.
    tflite: for TensorFlow Lite (LiteRT) on phones and small machines, one image at a time.

    All take pixels as the dataset holds them, and say what `predict` says. Before it appears, the
    export is asked for samples of DATASET, or of the one that the model was trained on, and refused
    where its answers are others.
    """
    from dsbuilder.actions.dataset import load
    from dsbuilder.actions.export_model import export_model as export

    screen = Screen(as_json=as_json)
    with progress.working(screen, f"writing {to}, and comparing its answers"):
        found = export(
            model,
            to=to,
            out=out,
            int8=int8,
            overwrite=overwrite,
            dataset=None if dataset is None else load(dataset),
            plugins=options.folders(plugin_folders),
            starting=partial(startup.tensorflow, screen, noted=False),
        )
    screen.show(found, lambda: _draw(found, model))


def _draw(found: "ExportModelDocument", model: Path) -> None:
    _say_export(found)
    follow(("predict", model, "IMAGE"))


def _say_export(found: "ExportModelDocument") -> None:
    line(f"{shown(found.path)}: {size(found.size_bytes)}")
    if found.check is not None:
        of = f"samples of {found.check.split}" if found.check.split else "random images"
        line(
            f"{found.check.reader} says the same of {found.check.samples} {of}: answers are at "
            f"most {found.check.apart:.1e} apart"
        )
    if found.int8 is None:
        return
    line(
        f"8 bits, calibrated on {found.int8.calibrated_on} samples of train: "
        f"{size(found.int8.size_bytes_before)} -> {size(found.size_bytes)}"
    )
    for name, each in found.int8.scores.items():
        head = f"{name}: " if len(found.int8.scores) > 1 else ""
        line(
            f"{head}{each.score.replace('_', ' ')} {_number(each.before)} -> "
            f"{_number(each.after)} of {found.int8.samples} samples, {found.int8.split}"
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
