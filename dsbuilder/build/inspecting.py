"""The data of a survey inspected, and what a build does about what was found."""

from dsbuilder.build.survey import Survey
from dsbuilder.inspection import Report, inspect_records
from dsbuilder.inspection.choosing import Inspections
from dsbuilder.inspection.crew import Progress
from dsbuilder.inspection.report import SAMPLE_TIMEOUT_S


def inspect_survey(
    surveyed: Survey,
    inspections: Inspections,
    *,
    workers: int | None = None,
    sample_timeout_s: float = SAMPLE_TIMEOUT_S,
    on_progress: Progress = lambda done, of: None,
) -> Report:
    """Returns what inspectors find among the records of a survey; see `inspect_records`."""
    return inspect_records(
        surveyed.pipeline.spec,
        surveyed.records,
        kinds=surveyed.targets or {},
        split_of=surveyed.split.split_of,
        inspections=inspections,
        workers=workers,
        sample_timeout_s=sample_timeout_s,
        on_progress=on_progress,
    )
