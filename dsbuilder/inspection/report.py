"""The findings of a set of inspectors over the records of a source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dsbuilder.binding import PlainPipeline
from dsbuilder.inspection.choosing import Inspections
from dsbuilder.inspection.measure_cache import UNKNOWN, Columns, MeasureCache
from dsbuilder.inspection.measure_role import measure_apart
from dsbuilder.inspection.measuring import Progress, measure_here, measurer
from dsbuilder.pipelinefile import Spec
from dsbuilder.plugin import Finding, Seen, Target
from dsbuilder.sample import Record
from dsbuilder.workers import cores

SAMPLE_TIMEOUT_S = 120.0
_FEW = 64


@dataclass(frozen=True, kw_only=True)
class Report:
    """What inspectors found.

    Attributes:
      records: number of records looked at.
      inspections: the inspectors by name.
      findings: findings of each of them, by its name; none for one that found nothing.
      lost: why a record could not be looked at, by key.
    """

    records: int
    inspections: Inspections
    findings: Mapping[str, Sequence[Finding]]
    lost: Mapping[str, str]

    @property
    def keys(self) -> frozenset[str]:
        """The records that have a finding."""
        found = (each.key for findings in self.findings.values() for each in findings)
        return frozenset(key for key in found if key is not None)

    def of_action(self, *actions: str) -> dict[str, Sequence[Finding]]:
        """Returns the findings of the inspectors that have one of the actions."""
        return {
            name: found
            for name, found in self.findings.items()
            if found and self.inspections[name].action in actions
        }


def inspect_records(
    spec: Spec,
    records: Sequence[Record],
    *,
    kinds: Mapping[str, Target],
    split_of: Mapping[str, str],
    inspections: Inspections,
    workers: int | None = None,
    sample_timeout_s: float = SAMPLE_TIMEOUT_S,
    on_progress: Progress = lambda done, of: None,
    cache: MeasureCache | None = None,
) -> Report:
    """Returns what inspectors find among records; the same for any number of workers.

    Args:
      records: of the pipeline's source, sorted by key.
      kinds: the targets of the source by name.
      split_of: the split of each record, by key.
      inspections: the inspectors by name; see `chosen` and `every`.
      workers: processes that measure; None takes the cores of this machine, 0 measures in this one.
      sample_timeout_s: how long one record may take before it is lost; not with 0 workers.
      on_progress: called with records measured and to be measured.
      cache: measures of earlier builds; None measures all and keeps none.

    Raises:
      PluginError: an inspector or the source failed.
      CacheError: measures cannot be kept.
    """
    looking = [name for name, each in inspections.items() if each.plugin.measures]
    columns: Columns = {name: [UNKNOWN] * len(records) for name in looking}
    if cache is not None:
        cache.load(columns)
    names, places = _missing(columns)
    here = measurer(spec, kinds, {name: inspections[name].plugin for name in names})
    missing = [records[place] for place in places]
    count = cores() if workers is None else workers
    if names and count and len(missing) > _FEW:
        measured = measure_apart(
            PlainPipeline.of(spec),
            names,
            kinds,
            missing,
            on_progress,
            workers=count,
            sample_timeout_s=sample_timeout_s,
        )
    else:  # starting workers costs more
        measured = measure_here(here, missing, on_progress)
    for place, found in zip(places, measured.measures, strict=True):
        if found is not None:
            for name, measure in zip(names, found, strict=True):
                columns[name][place] = measure
    if cache is not None and places:
        cache.save(columns)
    lost = {records[places[n]].key: reason for n, reason in sorted(measured.lost.items())}
    blank = Seen(records=records, measures=(), lost=lost, kinds=kinds, split_of=split_of)
    nothing = [None] * len(records)
    findings = {
        name: list(each.plugin.judge(replace(blank, measures=_known(columns.get(name, nothing)))))
        for name, each in inspections.items()
    }
    return Report(records=len(records), inspections=inspections, findings=findings, lost=lost)


def _missing(columns: Columns) -> tuple[tuple[str, ...], list[int]]:
    """Returns the inspectors that have not measured every record, and which records these are."""
    names = tuple(name for name, column in columns.items() if _has_unknown(column))
    rows = zip(*(columns[name] for name in names), strict=True)
    return names, [place for place, row in enumerate(rows) if _has_unknown(row)]


def _has_unknown(measures: Sequence[Any]) -> bool:
    return any(each is UNKNOWN for each in measures)


def _known(column: Sequence[Any]) -> list[Any]:
    """Returns a column as inspectors judge it: None of what is lost."""
    return [None if measure is UNKNOWN else measure for measure in column]
