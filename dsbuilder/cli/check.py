"""`dsbuilder check`: is a pipeline right, and what would it build; no image is decoded."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.counts import draw_counts
from dsbuilder.cli.screen import Screen, facts, line, warned

if TYPE_CHECKING:
    from dsbuilder.builder import Survey
    from dsbuilder.builder.plan import Plan
    from dsbuilder.pipelinefile import Spec

SECTIONS = ("prepare", "augment.stages", "synthesize", "finish", "stream.stages", "stream.finish")


@click.command()
@options.pipeline
@options.overrides
@options.plugins
@options.as_json
def check(
    pipeline: Path, overrides: tuple[str, ...], plugin_folders: tuple[Path, ...], *, as_json: bool
) -> None:
    """Say whether a pipeline is right, and what it would build; decodes no image.

    Every problem is named with its file and line; then the exit code is 2.
    """
    from dsbuilder.builder import load_spec, survey

    spec = load_spec(pipeline, overrides, options.folders(plugin_folders))
    surveyed = survey(spec)
    check_training(spec, surveyed)
    plan = planned(surveyed)
    document = describe(surveyed, plan)
    Screen(as_json=as_json).show(document, lambda: draw(surveyed, plan, document))


def check_training(spec: "Spec", surveyed: "Survey") -> None:
    """Compares the train section, if there is one, with what it is to learn from.

    Raises:
      SpecError: there is no such target, or the model does not learn it.
    """
    from dsbuilder.train.fitting import check_fit

    if spec.settings.train is not None:
        check_fit(spec.settings.train, surveyed.pipeline.streamed, where=spec.where)


def planned(surveyed: "Survey") -> "Plan":
    """Returns the plan of a build without reading a file: all is right but its fingerprints.

    Raises:
      DataError: there is nothing to build.
    """
    from dsbuilder.builder.plan import make_plan
    from dsbuilder.errors import DataError

    if not surveyed.records and not surveyed.pipeline.settings.synthesize:
        raise DataError("source: expected records, found none. Check the source's path.")
    unread = {record.key: "" for record in surveyed.records}
    return make_plan(surveyed.pipeline, surveyed.records, surveyed.split, unread)


def describe(surveyed: "Survey", plan: "Plan") -> dict[str, Any]:
    """Returns what was found of a pipeline as JSON values."""
    from dsbuilder.targets import signature_to_json

    pipeline, settings = surveyed.pipeline, surveyed.pipeline.settings
    classes = count_classes(surveyed)
    return {
        "name": settings.name,
        "version": settings.version,
        "signature": signature_to_json(pipeline.signature),
        "streamed": signature_to_json(pipeline.streamed),
        "records": _by_split(surveyed),
        "classes": classes,
        "samples": dict(plan.samples),
        "shards": len(plan.shards),
        "stages": {path: list(_stages(pipeline.spec, path)) for path in SECTIONS},
        "warnings": warned(*plan.warnings),
    }


def count_classes(surveyed: "Survey") -> dict[str, dict[str, int]]:
    """Returns what the records of each split have of each class; classes without any count 0."""
    from dsbuilder import targets

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


def _by_split(surveyed: "Survey") -> dict[str, int]:
    """Returns the number of records of each split that has any."""
    from dsbuilder.pipelinefile.stages import SPLITS

    counts = Counter(surveyed.split.split_of[record.key] for record in surveyed.records)
    return {split: counts[split] for split in SPLITS if counts[split]}


def _stages(spec: "Spec", path: str) -> Iterator[dict[str, Any]]:
    """Yields id, plugin and options as written of every stage of a section."""
    section: Any = spec.settings
    written: Any = spec.document.root.plain()
    for step in path.split("."):
        section = getattr(section, step)
        written = written.get(step, ()) if isinstance(written, Mapping) else ()
    for stage, entry in zip(section, written or (), strict=True):
        given = {"use": entry} if isinstance(entry, str) else dict(entry)
        plugin = given.pop("use", stage.id.partition("/")[2])
        yield {"id": stage.id, "use": plugin, "options": given}


def draw(surveyed: "Survey", plan: "Plan", document: Mapping[str, Any]) -> None:
    """Prints what `describe` returned."""
    pipeline = surveyed.pipeline
    line(click.style(f"{document['name']} {document['version']}", bold=True))
    pairs = [("signature", str(pipeline.signature))]
    if pipeline.streamed != pipeline.signature:
        pairs.append(("streamed", str(pipeline.streamed)))
    facts(pairs + [(path, _shown(stages)) for path, stages in document["stages"].items() if stages])
    line()
    splits = {split: document["classes"].get(split, {}) for split in plan.samples}
    totals = {"records": document["records"], "samples to make": plan.samples}
    draw_counts(splits, totals if surveyed.records else {"samples to make": plan.samples})
    line()
    line(f"The pipeline is right: {sum(plan.samples.values())} samples in {_shards(plan)}.")


def _shards(plan: "Plan") -> str:
    return f"{len(plan.shards)} shards" if len(plan.shards) != 1 else "1 shard"


def _shown(stages: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(" ".join([each["use"], *_words(each["options"])]) for each in stages)


def _words(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        yield f"{name}={_word(value)}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
