"""Is a pipeline right, and what would it build; no image is decoded."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsbuilder import targets
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.builder.plan import Plan, make_plan
from dsbuilder.builder.survey import Survey, check_unread
from dsbuilder.errors import DataError, Problem, SpecError, TrainError, carrying
from dsbuilder.pipeline.doubts import untouched
from dsbuilder.pipelinefile import Spec
from dsbuilder.pipelinefile.stages import SPLITS
from dsbuilder.sample import Signature
from dsbuilder.targets import Keypoints
from dsbuilder.targets.text import Text, alphabet_of, time_steps
from dsbuilder.tasks import Recognize, heads_of, objects_fault, objects_of
from dsbuilder.train.fitting import check_fit

SECTIONS = ("prepare", "augment.stages", "synthesize", "finish", "stream.stages", "stream.finish")

_Texts = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, kw_only=True)
class CheckedStage:
    """One stage of a pipeline as it is written.

    Attributes:
      id: name of the stage in ledgers and errors, such as `augment/A.HorizontalFlip`.
      use: name of its plugin.
      options: its options as written.
    """

    id: str
    use: str
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CheckDocument(Document):
    """A pipeline that is right, and what it would build.

    Attributes:
      name, version: name and version of the dataset.
      signature: shape and targets of every stored sample.
      streamed: shape and targets of every streamed sample.
      records: number of records by split.
      classes: number of records by split and class; a split's is empty where none is known.
      samples: number of samples to make by split.
      shards: number of shards.
      variants, untouched: number of variants, and of those that no stage is expected to touch.
      stages: stages by the section that holds them, every section of `SECTIONS`.
    """

    name: str
    version: str
    signature: Signature
    streamed: Signature
    records: Mapping[str, int]
    classes: Mapping[str, Mapping[str, int]]
    samples: Mapping[str, int]
    shards: int
    variants: int
    untouched: float
    stages: Mapping[str, tuple[CheckedStage, ...]]


def check(opened: OpenedPipeline) -> CheckDocument:
    """Says whether a pipeline is right, and what it would build.

    Raises:
      SpecError: it is wrong; every problem is named with its file and line.
      DataError: its source is not what it says, or there is nothing to build.
    """
    surveyed = opened.survey()
    with carrying(surveyed.warnings):
        check_unread(surveyed)
    return checked(surveyed)


def checked(surveyed: Survey) -> CheckDocument:
    """Says of a pipeline that is surveyed what `check` does."""
    pipeline, settings = surveyed.pipeline, surveyed.pipeline.settings
    with carrying(surveyed.warnings):
        of_training = check_training(surveyed)
        plan = planned(surveyed)
    records = _by_split(surveyed)
    variants = records.get("train", 0) * settings.augment.copies
    return CheckDocument(
        name=settings.name,
        version=settings.version,
        signature=pipeline.signature,
        streamed=pipeline.streamed,
        records=records,
        classes=count_classes(surveyed),
        samples=dict(plan.samples),
        shards=len(plan.shards),
        variants=variants,
        untouched=variants * untouched(settings.augment.stages),
        stages={path: tuple(_stages(pipeline.spec, path)) for path in SECTIONS},
        warnings=distinct(surveyed.warnings, of_training),
    )


def check_training(surveyed: Survey) -> tuple[str, ...]:
    """Compares the train section, if there is one, with what it is to learn from.

    Returns:
      What a user should know before a training.

    Raises:
      SpecError: there is no such target, or the model does not learn it.
    """
    options = surveyed.pipeline.settings.train
    if options is None:
        return ()
    texts = _all_texts(surveyed)
    learnt = _fitted(surveyed, texts)
    _check_objects(surveyed, learnt)
    return (*options.model.warnings(learnt), *_unreadable(surveyed, learnt, texts))


def _check_objects(surveyed: Survey, learnt: Signature) -> None:
    """Refuses records with no object or several where keypoints are learnt."""
    kinds, spec = surveyed.targets or {}, surveyed.pipeline.spec
    for name in learnt.targets:
        kind = kinds.get(name)
        if isinstance(kind, Keypoints):
            wrong = objects_fault(objects_of(kind, name, surveyed.records))
            if wrong is not None:
                raise SpecError([Problem(spec.where("train"), f"{name}: {wrong}")])


def fitted(surveyed: Survey) -> Signature:
    """Returns the signature of what a pipeline's train section learns; see `check_training`."""
    return _fitted(surveyed, _all_texts(surveyed))


