"""A picture of what a plugin does: an image before, and what it makes of it in a few draws."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.actions.plugins import registry_here
from dsbuilder.errors import PluginError
from dsbuilder.pipelinefile.stages import bind_plugin
from dsbuilder.plugin import Boxes, BoxSet, Mixer, Sample, Synthesizer, Transform, generator
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell
from dsbuilder.testing.cases import ShownCase, signature_of

_DRAWS = 4
_KINDS = ("transform", "mixer", "synthesizer")
_HEIGHT, _WIDTH = 144, 168


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
    found = registry.get(name, *([kind] if kind else _KINDS))
    if found.kind not in _KINDS:
        raise PluginError(
            f"'{name}': expected a {', '.join(_KINDS[:-1])} or {_KINDS[-1]} to draw a picture of, "
            f"found the {found.kind}."
        )
    plugin = bind_plugin(registry, name, found.kind, options)
    headings = [] if isinstance(plugin, Synthesizer) else ["before"]
    cells = list(_cells(plugin))
    section = Section(headings=[*headings, *("after" for _ in range(_DRAWS))], rows=[cells])
    summary = found.summary
    write_png(draw_sheet(Sheet(title=name, notes=[summary], sections=[section])), output)


def _cells(plugin: Any) -> Iterator[Cell]:
    if isinstance(plugin, Synthesizer):
        for seed in range(_DRAWS):
            params = plugin.draw(generator("picture", seed))
            made = plugin.render(f"picture//{seed}", params, "rgb")
            yield Cell(image=made.image, lines=[str(each) for each in made.targets.values()])
        return
    case = _taken(plugin)
    yield Cell.of(case.given[0], name="", lines=[])
    for seed in range(_DRAWS):
        params = case.draw(case.given, generator("picture", seed))
        yield Cell.of(case.make(case.given, params), name="", lines=[])


def _taken(plugin: Transform | Mixer) -> ShownCase:
    """Returns samples with boxes if the plugin takes those, else with a class alone.

    Raises:
      PluginError: it takes neither.
    """
    refusal = ""
    for boxes in (True, False):
        count = 1 + getattr(plugin, "partners", 0)
        given = tuple(_sample(number, boxes=boxes) for number in range(count))
        try:
            after = plugin.output_signature(signature_of(given[0]))
        except (ValueError, PluginError) as error:
            refusal = str(error)
            continue
        return ShownCase(plugin=plugin, given=given, after=after)
    image = signature_of(given[0]).image
    raise PluginError(f"expected a plugin that takes {image}, found that it refuses: {refusal}")


def _sample(number: int, *, boxes: bool) -> Sample:
    """Returns a drawn scene: a disk on a striped ground with a shade, and the box around it."""
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    rng = np.random.default_rng(number)
    ground, color = rng.integers(90, 230, 3), rng.integers(20, 250, 3)
    stripes = 14 * np.sin((x + 2 * y) / 9)[..., None] + (y / _HEIGHT * 50)[..., None]
    middle, reach = rng.integers(48, 97, 2), 32
    far = np.hypot(y - middle[0], x - middle[1])
    lit = (1.15 - far / reach * 0.5)[..., None]
    pixels = np.where((far <= reach)[..., None], color * lit, ground - stripes)
    box = np.array([[middle[1] - reach, middle[0] - reach, middle[1] + reach, middle[0] + reach]])
    corners = (box / (_WIDTH, _HEIGHT, _WIDTH, _HEIGHT)).clip(0, 1).astype(np.float32)
    kind = Boxes(names=("disk",))
    return Sample(
        key=f"picture/{number}.png",
        image=pixels.clip(0, 255).astype(np.uint8),
        targets={
            "label": number % 2,
            **({"boxes": BoxSet(corners=corners, classes=np.array([0]))} if boxes else {}),
        },
        positional={"boxes": kind} if boxes else {},
    )
