"""`dsbuilder inspect`: what is wrong with the data of a pipeline's source."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.screen import Screen, line, shown, table, warned

if TYPE_CHECKING:
    from dsbuilder.builder import Survey
    from dsbuilder.inspection import Report
    from dsbuilder.plugin import Finding

_FILE = click.Path(path_type=Path)
_EXAMPLES = 3


@click.command()
@options.pipeline
@click.option(
    "--only", multiple=True, metavar="NAME", help="Run this inspector alone. May be repeated."
)
@click.option(
    "--exclude",
    type=_FILE,
    metavar="FILE",
    help="Write the keys that have a finding, for `build --exclude FILE`.",
)
@click.option("--sheet", type=_FILE, metavar="FILE", help="Draw the findings as a picture, a PNG.")
@options.workers
@options.overrides
@options.plugins
@options.as_json
@click.pass_context
def inspect(
    context: click.Context,
    pipeline: Path,
    only: tuple[str, ...],
    exclude: Path | None,
    sheet: Path | None,
    workers: int | None,
    overrides: tuple[str, ...],
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Say what is wrong with the data: images, labels, duplicates, leaks.

    Every inspector runs, with the options that the pipeline states for it, but those that it
    ignores. Exits with 1 if one that the pipeline calls an error has found something.
    """
    from dsbuilder.builder import load_spec, survey
    from dsbuilder.builder.inspecting import inspect_survey
    from dsbuilder.inspection import every

    screen = Screen(as_json=as_json)
    surveyed = survey(load_spec(pipeline, overrides, options.folders(plugin_folders)))
    warned(*surveyed.warnings)
    inspections = _only(every(surveyed.pipeline.spec), only)
    with progress.samples(screen) as report:
        found = inspect_survey(surveyed, inspections, workers=workers, on_progress=report)
    if exclude is not None:
        _write_exclude(found, exclude)
    if sheet is not None:
        _write_sheet(surveyed, found, sheet)
    screen.show(describe(found), lambda: _draw(found, exclude, sheet))
    if found.of_action("error"):
        context.exit(1)


def _only(inspections: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    from dsbuilder.errors import PluginError, did_you_mean

    for name in names:
        if name not in inspections:
            raise PluginError(
                f"--only {name}: expected an inspector that the pipeline does not ignore, found "
                f"none of that name.{did_you_mean(name, inspections)}"
            )
    return {name: each for name, each in inspections.items() if not names or name in names}


def describe(found: "Report") -> dict[str, Any]:
    """Returns what was found as JSON values."""
    return {
        "records": found.records,
        "counts": {name: len(each) for name, each in found.findings.items()},
        "findings": [
            {
                "inspector": name,
                "key": each.key,
                "text": each.text,
                "value": each.value,
                "threshold": each.threshold,
                "others": list(each.others),
                "advice": found.inspections[name].plugin.advice,
                "action": found.inspections[name].action,
            }
            for name, findings in found.findings.items()
            for each in findings
        ],
        "warnings": warned(),
    }


def _write_exclude(found: "Report", path: Path) -> None:
    from dsbuilder.inspection import exclusion

    advice = {name: each.plugin.advice for name, each in found.inspections.items()}
    exclusion.write(path, exclusion.text_of(found.findings, advice))


def _write_sheet(surveyed: "Survey", found: "Report", path: Path) -> None:
    from dsbuilder.cli.findings import sheet_of
    from dsbuilder.report.sheet import draw_sheet, write_png

    write_png(draw_sheet(sheet_of(surveyed, found)), path)


def _draw(found: "Report", exclude: Path | None, sheet: Path | None) -> None:
    rows = [
        (name, str(len(findings)), "\n".join(_examples(found, name, findings)))
        for name, findings in found.findings.items()
        if findings
    ]
    if rows:
        table(("finding", "count", "examples, and what to do"), rows, right=[1])
        line()
    clean = [name for name, findings in found.findings.items() if not findings]
    if clean:
        line(f"nothing found: {', '.join(clean)}")
    line(f"{len(found.keys)} of {found.records} records have a finding.")
    for path in (exclude, sheet):
        if path is not None:
            line(f"written: {shown(path)}")


def _examples(found: "Report", name: str, findings: Sequence["Finding"]) -> Iterator[str]:
    for each in findings[:_EXAMPLES]:
        yield each.text if each.key is None else f"{each.key}: {each.text}"
    if len(findings) > _EXAMPLES:
        yield f"... and {len(findings) - _EXAMPLES} more; --json lists all"
    yield f"-> {found.inspections[name].plugin.advice}"
