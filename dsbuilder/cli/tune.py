"""`dsbuilder tune`: better values of a pipeline's options, searched within intervals."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import again, follow
from dsbuilder.cli.screen import Screen, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.trial_runs import TrialProgress
    from dsbuilder.actions.tune import TuneDocument

_MOST_TRIALS = 12
"""Rows of a table of trials; `--json` and `trials.csv` have all."""


@click.command()
@click.argument("pipeline", type=click.Path(path_type=Path))
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="M",
    help="Time for all of it, from which the number of trials follows.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=3),
    metavar="N",
    help="Number of trials, instead of --minutes: the result then depends on no clock.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=2, max=20),
    default=3,
    show_default=True,
    metavar="N",
    help="Trainings by which the best trial and the default are compared.",
)
@click.option(
    "--seed",
    type=int,
    metavar="N",
    help="Seed of what trials say; by default that of the pipeline.",
)
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of the search; by default the next free runs/name-tune-N. One that was begun "
    "is gone on with.",
)
@options.out
@options.workers
@options.overrides
@options.plugins
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="Print warnings and errors alone.")
def tune(
    pipeline: Path,
    run_folder: Path | None,
    out: Path,
    workers: int | None,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Search better values of a pipeline's options, within intervals.

    What is searched is the section tune of the pipeline, or the learning rate, width, dropout and
    weight decay of the model in use. Many trials are trained for a few epochs and the best third of
    them goes on, three times as long (successive halving). The best trial and the default are then
    trained with other seeds; tuned.yaml is a patch for `train --patch`, and says whether it is
    worth it.
    """
    from dsbuilder.actions import session
    from dsbuilder.actions.tune import tune as searched

    screen = Screen(as_json=as_json, quiet=quiet)
    folders = options.folders(plugin_folders)
    opened = session.open(pipeline, out=out, overrides=overrides, plugins=folders)
    try:
        with progress.epochs(screen) as watch:
            found = searched(
                opened,
                run=run_folder,
                workers=workers,
                on_trial=partial(_tell_trial, screen),
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


def _tell_trial(screen: Screen, each: "TrialProgress") -> None:
    trial = each.trial
    of = f" of {each.planned}" if each.planned is not None else ""
    said = ", ".join(f"{path}={_word(value)}" for path, value in trial.values.items())
    came_to = "failed" if each.score is None else f"{each.score:.4g}"
    epochs = f"{each.epochs} epoch{'s' * (each.epochs != 1)}"
    screen.tell(f"trial {trial.number}{of}, {epochs}: {came_to}  {said or 'default'}")
    if trial.failed is not None:
        screen.tell(f"  {trial.failed}")


def _draw(found: "TuneDocument", pipeline: Path) -> None:
    _draw_trials(found)
    line()
    rows = [
        (each.path, _word(each.own), _word(each.best), str(each.searched), str(each.good or "-"))
        for each in found.options
    ]
    table(("option", "default", "best", "of", "the best third"), rows)
    if not found.declared:
        line("The pipeline has no section tune: options of the model in use were searched.")
    line()
    line(found.verdict)
    for gain in found.gains[1:]:
        line(f"The same of {gain}.")
    if found.gains and found.gains[0].mean > 0 and not found.beats:
        line(f"More seeds may tell: --run {shown(found.folder)} --seeds {2 * len(found.seeds)}")
    line()
    line(f"{len(found.trials)} trials, table and charts in {shown(found.folder)}")
    if found.beats:
        follow(again("train", "--patch", found.patch))


def _draw_trials(found: "TuneDocument") -> None:
    """Prints the best trials and the default."""
    sign = -1 if found.greatest else 1
    ranked = sorted(
        found.trials,
        key=lambda each: (each.score is None, -each.rung, sign * (each.score or 0.0)),
    )
    shown_trials = [*ranked[:_MOST_TRIALS], *(e for e in ranked[_MOST_TRIALS:] if e.number == 1)]
    rows = [
        (
            "default" if each.number == 1 else str(each.number),
            *(_word(value) for value in each.values.values()),
            str(each.epochs),
            "failed" if each.score is None else f"{each.score:.4g}",
        )
        for each in shown_trials
    ]
    paths = [each.path.rpartition(".")[2] for each in found.options]
    headings = ("trial", *paths, "epochs", found.metric.replace("_", " "))
    table(headings, rows, right=(len(paths) + 1, len(paths) + 2))
    if len(shown_trials) < len(found.trials):
        line(f"{len(found.trials) - len(shown_trials)} more; --json lists all.")


def _word(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
