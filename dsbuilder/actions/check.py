"""Is a pipeline right, and what would it build; no image is decoded."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dsbuilder import targets
from dsbuilder.actions.check_training import check_training
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.search_space import search_space
from dsbuilder.builder.plan import Plan, make_plan
from dsbuilder.builder.survey import Survey, check_unread
from dsbuilder.errors import DataError, carrying
from dsbuilder.pipeline.doubts import untouched
from dsbuilder.pipelinefile import Spec
from dsbuilder.pipelinefile.stages import SPLITS
from dsbuilder.pipelinefile.tuning import Searched
from dsbuilder.sample import Signature

SECTIONS = ("prepare", "augment.stages", "synthesize", "finish", "stream.stages", "stream.finish")


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
      tune: values that the section `tune` says, by the paths of their options.
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
    tune: Mapping[str, Searched] = field(default_factory=dict)


def check(opened: OpenedPipeline) -> CheckDocument:
    """Says whether a pipeline is right, and what it would build.

    Raises:
      SpecError: it is wrong; every problem is named with its file and line.
      DataError: its source is not what it says, or there is nothing to build.
    """
    surveyed = opened.survey()
    with carrying(surveyed.warnings):
        check_unread(surveyed)
    found = checked(surveyed)
    tuned = surveyed.pipeline.settings.tune
    if tuned:
        search_space(opened, surveyed)
    return replace(found, tune=tuned)


def checked(surveyed: Survey) -> CheckDocument:
    """Says of a pipeline that is surveyed what `check` does."""
    pipeline, settings = surveyed.pipeline, surveyed.pipeline.settings
    with carrying(surveyed.warnings):
        of_training = check_training(surveyed)
        plan = planned(surveyed)
    records, classes = _by_split(surveyed), count_classes(surveyed)
    more = plan.balance.copies.values() if plan.balance is not None else ()
    variants = records.get("train", 0) * settings.augment.copies + sum(more)
    return CheckDocument(
        name=settings.name,
        version=settings.version,
        signature=pipeline.signature,
        streamed=pipeline.streamed,
        records=records,
        classes=classes,
        samples=dict(plan.samples),
        shards=len(plan.shards),
        variants=variants,
        untouched=variants * untouched(settings.augment.stages, classes.get("train", {})),
        stages={path: tuple(_stages(pipeline.spec, path)) for path in SECTIONS},
        warnings=distinct(surveyed.warnings, of_training),
    )


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
