"""A pipeline or a dataset -> a run: a trained model, how it came to be, and how good it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from dsbuilder.actions.check_training import check_training
from dsbuilder.actions.chosen import ChosenTraining, completed, completed_dataset, drafted
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.opened import OUT, OpenedPipeline
from dsbuilder.actions.plugins import folders_here
from dsbuilder.actions.report import report_built
from dsbuilder.builder import Built, build_dataset
from dsbuilder.builder.survey import survey
from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import Problem, SpecError, TrainError
from dsbuilder.pipelinefile.training import LogName, TrainOptions
from dsbuilder.proposal.drafting import dataset_name
from dsbuilder.registry import discover
from dsbuilder.sample import Signature
from dsbuilder.stream.reading import plan
from dsbuilder.stream.sampling import Sampled
from dsbuilder.train.fitting import check_fit, learnt_targets, sampling_of
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.options import is_of_train, options_of, settled, with_workers
from dsbuilder.train.phases import best_row
from dsbuilder.train.run import CONFIG, PIPELINE, Run, discard_unused, new_run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

RUNS = Path("runs")
"""The folder of runs where nobody says another."""


@dataclass(frozen=True, kw_only=True)
class TrainDocument(Document):
    """What a run came to.

    Attributes:
      run: folder of the run.
      best_model: file of the best model.
      epochs: a row of `results.csv` for each epoch.
      best_epoch: number of the epoch that the best model is of; None if there is none.
      evaluation: how good the best model is, as `evaluation.json` says.
      computing: backend, devices, precision and compiler that it was trained with, in words; empty
        where nothing was left to train.
      chosen: reasons for task, model and epochs, as far as nothing was said of them.
    """

    run: Path
    best_model: Path
    epochs: tuple[Mapping[str, Any], ...]
    best_epoch: int | None
    evaluation: Mapping[str, Any]
    computing: str
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training that can begin: `train` does, once TensorFlow is there.

    Attributes:
      dataset: what is trained on.
      options: the train section, as it is resolved.
      plugins: folders of plugins that the model or the stream's stages are from.
      run: the folder of the run.
      resume: whether the run goes on.
      epochs: epochs of the first phase, instead of what a resumed run began with.
      schedule_epochs: over how many epochs the schedule of a resumed run is laid from now on.
      devices, workers: numbers of devices, and of processes that make batches, that a resumed run
        goes on with; None for what it began with.
      log: programs that a resumed run is told to from now on; None for those that it began with.
      stop_after: number of epochs after which it is left, to go on later; None for all.
      is_new: whether the folder was made for this training, and goes if nothing comes of it.
      chosen: what was chosen where the pipeline leaves it to the data.
      sampled: what sampling makes of classes; None where every sample comes once, or a run goes on.
      warnings: what a person should know so far.
    """

    dataset: StoredDataset
    options: TrainOptions
    plugins: tuple[Path, ...]
    run: Run
    resume: bool
    epochs: int | None
    schedule_epochs: int | None = None
    devices: Literal["all"] | int | None = None
    workers: int | None = None
    log: tuple[LogName, ...] | None = None
    stop_after: int | None = None
    is_new: bool
    chosen: ChosenTraining | None = None
    sampled: Sampled | None = None
    warnings: tuple[str, ...] = ()


def prepare(
    opened: OpenedPipeline,
    *,
    run: Path | None = None,
    resume: bool = False,
    epochs: int | None = None,
    schedule_epochs: int | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
) -> Training:
    """Builds the dataset of a pipeline, as far as it is not there, and opens the folder of a run.

    What cannot be learnt is told before anything is built.

    Args:
      run: folder of the run; None takes the next free `runs/name-N`, or to resume the last one.
      resume: whether the run goes on after its last whole epoch.
      epochs: epochs at most, before fine-tuning, instead of `train.epochs`.
      schedule_epochs: epochs that the schedule is laid over, instead of what the run began with.
      workers: processes that make samples, of the build and then of the stream, which has its own
        by `train.workers` where this is None.
      on_progress: called with samples made or reused so far, and samples in all.

    Raises:
      SpecError: the pipeline is wrong, or what is to be learnt does not fit.
      TrainError: nothing is said of a training and no built-in model learns the targets, or there
        is no run to resume.
    """
    asked = opened.overrides
    _check_resumed(asked, resume=resume)
    assigned = (*asked, *_assigned(epochs, schedule_epochs))
    opened, chosen = completed(replace(opened, overrides=assigned))
    spec = opened.spec()
    if spec.settings.train is None:
        raise TrainError(f"{opened.pipeline}: there is no train section. Add one.")
    warnings: tuple[str, ...] = ()
    if not resume:  # a run goes on as it began, whatever the pipeline says by now
        surveyed = survey(spec)
        warnings = (*surveyed.warnings, *check_training(surveyed), *_doubts(chosen))
    built = build_for_training(opened, workers=workers, on_progress=on_progress)
    dataset = load(opened.out / built.manifest.name / built.manifest.version)
    asked_of = with_workers(spec.settings.train, workers)
    options, chosen = _settled(asked_of, dataset, chosen, resume=resume)
    sampled = None if resume else _sampled(dataset, options, spec.registry.folders)
    begun = _open_run(spec.settings.name, run, resume=resume)
    return Training(
        dataset=dataset,
        options=options,
        plugins=spec.registry.folders,
        run=begun,
        resume=resume,
        epochs=epochs,
        schedule_epochs=schedule_epochs,
        devices=_given("devices", asked, spec.settings.train),
        log=_given("log", asked, spec.settings.train),
        workers=workers,
        is_new=run is None and not resume,
        chosen=chosen,
        sampled=sampled,
        warnings=distinct(warnings, built.warnings, sampled.warnings if sampled else ()),
    )


