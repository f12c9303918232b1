"""What is known of a pipeline's data before a single image is opened: records, targets, splits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.builder.split import Split, deal
from dsbuilder.errors import DataError, Problem, SpecError, carrying, shortened
from dsbuilder.inspection import exclusion
from dsbuilder.pipeline import Pipeline, resolve
from dsbuilder.pipelinefile import Spec, load
from dsbuilder.pipelinefile.schema import too_many
from dsbuilder.plugin import Catalog
from dsbuilder.registry import Registry, discover
from dsbuilder.sample import Record, Target
from dsbuilder.targets import Boxes, ClassLabel, MultiLabel
from dsbuilder.trust import nearest_folder


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A pipeline and the records of its source.

    Attributes:
      pipeline: the pipeline, resolved against the source's targets.
      catalog: the opened source; None without one.
      targets: targets of the source by name; None without one.
      records: records sorted by key, without those that `build.exclude` leaves out.
      split: split of each record; also of those that were left out, which move no other.
      warnings: what a user should know before a build, sentences that say where.
      set_aside: rows of the quarantine for records that inspectors took out; see `inspecting.py`.
    """

    pipeline: Pipeline
    catalog: Catalog | None
    targets: Mapping[str, Target] | None
    records: Sequence[Record]
    split: Split
    warnings: tuple[str, ...] = ()
    set_aside: Sequence[Mapping[str, str]] = ()


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


def survey(spec: Spec) -> Survey:
    """Returns what is known before an image is opened.

    Raises:
      DataError: the source is not what the pipeline says.
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
    catalog = source.open()
    records = sorted(catalog.records, key=lambda record: record.key)
    excluded = _excluded(spec.settings.build.exclude)
    kept = [record for record in records if record.key not in excluded] if excluded else records
    notes = [f"{_where(spec)}: {note}." for note in catalog.notes]
    warnings = [*notes, *_unknown(spec.settings.build.exclude, excluded, records)]
    _check_outputs(spec, len(kept))
    with carrying(warnings):
        _check_labels(kept, catalog.targets)
        pipeline = resolve(spec, catalog.targets)
        warnings += pipeline.warnings
        split = _split(spec, records, catalog.targets, checked=len(kept) == len(records))
    return Survey(
        pipeline=pipeline,
        catalog=catalog,
        targets=catalog.targets,
        records=kept,
        split=split,
        warnings=(*warnings, *split.warnings),
    )


def _check_outputs(spec: Spec, records: int) -> None:
    """Bounds what a build would make, before it is planned; see `build.max_outputs`."""
    augment = spec.settings.augment
    train = spec.settings.split.train
    varied = records if train is None else round(records * train)
    made = records + varied * augment.copies + sum(s.count for s in spec.settings.synthesize)
    problem = too_many(spec.settings.build, made)
    if problem:
        raise SpecError([Problem(spec.where("augment.copies"), problem)])


def _split(
    spec: Spec, records: Sequence[Record], targets: Mapping[str, Target], *, checked: bool
) -> Split:
    """Deals records by their first target with classes.

    Args:
      checked: whether every label was; else one that is wrong says no class.
    """
    classes = (n for n, kind in targets.items() if isinstance(kind, ClassLabel) and not kind.soft)
    label = next(classes, None)
    return deal(
        records,
        spec.settings.split,
        seed=spec.settings.seed,
        label=label,
        several=_several(targets, checked=checked) if label is None else None,
    )


def _where(spec: Spec) -> str:
    """Returns how warnings call a source: its path, else its place in the pipeline."""
    path = getattr(spec.settings.source, "path", None)
    return str(path) if isinstance(path, Path) else spec.where("source")


def _several(
    targets: Mapping[str, Target], *, checked: bool
) -> Callable[[Record], Sequence[str]] | None:
    """Returns what says the classes of a record that may have several; None where none has any.

    Args:
      checked: whether every label was; else one that is wrong says no class.
    """
    kinds = ((name, kind) for name, kind in targets.items() if isinstance(kind, MultiLabel | Boxes))
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


def _check_labels(records: Sequence[Record], targets: Mapping[str, Target]) -> None:
    """Checks every label once, so that a wrong one is found before hours of work."""
    for record in records:
        for name, target in targets.items():
            try:
                target.check(record.targets[name])
            except KeyError:
                raise DataError(
                    f"{record.key}: there is no label '{name}'. Correct what the source lists."
                ) from None
            except DataError as error:
                raise DataError(f"{record.key}: {name}: {error}") from None
