"""A folder and its layout -> the text of a pipeline that builds as it stands."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dsbuilder.documents import REFERENCE
from dsbuilder.errors import DataError
from dsbuilder.pipelinefile import load_data
from dsbuilder.plugin import Source
from dsbuilder.proposal import advice
from dsbuilder.proposal.defaults import Case, Choice, choose, pretrained_side
from dsbuilder.proposal.facts import Appearance, Facts, belonging, look
from dsbuilder.proposal.recognition import Candidate
from dsbuilder.proposal.unread import unread_files, unread_images
from dsbuilder.proposal.writing import Writer, flow
from dsbuilder.registry import Registry
from dsbuilder.tasks import without_one_object

_BATCH = 32
_MEANINGS = {
    "patience": "epochs that bring nothing better, after which it ends",
    "target": "the one that is learnt",
    "fine_tune": "then the last layers that were frozen, too",
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A pipeline that fits a folder.

    Attributes:
      name: name of the dataset.
      text: text of the pipeline file.
      options: options of the source, as they stand in the file.
      why: reasons for task, model and epochs.
      unlearnt: why no model can be trained, and what to do; empty where one can.
      warnings: what a user should know of its images, sentences.
    """

    name: str
    text: str
    options: Mapping[str, Any]
    why: tuple[str, ...] = ()
    unlearnt: str = ""
    warnings: Sequence[str] = ()


def draft(folder: Path, candidate: Candidate, registry: Registry, *, output: Path | None) -> Draft:
    """Returns a pipeline that builds a folder, read as a candidate says.

    Args:
      output: where the pipeline will lie; its paths are relative to that. None has them absolute.

    Raises:
      DataError: the source cannot read the folder, or no image in it.
      SpecError: the source's own options are not what it takes; a mistake of its `signs`.
    """
    source = _source(folder, candidate, registry)
    catalog = source.open()
    listed = sorted(catalog.records, key=lambda record: record.key)
    records = [record for record in listed if record.error is None]
    if not records:
        raise DataError(f"{folder}: '{candidate.source}' lists no records. Check the folder.")
    looks = look(catalog, records)
    facts = Facts(
        records=records,
        targets=catalog.targets,
        appearance=looks,
        together=belonging(catalog, records),
    )
    names = candidate.signs.options
    options = {
        each.name: _relative(getattr(source, each.name), output)
        for each in fields(source)  # type: ignore[arg-type]
        if each.name in names
    }
    name = dataset_name(folder)
    writer = Writer()
    _begin(writer, folder, candidate, name)
    _write_source(writer, candidate, options)
    unread = unread_images(folder, listed)
    for left in (unread, unread_files(folder, catalog, listed)):
        if left:
            writer.remark(f"{left}.")
    _write_split(writer, facts)
    _write_inspections(writer, facts)
    choice = _write_stages(writer, facts, registry)
    warnings = [*_unreadable(looks), *([f"{folder}: {unread}."] if unread else [])]
    unlearnt = "" if choice.section is not None else ". ".join(choice.why)
    if choice.section is None and {each.kind for each in facts.targets.values()} == {"class"}:
        warnings.append(f"{folder}: {', so no model can be trained. '.join(choice.why)}")
    text, why = writer.text(), tuple(choice.why)
    return Draft(
        name=name, text=text, options=options, why=why, unlearnt=unlearnt, warnings=warnings
    )


def dataset_name(folder: Path) -> str:
    """Returns the name of a dataset after its folder: small letters, digits, underscores."""
    words = re.sub(r"[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")
    return words if words[:1].isalpha() else f"dataset_{words}".rstrip("_")


def _source(folder: Path, candidate: Candidate, registry: Registry) -> Source:
    stage = {"use": candidate.source, **candidate.signs.options}
    spec = load_data(
        {"name": "draft", "source": stage}, registry, origin=str(folder), folder=folder.resolve()
    )
    if spec.settings.source is None:
        raise DataError(f"{folder}: the draft has no source '{candidate.source}'.")
    return spec.settings.source


def _unreadable(looks: Appearance) -> Iterator[str]:
    """Warns of images that cannot be read."""
    if looks.unreadable:
        key, why = next(iter(looks.unreadable.items()))
        total = len(looks.unreadable) + len(looks.headers)
        yield (
            f"{len(looks.unreadable)} of {total} images that were looked at cannot be read, such "
            f"as '{key}': {why} A build sets them aside, up to build.max_quarantined."
        )


