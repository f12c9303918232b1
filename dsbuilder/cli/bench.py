"""`dsbuilder bench`: what a training on a dataset waits for."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, table

if TYPE_CHECKING:
    from dsbuilder.actions.bench import BenchDocument


@click.command()
@options.dataset
@options.workers
@options.overrides
@options.plugins
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.0, min_open=True),
    default=3.0,
    show_default=True,
    help="Time for each measurement.",
)
@click.option("--no-model", is_flag=True, help="Leave the steps of the model out.")
@options.as_json
def bench(
    dataset: Path,
    *,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    workers: int | None,
    seconds: float,
    no_model: bool,
    as_json: bool,
) -> None:
    """Measure what bounds training on a dataset, and say what to change.

    Reading, decoding and each stage of the stream are timed for one image and one core; then how
    many images a second the stream brings, and how many the model of the train section takes with
    all of them in memory. Nothing is written.
    """
    from dsbuilder.actions.bench import bench as measured
    from dsbuilder.dataset import load

    screen = Screen(as_json=as_json)
    with progress.working(screen, f"measuring, each for {seconds:g} s"):
        found = measured(
            load(dataset),
            overrides=overrides,
            plugins=options.folders(plugin_folders),
            workers=workers,
            seconds=seconds,
            model=not no_model,
            starting=partial(startup.tensorflow, screen, noted=False),
        )
    screen.warn(found.warnings)
    said = [word for each in overrides for word in ("--set", each)]
    screen.show(found, lambda: _draw(found, dataset, said))


def _by(found: "BenchDocument") -> str:
    """Says who makes the batches."""
    if found.workers:
        return f"made by {found.workers} workers"
    staged = len(found.costs) > len(("reading", "decoding"))
    return "made by a thread" if staged else "read by TensorFlow"


def _rate(milliseconds: float) -> str:
    return f"{1e3 / milliseconds:,.0f}" if milliseconds >= 1e-3 else ""


def _draw(found: "BenchDocument", dataset: Path, said: Sequence[str]) -> None:
    rows = [[name, f"{each:.3f}", _rate(each)] for name, each in found.costs.items()]
    table(("one image", "ms of a core", "a second"), rows, right=(1, 2))
    line()
    batches = f"in batches of {found.batch_size}, {_by(found)}"
    line(f"stream: {found.stream:,.0f} images a second, {batches}")
    if found.model is not None:
        line(f"model: {found.model:,.0f} images a second, {found.computing}")
    line()
    line(found.says)
    for each in found.advice:
        line(f"- {each}")
    follow(("train", dataset, *said))
