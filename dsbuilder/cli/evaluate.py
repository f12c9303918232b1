"""`dsbuilder evaluate`: a trained model, measured on a split."""

from pathlib import Path

import click

from dsbuilder.cli import options, startup
from dsbuilder.cli.scores import draw_scores
from dsbuilder.cli.screen import Screen


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("dataset", type=click.Path(path_type=Path), required=False)
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@options.plugins
@options.as_json
def evaluate(
    run: Path, dataset: Path | None, split: str, plugin_folders: tuple[Path, ...], *, as_json: bool
) -> None:
    """Measure a trained model on a split.

    RUN is a run folder, of which the best model is taken, or a `.keras` file that a run wrote.
    Without DATASET, it is measured on the one it was trained on.
    """
    screen = Screen(as_json=as_json)
    with startup.tensorflow(screen):
        from dsbuilder.stream import tensorflow  # noqa: F401 - here, where it is kept quiet
    from dsbuilder.dataset import load
    from dsbuilder.train.evaluation import evaluate as measure
    from dsbuilder.train.run import Run

    home = run if run.is_dir() else run.parent
    place = dataset or Path(Run(path=home).config()["dataset"]["path"])
    evaluation = measure(run, load(place), split=split, plugins=plugin_folders).to_json()
    screen.show(evaluation, lambda: draw_scores(evaluation))
