"""A pipeline -> a run that holds a generator of images like those of its train split.

runs/shirts-gan-1/
  data/             the dataset that it learns: originals alone, without what the pipeline makes
  judge.keras       a classifier of real images, by which snapshots and samples are judged
  samples/          a sheet of samples after every epoch
  best.keras        the generator of the best snapshot

The rest is as in any run; see `train/run.py`.
"""

import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.report import report_built
from dsbuilder.actions.train import RUNS, latest_run
from dsbuilder.builder import build_dataset
from dsbuilder.dataset import load
from dsbuilder.errors import Problem, SpecError, TrainError
from dsbuilder.train.gan.options import GanOptions
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.phases import best_row
from dsbuilder.train.run import CONFIG, Run, new_run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

DATA = "data"
_MINUTES = 30.0
_ORIGINALS = (
    "augment.copies=0",
    "augment.original=true",
    "synthesize=[]",
    "balance=null",
    "stream.stages=[]",
    "stream.finish=[]",
    "cache={codec: npy}",
)
"""What makes of a pipeline one of its original images alone, as they are stored."""


@dataclass(frozen=True, kw_only=True)
class SynthTrainDocument(Document):
    """What the training of a GAN came to.

    Attributes:
      run: folder of the run.
      generator: file of the generator of the best snapshot.
      gan: kind of the GAN, `cgan` or `dcgan`.
      class_names: names of the classes that it draws; none of one without labels.
      epochs: a row of `results.csv` for each epoch.
      best_epoch: number of the epoch that the generator is of.
      best: what was measured of its images on validation, by name.
      sheet: picture of some of its images.
      computing: backend and device that it was trained on, in words.
    """

    run: Path
    generator: Path
    gan: str
    class_names: tuple[str, ...]
    epochs: tuple[Mapping[str, Any], ...]
    best_epoch: int | None
    best: Mapping[str, float]
    sheet: Path | None
    computing: str


def synth_train(
    opened: OpenedPipeline,
    *,
    run: Path | None = None,
    resume: bool = False,
    epochs: int | None = None,
    minutes: float | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    options: Mapping[str, Any] | None = None,
    **shown: "Unpack[Shown]",
) -> SynthTrainDocument:
    """Trains a GAN on the train split of a pipeline, and keeps its best snapshot.

    Args:
      run: folder of the run; None takes the next free `runs/NAME-gan-N`, or to resume the last one.
      resume: whether the run goes on where it was stopped.
      epochs: number of epochs at most; of a run that goes on, instead of what it began with.
      minutes: time for all of it; 30 where nothing else is said.
      workers: processes that make samples; see `build`.
      on_progress: called with samples made or reused so far, and samples in all.
      starting: what surrounds the start of TensorFlow, which takes seconds.
      options: further options of the training; see `GanOptions`.
      shown: what is called as it goes on; see `train/callbacks.py`.

    Raises:
      SpecError: the pipeline or an option is wrong.
      TrainError: images or labels are not what a GAN learns, or there is no run to resume.
    """
    if resume:
        if options:
            raise SpecError(
                [
                    Problem(
                        next(iter(options)),
                        "expected no option for a run that is resumed, which goes on as it began. "
                        "Its epochs and minutes may be given.",
                    )
                ]
            )
        spec = opened.spec()
        folder = run or latest_run(f"{spec.settings.name}-gan")
        with starting():
            from dsbuilder.train.gan.trainer import resume_gan
        done = resume_gan(
            Run(path=folder),
            epochs=epochs,
            minutes=minutes,
            plugins=spec.registry.folders,
            **shown,
        )
        return _document(done)
    chosen = _options(epochs, minutes, options or {})
    own = replace(opened, overrides=(*opened.overrides, *_ORIGINALS))
    spec = own.spec()
    own.survey()  # what is wrong with the pipeline is told before there is a folder
    begun = Run(path=run) if run is not None else new_run(RUNS, f"{spec.settings.name}-gan")
    try:
        built = build_dataset(
            own.pipeline,
            begun.path / DATA,
            overrides=own.overrides,
            plugins=own.plugins,
            workers=workers,
            on_progress=on_progress,
        )
        with starting():
            from dsbuilder.train.gan.trainer import train_gan
        dataset = load(built.path)
        done = train_gan(dataset, chosen, run=begun, plugins=spec.registry.folders, **shown)
    except BaseException:
        if run is None and not (begun.path / CONFIG).exists():
            shutil.rmtree(begun.path, ignore_errors=True)
        raise
    return _document(done.warned(*built.warnings, *report_built(built)))


def _options(epochs: int | None, minutes: float | None, options: Mapping[str, Any]) -> GanOptions:
    if epochs is None and minutes is None:
        minutes = _MINUTES
    try:
        return GanOptions(epochs=epochs, minutes=minutes, **options)
    except (ValueError, TypeError) as error:
        raise SpecError([Problem("", str(error))]) from None


def _document(run: Run) -> SynthTrainDocument:
    config, rows = run.config(), run.rows()
    best = best_row(rows, Monitor.of(config["train"]))
    if best is None:
        raise TrainError(
            f"{run.path}: expected time for one epoch at least, found that there was none. Give "
            "more minutes."
        )
    sheet = run.path / "samples" / f"epoch-{best.epoch:04d}.png"
    dataset = load(config["dataset"]["path"])
    target = config["train"].get("target")
    return SynthTrainDocument(
        run=run.path.absolute(),
        generator=run.best.absolute(),
        gan=config["train"]["model"]["use"],
        class_names=dataset.signature.targets[target].class_names if target else (),
        epochs=tuple(row.flat() for row in rows),
        best_epoch=best.epoch,
        best=dict(best.validation),
        sheet=sheet.absolute() if sheet.is_file() else None,
        computing=run.computing,
        warnings=distinct(run.warnings),
    )
