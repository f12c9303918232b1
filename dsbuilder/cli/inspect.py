"""`dsbuilder inspect`: what is wrong with the data of a pipeline's source."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options, progress
from dsbuilder.cli.following import again, follow
from dsbuilder.cli.screen import Screen, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.inspect import InspectDocument, InspectFinding
    from dsbuilder.actions.inspect_augmentation import AugmentationDocument
    from dsbuilder.actions.session import Session
    from dsbuilder.inspection.label_questions import SafetyAnswer

_FILE = click.Path(path_type=Path)
_EXAMPLES = 3
_ANSWERS = 8


@click.command()
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
@click.option(
    "--augment",
    is_flag=True,
    help="Look at what augmentation does to labels, in place of the data.",
)
@options.workers
@options.opened
@options.as_json
@click.pass_context
def inspect(
    context: click.Context,
    opened: "Session",
    only: tuple[str, ...],
    exclude: Path | None,
    sheet: Path | None,
    workers: int | None,
    *,
    augment: bool,
    as_json: bool,
) -> None:
    """Say what is wrong with the data: images, labels, duplicates, leaks.

    Every inspector runs, with the options that the pipeline states for it, but those that it
    ignores. Exits with 1 if one that the pipeline calls an error has found something.

    With --augment, variants of some records are made, and it is said what they do to labels: boxes
    lost, objects cropped away, copies wasted or unrecognisable, classes turned into others.
    """
    screen = Screen(as_json=as_json)
    if augment:
        if only or exclude is not None:
            raise click.UsageError("--augment looks at no inspector: leave --only, --exclude out.")
        if workers is not None:
            raise click.UsageError("--augment runs in one process: leave --workers out.")
        with progress.samples(screen, "records") as report:
            probed = opened.inspect_augmentation(sheet=sheet, on_progress=report)
        screen.show(probed, lambda: _draw_augmentation(probed))
        return
    with progress.samples(screen, "records") as report:
        found = opened.inspect(
            only=only, exclude=exclude, sheet=sheet, workers=workers, on_progress=report
        )
    screen.show(found, lambda: _draw(found, exclude, sheet))
    if found.has_error:
        context.exit(1)


def _draw(found: "InspectDocument", exclude: Path | None, sheet: Path | None) -> None:
    by_inspector = {
        name: [each for each in found.findings if each.inspector == name] for name in found.counts
    }
    rows = [
        (name, str(len(findings)), list(_examples(findings)))
        for name, findings in by_inspector.items()
        if findings
    ]
    if rows:
        table(("finding", "count", "examples, and what to do"), rows, right=[1])
        line()
    clean = [name for name, count in found.counts.items() if not count]
    if clean:
        line(f"nothing found: {', '.join(clean)}")
    line(f"{len(found.keys)} of {found.records} records have a finding.")
    for path in (exclude, sheet):
        if path is not None:
            line(f"written: {shown(path)}")
    line()
    if found.keys and exclude is None:
        drawn = () if sheet is not None else ("--sheet", "findings.png")
        follow(again("inspect", *drawn, "--exclude", "findings.txt"), again("build"))
    else:
        follow(again("build", *(() if exclude is None else ("--exclude", exclude))))


def _draw_augmentation(found: "AugmentationDocument") -> None:
    for section in found.sections:
        part = "" if section.shown is None else f", which show {section.shown:.0%} of it (median)"
        line(f"{section.section}: {section.variants} variants of {section.records} records{part}")
        rows = [
            (question, "!" if any(each.is_fault for each in those) else "", list(_answers(those)))
            for question, group in groupby(section.findings, key=lambda each: each.question)
            for those in [list(group)]
        ]
        table(("", "", "what, and what to do"), rows)
        line()
    if found.output is not None:
        line(f"written: {shown(found.output)}")


def _answers(findings: Sequence["SafetyAnswer"]) -> Iterator[str]:
    """Yields the answers to one question, and what to do about them once."""
    for each in findings[:_ANSWERS]:
        by = f", most after {each.stage}" if each.stage is not None and each.is_fault else ""
        such = f" ({', '.join(each.examples)}{by})" if each.is_fault else ""
        yield f"{each.text}{such}"
    if len(findings) > _ANSWERS:
        yield f"... and {len(findings) - _ANSWERS} more; --json lists all"
    yield from {f"-> {each.advice}": None for each in findings if each.is_fault}


def _examples(findings: Sequence["InspectFinding"]) -> Iterator[str]:
    for each in findings[:_EXAMPLES]:
        yield each.text if each.key is None else f"{each.key}: {each.text}"
    if len(findings) > _EXAMPLES:
        yield f"... and {len(findings) - _EXAMPLES} more; --json lists all"
    yield f"-> {findings[0].advice}"
