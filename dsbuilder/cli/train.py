"""`dsbuilder train`: a pipeline or a dataset -> a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress, startup
from dsbuilder.cli.scores import draw_scores
from dsbuilder.cli.screen import Screen, facts, line, shown, warned

if TYPE_CHECKING:
    from dsbuilder.dataset import StoredDataset
    from dsbuilder.pipelinefile.schema import TrainOptions
    from dsbuilder.train.run import Run

RUNS = Path("runs")


@click.command()
@click.argument("target", metavar="PIPELINE|DATASET", type=click.Path(path_type=Path))
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
@options.out
@options.workers
@options.overrides
@options.plugins
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="Print warnings and errors alone.")
def train(
    target: Path,
    run_folder: Path | None,
    epochs: int | None,
    out: Path,
    workers: int | None,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    resume: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a model on a dataset.

    A pipeline's dataset is built first, in --out, as far as it is not there already. The run folder
    holds the best and the last model, the results of every epoch, curves, and the evaluation.
    """
    screen = Screen(as_json=as_json, quiet=quiet)
    if resume and any(_is_of_train(each) for each in overrides):
        raise click.UsageError(
            "expected no --set of the train section with --resume: a run goes on as it began. "
            "--epochs may be given."
        )
    assigned = [*overrides, *([f"train.epochs={epochs}"] if epochs is not None else [])]
    subject = (_from_dataset if target.is_dir() else _from_pipeline)(
        target, assigned, plugin_folders, out=out, workers=workers, screen=screen, resume=resume
    )
    run = _open_run(subject.dataset.name, run_folder, resume=resume)
    try:
        _train(subject, run, screen, resume=resume, epochs=epochs)
    except BaseException as error:
        _account(error, run, target, is_new=run_folder is None and not resume)
        raise
    document = describe(run)
    screen.show(document, lambda: _draw(run, document))


def _account(error: BaseException, run: "Run", target: Path, *, is_new: bool) -> None:
    """Leaves no folder of a run that could not start; an interrupted one says how to go on."""
    from dsbuilder.train.run import discard_unused

    interrupted = isinstance(error, KeyboardInterrupt)
    if is_new and discard_unused(run, configured=not interrupted):
        return
    if interrupted:
        error.add_note(f"`dsbuilder train {target} --run {shown(run.path)} --resume` goes on.")


def _is_of_train(assignment: str) -> bool:
    return assignment.partition("=")[0].partition(".")[0] == "train"


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """What is trained on what."""

    dataset: "StoredDataset"
    options: "TrainOptions"
    plugins: Sequence[Path]


def _from_pipeline(
    target: Path,
    overrides: Sequence[str],
    plugin_folders: tuple[Path, ...],
    *,
    out: Path,
    workers: int | None,
    screen: Screen,
    resume: bool,
) -> _Subject:
    from dsbuilder.actions.check import check_training
    from dsbuilder.builder import build_dataset, load_spec, survey
    from dsbuilder.dataset import load
    from dsbuilder.errors import TrainError

    folders = options.folders(plugin_folders)
    spec = load_spec(target, overrides, folders)
    if spec.settings.train is None:
        raise TrainError(f"{target}: expected a train section, found none. Add one.")
    if not resume:  # a run goes on as it began, whatever the pipeline says by now
        surveyed = survey(spec)
        warned(*surveyed.warnings)
        check_training(surveyed)
    with progress.samples(screen) as report:
        built = build_dataset(
            target,
            out,
            workers=workers,
            # What is only trained otherwise is still the same dataset.
            overrides=[each for each in overrides if not _is_of_train(each)],
            plugins=folders,
            on_progress=report,
        )
    warned(*built.warnings)
    return _Subject(
        dataset=load(built.path), options=spec.settings.train, plugins=spec.registry.folders
    )


def _from_dataset(
    target: Path,
    overrides: Sequence[str],
    plugin_folders: tuple[Path, ...],
    *,
    out: Path,
    workers: int | None,
    screen: Screen,
    resume: bool,
) -> _Subject:
    from dsbuilder.builder.survey import find_plugins
    from dsbuilder.dataset import load
    from dsbuilder.train.options import options_of

    dataset = load(target)
    registry = find_plugins(Path.cwd() / "pipeline.yaml", options.folders(plugin_folders))
    chosen = options_of(dataset, plugins=registry.folders, overrides=overrides)
    return _Subject(dataset=dataset, options=chosen, plugins=registry.folders)


def _open_run(name: str, folder: Path | None, *, resume: bool) -> "Run":
    from dsbuilder.errors import TrainError
    from dsbuilder.train.run import Run, new_run

    if folder is not None:
        return Run(path=folder)
    if not resume:
        return new_run(RUNS, name)
    numbers = [each.name.removeprefix(f"{name}-") for each in RUNS.glob(f"{name}-*")]
    latest = max((int(number) for number in numbers if number.isdigit()), default=None)
    if latest is None:
        raise TrainError(
            f"{RUNS}: expected a run of '{name}' to resume, found none. Give its folder with --run."
        )
    return Run(path=RUNS / f"{name}-{latest}")


def _train(
    subject: _Subject, run: "Run", screen: Screen, *, resume: bool, epochs: int | None
) -> None:
    with startup.tensorflow(screen):
        from dsbuilder.train.trainer import resume_run, train_dataset
    with progress.epochs(screen) as watch:
        if resume:
            resume_run(
                run,
                dataset=subject.dataset,
                epochs=epochs,
                plugins=subject.plugins,
                on_batch=watch.on_batch,
                on_epoch=watch.on_epoch,
            )
        else:
            train_dataset(
                subject.dataset,
                subject.options,
                run=run,
                plugins=subject.plugins,
                on_batch=watch.on_batch,
                on_epoch=watch.on_epoch,
            )


def describe(run: "Run") -> dict[str, Any]:
    """Returns what a run came to as JSON values."""
    from dsbuilder.train.phases import best_row

    rows = run.rows()
    best = best_row(rows)
    return {
        "run": str(run.path.absolute()),
        "best_model": str(run.best.absolute()),
        "epochs": [row.flat() for row in rows],
        "best_epoch": best.epoch if best is not None else None,
        "evaluation": run.evaluation(),
        "warnings": warned(),
    }


def _draw(run: "Run", document: dict[str, Any]) -> None:
    from dsbuilder.train.run import CONFUSION, CURVES, RESULTS

    of_classes = document["evaluation"]["kind"] == "class"
    draw_scores(document["evaluation"])
    line()
    files = [
        ("best model", f"{shown(run.best)}, of epoch {document['best_epoch']}"),
        ("results", shown(run.path / RESULTS)),
        ("curves", shown(run.path / CURVES)),
    ]
    facts([*files, *([("confusion", shown(run.path / CONFUSION))] if of_classes else [])])
    line()
    line(f"next: dsbuilder predict {shown(run.path)} IMAGE")