def _relative(value: Any, output: Path | None) -> Any:
    """Returns a bound option as plain data, its paths relative to the pipeline, or absolute."""
    if isinstance(value, Path):
        if output is None:
            return value.resolve().as_posix()
        relative = Path(os.path.relpath(value, output.resolve().parent)).as_posix()
        return f"./{relative}" if relative.startswith("~") else relative
    if isinstance(value, Mapping):
        return {str(key): _relative(each, output) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_relative(each, output) for each in value]
    return value


def _begin(writer: Writer, folder: Path, candidate: Candidate, name: str) -> None:
    writer.remark(f"{folder}, read as '{candidate.source}': {candidate.reason}.")
    writer.remark(f"Of every line tells {REFERENCE}, which lies where `dsbuilder doctor` says.")
    writer.entry("name", name, "of the dataset: small letters, digits, underscores")
    writer.entry("version", "1.0.0", "x.y.z; a new one keeps the old one's files")
    writer.entry("seed", 0, "the root of all randomness")


def _write_source(writer: Writer, candidate: Candidate, options: Mapping[str, Any]) -> None:
    comments = candidate.signs.comments
    writer.heading("source", "paths are relative to this file")
    writer.entry("use", candidate.source, depth=1)
    for option, value in options.items():
        writer.entry(option, value, comments.get(option, ""), depth=1)


def _write_split(writer: Writer, facts: Facts) -> None:
    section, why = advice.split(facts)
    if section is None:
        writer.remark(f"split: {why}.")
    else:
        writer.entry("split", section, why)
    if facts.together is not None:
        grouped, what = advice.grouped_split(facts, facts.together)
        writer.remark(what)
        writer.remark("If these show the same, keep each group in one split, by this line:")
        writer.remark(f"split: {flow(grouped)}")


def _write_inspections(writer: Writer, facts: Facts) -> None:
    writer.heading("inspect", "what a build warns of; quarantine sets it aside instead")
    for name, what in advice.inspections(facts):
        writer.entry(name, "warn", what, depth=1)


def _write_stages(writer: Writer, facts: Facts, registry: Registry) -> Choice:
    case = Case(
        targets=facts.targets,
        samples=len(facts.records),
        variants=advice.copies(facts)[0],
        gray=facts.appearance.gray,
        short=facts.appearance.short,
        unlearnable=without_one_object(facts.targets, facts.records),
    )
    side = pretrained_side(case)
    size, size_why = advice.size(facts)
    if side is not None:
        size, size_why = (side, side), "a pretrained network sees most near 224"
    writer.entry("size", list(size), f"(height, width), $size in stages; {size_why}")
    mode, mode_why = advice.mode(facts)
    writer.entry("image", {"mode": mode}, mode_why)
    before, before_why = advice.prepare(facts, size)
    if before is not None:
        writer.heading("prepare")
        writer.item(before, before_why)
    copies, copies_why = advice.copies(facts)
    if copies:
        writer.heading("augment", "train only, made once and kept")
        writer.entry("copies", copies, copies_why, depth=1)
        _write_variants(writer, facts)
    fit, fit_why = advice.fit(facts)
    writer.heading("finish", "every sample")
    writer.item({"use": "resize", "size": "$size", "fit": fit}, fit_why)
    stored, stored_why = advice.storage(facts, mode)
    writer.entry("cache", {"codec": "tfrecord", "image": stored}, stored_why)
    writer.heading("stream")
    writer.entry("batch_size", _BATCH, depth=1)
    if not copies:
        _write_variants(writer, facts)
    choice = choose(case, size, registry)
    _write_train(writer, choice)
    return choice


def _write_variants(writer: Writer, facts: Facts) -> None:
    fresh = not advice.copies(facts)[0]
    note = f"drawn anew in every epoch: {len(facts.records)} need no stored variants"
    writer.heading("stages", note if fresh else "", depth=1)
    for stage, why in advice.stages(facts):
        writer.item(stage, why, depth=2)


def _write_train(writer: Writer, choice: Choice) -> None:
    if choice.section is None:
        writer.remark(f"train: {choice.why[0]}.")
        return
    writer.heading("train")
    for key, value in choice.section.items():
        why = next((each for each in choice.why if each.startswith(f"{key}: ")), "")
        comment = why.removeprefix(f"{key}: ") or _MEANINGS.get(key, "")
        writer.entry(key, value, comment, depth=1)


def section_text(choice: Choice) -> str:
    """Returns the text of a train section that was chosen, with its reasons."""
    writer = Writer()
    _write_train(writer, choice)
    return writer.text()
