"""A pipeline -> scores over folds: every record is tested once, by a model that never saw it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from dsbuilder import typed_json
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.folder_of_runs import is_begun, train_in
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.train import RUNS
from dsbuilder.cache import store
from dsbuilder.errors import Problem, SpecError, TrainError
from dsbuilder.pipelinefile.binding import to_plain
from dsbuilder.pipelinefile.schema import Settings
from dsbuilder.pipelinefile.splitting import SplitOptions
from dsbuilder.pipelinefile.training import folds_fault
from dsbuilder.tasks import numbers_of
from dsbuilder.tasks.intervals import Interval, of_folds
from dsbuilder.train.run import Run, new_run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

RESULT = "cross_validation.json"


@dataclass(frozen=True, kw_only=True)
class FoldsScore:
    """A score over folds.

    Attributes:
      name: name of the score, of several heads after the target's: `word.exact_match`.
      mean: mean over the folds.
      deviation: deviation over the folds.
      interval: where the mean lies with 95 %; None where all folds agree.
      folds: score in each fold; None where its samples have none.
    """

    name: str
    mean: float
    deviation: float
    interval: Interval | None
    folds: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class CrossValidateDocument(Document):
    """What the folds of a cross-validation came to.

    Attributes:
      folder: folder that holds a run for each fold.
      runs: folders of the runs.
      scores: scores over the folds, as evaluations have them.
    """

    folder: Path
    runs: tuple[Path, ...]
    scores: tuple[FoldsScore, ...]


def cross_validate(
    opened: OpenedPipeline,
    folds: int | None = None,
    *,
    run: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
    on_fold: Callable[[int], None] = lambda fold: None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    **shown: "Unpack[Shown]",
) -> CrossValidateDocument:
    """Trains a model for each fold and measures it on the part of the records that it never saw.

    Records are dealt as a split deals them, stratified and groups together, in place of the shares
    of the pipeline; a class that is too small to be dealt is train in each. Of a folder that was
    begun, folds that are done stay and others go on.

    Args:
      folds: number of folds, from 3 to `MOST_FOLDS`; None takes `train.cross_validate`.
      run: folder of the runs; None takes the next free `runs/name-folds-N`.
      workers: processes that make samples; see `build`.
      on_progress: called with samples made or reused so far, and samples in all, in each fold.
      on_fold: called with the number of each fold, from 1, before it begins.
      starting: what surrounds the start of TensorFlow, which takes seconds.
      shown: what is called as trainings go on; see `train/callbacks.py`.

    Raises:
      SpecError: the pipeline is wrong, or there are too few or too many folds.
      TrainError: a training cannot start or go on, or the folder was begun with another number.
    """
    settings = opened.spec().settings
    folds = _checked(settings, folds)
    home = new_run(RUNS, f"{settings.name}-folds").path if run is None else run
    runs, warnings = [], []
    for index in range(folds):
        on_fold(index + 1)
        dealt = dealt_to(settings.split, folds, index)
        folder = _folder(home, index)
        runs.append(folder)
        _check_dealt(folder, dealt["fold"], settings.name)
        fold = replace(
            opened,
            out=home / "data",
            overrides=(*opened.overrides, f"split={typed_json.dumps(dealt)}"),
        )
        given: dict[str, Any] = {"workers": workers, "on_progress": on_progress, **shown}
        warnings.append(train_in(folder, fold, starting=starting, **given).warnings)
    found = CrossValidateDocument(
        folder=home.absolute(),
        runs=tuple(each.absolute() for each in runs),
        scores=tuple(_scores([Run(path=each).evaluation() for each in runs])),
        warnings=distinct(*warnings),
    )
    store.write_text(home / RESULT, typed_json.dumps(found.to_json(), indent=1) + "\n")
    return found


def said_folds(settings: Settings) -> int | None:
    """Returns how many folds a pipeline asks for; None if it does not."""
    return None if settings.train is None else settings.train.cross_validate


def _checked(settings: Settings, folds: int | None) -> int:
    """Returns how many folds there are to be.

    Raises:
      SpecError: nobody says, or they are too few or too many.
    """
    found = said_folds(settings) if folds is None else folds
    if found is None:
        wrong = "nobody says how many folds there are to be. Give their number."
        raise SpecError([Problem("cross_validate", wrong)])
    if fault := folds_fault(found):
        raise SpecError([Problem("cross_validate", f"{fault} Change their number.")])
    return found


def folds_of(home: Path) -> int | None:
    """Returns how many folds a folder was begun with; None of one that was not.

    Raises:
      TrainError: it holds no runs of folds.
    """
    first = _folder(home, 0)
    fold = _dealt(first) if is_begun(first) else None
    return None if fold is None else fold.get("of")


def _folder(home: Path, index: int) -> Path:
    return home / f"fold-{index + 1}"


def _dealt(folder: Path) -> Mapping[str, int] | None:
    """Returns which fold a run is of; None of one that is of none."""
    split = Run(path=folder).config().get("pipeline", {}).get("split")
    found = split.get("fold") if isinstance(split, Mapping) else None
    return found if isinstance(found, Mapping) else None


def dealt_to(split: SplitOptions, folds: int, index: int) -> dict[str, Any]:
    """Returns the section `split` of a fold: of what is said, what is no share of a split stays."""
    kept = {name: to_plain(getattr(split, name)) for name in ("group", "subset")}
    return {"fold": {"of": folds, "index": index}, "method": "stratified", **kept}


def _check_dealt(folder: Path, fold: Mapping[str, int], name: str) -> None:
    """Refuses a run of another deal, which may have been trained on what this one tests.

    Args:
      name: name of the dataset.

    Raises:
      TrainError: the folder holds one, or one of another dataset.
    """
    if not is_begun(folder):
        return
    found, other = _dealt(folder), Run(path=folder).config()["dataset"]["name"]
    if found != fold:
        raise TrainError(
            f"{folder}: expected a run of {typed_json.dumps({'fold': fold})}, found one of "
            f"{typed_json.shown({'fold': found})}. Choose another folder, or as many folds as "
            "it was begun with."
        )
    if other != name:
        raise TrainError(
            f"{folder}: expected a run on the dataset '{name}', found one on '{other}'. Choose "
            "another folder."
        )


def _scores(evaluations: Sequence[Mapping[str, Any]]) -> Iterator[FoldsScore]:
    """Yields what evaluations of the same targets come to."""
    told = [dict(numbers_of(each)) for each in evaluations]
    for name in dict.fromkeys(name for each in told for name in each):
        folds = tuple(each.get(name) for each in told)
        known = [each for each in folds if each is not None]
        yield FoldsScore(
            name=name,
            mean=float(np.mean(known)),
            deviation=float(np.std(known, ddof=1)) if len(known) > 1 else 0.0,
            interval=of_folds(known),
            folds=folds,
        )
