"""A pipeline -> which of its parts help, by trainings without each in pairs with it as it is.

Within a pair the seed deals the same batches and begins with the same draws, so what differs is
the part; over pairs what differs is luck. Parts are compared on validation, several of them at
once: the verdicts hold for all together, by Holm's procedure. Test is measured in these trainings,
and decides nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dsbuilder import typed_json
from dsbuilder.actions.ablated import (
    CHART,
    CHARTS,
    PAGE,
    PATCH,
    AblatedPart,
    AblationFindings,
    Verdict,
    write,
)
from dsbuilder.actions.ablation_runs import AS_IT_IS, AblationRuns, OnRun, Variant, together
from dsbuilder.actions.check_training import fitted
from dsbuilder.actions.chosen import completed
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.judge import Judge, check_validation, judge_of
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.pipeline_parts import (
    LeftOutPart,
    PipelinePart,
    added_part,
    assignments_of,
    parts_of,
    with_stages,
)
from dsbuilder.actions.seed_pairs import Gain, gain, gain_of_evaluations
from dsbuilder.actions.train import RUNS
from dsbuilder.actions.tried_pipeline import TriedPipeline
from dsbuilder.cache import store
from dsbuilder.diagnosis.significance import student_tails, surely_not_chance
from dsbuilder.errors import CacheError, Problem, SpecError, did_you_mean
from dsbuilder.tasks import heads_of
from dsbuilder.tasks.intervals import MOST_FOLDS
from dsbuilder.train.run import Run, new_run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

RESULT = "ablation.json"
SEEDS = 5

Runs = Mapping[str, Sequence[Run] | str]
"""The runs of each variant by its name, or why one of them failed."""


@dataclass(frozen=True, kw_only=True)
class AblateDocument(Document):
    """What trainings with and without each part say.

    Attributes:
      folder: folder of the ablation, which holds a run for each variant and seed.
      page: page that shows all of it.
      chart: picture of the gains with their intervals.
      patch: file that `train --patch` takes: parts that harm are taken out, what helps is put in.
      metric: what is compared on validation.
      greatest: whether the greatest value of it is the best.
      seeds: seeds of the trainings.
      parts: parts that were compared.
      left_out: parts that were not, each with the reason.
      changes: names of the parts that the patch takes out or puts in.
      together: gain of all changes over the pipeline as it is, on validation; None without any.
      verdict: what is found, in words.
    """

    folder: Path
    page: Path
    chart: Path
    patch: Path
    metric: str
    greatest: bool
    seeds: tuple[int, ...]
    parts: tuple[AblatedPart, ...]
    left_out: tuple[LeftOutPart, ...]
    changes: tuple[str, ...]
    together: Gain | None
    verdict: str


def ablate(
    opened: OpenedPipeline,
    *,
    add: Sequence[str] = (),
    only: Sequence[str] = (),
    seeds: int = SEEDS,
    epochs: int | None = None,
    run: Path | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda made, of: None,
    on_run: OnRun = lambda number, of, what: None,
    on_note: Callable[[str], None] = lambda note: None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
    **shown: "Unpack[Shown]",
) -> AblateDocument:
    """Trains a pipeline without each of its parts, and says which of them help and which harm.

    Parts are the stages of `augment` and `stream`, mixers among them, presets whole, synthesizers
    and `balance`. A folder that was begun is gone on with, wherever it was left; more seeds and
    more parts may be asked of it.

    Args:
      add: parts to put in, each tried by itself: `{use: mixup, p: 0.5}`, which joins the stages
        that vary images, or with its section, `stream={preset: weather}`.
      only: names of the parts to try; none takes all. What is added is always tried.
      seeds: number of trainings of each variant, from 2 to `MOST_FOLDS`.
      epochs: epochs of each training, instead of `train.epochs`.
      run: folder of the ablation; None takes the next free `runs/NAME-ablation-N`.
      workers: processes that make samples; see `build`.
      on_progress: called with samples made or reused so far, and samples in all, in each build.
      on_run: called before each training.
      on_note: called with what is decided on the way, in words.
      starting: what surrounds the start of TensorFlow, which takes seconds.
      shown: what is called as trainings go on; see `train/callbacks.py`.

    Raises:
      SpecError: the pipeline is wrong, it has no such part, or refuses what is to be added.
      TrainError: there is no validation split, the pipeline as it is cannot be trained, or the
        folder was begun otherwise.
    """
    _check_numbers(seeds)
    asked = opened
    said = () if epochs is None else (f"train.epochs={epochs}",)
    opened, _ = completed(replace(opened, overrides=(*opened.overrides, *said)))
    surveyed = opened.survey()
    check_validation(opened, surveyed)
    opened, document = with_stages(opened)
    tried = TriedPipeline(document=document, surveyed=surveyed)
    parts, left = _parts(tried, add, only)
    settings = surveyed.pipeline.settings
    home = new_run(RUNS, f"{settings.name}-ablation").path if run is None else run
    on_note(f"ablation in {home}")
    runs = AblationRuns(
        opened=opened,
        home=home,
        tried=tried,
        seeds=_seeds(opened, seeds),
        building={"workers": workers, "on_progress": on_progress},
        starting=starting,
        shown=shown,
        on_run=on_run,
    )
    parts, unbuilt = _built(runs, parts)
    judge = judge_of(surveyed.pipeline.spec, heads_of(fitted(surveyed)))
    runs.planned = (1 + len(parts)) * seeds
    found = runs.train_all([AS_IT_IS, *map(Variant.of, parts)])
    return _finished(runs, judge, parts, found, (*left, *unbuilt), asked.pipeline)


def _check_numbers(seeds: int) -> None:
    if not 2 <= seeds <= MOST_FOLDS:
        wrong = f"expected 2 to {MOST_FOLDS} seeds, found {seeds}. Change their number."
        raise SpecError([Problem("ablate", wrong)])


def _seeds(opened: OpenedPipeline, count: int) -> tuple[int, ...]:
    """Returns seeds of trainings: the pipeline's own, and those after it."""
    settings = opened.spec().settings
    own = settings.train.seed if settings.train is not None else None
    first = settings.seed if own is None else own
    return tuple(range(first, first + count))


