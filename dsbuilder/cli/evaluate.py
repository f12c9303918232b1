"""`dsbuilder evaluate`: a trained model, measured on a split."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Screen, line, shown
from dsbuilder.cli.tables import draw_scores

if TYPE_CHECKING:
    from dsbuilder.actions.evaluate import EvaluateDocument


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("dataset", type=click.Path(path_type=Path), required=False)
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="Of several classes: the probability over which one is said; of two classes: over which "
    "the second is. [default: what the training chose, or 0.5]",
)
@click.option(
    "--predictions",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what the model says of every sample, beside what is true, as CSV.",
)
@click.option(
    "--mistakes",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Draw the worst mistakes; of classes also where in the image the reason lies (Grad-CAM).",
)
@options.plugins
@options.as_json
def evaluate(
    run: Path,
    dataset: Path | None,
    split: str,
    threshold: float | None,
    predictions: Path | None,
    mistakes: Path | None,
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Measure a trained model on a split.

    RUN is a run folder, of which the best model is taken, or a `.keras` file that a run wrote.
    Without DATASET, it is measured on the one it was trained on.
    """
    from dsbuilder.actions.dataset import load
    from dsbuilder.actions.evaluate import evaluate as measure

    screen = Screen(as_json=as_json)
    with progress.samples(screen, "samples asked about", before="") as report:
        found = measure(
            run,
            None if dataset is None else load(dataset),
            split=split,
            threshold=threshold,
            predictions=predictions,
            mistakes=mistakes,
            plugins=options.folders(plugin_folders),
            on_asked=report,
            starting=partial(startup.tensorflow, screen),
        )
    written = [each for each in (predictions, mistakes) if each is not None]
    screen.show(found, lambda: _draw(found, run, written))


def _draw(found: "EvaluateDocument", run: Path, written: Sequence[Path]) -> None:
    draw_scores(found.evaluation)
    line()
    for each in written:
        line(f"written: {shown(each.absolute())}")
    follow(("predict", run, "IMAGE"))
