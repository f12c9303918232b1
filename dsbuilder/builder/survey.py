"""What is known of a pipeline's data before a single image is opened: records, targets, splits."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.builder.split import Split, deal
from dsbuilder.errors import DataError, shortened
from dsbuilder.inspection import exclusion
from dsbuilder.pipeline import Pipeline, resolve
from dsbuilder.pipelinefile import Spec, load
from dsbuilder.registry import Registry, discover, nearest_folder
from dsbuilder.sample import Record, Target
from dsbuilder.targets import Boxes, ClassLabel, MultiLabel

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A pipeline and the records of its source.

    Attributes:
      pipeline: resolved against the source's targets.
      targets: what the source says its targets are; None without a source.
      records: sorted by key, without those that `build.exclude` leaves out.
      split: which split each record belongs to; also those that were left out, which move no other.
      set_aside: rows of the quarantine for records that inspectors took out; see `inspecting.py`.
    """

    pipeline: Pipeline
    targets: Mapping[str, Target] | None
    records: Sequence[Record]
    split: Split
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
    return discover([nearest] if nearest is not None else [])


def survey(spec: Spec) -> Survey:
    """Returns what is known before an image is opened.

    Raises:
      DataError: the source is not what the pipeline says.
      SpecError: signatures do not fit.
    """
    source = spec.settings.source
    if source is None:
        nothing = deal([], spec.settings.split, seed=spec.settings.seed, label=None)
        return Survey(pipeline=resolve(spec, None), targets=None, records=(), split=nothing)
    records = sorted(source.records(), key=lambda record: record.key)
    targets = source.targets(records)
    kept = _without(records, spec.settings.build.exclude)
    _check_labels(kept, targets)
    pipeline = resolve(spec, targets)
    classes = (n for n, kind in targets.items() if isinstance(kind, ClassLabel) and not kind.soft)
    label = next(classes, None)
    split = deal(
        records,
        spec.settings.split,
        seed=spec.settings.seed,
        label=label,
        several=_several(targets, checked=len(kept) == len(records)) if label is None else None,
    )
    for warning in split.warnings:
        _LOGGER.warning("%s", warning)
    return Survey(pipeline=pipeline, targets=targets, records=kept, split=split)


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


def _without(records: Sequence[Record], exclude: Path | None) -> Sequence[Record]:
    """Returns the records that a list of keys does not leave out."""
    if exclude is None:
        return records
    keys = exclusion.read(exclude)
    unknown = sorted(keys - {record.key for record in records})
    if unknown:
        _LOGGER.warning(
            "%s: %d of %d keys are of no record: %s.",
            exclude,
            len(unknown),
            len(keys),
            shortened(unknown),
        )
    return [record for record in records if record.key not in keys]


def _check_labels(records: Sequence[Record], targets: Mapping[str, Target]) -> None:
    """Checks every label once, so that a wrong one is found before hours of work."""
    for record in records:
        for name, target in targets.items():
            try:
                target.check(record.targets[name])
            except KeyError:
                raise DataError(
                    f"{record.key}: expected a label '{name}', found none. "
                    "Correct the source's records()."
                ) from None
            except DataError as error:
                raise DataError(f"{record.key}: {name}: {error}") from None