def build_for_training(opened: OpenedPipeline, **given: Any) -> Built:
    """Builds the dataset of a pipeline with its page, as far as it is not there.

    What is only trained otherwise is still the same dataset.

    Args:
      given: further arguments of `build_dataset`: `workers` and `on_progress`.
    """
    overrides = [each for each in opened.overrides if not is_of_train(each)]
    built = build_dataset(
        opened.pipeline, opened.out, overrides=overrides, plugins=opened.plugins, **given
    )
    return replace(built, warnings=[*built.warnings, *report_built(built)])


def prepare_folder(
    folder: Path,
    *,
    out: Path = OUT,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] | None = None,
    run: Path | None = None,
    resume: bool = False,
    **given: Any,
) -> Training:
    """Drafts a pipeline for a folder of images into the run, and goes on as `prepare` does.

    Args:
      given: further arguments of `prepare`.

    Raises:
      DataError: no layout is known, or the folder cannot be read so.
    """
    begun = _open_run(dataset_name(folder), run, resume=resume)
    home = begun.path / PIPELINE
    try:
        said = (*overrides, *_assigned(given.get("epochs"), given.get("schedule_epochs")))
        found = None if resume else drafted(folder, begun.path, plugins, said)
        if found is not None and not (begun.path / CONFIG).exists():
            begun.path.mkdir(parents=True, exist_ok=True)
            home.write_text(found.text, encoding="utf-8")
        opened = OpenedPipeline(
            pipeline=home,
            out=out,
            overrides=tuple(overrides),
            plugins=None if plugins is None else tuple(plugins),
        )
        ready = prepare(opened, run=begun.path, resume=resume, **given)
    except BaseException:
        if run is None and not resume:
            discard_unused(begun, configured=True)
        raise
    warnings = distinct(found.warnings if found else (), ready.warnings)
    is_new = run is None and not resume
    return replace(ready, chosen=found or ready.chosen, is_new=is_new, warnings=warnings)


def prepare_dataset(
    dataset: StoredDataset,
    *,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] | None = None,
    run: Path | None = None,
    resume: bool = False,
    epochs: int | None = None,
    schedule_epochs: int | None = None,
    workers: int | None = None,
) -> Training:
    """Opens the folder of a run on a dataset, to train as the pipeline it was built from says.

    Args:
      overrides: `train.key=value` assignments.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.
      workers: processes that make batches, instead of `train.workers`.

    Raises:
      SpecError: an assignment is wrong, or a plugin is missing.
      TrainError: nothing is said of a training and no built-in model learns the targets, or there
        is no run to resume.
    """
    _check_resumed(overrides, resume=resume)
    folders = folders_here(plugins, data=dataset.path)
    assigned = (*overrides, *_assigned(epochs, schedule_epochs))
    assigned, chosen = completed_dataset(dataset, assigned, folders)
    options = with_workers(options_of(dataset, plugins=folders, overrides=assigned), workers)
    if options.cross_validate is not None and not resume:
        wrong = "expected null for a dataset, whose records are dealt already. Train its pipeline."
        raise SpecError([Problem("train.cross_validate", wrong)])
    warnings: tuple[str, ...] = ()
    sampled: Sampled | None = None
    if not resume and dataset.has_samples("train"):
        learnt = learnt_from(dataset, options, folders)
        warnings = (*options.model.warnings(learnt), *_doubts(chosen))
        sampled = _sampled(dataset, options, folders)
    options, chosen = _settled(options, dataset, chosen, resume=resume)
    return Training(
        dataset=dataset,
        options=options,
        plugins=folders,
        run=_open_run(dataset.name, run, resume=resume),
        resume=resume,
        epochs=epochs,
        schedule_epochs=schedule_epochs,
        devices=_given("devices", overrides, options),
        log=_given("log", overrides, options),
        workers=workers,
        is_new=run is None and not resume,
        chosen=chosen,
        sampled=sampled,
        warnings=distinct(warnings, sampled.warnings if sampled else ()),
    )


def _sampled(
    dataset: StoredDataset, options: TrainOptions, plugins: Sequence[Path]
) -> Sampled | None:
    """Returns what sampling makes of classes; None where every sample comes once."""
    by = sampling_of(options, learnt_targets(options, dataset.signature))
    if not by or not dataset.has_samples("train"):
        return None
    sampler = plan(dataset, "train", plugins=plugins, **by).sampler
    return None if sampler is None else sampler.sampled


