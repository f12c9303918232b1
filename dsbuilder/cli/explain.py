"""`dsbuilder explain`: how one sample came to be, in words and as a strip of pictures."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsbuilder.cli import options
from dsbuilder.cli.screen import Screen, facts, line, shown, table, warned
from dsbuilder.errors import DsbuilderError

if TYPE_CHECKING:
    from dsbuilder.builder.reopen import Remade
    from dsbuilder.dataset import Dataset, Explanation
    from dsbuilder.report.strip import Cell
    from dsbuilder.sample import Sample

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
@options.built_plugins
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
    from dsbuilder.dataset import load

    opened = load(dataset)
    explained = opened.explain(key)
    remade, notes = _remake(opened, explained, source, options.folders(plugin_folders))
    if output is not None:
        _draw_strip(opened, explained, remade, output)
    document = _describe(explained, remade, notes, output)
    Screen(as_json=as_json).show(document, lambda: _draw(explained, remade, notes, output))


def _remake(
    dataset: "Dataset", explained: "Explanation", source: Path | None, plugins: list[Path] | None
) -> tuple["Remade | None", list[str]]:
    """Makes the sample again, if that can be done here; notes say why not, or what differs."""
    from dsbuilder.builder.reopen import reopen

    try:
        reopened = reopen(dataset, source=source, plugins=plugins)
        return reopened.remake(explained.entry), list(reopened.differences(explained.entry))
    except DsbuilderError as error:
        return None, [f"the stages cannot be applied again: {error}"]


def _draw_strip(
    dataset: "Dataset", explained: "Explanation", remade: "Remade | None", output: Path
) -> None:
    from dsbuilder.report.sheet import SIDE, write_png
    from dsbuilder.report.strip import draw_strip

    cells = list(_cells(dataset, explained, remade))
    write_png(draw_strip(cells, side=SIDE), output)


def _cells(
    dataset: "Dataset", explained: "Explanation", remade: "Remade | None"
) -> Iterator["Cell"]:
    from dsbuilder.dataset.explanation import stored

    if remade is not None:
        if remade.original is not None:
            lines = [explained.entry.parents[0], _sides(remade.original.image)]
            yield _cell(remade.original, "source", lines)
        for step in remade.steps:
            for partner in remade.partners if hasattr(step.stage.plugin, "partners") else ():
                yield _cell(partner, "partner", [partner.key])
            lines = [*_numbers({**step.params, **step.drawn}), _sides(step.after.image)]
            yield _cell(step.after, _short(step.stage.id), lines)
    sample = dataset.codec.decode(stored(dataset, explained.shard, explained.entry))
    yield _cell(sample, "stored", [explained.entry.key, *explained.targets.values()])


def _cell(sample: "Sample", name: str, lines: list[str]) -> "Cell":
    from dsbuilder.cli.overlays import overlays
    from dsbuilder.report.strip import Cell

    return Cell(image=sample.image, name=name, lines=lines, overlays=overlays(sample))


def _short(stage: str) -> str:
    """Returns a stage's id without its section."""
    return stage.partition("/")[2] or stage


def _sides(image: Any) -> str:
    return "x".join(str(side) for side in image.shape)


def _numbers(params: Mapping[str, Any]) -> Iterator[str]:
    """Yields the drawn values that a caption has room for."""
    for name, value in params.items():
        if name != "seed" and value not in ({}, []):
            yield f"{name}={_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_word(each) for each in value)}]"
    if isinstance(value, Mapping):
        shows = [f"{name}: {_word(each)}" for name, each in value.items() if name != "seed"]
        return f"{{{', '.join(shows)}}}"
    return str(value)


def _describe(
    explained: "Explanation", remade: "Remade | None", notes: Sequence[str], output: Path | None
) -> dict[str, Any]:
    entry = explained.entry
    drawn = _drawn(explained, remade)
    return {
        "key": entry.key,
        "split": explained.split,
        "shard": explained.shard.stem,
        "files": list(explained.files),
        "offset": entry.offset,
        "length": entry.length,
        "fingerprint": entry.fingerprint,
        "synthetic": entry.synthetic,
        "targets": dict(explained.targets),
        "parents": [
            {"key": key, "source": source}
            for key, source in zip(entry.parents, entry.source, strict=True)
        ],
        "stages": [
            {**vars(applied), "drawn": more}
            for applied, more in zip(entry.stages, drawn, strict=True)
        ],
        "derived": list(explained.derived),
        "notes": list(notes),
        "output": None if output is None else str(output.absolute()),
        "warnings": warned(),
    }


def _drawn(explained: "Explanation", remade: "Remade | None") -> list[dict[str, Any] | None]:
    if remade is None:
        return [None for _ in explained.entry.stages]
    return [step.drawn or None for step in remade.steps]


def _draw(
    explained: "Explanation", remade: "Remade | None", notes: Sequence[str], output: Path | None
) -> None:
    entry = explained.entry
    line(click.style(entry.key, bold=True))
    facts([(name, value) for name, value in _facts(explained) if value])
    line()
    drawn = _drawn(explained, remade)
    rows = [
        (each.stage, each.plugin, each.version, _params(each.params, more))
        for each, more in zip(entry.stages, drawn, strict=True)
    ]
    table(("stage", "plugin", "version", "params"), rows)
    for note in notes:
        line(f"{click.style('note:', fg='yellow')} {note}")
    if output is not None:
        line(f"drawn in {shown(output)}")


def _facts(explained: "Explanation") -> Iterator[tuple[str, str]]:
    entry = explained.entry
    yield "split", explained.split
    yield from explained.targets.items()
    parents = zip(entry.parents, entry.source, strict=True)
    yield "made of", "\n".join(f"{key} (content {source[:_SHORT]})" for key, source in parents)
    yield "synthetic", "yes" if entry.synthetic else ""
    yield "stored in", "\n".join(explained.files)
    yield "at", f"{entry.offset}, {entry.length} bytes"
    yield "fingerprint", entry.fingerprint
    more = len(explained.derived) - _MOST_DERIVED
    derived = [*explained.derived[:_MOST_DERIVED], *([f"... and {more} more"] if more > 0 else [])]
    yield "derived", "\n".join(derived)


def _params(params: Mapping[str, Any], drawn: Mapping[str, Any] | None) -> str:
    text = json.dumps(params, ensure_ascii=False) if params else ""
    return text if not drawn else f"{text}\n  {', '.join(_numbers(drawn))}"
