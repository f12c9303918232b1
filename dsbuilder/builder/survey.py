"""What is known of a pipeline's data before a single image is opened: records, targets, splits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsbuilder.builder.group_evidence import read_evidence
from dsbuilder.builder.split import Split, deal
from dsbuilder.cache.course import InspectorFindings
from dsbuilder.errors import DataError, Problem, SpecError, carrying, shortened
from dsbuilder.inspection import exclusion
from dsbuilder.layouts.corrections import Corrected
from dsbuilder.pipeline import Pipeline, resolve
from dsbuilder.pipelinefile import Spec, load
from dsbuilder.pipelinefile.schema import too_many
from dsbuilder.pipelinefile.source_paths import missing_paths
from dsbuilder.plugin import Catalog, Source
from dsbuilder.plugin.sources import check_some_read, told
from dsbuilder.registry import Registry, discover
from dsbuilder.sample import Record, Target
from dsbuilder.targets import Boxes, ClassLabel, Instances, MultiLabel
from dsbuilder.trust import nearest_folder


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A pipeline and the records of its source.

    Attributes:
      pipeline: the pipeline, resolved against the source's targets.
      catalog: the opened source; None without one.
      targets: targets of the source by name; None without one.
      records: records sorted by key, without those that `build.exclude` or `split.subset` leaves
        out.
      split: split of each record; also of those that were left out, which move no other.
      warnings: what a user should know before a build, sentences that say where.
      unread: records that cannot be read as the source lists them, sorted by key, with their error.
      set_aside: rows of the quarantine: for those, and for records that inspectors took out; see
        `inspecting.py`.
      findings: what inspectors found.
    """

    pipeline: Pipeline
    catalog: Catalog | None
    targets: Mapping[str, Target] | None
    records: Sequence[Record]
    split: Split
    warnings: tuple[str, ...] = ()
    unread: Sequence[Record] = ()
    set_aside: Sequence[Mapping[str, str]] = ()
    findings: tuple[InspectorFindings, ...] = ()


def load_spec(
    pipeline: Path, overrides: Sequence[str] = (), plugins: Sequence[Path] | None = None
) -> Spec:
    """Returns the spec of a pipeline file, with the plugins that it finds.

    Args:
      overrides: `key=value` assignments.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.

    Raises:
      SpecError: the file is wrong.
      PluginError: a plugin is defined twice.
    """
    return load(pipeline, find_plugins(pipeline, plugins), overrides)


def find_plugins(pipeline: Path, plugins: Sequence[Path] | None) -> Registry:
    """Returns the registry for a pipeline; see `load_spec`."""
    if plugins is not None:
        return discover(plugins)
    nearest = nearest_folder(pipeline)
    return discover(nearest.folders, hint=nearest.hint)


def survey(spec: Spec, *, rehash: bool = False) -> Survey:
    """Returns what is known before an image is opened, but for groups by times or likeness.

    Args:
      rehash: reads every file again for those, whatever was kept.

    Raises:
      DataError: the source is not what the pipeline says, or no record can be read.
      SpecError: signatures do not fit.
    """
    source = spec.settings.source
    if source is None:
        nothing = deal([], spec.settings.split, seed=spec.settings.seed, label=None)
        pipeline = resolve(spec, None)
        return Survey(
            pipeline=pipeline,
            catalog=None,
            targets=None,
            records=(),
            split=nothing,
            warnings=pipeline.warnings,
        )
    catalog, records = _opened(spec, source)
    excluded = _excluded(spec.settings.build.exclude)
    listed = [record for record in records if record.key not in excluded] if excluded else records
    notes = [f"{_where(spec)}: {note}." for note in catalog.notes]
    warnings = [*notes, *_unknown(spec.settings.build.exclude, excluded, records)]
    _check_outputs(spec, len(listed))
    with carrying(warnings):
        kept, unread = _told_apart(listed, catalog.targets)
        warnings += _unread(spec, unread, len(listed))
        pipeline = resolve(spec, catalog.targets, catalog.size)
        warnings += pipeline.warnings
        known = _without_labels(records, unread)
        split = _split(spec, known, catalog, checked=len(kept) == len(records), rehash=rehash)
    return Survey(
        pipeline=pipeline,
        catalog=catalog,
        targets=catalog.targets,
        records=[each for each in kept if each.key not in split.left_out],
        split=split,
        warnings=(*warnings, *split.warnings),
        unread=unread,
        set_aside=[_row(spec, record) for record in unread],
    )


def _opened(spec: Spec, source: Source) -> tuple[Catalog, list[Record]]:
    """Returns the catalog of a source, and its records sorted by key.

    Raises:
      SpecError: nothing lies at a path of it.
      DataError: it is not what the pipeline says.
    """
    try:
        catalog = source.open()
        return catalog, sorted(catalog.records, key=lambda record: record.key)
    except DataError as error:
        missing = missing_paths(spec.document, spec.registry)
        if not missing:
            raise
        raise SpecError(missing) from error


def _check_outputs(spec: Spec, records: int) -> None:
    """Bounds what a build would make, before it is planned; see `build.max_outputs`."""
    augment = spec.settings.augment
    train = spec.settings.split.train
    varied = records if train is None else round(records * train)
    if (part := spec.settings.split.part) is not None:
        records, varied = records - round(varied * (1 - part.share)), round(varied * part.share)
    made = records + varied * augment.copies + sum(s.count for s in spec.settings.synthesize)
    problem = too_many(spec.settings.build, made)
    if problem:
        raise SpecError([Problem(spec.where("augment.copies"), problem)])


