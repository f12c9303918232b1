"""`dsbuilder train`: a pipeline or a dataset -> a run."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.following import follow
from dsbuilder.cli.options import Verb
from dsbuilder.cli.screen import Screen, echo, facts, line, shown, table
from dsbuilder.cli.tables import draw_scores

if TYPE_CHECKING:
    from dsbuilder.actions.cross_validate import CrossValidateDocument
    from dsbuilder.actions.find_rate import FindRateDocument
    from dsbuilder.actions.opened import OpenedPipeline
    from dsbuilder.actions.summary import SummaryDocument
    from dsbuilder.actions.train import TrainDocument, Training

_MOST_RATES = 24
"""Rows of a table of rates; `--json` has all."""


def _assigned(flag: str, key: str, text: str, metavar: str = "NAME") -> Callable[[Verb], Verb]:
    """Returns a flag that stands for `--set train.KEY=VALUE`."""

    def add(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            context.ensure_object(list).append(f"train.{key}={value}")

    return click.option(
        flag, callback=add, expose_value=False, metavar=metavar, help=f"{text} Is train.{key}."
    )


def _assign_logs(context: click.Context, parameter: click.Parameter, names: Sequence[str]) -> None:
    if names:
        context.ensure_object(list).append(f"train.log=[{', '.join(names)}]")


@click.command()
@click.pass_context
@click.argument("target", metavar="PIPELINE|DATASET|FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--run",
    "run_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of the run; by default the next free runs/name-N.",
)
@click.option("--resume", is_flag=True, help="Go on with --run, or with the latest runs/name-N.")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Epochs at most, before fine-tuning; instead of train.epochs.",
)
@click.option(
    "--schedule-epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Epochs that the schedule is laid over; a resumed run keeps those it began with.",
)
@_assigned("--optimizer", "optimizer.use", "The optimizer, such as adamw or nesterov.")
@_assigned("--learning-rate", "optimizer.learning_rate", "The highest learning rate.", "RATE")
@_assigned("--schedule", "optimizer.schedule", "How the rate changes, such as cosine or one_cycle.")
@_assigned("--precision", "precision", "How layers compute, such as mixed_bfloat16 or auto.")
@_assigned("--sampling", "sampling", "How often samples come: natural, square_root or balanced.")
@_assigned("--devices", "devices", "Devices that share every batch; all by default.", "N")
@_assigned("--batch-size", "batch_size", "Samples in a batch.", "N")
@_assigned("--patience", "patience", "Epochs without a better one before the end.", "N")
@click.option(
    "--log",
    "logs",
    multiple=True,
    metavar="NAME",
    callback=_assign_logs,
    expose_value=False,
    help="Log every epoch for tensorboard or mlflow, too; again for both. Is train.log.",
)
@click.option(
    "--summary",
    is_flag=True,
    help="Print the layers, shapes and parameters of the network; build and train nothing.",
)
@click.option(
    "--find-lr",
    is_flag=True,
    help="Train some batches at growing learning rates, propose one, and write no run.",
)
@click.option(
    "--chart",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --find-lr: the SVG that the losses are drawn to, beside a CSV of them.",
)
@click.option(
    "--cross-validate",
    "folds",
    type=click.IntRange(min=3),
    metavar="N",
    help="Train a model for each of N folds of the records, and tell scores over them.",
)
@options.out
@options.workers
@options.overrides
@options.plugins
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="Print warnings and errors alone.")
def train(
    context: click.Context,
    target: Path,
    run_folder: Path | None,
    epochs: int | None,
    schedule_epochs: int | None,
    folds: int | None,
    out: Path,
    workers: int | None,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    resume: bool,
    summary: bool,
    find_lr: bool,
    chart: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a model on a dataset.

    A pipeline's dataset is built first, in --out, as far as it is not there. For a folder of
    images, or a pipeline or a dataset without a train section, task, model, size and epochs are
    chosen by the data; the run folder then holds a pipeline.yaml that says the same, to copy. The
    run folder also holds the best and the last model, the results of every epoch, the evaluation,
    and charts of both.
    """
    from dsbuilder.actions import session
    from dsbuilder.actions.find_rate import NO_RUN, find_rate
    from dsbuilder.actions.train import train as trained

    if chart is not None and not find_lr:
        raise click.UsageError("--chart: expected --find-lr, whose losses it draws. Add it.")
    screen = Screen(as_json=as_json, quiet=quiet)
    folders = options.folders(plugin_folders)
    overrides = (*overrides, *context.ensure_object(list))
    if summary:
        _summarize(screen, target, overrides, folders)
        return
    folds = _folds(folds, target, overrides, folders, of_one=find_lr or resume)
    if folds is not None:
        beside = {"--find-lr": find_lr, "--resume": resume, "--schedule-epochs": schedule_epochs}
        _check_alone(beside)
        assigned = (*overrides, *((f"train.epochs={epochs}",) if epochs else ()))
        opened = session.open(target, overrides=assigned, plugins=folders)
        _cross_validate(screen, opened, folds, run=run_folder, workers=workers)
        return
    given: dict[str, Any] = {
        "run": NO_RUN if find_lr else run_folder,
        "resume": resume,
        "epochs": epochs,
        "schedule_epochs": schedule_epochs,
    }
    training = _prepared(screen, target, out, workers, overrides, folders, given)
    if training.sampled and screen.shows_progress:
        echo(str(training.sampled))
    if find_lr:
        with progress.working(screen, "training at growing rates"):
            starting = partial(startup.tensorflow, screen, noted=False)
            rates = find_rate(training, chart=chart, starting=starting)
        screen.show(rates, lambda: _draw_rates(rates, target))
        return
    screen.warn(training.warnings)  # now, not after hours of training
    try:
        with progress.epochs(screen) as watch:
            found = trained(
                training,
                on_start=watch.on_start,
                on_batch=watch.on_batch,
                on_epoch=watch.on_epoch,
                on_features=watch.on_features,
                on_evaluated=watch.on_asked,
                starting=partial(startup.tensorflow, screen),
            )
    except KeyboardInterrupt as error:
        if training.run.path.exists():
            folder = shown(training.run.path)
            words = ["dsbuilder", "train", str(target), "--run", folder, "--resume"]
            error.add_note(f"`{shlex.join(words)}` goes on.")
        raise
    screen.show(found, lambda: _draw(found))