def learnt_from(
    dataset: StoredDataset, options: TrainOptions, plugins: Sequence[Path]
) -> Signature:
    """Returns the signature of what is learnt of a dataset.

    Raises:
      SpecError: the dataset does not have what is to be learnt, or the model does not learn it.
    """
    streamed = plan(dataset, "train", plugins=plugins).signature
    return check_fit(options, streamed, discover(plugins))


def train(
    training: Training,
    *,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    **shown: "Unpack[Shown]",
) -> TrainDocument:
    """Trains a model and evaluates the best one; a run in which nothing was trained goes again.

    Args:
      starting: what surrounds the start of TensorFlow, which takes seconds.
      shown: what is called as it goes on; see `train/callbacks.py`.

    Raises:
      SpecError: the dataset does not have what is to be learnt, or the model does not learn it.
      TrainError: the training cannot start or go on.
    """
    try:
        done = run_training(training, shown, starting)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        if training.is_new:
            discard_unused(training.run, configured=not interrupted)
        raise
    why = training.chosen.why if training.chosen else ()
    return replace(document_of(done, training.warnings), chosen=why)


def run_training(
    training: Training, shown: "Shown", starting: Callable[[], AbstractContextManager[None]]
) -> Run:
    """Trains a model, and evaluates the best one unless it is to be left before; see `train`."""
    with starting():
        from dsbuilder.train.trainer import resume_run, train_dataset
    chosen, home = training.chosen, training.run.path
    if training.resume:
        return resume_run(
            training.run,
            dataset=training.dataset,
            epochs=training.epochs,
            schedule_epochs=training.schedule_epochs,
            devices=training.devices,
            workers=training.workers,
            log=training.log,
            plugins=training.plugins,
            stop_after=training.stop_after,
            **shown,
        )
    if chosen is not None and chosen.text and not (home / CONFIG).exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / PIPELINE).write_text(chosen.text, encoding="utf-8")
    return train_dataset(
        training.dataset,
        training.options,
        run=training.run,
        plugins=training.plugins,
        stop_after=training.stop_after,
        **shown,
    )


def document_of(run: Run, warnings: Sequence[str] = ()) -> TrainDocument:
    """Returns what a run that has come to its end came to."""
    rows = run.rows()
    best = best_row(rows, Monitor.of(run.config()["train"]))
    return TrainDocument(
        run=run.path.absolute(),
        best_model=run.best.absolute(),
        epochs=tuple(row.flat() for row in rows),
        best_epoch=best.epoch if best is not None else None,
        evaluation=run.evaluation(),
        computing=run.computing,
        warnings=distinct(warnings, run.warnings),
    )


def _settled(
    options: TrainOptions, dataset: StoredDataset, chosen: ChosenTraining | None, *, resume: bool
) -> tuple[TrainOptions, ChosenTraining | None]:
    """Returns options with what they leave to the data, and what was chosen with the reasons.

    A run goes on as it began; and one without images to train on is refused where it begins.
    """
    if resume or not dataset.has_samples("train"):
        return options, None
    options, why = settled(options, dataset)
    return options, chosen or (ChosenTraining(why=why) if why else None)


def _doubts(chosen: ChosenTraining | None) -> tuple[str, ...]:
    return chosen.warnings if chosen is not None else ()


def _assigned(epochs: int | None, schedule_epochs: int | None) -> list[str]:
    numbers = {"epochs": epochs, "optimizer.schedule_epochs": schedule_epochs}
    return [f"train.{name}={number}" for name, number in numbers.items() if number is not None]


_MAY_CHANGE = ("devices", "log")
"""Options of the train section that a run need not keep when it goes on."""


def _given(option: str, overrides: Sequence[str], options: TrainOptions) -> Any:
    """Returns an option that is assigned; None where none is."""
    found = any(each.startswith(f"train.{option}=") for each in overrides)
    return getattr(options, option) if found else None


def _check_resumed(overrides: Sequence[str], *, resume: bool) -> None:
    may_change = tuple(f"train.{option}=" for option in _MAY_CHANGE)
    of_train = filter(is_of_train, overrides)
    if resume and not all(each.startswith(may_change) for each in of_train):
        message = (
            "expected no assignment to the train section for a run that is resumed: it goes on as "
            "it began. Its epochs, schedule_epochs, devices, workers and log may be given."
        )
        raise SpecError([Problem("", message)])


def _open_run(name: str, folder: Path | None, *, resume: bool) -> Run:
    if folder is not None:
        return Run(path=folder)
    return Run(path=latest_run(name)) if resume else new_run(RUNS, name)


def latest_run(name: str) -> Path:
    """Returns the folder of the latest run `runs/NAME-N`.

    Raises:
      TrainError: there is none.
    """
    numbers = [each.name.removeprefix(f"{name}-") for each in RUNS.glob(f"{name}-*")]
    latest = max((int(number) for number in numbers if number.isdigit()), default=None)
    if latest is None:
        raise TrainError(f"{RUNS}: there is no run of '{name}' to resume. Give its folder.")
    return RUNS / f"{name}-{latest}"
