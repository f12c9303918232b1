"""A folder and its layout -> the text of a pipeline that builds as it stands."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from dsbuilder.builtin.models.backbones import efficientnet_lite0
from dsbuilder.errors import DataError
from dsbuilder.pipelinefile import load_data
from dsbuilder.plugin import ImageSignature, Signature, Source
from dsbuilder.proposal import advice
from dsbuilder.proposal.facts import Appearance, Facts, belonging, look
from dsbuilder.proposal.recognition import Candidate
from dsbuilder.proposal.unread import unread_files, unread_images
from dsbuilder.proposal.writing import Writer, flow
from dsbuilder.registry import Registry
from dsbuilder.tasks import outputs_of, task_of

_EPOCHS = 10
_BATCH = 32
_MOST_FOR_TRANSFER = 10_000
_LEAST_FOR_TRANSFER = 64
_FROM_SCRATCH = {1: "cnn", 3: "unet"}
"""Axes of what a target asks a model to yield -> the model that learns it from scratch."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A pipeline that fits a folder.

    Attributes:
      name: name of the dataset.
      text: text of the pipeline file.
      options: options of the source, as they stand in the file.
      warnings: what a user should know of its images, sentences.
    """

    name: str
    text: str
    options: Mapping[str, Any]
    warnings: Sequence[str] = ()


def draft(folder: Path, candidate: Candidate, registry: Registry, *, output: Path) -> Draft:
    """Returns a pipeline that builds a folder, read as a candidate says.

    Args:
      output: where the pipeline will lie; its paths are relative to that.

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
    _write_stages(writer, facts, registry)
    warnings = [*_unreadable(looks), *([f"{folder}: {unread}."] if unread else [])]
    return Draft(name=name, text=writer.text(), options=options, warnings=warnings)


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


def _relative(value: Any, output: Path) -> Any:
    """Returns a bound option as plain data, its paths relative to the pipeline."""
    if isinstance(value, Path):
        relative = Path(os.path.relpath(value, output.resolve().parent)).as_posix()
        return f"./{relative}" if relative.startswith("~") else relative
    if isinstance(value, Mapping):
        return {str(key): _relative(each, output) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_relative(each, output) for each in value]
    return value


def _begin(writer: Writer, folder: Path, candidate: Candidate, name: str) -> None:
    writer.remark(f"{folder}, read as '{candidate.source}': {candidate.reason}.")
    writer.remark("pipelines/README.md of dsbuilder is the reference of every line.")
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


def _write_stages(writer: Writer, facts: Facts, registry: Registry) -> None:
    size, size_why = advice.size(facts)
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
        _write_variants(writer, facts, size)
    fit, fit_why = advice.fit(facts)
    writer.heading("finish", f"every sample; {size_why}")
    writer.item({"use": "resize", "size": list(size), "fit": fit}, fit_why)
    stored, stored_why = advice.storage(facts, mode)
    writer.entry("cache", {"codec": "tfrecord", "image": stored}, stored_why)
    writer.heading("stream")
    writer.entry("batch_size", _BATCH, depth=1)
    if not copies:
        _write_variants(writer, facts, size)
    _write_train(writer, facts, size, registry)


def _write_variants(writer: Writer, facts: Facts, size: tuple[int, int]) -> None:
    fresh = not advice.copies(facts)[0]
    note = f"drawn anew in every epoch: {len(facts.records)} need no stored variants"
    writer.heading("stages", note if fresh else "", depth=1)
    for stage, why in advice.stages(facts, size):
        writer.item(stage, why, depth=2)


def _write_train(writer: Writer, facts: Facts, size: tuple[int, int], registry: Registry) -> None:
    chosen, why = suited_model(facts, size, registry)
    if chosen is None:
        writer.remark(f"{why}.")
        return
    writer.heading("train")
    writer.entry("model", chosen, why, depth=1)
    writer.entry("epochs", _EPOCHS, "at most", depth=1)


def suited_model(
    facts: Facts, target: tuple[int, int], registry: Registry
) -> tuple[dict[str, Any] | None, str]:
    """Returns a model that learns the targets from images of a size, or None and why."""
    kinds = facts.kinds
    name = _from_scratch(facts, target)
    if name is None or not registry.plugins.named(name, "model"):
        words = " and ".join(sorted(kinds)).replace("_", "-") or "nothing"
        return None, f"train: no built-in model learns {words}"
    suits_transfer = task_of(*kinds).suits_transfer
    if suits_transfer and _transfers(facts, target):
        return {"use": "transfer"}, "features that know photographs, and a new head: good with few"
    if name == "unet":
        return {"use": name}, "from scratch; says a class for every pixel"
    depth = 2 if min(target) < 32 else 3
    why = "a small network from scratch"
    if suits_transfer and not _is_installed() and not facts.is_small:
        why += f"; with few photographs transfer is better: {efficientnet_lite0.INSTALL}"
    return {"use": name, "depth": depth, "dropout": 0.1}, why


def _from_scratch(facts: Facts, size: tuple[int, int]) -> str | None:
    """Returns the model that yields what the only target asks for; None if there is none."""
    image = ImageSignature(height=size[0], width=size[1], channels=3)
    shapes = list(outputs_of(Signature(image=image, targets=facts.targets)).values())
    if len(shapes) != 1 or shapes[0] is None:
        return None
    return _FROM_SCRATCH.get(len(shapes[0]))


def _transfers(facts: Facts, target: tuple[int, int]) -> bool:
    few = len(facts.records) <= _MOST_FOR_TRANSFER
    return (
        few and min(target) >= _LEAST_FOR_TRANSFER and not facts.appearance.gray and _is_installed()
    )


def _is_installed() -> bool:
    """Whether the package with the weights of `transfer` is there."""
    try:
        metadata.distribution(efficientnet_lite0.PACKAGE)
    except metadata.PackageNotFoundError:
        return False
    return True
