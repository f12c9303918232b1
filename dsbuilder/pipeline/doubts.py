"""What a pipeline does that is right by its signatures and yet hardly meant.

Images that a stage makes small and finish makes large again show no more for it, and variants that
no stage touches are copies of their originals. `check` says both, and what a synthesizer notes of
its options; nothing of it is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from dsbuilder.errors import DsbuilderError
from dsbuilder.pipelinefile.schema import Spec
from dsbuilder.pipelinefile.stages import AnyStage
from dsbuilder.plugin import Stage, Transform
from dsbuilder.sample import Signature

_PHOTOGRAPH = (4000, 6000)
"""The (height, width) that images are taken to have before a stage says another."""

_Section = tuple[str, Sequence[AnyStage]]

_MUCH_LARGER = 1.1
_MANY = 0.5


@dataclass(frozen=True, kw_only=True)
class _Made:
    """An image on its way.

    Attributes:
      signature: its signature.
      size: its (height, width), if it was a photograph.
      by: the place that made this size; None before any did.
    """

    signature: Signature
    size: tuple[int, int] = _PHOTOGRAPH
    by: str | None = None


def doubts(spec: Spec, decoded: Signature | None, cached: Signature) -> Iterator[str]:
    """Yields what a person should look at again, sentences that say where.

    Args:
      decoded: signature of a sample of the source, before any stage; None without a source.
      cached: signature of what is stored.
    """
    settings = spec.settings
    finish: _Section = ("finish", settings.finish)
    starts: list[tuple[_Made, list[_Section]]] = []
    if decoded is not None:
        prepare: _Section = ("prepare", settings.prepare)
        source = _Made(signature=decoded)
        starts.append((source, [prepare, finish]))
        if settings.makes_variants:
            varied: _Section = ("augment.stages", settings.augment.stages)
            starts.append((source, [prepare, varied, finish]))
    for index, synthesis in enumerate(settings.synthesize):
        for note in synthesis.plugin.notes():
            yield f"{spec.where(f'synthesize[{index}]')}: {note}."
        made = synthesis.output_signature(settings.image.mode)
        starts.append((_sized(made, f"synthesize[{index}]"), [finish]))
    stream = settings.stream
    again: list[_Section] = [("stream.stages", stream.stages), ("stream.finish", stream.finish)]
    starts.append((_sized(cached, None), again))
    for start, sections in starts:
        yield from _scaled_up(spec, start, sections)
    share = 0.0
    if settings.makes_variants and decoded is not None:
        names = next((e.class_names for e in decoded.targets.values() if e.class_names), ())
        share = untouched(settings.augment.stages, dict.fromkeys(names, 1))
    if share > _MANY:
        yield (
            f"{spec.where('augment')}: no stage touches {share:.0%} of the variants: they are "
            "copies of their originals. Raise a stage's p, or add a stage."
        )


def untouched(stages: Sequence[AnyStage], classes: Mapping[str, int]) -> float:
    """Returns the expected share of variants that pass all stages untouched, by their p.

    Args:
      classes: weights of the classes, since a stage may be for some alone; empty without classes.
    """
    if not any(classes.values()):
        return prod(1 - stage.p for stage in stages)
    passed = ((_passing(stages, name), weight) for name, weight in classes.items())
    return sum(share * weight for share, weight in passed) / sum(classes.values())


def _passing(stages: Sequence[AnyStage], name: str) -> float:
    """Returns the share of variants of a class that pass all stages untouched."""
    own = (each for each in stages if not isinstance(each, Stage) or each.takes({name}))
    return prod(1 - stage.p for stage in own)


def _sized(signature: Signature, by: str | None) -> _Made:
    height, width = signature.image.height, signature.image.width
    if height is None or width is None:
        return _Made(signature=signature)
    return _Made(signature=signature, size=(height, width), by=by)


def _scaled_up(spec: Spec, made: _Made, sections: Sequence[_Section]) -> Iterator[str]:
    for path, stages in sections:
        for index, stage in enumerate(stages):
            place = f"{path}[{index}]"
            try:
                after = _after(stage, made, place)
            except (ValueError, DsbuilderError):  # what a stage cannot take is told as such
                return
            if made.by is not None and path.endswith("finish") and _is_larger(stage, made):
                yield (
                    f"{spec.where(place)}: images that {made.by} makes {_shown(made.size)} are "
                    f"scaled up to {_shown(after.size)}, and show no more for it. Say the size "
                    "once, as size: [height, width] of the pipeline, and name it $size in both."
                )
            made = after


def _after(stage: AnyStage, made: _Made, place: str) -> _Made:
    signature = stage.output_signature(made.signature)
    height, width = signature.image.height, signature.image.width
    size = made.size
    if height is not None and width is not None:
        size = (height, width)
    elif isinstance(stage.plugin, Transform):
        size = stage.plugin.shrinks_to(*made.size) or made.size
    return _Made(signature=signature, size=size, by=made.by if size == made.size else place)


def _is_larger(stage: AnyStage, made: _Made) -> bool:
    """Whether a stage scales images up, rather than fills a frame around them."""
    scaled = stage.plugin.shrinks_to(*made.size) if isinstance(stage.plugin, Transform) else None
    return scaled is not None and scaled[0] > _MUCH_LARGER * made.size[0]


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
