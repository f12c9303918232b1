"""`dsbuilder ablate`: which stages of a pipeline help, by trainings without each of them."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import again, follow
from dsbuilder.cli.screen import Screen, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.ablate import AblateDocument


@click.command()
@click.argument("pipeline", type=click.Path(path_type=Path))
@click.option(
    "--add",
    multiple=True,
    metavar="STAGE",
    help="A stage to try as well, '{use: mixup, p: 0.5}' say; with its section where it is not "
    "the one that varies images: 'stream={preset: weather}'. May be repeated.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="A part to try, such as augment/A.HorizontalFlip; by default all. May be repeated.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=2, max=20),
    default=5,
    show_default=True,
    metavar="N",
    help="Trainings of the pipeline as it is, and without each part.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Epochs of each training, instead of those of the pipeline.",
)
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of the trainings; by default the next free runs/name-ablation-N. One that was "
    "begun is gone on with.",
)
@options.workers
@options.overrides
@options.plugins
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="Print warnings and errors alone.")
def ablate(
    pipeline: Path,
    run_folder: Path | None,
    workers: int | None,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Say which stages of a pipeline help, by trainings without each.

    Each stage of augment and stream, each preset, mixer and synthesizer and the balance is taken
    out by itself, what --add names is put in, and both sides are trained by the same seeds. Of
    every part it says that it helps, that it harms, or that no difference is seen, with an
    interval. ablation.yaml is a patch for `train --patch`, ablation.md a page.
    """
    from dsbuilder.actions import session
    from dsbuilder.actions.ablate import ablate as ablated

    screen = Screen(as_json=as_json, quiet=quiet)
    folders = options.folders(plugin_folders)
    opened = session.open(pipeline, overrides=overrides, plugins=folders)
    try:
        with progress.epochs(screen) as watch:
            found = ablated(
                opened,
                run=run_folder,
                workers=workers,
                on_run=partial(_tell_run, screen),
                on_note=screen.tell,
                on_batch=watch.on_batch,
                on_features=watch.on_features,
                starting=partial(startup.tensorflow, screen),
                **given,
            )
    except KeyboardInterrupt as error:
        error.add_note("The same call with --run of its folder goes on.")
        raise
    screen.show(found, lambda: _draw(found, pipeline))


def _tell_run(screen: Screen, number: int, of: int, what: str) -> None:
    screen.tell(f"training {number} of {of}: {what}")


def _draw(found: "AblateDocument", pipeline: Path) -> None:
    from dsbuilder.actions.ablated import in_words

    rows = []
    for each in found.parts:
        name = f"{each.name} (put in)" if each.added else each.name
        cells = ("-", "-", "-") if each.validation is None else in_words(each.validation)
        rows.append((name, *cells, each.verdict))
    metric = found.metric.replace("_", " ")
    table((f"{metric} on validation", "without", "with", "gain", ""), rows, right=(1, 2))
    for failed in (each for each in found.parts if each.failed is not None):
        line(f"{failed.name}: trainings fail: {failed.failed}")
    for left in found.left_out:
        line(f"{left.name} cannot be taken out: {left.reason}")
    line()
    line(found.verdict)
    unseen = [each for each in found.parts if each.verdict == "no difference seen"]
    if unseen:
        more = min(2 * len(found.seeds), 20)
        line(f"More seeds may tell: --run {shown(found.folder)} --seeds {more}")
    line()
    line(f"page: {shown(found.page)}")
    if found.changes:
        follow(again("train", "--patch", found.patch))
