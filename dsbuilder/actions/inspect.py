"""What is wrong with the data of a pipeline's source, in words, as a list and as pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.arguments import Progress, ignore
from dsbuilder.actions.document import Document
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.builder.inspecting import inspect_survey
from dsbuilder.builder.survey import Survey
from dsbuilder.errors import PluginError, did_you_mean
from dsbuilder.inspection import Report, every, exclusion
from dsbuilder.inspection.choosing import Inspections
from dsbuilder.inspection.deciding import decide
from dsbuilder.inspection.measuring import measurer
from dsbuilder.plugin import Finding
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell
from dsbuilder.sample import Record

_COLUMNS = 6
_MOST = 12


@dataclass(frozen=True, kw_only=True)
class InspectFinding:
    """One thing that an inspector found.

    Attributes:
      inspector: name of the inspector.
      key: key of the record; None if it is about the whole set.
      text: the finding in words.
      value, threshold: number that was measured, and what it was held against; None if there is
        none.
      others: keys of other records that it has to do with.
      advice: what to do about it.
      action: what a build does about it: `warn`, `quarantine` or `error`.
    """

    inspector: str
    key: str | None
    text: str
    value: float | None
    threshold: float | None
    others: tuple[str, ...]
    advice: str
    action: str


@dataclass(frozen=True, kw_only=True)
class InspectDocument(Document):
    """What inspectors found.

    Attributes:
      records: number of records that were looked at.
      counts: number of findings by inspector, those of 0 too.
      findings: findings, inspector by inspector.
    """

    records: int
    counts: Mapping[str, int]
    findings: tuple[InspectFinding, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the records that have a finding."""
        return frozenset(each.key for each in self.findings if each.key is not None)

    @property
    def has_error(self) -> bool:
        """Whether something was found that the pipeline calls an error."""
        return any(each.action == "error" for each in self.findings)


def inspect(
    opened: OpenedPipeline,
    *,
    only: Sequence[str] = (),
    exclude: Path | None = None,
    sheet: Path | None = None,
    workers: int | None = None,
    on_progress: Progress = ignore,
) -> InspectDocument:
    """Runs every inspector, with the options that the pipeline states, but those it ignores.

    Args:
      only: names of inspectors; empty runs all.
      exclude: file to write the keys to that have a finding, as a build's `exclude` takes it; of
        pictures alike one stays, in the split that is guarded most.
      sheet: PNG file to draw the findings to.
      workers: processes that measure; None takes the cores of this machine.
      on_progress: called with records measured and to be measured.

    Raises:
      SpecError: the pipeline is wrong.
      DataError: the source is, or a file cannot be written.
      PluginError: there is no such inspector or no source, or one of them failed.
    """
    surveyed = opened.survey()
    inspections = _only(every(surveyed.pipeline.spec), only)
    found = inspect_survey(
        surveyed, inspections, unread=True, workers=workers, on_progress=on_progress
    )
    if exclude is not None:
        advice = {name: each.plugin.advice for name, each in found.inspections.items()}
        exclusion.write(
            exclude, exclusion.text_of(decide(found.findings, surveyed.split.split_of), advice)
        )
    if sheet is not None:
        write_png(draw_sheet(_sheet(surveyed, found)), sheet)
    return InspectDocument(
        records=found.records,
        counts={name: len(each) for name, each in found.findings.items()},
        findings=tuple(_findings(found)),
        warnings=tuple(surveyed.warnings),
    )


def _only(inspections: Inspections, names: Sequence[str]) -> Inspections:
    for name in names:
        if name not in inspections:
            raise PluginError(
                f"no inspector '{name}', or the pipeline ignores it."
                f"{did_you_mean(name, inspections)}"
            )
    return {name: each for name, each in inspections.items() if not names or name in names}


def _findings(found: Report) -> Iterator[InspectFinding]:
    for name, findings in found.findings.items():
        for each in findings:
            yield InspectFinding(
                inspector=name,
                key=each.key,
                text=each.text,
                value=each.value,
                threshold=each.threshold,
                others=tuple(each.others),
                advice=found.inspections[name].plugin.advice,
                action=found.inspections[name].action,
            )


def _sheet(surveyed: Survey, found: Report) -> Sheet:
    """Returns a sheet with a section for each inspector that found records.

    A record that has to do with another one stands beside it. Of many findings the first are shown.
    """
    drawer = _Drawer(surveyed)
    sections = [
        drawer.section(f"{name} ({len(each)}): {found.inspections[name].plugin.advice}", each)
        for name, each in found.findings.items()
        if any(finding.key is not None for finding in each)
    ]
    settings = surveyed.pipeline.settings
    return Sheet(
        title=f"{settings.name} {settings.version}: what was found in the data",
        notes=[f"{len(found.keys)} of {found.records} records have a finding"],
        sections=sections,
    )


class _Drawer:
    """Draws findings, each with its image."""

    def __init__(self, surveyed: Survey) -> None:
        spec = surveyed.pipeline.spec
        self._measurer = measurer(spec, surveyed.targets or {}, {})
        records = (*surveyed.records, *surveyed.unread)
        self._records = {record.key: record for record in records}

    def section(self, heading: str, findings: Sequence[Finding]) -> Section:
        """Returns the section of one inspector."""
        cells = [cell for each in findings[:_MOST] for cell in self._cells(each)]
        rows = [cells[start : start + _COLUMNS] for start in range(0, len(cells), _COLUMNS)]
        return Section(headings=[heading], rows=rows)

    def _cells(self, finding: Finding) -> Iterator[Cell]:
        if finding.key is None:
            return
        yield self._cell(self._records[finding.key], finding.text)
        if finding.others:
            yield self._cell(self._records[finding.others[0]], "the other one")

    def _cell(self, record: Record, text: str) -> Cell:
        return Cell(image=self._measurer.view(record).image, name=record.key, lines=[text])
