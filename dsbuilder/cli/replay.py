"""`dsbuilder replay`: a sample made again from its recorded params, against the stored bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown

if TYPE_CHECKING:
    from dsbuilder.actions.replay import ReplayDocument


@click.command()
@options.dataset
@options.key
@options.source
@options.plugins
@click.option(
    "--write",
    "output",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="A PNG file to write the image to, as it was made again.",
)
@options.as_json
@click.pass_context
def replay(
    context: click.Context,
    dataset: Path,
    key: str,
    source: Path | None,
    plugin_folders: tuple[Path, ...],
    output: Path | None,
    *,
    as_json: bool,
) -> None:
    """Make a sample again from its recorded params, and compare its bytes.

    Nothing is drawn: every stage is applied with what it drew for the build. Exits with 1 where
    bytes differ, and names what is not as it was: a source file, a plugin, a package.
    """
    from dsbuilder.actions.dataset import load

    found = load(dataset).replay(
        key, source=source, plugins=options.folders(plugin_folders), output=output
    )
    Screen(as_json=as_json).show(found, lambda: _draw(found))
    if not found.equal:
        context.exit(1)


def _draw(found: "ReplayDocument") -> None:
    if found.equal:
        line(f"{found.key}: made again, {found.length} bytes, all equal.")
    else:
        line(f"{found.key}: made again, and its bytes differ{_by(found.largest_difference)}.")
    for each in found.differences:
        line(f"  {each}")
    if found.output is not None:
        line(f"written to {shown(found.output)}")


def _by(largest: float | None) -> str:
    if largest is None:
        return "; the image has another size"
    return f", pixels by up to {largest:g}" if largest else ", though all pixels are equal"