def _fitted(surveyed: Survey, texts: _Texts) -> Signature:
    spec, streamed = surveyed.pipeline.spec, surveyed.pipeline.streamed
    options = spec.settings.train
    if options is None:
        raise TrainError(f"{spec.document.origin}: there is no train section. Add one.")
    known = {
        name: Text(
            alphabet=alphabet_of(found["train"]),
            longest=max((time_steps(each) for own in found.values() for each in own), default=0),
        )
        for name, found in texts.items()
    }
    stream = streamed.replace(targets={**streamed.targets, **known})
    return check_fit(options, stream, spec.registry, where=spec.where)


def _unreadable(surveyed: Survey, learnt: Signature, texts: _Texts) -> Iterator[str]:
    """Yields which texts of records a model could never read."""
    if surveyed.pipeline.settings.synthesize:
        return  # which characters train will have is known when texts are drawn
    for name, task in heads_of(learnt).items():
        if isinstance(task, Recognize):
            alphabets = {split: alphabet_of(found) for split, found in texts[name].items()}
            yield from task.unreadable(name, alphabets)


def _all_texts(surveyed: Survey) -> _Texts:
    """Returns the texts of the records, by target and split."""
    kinds = surveyed.pipeline.streamed.targets
    return {n: _texts(surveyed, n) for n, kind in kinds.items() if isinstance(kind, Text)}


def _texts(surveyed: Survey, target: str) -> dict[str, list[str]]:
    """Returns the texts of the records of each split; of a target that sources have not, none."""
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    kind = (surveyed.targets or {}).get(target)
    for record in surveyed.records if kind is not None else ():
        text = kind.parse(record.targets[target])  # type: ignore[union-attr]
        found[surveyed.split.split_of[record.key]].append(text)
    return found


def planned(surveyed: Survey) -> Plan:
    """Returns the plan of a build without reading a file: all is right but its fingerprints.

    Raises:
      DataError: there is nothing to build.
    """
    if not surveyed.records and not surveyed.pipeline.settings.synthesize:
        raise DataError("source: no records. Check the source's path.")
    unread = {record.key: "" for record in surveyed.records}
    return make_plan(surveyed.pipeline, surveyed.records, surveyed.split, unread)


def count_classes(surveyed: Survey) -> dict[str, dict[str, int]]:
    """Returns what the records of each split have of each class; classes without any count 0."""
    kinds = surveyed.targets or {}
    names = next((kind.class_names for kind in kinds.values() if kind.class_names), ())
    # What files of masks hold is not known yet: those of which nothing is are left out.
    counts: dict[str, Counter[str]] = {split: Counter() for split in _by_split(surveyed)}
    for record in surveyed.records:
        counts[surveyed.split.split_of[record.key]].update(targets.stated(kinds, record.targets))
    if not any(counts.values()):
        return {split: {} for split in counts}
    every = dict.fromkeys([*names, *(name for found in counts.values() for name in found)])
    return {split: {name: found[name] for name in every} for split, found in counts.items()}


def _by_split(surveyed: Survey) -> dict[str, int]:
    """Returns the number of records of each split that has any."""
    counts = Counter(surveyed.split.split_of[record.key] for record in surveyed.records)
    return {split: counts[split] for split in SPLITS if counts[split]}


def _stages(spec: Spec, path: str) -> Iterator[CheckedStage]:
    """Yields every stage of a section with its options as written."""
    section: Any = spec.settings
    written: Any = spec.document.root.plain()
    for step in path.split("."):
        section = getattr(section, step)
        written = written.get(step, ()) if isinstance(written, Mapping) else ()
    for stage, entry in zip(section, written or (), strict=True):
        given = {"use": entry} if isinstance(entry, str) else dict(entry)
        plugin = given.pop("use", stage.id.partition("/")[2])
        yield CheckedStage(id=stage.id, use=plugin, options=given)
