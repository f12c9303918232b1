"""`dsbuilder init`: a folder -> which layout it has, and a pipeline that builds it."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.check import draw
from dsbuilder.cli.screen import Screen, line, shown, table, warned

if TYPE_CHECKING:
    from dsbuilder.proposal import Candidate

_LOGGER = logging.getLogger(__name__)
_NEXT = ("inspect", "preview", "build")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="PIPELINE",
    help="The file to write; by default named after the folder, in the current one.",
)
@click.option("--use", metavar="SOURCE", help="Read the folder with this source, sure or not.")
@options.plugins
@options.as_json
def init(
    folder: Path,
    output: Path | None,
    use: str | None,
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Write a pipeline that builds a folder, after looking which layout it has.

    Every source says whether it knows the layout, and why or why not. The pipeline builds as it
    stands; a comment says of each line why it is there. A file that exists is not overwritten.
    """
    from dsbuilder.actions.check import checked as check
    from dsbuilder.builder import survey
    from dsbuilder.builder.survey import find_plugins
    from dsbuilder.pipelinefile import load_text
    from dsbuilder.proposal import candidates, check_extent, choose, draft
    from dsbuilder.proposal.drafting import dataset_name

    output = output or Path(f"{dataset_name(folder)}.yaml")
    _check_output(output)
    registry = find_plugins(output, options.folders(plugin_folders))
    if use is None:
        check_extent(folder)
    found = candidates(folder, registry)
    chosen, near = choose(folder, found, registry, use=use)
    _warn_of(near, chosen)
    _warn_of_place(output, folder)
    drafted = draft(folder, chosen, registry, output=output)
    home = output.resolve().parent
    surveyed = survey(load_text(drafted.text, registry, origin=str(output), folder=home))
    checked = check(surveyed)
    _write(output, drafted.text)
    document = {
        "output": str(output.absolute()),
        "source": {"use": chosen.source, **drafted.options},
        "recognised": [_described(each) for each in found],
        "check": {name: value for name, value in checked.to_json().items() if name != "warnings"},
        "warnings": warned(*drafted.warnings, *checked.warnings),
    }

    def show() -> None:
        _draw_candidates(found, chosen)
        line()
        draw(checked)
        line()
        line(f"{shown(output)}: written")
        line(f"next: dsbuilder {', dsbuilder '.join(f'{verb} {shown(output)}' for verb in _NEXT)}")

    Screen(as_json=as_json).show(document, show)


def _check_output(output: Path) -> None:
    from dsbuilder.errors import DataError

    if output.exists() or output.is_symlink():
        raise DataError(
            f"{output}: expected no file, found one. Name another with --output, or remove it."
        )
    if not output.resolve().parent.is_dir():
        raise DataError(f"{output}: expected a folder to write it in, found none. Make it.")


def _write(output: Path, text: str) -> None:
    from dsbuilder.errors import DataError

    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise DataError(
            f"{output}: expected a file that can be written, found: {error.strerror}. "
            "Name another with --output."
        ) from error


def _warn_of(near: Sequence["Candidate"], chosen: "Candidate") -> None:
    for each in near:
        _LOGGER.warning(
            "'%s' is nearly as likely as '%s': %s. --use %s takes it.",
            each.source,
            chosen.source,
            each.reason,
            each.source,
        )


def _warn_of_place(output: Path, folder: Path) -> None:
    if output.resolve().is_relative_to(folder.resolve()):
        _LOGGER.warning(
            "%s lies in the folder that it reads: pictures and datasets that are written beside it "
            "would be read as well. Name a place outside with --output.",
            output,
        )


def _described(candidate: "Candidate") -> dict[str, Any]:
    return {
        "source": candidate.source,
        "certainty": candidate.certainty,
        "reason": candidate.reason,
    }


def _draw_candidates(found: Sequence["Candidate"], chosen: "Candidate") -> None:
    rows = [
        (
            f"{each.source} *" if each is chosen else each.source,
            f"{each.certainty:.2f}" if each.certainty else "no",
            each.reason,
        )
        for each in found
    ]
    table(("layout", "certainty", "why"), rows, right=(1,))
