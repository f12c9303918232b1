"""A pipeline -> what holds its model back: trainings on growing shares of train, in words."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from dsbuilder import typed_json
from dsbuilder.actions.chosen import completed
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.train import RUNS
from dsbuilder.actions.trained_shares import JUDGMENTS, SharesFolder
from dsbuilder.builder.survey import Survey
from dsbuilder.cache import store
from dsbuilder.diagnosis import drawing, learning_curve, mistakes, words
from dsbuilder.diagnosis.advice import Advice, advise
from dsbuilder.diagnosis.learning_curve import CurveVerdict
from dsbuilder.diagnosis.mistakes import ClassGain, MistakeGroup, Property
from dsbuilder.diagnosis.properties import LOOK, properties_of
from dsbuilder.errors import Problem, SpecError, TrainError
from dsbuilder.sample import Signature
from dsbuilder.targets.stored import as_file_name
from dsbuilder.tasks import error_name, task_of
from dsbuilder.tasks.intervals import MOST_FOLDS
from dsbuilder.train.fitting import check_fit
from dsbuilder.train.run import new_run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

RESULT = "diagnosis.json"
CURVE = "learning_curve"
SEEDS, SHARES, MOST_SHARES = 3, 5, 10

_FEWEST = 8
"""Samples of train that the smallest share is due."""


@dataclass(frozen=True, kw_only=True)
class HeadDiagnosis:
    """What trainings say of one target.

    Attributes:
      target: name of the target.
      error: name of its error, such as `1 - accuracy`.
      verdict: `high bias`, `high variance`, both, neither, or `unclear`.
      baseline: error that could be reached; 0 where nothing is known of it.
      baseline_from: `given`, or `nothing`.
      chance: error on validation of an answer that is the same for every image.
      small: difference of errors that is called small.
      curve: errors by share, avoidable bias, variance, and how the error falls.
      words: what is found, in sentences.
      advice: what usually helps.
      mistakes: groups of validation samples, those least likely by chance first.
      overall: name of the score over all that classes bring something to; empty without any.
      gains: classes, by what they would bring to it.
      chart: file of the learning curve, beside a CSV of the same name.
    """

    target: str
    error: str
    verdict: str
    baseline: float
    baseline_from: str
    chance: float
    small: float
    curve: CurveVerdict
    words: tuple[str, ...]
    advice: tuple[Advice, ...]
    mistakes: tuple[MistakeGroup, ...]
    overall: str
    gains: tuple[ClassGain, ...]
    chart: Path


@dataclass(frozen=True, kw_only=True)
class DiagnoseDocument(Document):
    """What trainings on growing shares of train say.

    Attributes:
      folder: folder that holds a run for each share and seed.
      seeds: number of trainings on each share.
      runs: folders of the runs, seed by seed, the smallest share first.
      heads: what they say of each target that is learnt.
      chosen: reasons for task and model, as far as nothing was said of them.
    """

    folder: Path
    seeds: int
    runs: tuple[Path, ...]
    heads: tuple[HeadDiagnosis, ...]
    chosen: tuple[str, ...] = ()


Baseline = float | Mapping[str, float] | None
"""An error that could be reached, or of several targets one each."""


def diagnose(
    opened: OpenedPipeline,
    *,
    baseline: Baseline = None,
    small: float | None = None,
    seeds: int = SEEDS,
    shares: int = SHARES,
    run: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
    on_run: Callable[[int, int, float], None] = lambda number, of, share: None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    **shown: "Unpack[Shown]",
) -> DiagnoseDocument:
    """Trains on growing shares of train, and says whether bias or variance is high, and of what.

    Each share is twice the one before, up to all, of records as `split.subset` draws them. Of a
    folder that was begun, trainings that are done stay and others go on.

    Args:
      baseline: error that could be reached, such as a person's; of several targets by their names.
        None judges against 0.
      small: difference of errors that is called small; None takes 5 % of the way from the baseline
        to chance.
      seeds: number of trainings on each share, from 2 to `MOST_FOLDS`.
      shares: number of shares, from 2 to `MOST_SHARES`.
      run: folder of the runs; None takes the next free `runs/NAME-diagnosis-N`.
      workers: processes that make samples; see `build`.
      on_progress: called with samples made or reused so far, and samples in all, in each training.
      on_run: called before each training, with its number, their number, and its share.
      starting: what surrounds the start of TensorFlow, which takes seconds.
      shown: what is called as trainings go on; see `train/callbacks.py`.

    Raises:
      SpecError: the pipeline is wrong, there is no validation split, or an argument is wrong.
      TrainError: a training cannot start or go on, or the folder was begun otherwise.
    """
    _check_numbers(seeds, shares)
    opened, chosen = completed(opened, settles_length=False)
    surveyed = opened.survey()
    spec = surveyed.pipeline.spec
    if spec.settings.train is None:
        raise TrainError(f"{opened.pipeline}: there is no train section. Add one.")
    learnt = check_fit(spec.settings.train, surveyed.pipeline.streamed, spec.registry)
    baselines = _baselines(baseline, list(learnt.targets))
    _check_splits(surveyed, shares)
    home = new_run(RUNS, f"{spec.settings.name}-diagnosis").path if run is None else run
    folder = SharesFolder(
        opened=replace(opened, out=home / "data"), home=home, spec=spec, seeds=seeds, shares=shares
    )
    given: dict[str, Any] = {"workers": workers, "on_progress": on_progress, "starting": starting}
    warnings = [surveyed.warnings]
    for number, (seed, share) in enumerate(folder.parts, 1):
        on_run(number, len(folder.parts), share)
        told = folder.train(seed, share, **given, **shown)
        if seed == 1 and share == 1:  # of the others the same is said, or that they are few
            warnings.append(told)
    looked = replace(folder.opened, overrides=(*opened.overrides, LOOK)).survey()
    properties = properties_of(looked, folder.whole(workers), workers=workers)
    found = DiagnoseDocument(
        folder=home.absolute(),
        seeds=seeds,
        runs=tuple(folder.folder(*part).absolute() for part in folder.parts),
        heads=tuple(
            _head(folder, learnt, name, said, small, properties) for name, said in baselines.items()
        ),
        chosen=chosen.why if chosen else (),
        warnings=distinct(*warnings),
    )
    store.write_text(home / RESULT, typed_json.dumps(found.to_json(), indent=1) + "\n")
    return found


def _check_numbers(seeds: int, shares: int) -> None:
    bounds = {"seeds": (seeds, MOST_FOLDS), "shares": (shares, MOST_SHARES)}
    wrong = [
        Problem("diagnose", f"expected 2 to {most} {name}, found {found}. Change their number.")
        for name, (found, most) in bounds.items()
        if not 2 <= found <= most
    ]
    if wrong:
        raise SpecError(wrong)


def _baselines(baseline: Baseline, targets: Sequence[str]) -> dict[str, float | None]:
    """Returns the baseline of each target that is learnt; None where nothing is said.

    Raises:
      SpecError: it is not said of which, of one that is not learnt, or it is no error.
    """
    known, problem = ", ".join(targets), ""
    said = dict(baseline) if isinstance(baseline, Mapping) else {}
    if isinstance(baseline, (int, float)):
        said = dict.fromkeys(targets[:1], float(baseline))
        if len(targets) > 1:
            problem = f"expected one of {known}, found {baseline:g} of none. Say of which"
    for name, error in said.items():
        if name not in targets:
            problem = f"expected one of {known}, found '{name}'. Correct the name"
        elif not error >= 0:
            problem = f"expected an error of 0 or more, found {error:g}. Correct it"
    if problem:
        raise SpecError([Problem("baseline", f"{problem}.")])
    return {name: said.get(name) for name in targets}


def _check_splits(surveyed: Survey, shares: int) -> None:
    """Refuses a pipeline without validation, with too little to share out, or with a subset.

    Raises:
      SpecError: it is such.
    """
    settings, counts = surveyed.pipeline.settings, dict.fromkeys(("train", "validation"), 0.0)
    for record in surveyed.records:
        split = surveyed.split.split_of[record.key]
        counts[split] = counts.get(split, 0.0) + 1
    for each in settings.synthesize:
        for split, share in each.splits.items():
            counts[split] = counts.get(split, 0.0) + each.count * share
    least = _FEWEST * 2 ** (shares - 1)
    problem = ""
    if settings.split.part is not None:
        problem = "subset: expected the whole of train, which is shared out here. Remove it"
    elif counts["validation"] < 1:
        problem = "validation: there are no samples to measure errors on. Give it a share"
    elif counts["train"] < least:
        problem = (
            f"train: expected {least} samples or more for {shares} shares, each half of the next, "
            f"found {counts['train']:.0f}. Ask for fewer shares"
        )
    if problem:
        raise SpecError([Problem(surveyed.pipeline.spec.where("split"), f"{problem}.")])


def _head(
    folder: SharesFolder,
    learnt: Signature,
    name: str,
    said: float | None,
    small: float | None,
    properties: Mapping[str, Property],
) -> HeadDiagnosis:
    """Returns what trainings say of one target, and draws its learning curve.

    Args:
      learnt: signature of what is learnt.
      said: its baseline; None where nothing is said.
      small: difference of errors that is called small; None for a part of the way to chance.
      properties: what is known of the samples of validation.
    """
    found = folder.learnt(name)
    full = [each for each in found if each.trained.share == 1]
    settings, task = folder.spec.settings, task_of(full[0].kind)
    chance, baseline = full[0].chance, said or 0.0
    if small is None:
        small = learning_curve.called_small(baseline, chance)
    curve = learning_curve.judge([each.trained for each in found], baseline=baseline, small=small)
    before = f"{name}_" if len(learnt.targets) > 1 else ""
    chart = folder.home / f"{f'{as_file_name(name)}-' if before else ''}{CURVE}.svg"
    drawing.draw(
        chart,
        curve,
        title=f"Learning curve of {name}",
        error=error_name(full[0].kind),
        baseline=said,
        dataset=f"{settings.name} {settings.version}",
        validation=full[0].trained.validation.samples,
    )
    files = [each / JUDGMENTS for each in folder.full]
    judged = mistakes.read_judgments(files, task.judged_by, before=before)
    classes = [str(each["name"]) for each in full[0].classes] if full[0].kind == "class" else []
    gains = mistakes.gains([each.classes for each in full], task.of_classes)
    told: dict[str, Any] = {"error": error_name(full[0].kind), "chance": chance, "small": small}
    told["baseline"] = baseline
    return HeadDiagnosis(
        target=name,
        verdict=curve.verdict,
        baseline_from="nothing" if said is None else "given",
        curve=curve,
        words=tuple(words.sentences(curve, said=said is not None, **told)),
        advice=advise(curve, settings, learnt, stopped_early=folder.stopped_early),
        mistakes=mistakes.grouped(judged, properties, classes=classes),
        overall=task.of_classes.overall if task.of_classes is not None else "",
        gains=gains,
        chart=chart.absolute(),
        **told,
    )