def _split(
    spec: Spec, records: Sequence[Record], catalog: Catalog, *, checked: bool, rehash: bool
) -> Split:
    """Deals records by their first target with classes.

    Args:
      checked: whether every label was; else one that is wrong says no class.
    """
    targets = catalog.targets
    classes = (n for n, kind in targets.items() if isinstance(kind, ClassLabel) and not kind.soft)
    label = next(classes, None)
    warnings: list[str] = []

    def evidence(dealt: Sequence[Record]) -> Mapping[str, Any]:
        found, told = read_evidence(spec, catalog, dealt, rehash=rehash)
        warnings.extend(told)
        return found

    split = deal(
        records,
        spec.settings.split,
        seed=spec.settings.seed,
        label=label,
        several=_several(targets, checked=checked) if label is None else None,
        evidence=evidence,
    )
    return replace(split, warnings=(*split.warnings, *warnings))


def _where(spec: Spec) -> str:
    """Returns how warnings call a source: its path, else its place in the pipeline."""
    source = spec.settings.source
    path = getattr(source.plugin if isinstance(source, Corrected) else source, "path", None)
    return str(path) if isinstance(path, Path) else spec.where("source")


def _several(
    targets: Mapping[str, Target], *, checked: bool
) -> Callable[[Record], Sequence[str]] | None:
    """Returns what says the classes of a record that may have several; None where none has any.

    Args:
      checked: whether every label was; else one that is wrong says no class.
    """
    several = MultiLabel | Boxes | Instances
    kinds = ((name, kind) for name, kind in targets.items() if isinstance(kind, several))
    name, kind = next(kinds, (None, None))
    if name is None or kind is None:
        return None

    def classes(record: Record) -> Sequence[str]:
        if not checked:
            try:
                kind.check(record.targets.get(name))
            except DataError:
                return ()  # it is left out: those that stay were checked
        return kind.stated(record.targets[name])

    return classes


def _excluded(path: Path | None) -> frozenset[str]:
    """Returns the keys of a list; none without one."""
    return frozenset() if path is None else exclusion.read(path)


def _unknown(path: Path | None, keys: frozenset[str], records: Sequence[Record]) -> Iterator[str]:
    """Warns of keys of a list that no record has."""
    unknown = sorted(keys - {record.key for record in records}) if keys else []
    if unknown:
        yield f"{path}: {len(unknown)} of {len(keys)} keys are of no record: {shortened(unknown)}."


def _told_apart(
    records: Sequence[Record], targets: Mapping[str, Target]
) -> tuple[Sequence[Record], Sequence[Record]]:
    """Returns the records that can be read, and those that cannot, each with its error.

    Every label is checked once, so that a wrong one is found before hours of work.
    """
    errors = [record.error or _label_error(record, targets) for record in records]
    if not any(errors):
        return records, ()
    pairs = list(zip(records, errors, strict=True))
    unread = [replace(record, error=why) for record, why in pairs if why]
    check_some_read(unread if len(unread) == len(records) else ())
    return [record for record, why in pairs if not why], unread


def _label_error(record: Record, targets: Mapping[str, Target]) -> str | None:
    """Says what is wrong with the labels of a record; None if nothing is."""
    for name, target in targets.items():
        if name not in record.targets:
            return f"{record.key}: there is no label '{name}'. Correct what the source lists."
        try:
            target.check(record.targets[name])
        except DataError as error:
            return f"{record.key}: {name}: {error}"
    return None


def _without_labels(records: Sequence[Record], unread: Sequence[Record]) -> Sequence[Record]:
    """Returns records as they are dealt: one that lacks a label is dealt by its key alone.

    One that has labels, though a wrong one, is dealt by these.
    """
    wrong = {each.key: each for each in unread if not each.targets}
    return [wrong.get(each.key, each) for each in records] if wrong else records


def _unread(spec: Spec, unread: Sequence[Record], total: int) -> Iterator[str]:
    """Warns of records that cannot be read."""
    if unread:
        first = _described(spec, unread[0]).rstrip(".")
        yield (
            f"{_where(spec)}: {len(unread)} of {total} records cannot be read and are set aside, "
            f"the first: {unread[0].key}: {first}. `dsbuilder inspect` tells all."
        )


def _row(spec: Spec, record: Record) -> dict[str, str]:
    """Returns the row of the quarantine for a record that cannot be read."""
    return {"key": record.key, "stage": "source", "exception": _described(spec, record)}


def _described(spec: Spec, record: Record) -> str:
    """Says what is wrong without this machine's folders, so that equal builds are equal."""
    text = record.error or ""
    for folder in (_where(spec), str(spec.document.folder)):
        text = text.replace(f"{folder}/", "").replace(folder, ".")
    return text


def check_unread(surveyed: Survey) -> None:
    """Raises a DataError if more records cannot be read than the pipeline allows; names them."""
    options, errors = surveyed.pipeline.settings.build, surveyed.unread
    total = len(surveyed.records) + len(errors)
    stated = options.max_quarantined
    most = 0 if options.on_error == "stop" else stated if stated >= 1 else stated * total
    if len(errors) > most:
        named = "on_error: stop" if options.on_error == "stop" else f"max_quarantined: {stated:g}"
        listed = told([each.error or "" for each in errors])
        raise DataError(
            f"{len(errors)} of {total} records cannot be read, more than build.{named} allows. "
            f"Repair them, leave them out with build.exclude, or allow more:\n{listed}"
        )
