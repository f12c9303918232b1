"""The findings of a set of inspectors over the records of a source."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dsbuilder.inspection import crew
from dsbuilder.inspection.choosing import Inspections
from dsbuilder.inspection.crew import Progress
from dsbuilder.inspection.measuring import Task, measurer
from dsbuilder.plugin import Finding, Seen, Target
from dsbuilder.sample import Record
from dsbuilder.spec import Spec

SAMPLE_TIMEOUT_S = 120.0
_FEW = 64


@dataclass(frozen=True, kw_only=True)
class Report:
    """What inspectors found.

    Attributes:
      records: how many were looked at.
      inspections: the inspectors by name.
      findings: of each of them, by its name; none for one that found nothing.
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
) -> Report:
    """Returns what inspectors find among records; the same for any number of workers.

    Args:
      records: of the pipeline's source, sorted by key.
      kinds: the targets of the source by name.
      split_of: the split of each record, by key.
      inspections: the inspectors by name; see `chosen` and `every`.
      workers: processes that measure; None takes the cores of this machine, 0 measures in this one.
      sample_timeout_s: how long one record may take before it is lost; not with 0 workers.

    Raises:
      PluginError: an inspector or the source failed.
    """
    looking = {name: each.plugin for name, each in inspections.items() if each.plugin.measures}
    if looking and _count(workers) and len(records) > _FEW:
        measured = crew.measure_apart(
            Task.of(spec, kinds, tuple(looking)),
            records,
            on_progress,
            workers=_count(workers),
            sample_timeout_s=sample_timeout_s,
        )
    else:  # for a few records, starting workers costs more
        measured = crew.measure_here(measurer(spec, kinds, looking), records, on_progress)
    lost = {records[place].key: reason for place, reason in sorted(measured.lost.items())}
    blank = Seen(records=records, measures=(), lost=lost, kinds=kinds, split_of=split_of)
    findings = {
        name: list(each.plugin.judge(replace(blank, measures=measured.column(name, looking))))
        for name, each in inspections.items()
    }
    return Report(records=len(records), inspections=inspections, findings=findings, lost=lost)


def _count(workers: int | None) -> int:
    return len(os.sched_getaffinity(0)) if workers is None else workers
