"""`dsbuilder explain`: how one sample came to be, in words and as a strip of pictures."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.following import follow
from dsbuilder.cli.screen import Lines, Screen, facts, heading, labeled, line, shown, table

if TYPE_CHECKING:
    from dsbuilder.actions.explain import ExplainDocument

_MOST_DERIVED = 12
_SHORT = 12


@click.command()
@options.dataset
@options.key
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="A PNG file to draw the sample's way to, from the source to what is stored.",
)
@options.source
@options.plugins
@options.as_json
def explain(
    dataset: Path,
    key: str,
    output: Path | None,
    source: Path | None,
    plugin_folders: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Say how a sample came to be: its parents, stages, and what each drew.

    Where the source is still there, the stages are applied again: that shows what albumentations
    drew from its seed, and draws the pictures.
    """
    from dsbuilder.actions.dataset import load

    found = load(dataset).explain(
        key, source=source, plugins=options.folders(plugin_folders), output=output
    )
    Screen(as_json=as_json).show(found, lambda: _draw(found, dataset))


def _draw(found: "ExplainDocument", dataset: Path) -> None:
    heading(found.key)
    facts([(name, value) for name, value in _facts(found) if value])
    line()
    rows = [
        (each.stage, each.plugin, each.version, _params(each.params, each.drawn))
        for each in found.stages
    ]
    table(("stage", "plugin", "version", "params"), rows)
    for note in found.notes:
        labeled("note:", note, fg="yellow")
    if found.output is not None:
        line(f"drawn in {shown(found.output)}")
    line()
    follow(("replay", dataset, found.key))


def _facts(found: "ExplainDocument") -> Iterator[tuple[str, Lines]]:
    yield "split", found.split
    yield from found.targets.items()
    parents = [f"{each.key} (content {each.source[:_SHORT]})" for each in found.parents]
    yield "made of", parents
    yield "synthetic", "yes" if found.synthetic else ""
    yield "stored in", found.files
    yield "at", f"{found.offset}, {found.length} bytes"
    yield "fingerprint", found.fingerprint
    more = len(found.derived) - _MOST_DERIVED
    derived = [*found.derived[:_MOST_DERIVED], *([f"... and {more} more"] if more > 0 else [])]
    yield "derived", derived


def _params(params: Mapping[str, Any], drawn: Mapping[str, Any] | None) -> Lines:
    from dsbuilder.actions.explain import numbers

    text = json.dumps(params, ensure_ascii=False) if params else ""
    return text if not drawn else (text, f"  {', '.join(numbers(drawn))}")
