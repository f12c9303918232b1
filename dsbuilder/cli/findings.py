"""What an inspection found, as a picture sheet."""

from collections.abc import Iterator, Sequence

from dsbuilder.builder import Survey
from dsbuilder.inspection import Report
from dsbuilder.inspection.measuring import measurer
from dsbuilder.plugin import Finding
from dsbuilder.report.sheet import Section, Sheet
from dsbuilder.report.strip import Cell
from dsbuilder.sample import Record

_COLUMNS = 6
_MOST = 12


def sheet_of(surveyed: Survey, found: Report) -> Sheet:
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
        self._records = {record.key: record for record in surveyed.records}

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