def _parts(
    tried: TriedPipeline, add: Sequence[str], only: Sequence[str]
) -> tuple[list[PipelinePart], list[LeftOutPart]]:
    """Returns the parts to try, those to add among them, and those that cannot be.

    Raises:
      SpecError: there is none to try, none of a name, or the pipeline refuses what is to be added.
    """
    found, left = parts_of(tried)
    known = [*(each.name for each in found), *(each.name for each in left)]
    for name in only:
        if name not in known:
            hint = did_you_mean(name, known)
            message = f"expected one of {', '.join(known) or 'no part'}, found '{name}'.{hint}"
            raise SpecError([Problem("only", message)])
    if only:
        found = [each for each in found if each.name in only]
        left = [each for each in left if each.name in only]
    for said in add:
        found.append(added_part(tried, said, [*known, *(each.name for each in found)]))
    if not found:
        reasons = "".join(f" {each.name}: {each.reason}" for each in left)
        message = (
            "expected a stage of augment or stream, a synthesizer or balance that can be taken "
            f"out, found nothing to try.{reasons} Add one to the pipeline, or try one with --add."
        )
        raise SpecError([Problem(tried.document.origin, message)])
    return found, left


def _built(
    runs: AblationRuns, parts: Sequence[PipelinePart]
) -> tuple[list[PipelinePart], list[LeftOutPart]]:
    """Builds every dataset; returns the parts whose variants there are, and those without.

    Raises:
      SpecError: what is to be added cannot be built.
    """
    runs.build(AS_IT_IS)
    found: list[PipelinePart] = []
    left: list[LeftOutPart] = []
    for part in parts:
        try:
            runs.build(Variant.of(part))
        except CacheError:
            raise
        except SpecError as error:
            if part.added is not None:
                raise
            reason = error.problems[0].message
            left.append(LeftOutPart(name=part.name, reason=reason))
        else:
            found.append(part)
    return found, left


def _finished(
    runs: AblationRuns,
    judge: Judge,
    parts: Sequence[PipelinePart],
    found: Runs,
    left: Sequence[LeftOutPart],
    pipeline: Path,
) -> AblateDocument:
    """Compares the variants, trains what is to be changed together, and writes what was found."""
    compared = _compared(runs, judge, parts, found)
    changed = [
        part
        for part, each in zip(parts, compared, strict=True)
        if each.verdict == ("harms" if part.added is None else "helps")
    ]
    whole, failed = _together(runs, judge, changed, found)
    home = runs.home.absolute()
    document = AblateDocument(
        folder=home,
        page=home / PAGE,
        chart=home / CHARTS / CHART,
        patch=home / PATCH,
        metric=judge.metric.name,
        greatest=judge.metric.greatest,
        seeds=runs.seeds,
        parts=tuple(compared),
        left_out=tuple(left),
        changes=tuple(part.name for part in changed),
        together=whole,
        verdict=_verdict(compared, changed, whole),
        warnings=distinct(runs.warnings, [failed] if failed else []),
    )
    store.write_text(runs.home / RESULT, typed_json.dumps(document.to_json(), indent=1) + "\n")
    write(
        runs.home,
        AblationFindings(
            pipeline=pipeline,
            manifest=runs.manifests[AS_IT_IS.name],
            metric=document.metric,
            seeds=len(runs.seeds),
            parts=compared,
            left_out=left,
            assignments=assignments_of(runs.tried, changed),
            verdict=document.verdict,
        ),
    )
    return document


