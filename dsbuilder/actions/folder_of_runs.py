"""Runs in one folder: each is trained as far as it is not done, and goes on where it was begun.

Whoever compares trainings (over folds, over values of options) makes such a folder, and goes on
with it when it is called again. All train in one process, which starts TensorFlow once.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from dsbuilder import typed_json
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.train import prepare, run_training
from dsbuilder.binding import PlainPipeline
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import Length
from dsbuilder.train.options import is_of_train, to_data
from dsbuilder.train.run import CONFIG, EVALUATION, Run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

_BY_DATA = (*Length.__dataclass_fields__, "monitor_mode")
"""Options of a training that a dataset decides where nothing is said."""
_OF_MACHINE = ("workers", "log")
"""Options that change nothing of what is learnt."""


def is_begun(folder: Path) -> bool:
    """Whether a folder holds a run, done or not."""
    return (folder / CONFIG).is_file() or is_done(folder)


def is_done(folder: Path) -> bool:
    """Whether a folder holds a run that has come to its end."""
    return (folder / EVALUATION).is_file()


def check_begun(folder: Path, opened: OpenedPipeline) -> None:
    """Refuses to go on with a run of another pipeline or seed.

    Raises:
      TrainError: the folder holds such a run.
    """
    if not is_begun(folder):
        return
    spec, config = opened.spec(), Run(path=folder).config()
    options = {} if spec.settings.train is None else to_data(spec.settings.train)
    asked = {**PlainPipeline.of(spec).sections, "train": options}
    found = {**config["pipeline"], "train": dict(config["train"])}
    wanted: dict[str, Any] = typed_json.loads(typed_json.dumps(asked))
    for option in (*_BY_DATA, *_OF_MACHINE):
        if option in _OF_MACHINE or wanted["train"].get(option) in (None, "auto"):
            wanted["train"].pop(option, None)
            found["train"].pop(option, None)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise TrainError(
                f"{folder}: expected a run of this pipeline, found one of another section "
                f"'{name}'. Choose another folder."
            )


def train_in(
    folder: Path,
    opened: OpenedPipeline,
    *,
    stop_after: int | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    **shown: "Unpack[Shown]",
) -> Run:
    """Builds the dataset of a pipeline and trains on it in a folder, as far as that is not done.

    Args:
      folder: folder of the run.
      stop_after: number of epochs after which the run is left, to go on later, without an
        evaluation; None for the whole of it.
      workers: processes that make samples; see `build`.
      on_progress: called with samples made or reused so far, and samples in all.
      starting: what surrounds the start of TensorFlow, which takes seconds.
      shown: what is called as it goes on; see `train/callbacks.py`.

    Returns:
      The run, with the warnings of what was done now.

    Raises:
      SpecError: the pipeline is wrong, or what is to be learnt does not fit.
      TrainError: the training cannot start or go on.
    """
    run = Run(path=folder)
    if is_done(folder) or (stop_after is not None and len(run.rows()) >= stop_after):
        return run
    begun = is_begun(folder)
    # A run that goes on is trained as it began.
    said = tuple(each for each in opened.overrides if not (begun and is_of_train(each)))
    opened = replace(opened, overrides=said)
    ready = prepare(opened, run=folder, resume=begun, workers=workers, on_progress=on_progress)
    with _without_retracing_warnings():
        done = run_training(replace(ready, stop_after=stop_after), shown, starting)
    return done.warned(*ready.warnings)


@contextlib.contextmanager
def _without_retracing_warnings() -> Iterator[None]:
    """Lets TensorFlow not warn of functions that are traced often: every training has its own."""

    def passes(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(passes)
    try:
        yield
    finally:
        logger.removeFilter(passes)
