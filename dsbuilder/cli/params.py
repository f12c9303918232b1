"""`dsbuilder params`: the weights of a trained model."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, startup
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, shown, table
from dsbuilder.cli.tables import bar

if TYPE_CHECKING:
    from dsbuilder.actions.params import ParamsDocument
    from dsbuilder.train.parameters import Histogram


@click.command()
@click.argument("model", metavar="RUN|MODEL", type=click.Path(path_type=Path))
@click.option(
    "--values",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write all values: .npz, arrays by name; or .txt.",
)
@options.plugins
@options.as_json
def params(
    model: Path, values: Path | None, plugin_folders: tuple[Path, ...], *, as_json: bool
) -> None:
    """Say what the weights of a trained model are like: names, shapes, numbers, a histogram."""
    from dsbuilder.actions.params import params as look

    screen = Screen(as_json=as_json)
    found = look(
        model,
        values=values,
        plugins=options.folders(plugin_folders),
        starting=partial(startup.tensorflow, screen),
    )
    screen.show(found, lambda: _draw(found, model))


def _draw(found: "ParamsDocument", model: Path) -> None:
    headings = (
        "weight",
        "shape",
        "count",
        "mean",
        "deviation",
        "min",
        "max",
        "zeros",
        "not finite",
    )
    rows = [
        [
            each.name,
            "x".join(map(str, each.shape)),
            str(each.count),
            *(_number(of) for of in (each.mean, each.deviation, each.least, each.most)),
            f"{each.zeros:.1%}",
            str(each.not_finite),
        ]
        for each in found.weights
    ]
    table(headings, rows, right=range(2, len(headings)))
    line()
    line(f"{found.count} values, {found.trainable} of them trained by gradients:")
    _draw_histogram(found.histogram)
    if found.values is not None:
        line(f"written to {shown(found.values.absolute())}")
    follow(("evaluate", model))


def _draw_histogram(found: "Histogram") -> None:
    most = max(found.counts, default=0)
    rows = [
        [f"{low:.3g}", str(count), bar(count, most)]
        for low, count in zip(found.edges, found.counts, strict=False)
    ]
    table(("from", "values", ""), rows, right=(0, 1))
    if found.below or found.above:
        line(f"{found.below} values lie below, {found.above} above")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