def _compared(
    runs: AblationRuns, judge: Judge, parts: Sequence[PipelinePart], found: Runs
) -> list[AblatedPart]:
    """Returns what the pairs of each part say, with verdicts that hold for all together."""
    own = found[AS_IT_IS.name]
    pairs: dict[str, tuple[Gain, Gain | None]] = {}
    for part in parts:
        changed = found[Variant.of(part).name]
        if not (isinstance(changed, str) or isinstance(own, str)):
            before, after = (changed, own) if part.added is None else (own, changed)
            pairs[part.name] = _gains(judge, before, after)
    likely = {name: student_tails(_differences(judge, each)) for name, (each, _) in pairs.items()}
    sure = dict(zip(likely, surely_not_chance(list(likely.values()), of=len(likely)), strict=True))
    compared = []
    for part in parts:
        name, changed = part.name, found[Variant.of(part).name]
        on_validation, on_test = pairs.get(name, (None, None))
        verdict: Verdict = "no difference seen"
        if on_validation is None:
            verdict = "failed"
        elif sure[name]:
            verdict = "helps" if on_validation.mean > 0 else "harms"
        compared.append(
            AblatedPart(
                name=name,
                added=part.added is not None,
                verdict=verdict,
                validation=on_validation,
                test=on_test,
                probability=likely.get(name),
                samples=runs.manifests[AS_IT_IS.name].num_samples("train"),
                changed_samples=runs.manifests[Variant.of(part).name].num_samples("train"),
                failed=changed if isinstance(changed, str) else None,
            )
        )
    return compared


def _gains(judge: Judge, before: Sequence[Run], after: Sequence[Run]) -> tuple[Gain, Gain | None]:
    """Returns the gain of some runs over others on validation, and on test if that is measured."""
    metric = judge.metric
    scores = [[judge.shown(judge.score(run)) for run in each] for each in (before, after)]
    on_validation = gain("validation", metric.name, *scores, greatest=metric.greatest)
    evaluated = gain_of_evaluations(before, after, greatest=judge.headline_greatest)
    on_test = evaluated if evaluated is not None and evaluated.split == "test" else None
    return on_validation, on_test


def _differences(judge: Judge, found: Gain) -> list[float]:
    sign = 1 if judge.metric.greatest else -1
    return [sign * (b - a) for a, b in zip(found.own, found.best, strict=True)]


def _together(
    runs: AblationRuns, judge: Judge, changed: Sequence[PipelinePart], found: Runs
) -> tuple[Gain | None, str | None]:
    """Returns the gain of all changes over the pipeline as it is, and why they fail if they do."""
    if not changed:
        return None, None
    if len(changed) == 1:
        trained = found[Variant.of(changed[0]).name]
    else:
        variant = together(changed)
        runs.planned += len(runs.seeds)
        try:
            runs.build(variant)
        except SpecError as error:
            return None, _not_together(error.problems[0].message)
        trained = runs.train_all([variant])[variant.name]
    own = found[AS_IT_IS.name]
    if isinstance(trained, str) or isinstance(own, str):
        return None, _not_together(str(trained))
    return _gains(judge, own, trained)[0], None


def _not_together(reason: str) -> str:
    return f"all changes together cannot be trained: {reason} Try them one by one."


def _verdict(
    compared: Sequence[AblatedPart], changed: Sequence[PipelinePart], whole: Gain | None
) -> str:
    """Returns what is found, in words."""
    told = []
    for verdict, word in (("helps", "help"), ("harms", "harm")):
        own = [each.name for each in compared if each.verdict == verdict]
        told.append(f"{', '.join(own)} {verdict if len(own) == 1 else word}" if own else "")
    said = "; ".join(filter(None, told)) or "Of no part a difference is seen"
    if not changed:
        return f"{said}. Nothing is to be changed."
    if whole is None:
        return f"{said}."
    return f"{said}. With that changed: {whole}."