def _folds(
    asked: int | None,
    target: Path,
    overrides: tuple[str, ...],
    folders: list[Path] | None,
    *,
    of_one: bool,
) -> int | None:
    """Returns how many folds a flag or a pipeline asks for; None to train one model.

    Args:
      of_one: whether one model is meant, whatever the pipeline says: a run that goes on, say.
    """
    from dsbuilder.actions import session
    from dsbuilder.actions.cross_validate import said_folds

    if asked is not None or of_one or not target.is_file():
        return asked
    return said_folds(session.open(target, overrides=overrides, plugins=folders).spec().settings)


def _check_alone(beside: Mapping[str, object]) -> None:
    """Refuses flags that a cross-validation would pass over."""
    found = next((flag for flag, value in beside.items() if value), None)
    if found is not None:
        raise click.UsageError(
            f"--cross-validate: expected no {found} beside it. Leave it out; --run of a folder "
            "that was begun goes on with it."
        )


def _prepared(
    screen: Screen,
    target: Path,
    out: Path,
    workers: int | None,
    overrides: tuple[str, ...],
    folders: list[Path] | None,
    given: dict[str, Any],
) -> "Training":
    """Makes a training ready, and says what was chosen for it."""
    from dsbuilder.actions import session
    from dsbuilder.actions.chosen import is_dataset
    from dsbuilder.actions.dataset import load
    from dsbuilder.actions.train import prepare, prepare_dataset, prepare_folder

    given["workers"] = workers
    if target.is_dir() and is_dataset(target):
        training = prepare_dataset(load(target), overrides=overrides, plugins=folders, **given)
    else:
        with progress.samples(screen) as report:
            given["on_progress"] = report
            if target.is_dir():
                named: dict[str, Any] = {"out": out, "overrides": overrides, "plugins": folders}
                training = prepare_folder(target, **named, **given)
            else:
                opened = session.open(target, out=out, overrides=overrides, plugins=folders)
                training = prepare(opened, **given)
    _say_chosen(screen, training.chosen.why if training.chosen else ())
    return training


def _say_chosen(screen: Screen, why: Sequence[str]) -> None:
    for each in why if screen.shows_progress else ():
        echo(each)


