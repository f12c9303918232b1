"""A picture of what a plugin does: a scene before, and what it makes of it in a few draws."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsbuilder.actions.drawn_scene import LABEL, scene, signature_of
from dsbuilder.actions.plugins import registry_here
from dsbuilder.errors import PluginError
from dsbuilder.pipelinefile.stages import bind_plugin
from dsbuilder.plugin import (
    Mixer,
    Params,
    Sample,
    Signature,
    Stage,
    Synthesizer,
    Transform,
    generator,
)
from dsbuilder.report.overlay import Frame
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell

PICTURED = ("transform", "mixer", "synthesizer")
"""Kinds of plugin that make images."""

_DRAWS = 4
_MOST_NAMED = 2
"""Boxes up to which each has its name: of more, names cover what they are of."""
_OBJECTS = ("boxes", None)
"""Targets that scenes are shown with: the first that a plugin takes."""


def picture_plugin(
    name: str,
    output: Path,
    *,
    kind: str | None = None,
    options: Sequence[str] = (),
    plugins: Sequence[Path | str] | None = None,
) -> None:
    """Draws what a transform, mixer or synthesizer does to images that are drawn for it.

    Args:
      output: PNG file to write.
      kind: kind of the plugin, where several have the name.
      options: options as `key=value`, such as those without a default.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.

    Raises:
      PluginError: there is no such plugin, or it makes no images.
      SpecError: an option is missing or wrong.
      DataError: the file cannot be written.
    """
    registry = registry_here(plugins)
    found = registry.get(name, *([kind] if kind else PICTURED))
    if found.kind not in PICTURED:
        raise PluginError(
            f"'{name}': expected a {', '.join(PICTURED[:-1])} or {PICTURED[-1]} to draw a picture "
            f"of, found the {found.kind}."
        )
    plugin = bind_plugin(registry, name, found.kind, options)
    headings = [] if isinstance(plugin, Synthesizer) else ["before"]
    row = list(row_of(plugin, draws=_DRAWS))
    section = Section(headings=[*headings, *("after" for _ in range(_DRAWS))], rows=[row])
    write_png(draw_sheet(Sheet(title=name, notes=[found.summary], sections=[section])), output)


def row_of(plugin: Any, *, draws: int, objects: Sequence[str | None] = _OBJECTS) -> Iterator[Cell]:
    """Yields a scene as a plugin is given it, if it takes one, and what it makes in some draws.

    Args:
      objects: targets that hold what is in a scene, to be tried in that order; see `scene`.

    Raises:
      PluginError: it takes none of the scenes.
    """
    if isinstance(plugin, Synthesizer):
        after = plugin.output_signature("rgb")
        for number in range(draws):
            made = plugin.render(f"picture//{number}", plugin.draw(_drawn(number)), "rgb")
            values = {name: kind.parse(made.targets[name]) for name, kind in after.targets.items()}
            yield _cell(made.replace(targets=values, positional=after.positional), after)
        return
    given, after = _taken(plugin, objects)
    yield Cell.of(given[0], name="", lines=[])
    for number in range(draws):
        yield _cell(_made(plugin, given, number), after if isinstance(plugin, Mixer) else None)


def _drawn(number: int) -> Any:
    return generator("picture", number)


def _cell(sample: Sample, signature: Signature | None) -> Cell:
    """Returns a sample with its targets; those without a place stand below, as a signature says."""
    kinds = {} if signature is None else signature.targets
    said = [kind.show(sample.targets[name]) for name, kind in kinds.items() if not kind.positional]
    cell = Cell.of(sample, name=" ".join(", ".join(said).split()), lines=[])
    frames = sum(isinstance(each, Frame) for each in cell.overlays)
    if frames <= _MOST_NAMED:
        return cell
    bare = (replace(each, word="") if isinstance(each, Frame) else each for each in cell.overlays)
    return replace(cell, overlays=list(bare))


def _made(plugin: Transform | Mixer, given: Sequence[Sample], number: int) -> Sample:
    sample, *partners = given
    params: Params
    if isinstance(plugin, Transform):
        params = plugin.draw(sample, _drawn(number))
        return Stage(id="picture", plugin=plugin).apply(sample, params)
    params = plugin.draw(sample, partners, _drawn(number))
    return plugin.mix(sample, partners, params, {"label": LABEL, **sample.positional})


def _taken(
    plugin: Transform | Mixer, objects: Sequence[str | None]
) -> tuple[tuple[Sample, ...], Signature]:
    """Returns scenes with the first kind of target that a plugin takes, and what it makes of it.

    Raises:
      PluginError: it takes none.
    """
    refusal = ""
    for kind in objects:
        count = 1 + getattr(plugin, "partners", 0)
        given = tuple(scene(number, kind) for number in range(count))
        try:
            return given, plugin.output_signature(signature_of(given[0]))
        except (ValueError, PluginError) as error:
            refusal = str(error)
    image = signature_of(scene(0, None)).image
    raise PluginError(f"expected a plugin that takes {image}, found that it refuses: {refusal}")
