"""The data of a survey inspected, and what a build does about what was found.

A build keeps what was measured of each record beside its datasets, so that the next one measures
only records and inspectors that are new or changed. What is judged is judged anew: a finding may
have to do with any other record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from dsbuilder import targets
from dsbuilder.builder.survey import Survey
from dsbuilder.cache import fingerprint
from dsbuilder.cache.course import InspectorFindings, KeyFinding
from dsbuilder.cache.index import UNREADABLE, hash_records
from dsbuilder.cache.store import Store
from dsbuilder.errors import CacheError, DataError, carrying, option
from dsbuilder.inspection import Report, chosen, inspect_records
from dsbuilder.inspection.choosing import Inspections
from dsbuilder.inspection.deciding import Verdict, decide
from dsbuilder.inspection.measure_cache import MeasureCache
from dsbuilder.inspection.measuring import Progress
from dsbuilder.inspection.report import SAMPLE_TIMEOUT_S
from dsbuilder.plugin import Finding

_FORMAT = 1


def inspect_survey(
    surveyed: Survey,
    inspections: Inspections,
    *,
    unread: bool = False,
    workers: int | None = None,
    sample_timeout_s: float = SAMPLE_TIMEOUT_S,
    on_progress: Progress = lambda done, of: None,
    cache: MeasureCache | None = None,
) -> Report:
    """Returns what inspectors find among the records of a survey; see `inspect_records`.

    Args:
      unread: whether those count as well that cannot be read as the source lists them.
    """
    records = surveyed.records
    if unread and surveyed.unread:
        records = sorted((*records, *surveyed.unread), key=lambda record: record.key)
    return inspect_records(
        surveyed.pipeline.spec,
        records,
        kinds=surveyed.targets or {},
        split_of=surveyed.split.split_of,
        inspections=inspections,
        workers=workers,
        sample_timeout_s=sample_timeout_s,
        on_progress=on_progress,
        cache=cache,
    )


def inspected(
    surveyed: Survey,
    store: Store,
    *,
    workers: int,
    sample_timeout_s: float,
    on_progress: Progress,
    rehash: bool = False,
) -> Survey:
    """Returns a survey without the records that its pipeline's inspectors set aside.

    Without a section `inspect`, or a source, that is the survey itself and nothing is decoded.
    What is found is among its warnings, so that a build that leaves records out never does so
    silently.

    Args:
      store: where measures are kept; it is locked while records are measured.
      rehash: reads every source file again to tell what changed, whatever the stat index says.

    Raises:
      DataError: something was found that the pipeline calls an error, or too much was set aside.
      CacheError: measures cannot be kept, or another build is at work there.
    """
    inspections = chosen(surveyed.pipeline.spec)
    if not inspections or not surveyed.records:
        return surveyed
    with store.locked():
        report = inspect_survey(
            surveyed,
            inspections,
            workers=workers,
            sample_timeout_s=sample_timeout_s,
            on_progress=on_progress,
            cache=_cache(surveyed, inspections, store, rehash=rehash),
        )
    for name, found in report.of_action("error").items():
        raise DataError(
            f"inspect: {name}: expected none, found {_shown(found)}. "
            f"{inspections[name].plugin.advice} Or set inspect.{name} to warn."
        )
    verdicts = decide(report.of_action("quarantine"), surveyed.split.split_of)
    warnings = (*surveyed.warnings, *_warnings(report, verdicts))
    rows = [*surveyed.set_aside, *_rows(verdicts)]
    with carrying(warnings):
        _check_limit(surveyed, rows)
    gone = {row["key"] for row in rows}
    kept = [record for record in surveyed.records if record.key not in gone]
    return replace(
        surveyed,
        records=kept,
        set_aside=rows,
        warnings=warnings,
        findings=_findings(report),
    )


def _warnings(report: Report, verdicts: Mapping[str, Verdict]) -> Iterator[str]:
    for name, found in report.of_action("warn").items():
        yield f"inspect: {name}: {_shown(found)}. {report.inspections[name].plugin.advice}"
    gone: dict[str, list[Finding]] = {}
    for key, each in verdicts.items():
        gone.setdefault(each.inspector, []).append(Finding(key=key, text=each.text))
    for name, found in gone.items():
        yield f"inspect: {name}: {_shown(found)}. Set aside."


def _findings(report: Report) -> tuple[InspectorFindings, ...]:
    """Returns what each inspector found."""
    return tuple(
        InspectorFindings(
            inspector=name,
            action=report.inspections[name].action,
            count=len(found),
            first=tuple(KeyFinding(key=each.key or "", text=each.text) for each in found),
        )
        for name, found in report.findings.items()
        if found
    )


def _cache(
    surveyed: Survey, inspections: Inspections, store: Store, *, rehash: bool
) -> MeasureCache:
    """Returns where measures are kept, with the fingerprint of all that decides each of them."""
    pipeline = surveyed.pipeline
    try:
        hashes = hash_records(surveyed.catalog, surveyed.records, store.index, rehash=rehash)
    except OSError as error:
        raise CacheError(
            f"{store.builds}: expected to write what is known of the source, found that it fails "
            f"({error.strerror or error}). Make room, or choose another {option('out')}."
        ) from error
    base = fingerprint.digest(
        _FORMAT,
        dict(fingerprint.packages()),
        [pipeline.settings.image.mode, list(pipeline.settings.image.background_rgb)],
        {name: targets.to_json(kind) for name, kind in (surveyed.targets or {}).items()},
        fingerprint.of_reading(pipeline.settings.source, pipeline.spec.registry),
    )
    records = [
        None
        if hashes[record.key] == UNREADABLE
        else fingerprint.digest(
            [record.key, hashes[record.key], pipeline.label_identity(record)],
            [record.group, record.split, record.size],
        )
        for record in surveyed.records
    ]
    inspectors = {
        name: fingerprint.digest(base, fingerprint.of_plugin(each.plugin, pipeline.spec.registry))
        for name, each in inspections.items()
    }
    return MeasureCache(path=store.measures, records=records, inspectors=inspectors)


def _shown(found: Sequence[Finding]) -> str:
    first = found[0]
    text = first.text.rstrip(".")
    example = text if first.key is None else f"{first.key}: {text}"
    return example if len(found) == 1 else f"{len(found)} findings, the first: {example}"


def _rows(verdicts: Mapping[str, Verdict]) -> list[dict[str, str]]:
    """Returns a row of the quarantine for each record that is set aside."""
    return [
        {"key": key, "stage": f"inspect/{each.inspector}", "exception": each.text}
        for key, each in verdicts.items()
    ]


def _check_limit(surveyed: Survey, rows: Sequence[Mapping[str, str]]) -> None:
    stated = surveyed.pipeline.settings.build.max_quarantined
    total = len(surveyed.records) + len(surveyed.set_aside)
    if len(rows) > (stated if stated >= 1 else stated * total):
        raise DataError(
            f"inspect: expected at most {stated:g} records (build.max_quarantined) to set aside, "
            f"found {len(rows)} of {total}. Look at them with dsbuilder inspect, or allow more."
        )