def _summarize(
    screen: Screen, target: Path, overrides: tuple[str, ...], folders: list[Path] | None
) -> None:
    from dsbuilder.actions import session
    from dsbuilder.actions.dataset import load
    from dsbuilder.actions.summary import summarize, summarize_dataset

    starting = partial(startup.tensorflow, screen)
    if target.is_dir():
        given: dict[str, Any] = {"overrides": overrides, "plugins": folders}
        found = summarize_dataset(load(target), starting=starting, **given)
    else:
        opened = session.open(target, overrides=overrides, plugins=folders)
        found = summarize(opened, starting=starting)
    _say_chosen(screen, found.chosen)
    screen.show(found, lambda: _draw_summary(found))


def _cross_validate(
    screen: Screen, opened: "OpenedPipeline", folds: int, *, run: Path | None, workers: int | None
) -> None:
    from dsbuilder.actions.cross_validate import cross_validate

    def on_fold(number: int) -> None:
        if screen.shows_progress:
            echo(f"fold {number} of {folds}")

    with progress.epochs(screen) as watch:
        found = cross_validate(
            opened,
            folds,
            run=run,
            workers=workers,
            on_fold=on_fold,
            on_start=watch.on_start,
            on_batch=watch.on_batch,
            on_epoch=watch.on_epoch,
            on_features=watch.on_features,
            on_evaluated=watch.on_asked,
            starting=partial(startup.tensorflow, screen),
        )
    screen.show(found, lambda: _draw_folds(found))


def _draw_folds(found: "CrossValidateDocument") -> None:
    from dsbuilder.tasks import intervals

    rows = [
        (
            each.name.replace("_", " "),
            intervals.shown(each.mean, vars(each.interval) if each.interval else None, ".4g"),
            f"{each.deviation:.2g}",
            *("-" if value is None else f"{value:.3g}" for value in each.folds),
        )
        for each in found.scores
    ]
    folds = [str(number) for number in range(1, len(found.runs) + 1)]
    table(("", "mean", "deviation", *folds), rows, right=range(1, len(folds) + 3))
    line()
    line(f"{len(folds)} folds, each in {shown(found.folder)}")


def _draw_summary(found: "SummaryDocument") -> None:
    rows = [
        (
            each.name,
            each.kind,
            " x ".join("?" if side is None else str(side) for side in each.output),
            f"{each.parameters:,}",
            f"{each.trainable:,}",
        )
        for each in found.layers
    ]
    table(("layer", "kind", "output", "parameters", "trained"), rows, right=(3, 4))
    line()
    line(f"{found.signature}: {found.parameters:,} parameters, {found.trainable:,} of them trained")


def _draw_rates(found: "FindRateDocument", target: Path) -> None:
    known = [each for each in found.steps if each.smoothed is not None]
    shown_steps = known[:: -(-len(known) // _MOST_RATES)]
    cells = [(f"{each.rate:.2e}", f"{each.smoothed:.4f}") for each in shown_steps]
    table(("learning rate", "loss, smoothed"), cells, right=(0, 1))
    line()
    line(f"the loss falls fastest at {found.proposed:g} and is at its least at {found.least:.2g}")
    if found.chart is not None:
        line(f"chart: {shown(found.chart)}")
    follow(("train", target, "--learning-rate", f"{found.proposed:g}"))


def _draw(found: "TrainDocument") -> None:
    from dsbuilder.train.logs.training_log import MLFLOW_FILE, TENSORBOARD, folder_of_mlflow
    from dsbuilder.train.run import CHARTS, PREDICTIONS, REPORT, RESULTS

    draw_scores(found.evaluation)
    line()
    files = [("best model", f"{shown(found.best_model)}, of epoch {found.best_epoch}")]
    others = {"results": RESULTS, "predictions": PREDICTIONS, "charts": CHARTS, "report": REPORT}
    others["tensorboard"] = TENSORBOARD
    for name, file in others.items():
        if (found.run / file).exists():
            files.append((name, shown(found.run / file)))
    if (found.run / MLFLOW_FILE).exists():
        files.append(("mlflow", shown(folder_of_mlflow(found.run))))
    facts(files)
    line()
    follow(
        ("evaluate", found.run, "--mistakes", found.run / "mistakes"),
        ("predict", found.run, "IMAGE"),
    )
