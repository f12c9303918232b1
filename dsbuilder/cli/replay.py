"""`dsbuilder replay`: a sample made again from its recorded params, against the stored bytes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, line, shown, warned

if TYPE_CHECKING:
    from dsbuilder.builder.replay import Replayed


@click.command()
@options.dataset
@options.key
@options.source
@options.built_plugins
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
    from dsbuilder.builder.replay import replay_sample
    from dsbuilder.dataset import load

    opened = load(dataset)
    folders = options.folders(plugin_folders)
    replayed = replay_sample(opened, key, source=source, plugins=folders)
    if output is not None:
        _write(replayed, output)
    Screen(as_json=as_json).show(_describe(replayed, output), lambda: _draw(replayed, output))
    if not replayed.is_equal:
        context.exit(1)


def _write(replayed: "Replayed", output: Path) -> None:
    from PIL import Image

    from dsbuilder.report.canvas import to_uint8
    from dsbuilder.report.sheet import write_png

    pixels = to_uint8(replayed.sample.image)
    write_png(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels), output)


def _describe(replayed: "Replayed", output: Path | None) -> dict[str, Any]:
    return {
        "key": replayed.entry.key,
        "equal": replayed.is_equal,
        "differences": list(replayed.differences),
        "largest_difference": replayed.largest_difference,
        "output": None if output is None else str(output.absolute()),
        "warnings": warned(),
    }


def _draw(replayed: "Replayed", output: Path | None) -> None:
    key, count = replayed.entry.key, replayed.entry.length
    if replayed.is_equal:
        line(f"{key}: made again, {count} bytes, all equal.")
    else:
        line(f"{key}: made again, and its bytes differ{_by(replayed)}.")
    for each in replayed.differences:
        line(f"  {each}")
    if output is not None:
        line(f"written to {shown(output)}")


def _by(replayed: "Replayed") -> str:
    largest = replayed.largest_difference
    if largest is None:
        return "; the image has another size"
    return f", pixels by up to {largest:g}" if largest else ", though all pixels are equal"
