"""A picture of what a plugin does: an image before, and what it makes of it in a few draws."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.actions.plugins import registry_here
from dsbuilder.errors import PluginError
from dsbuilder.pipelinefile.document import from_data, override
from dsbuilder.pipelinefile.stages import AnyStage, Synthesis, binder_of
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    ClassLabel,
    ImageSignature,
    Mixer,
    Sample,
    Signature,
    Stage,
    Synthesizer,
    Target,
    Transform,
    generator,
)
from dsbuilder.registry import Plugin, Registry
from dsbuilder.report.sheet import Section, Sheet, draw_sheet, write_png
from dsbuilder.report.strip import Cell

_DRAWS = 4
_KINDS = ("transform", "mixer", "synthesizer")
_HEIGHT, _WIDTH = 144, 168
_LABEL = ClassLabel(names=("disk", "square"))


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
    plugin = _bound(found, name, registry, options)
    headings = [] if isinstance(plugin, Synthesizer) else ["before"]
    cells = list(_cells(plugin))
    section = Section(headings=[*headings, *("after" for _ in range(_DRAWS))], rows=[cells])
    summary = found.summary
    write_png(draw_sheet(Sheet(title=name, notes=[summary], sections=[section])), output)


def _bound(found: Plugin, name: str, registry: Registry, options: Sequence[str]) -> Any:
    count = {"count": 1} if found.kind == "synthesizer" else {}
    document = override(from_data({"use": name, **count}, origin=name, folder=Path.cwd()), options)
    binder = binder_of(document, registry)
    place: Any = {"transform": Stage, "mixer": AnyStage, "synthesizer": Synthesis}[found.kind]
    bound, _ = binder.bind(place, document.root, "")
    binder.check()
    return bound.plugin


def _cells(plugin: Any) -> Iterator[Cell]:
    if isinstance(plugin, Synthesizer):
        for seed in range(_DRAWS):
            params = plugin.draw(generator("picture", seed))
            made = plugin.render(f"picture//{seed}", params, "rgb")
            yield Cell(image=made.image, lines=[str(each) for each in made.targets.values()])
        return
    samples = _taken(plugin)
    sample, partners = samples[0], samples[1 : 1 + getattr(plugin, "partners", 0)]
    yield Cell.of(sample, name="", lines=[])
    for seed in range(_DRAWS):
        yield Cell.of(_made(plugin, sample, partners, seed), name="", lines=[])


def _made(plugin: Any, sample: Sample, partners: Sequence[Sample], seed: int) -> Sample:
    rng = generator("picture", seed)
    if isinstance(plugin, Transform):
        return Stage(id="picture", plugin=plugin).apply(sample, plugin.draw(sample, rng))
    params = plugin.draw(sample, partners, rng)
    mixed: Sample = plugin.mix(sample, partners, params, _targets(sample))
    return mixed


def _targets(sample: Sample) -> dict[str, Target]:
    return {"label": _LABEL, **sample.positional}


def _taken(plugin: Transform | Mixer) -> list[Sample]:
    """Returns samples with boxes if the plugin takes those, else with a class alone.

    Raises:
      PluginError: it takes neither.
    """
    image = ImageSignature(height=_HEIGHT, width=_WIDTH, channels=3)
    refusal = ""
    for boxes in (True, False):
        samples = [
            _sample(number, boxes=boxes) for number in range(1 + getattr(plugin, "partners", 0))
        ]
        try:
            plugin.output_signature(Signature(image=image, targets=_targets(samples[0])))
        except (ValueError, PluginError) as error:
            refusal = str(error)
            continue
        return samples
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
