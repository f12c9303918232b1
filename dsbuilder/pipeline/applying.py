"""A record's bytes to pixels, and the one driver of a list of stages, traced and noted.

Building, replaying, streaming and predicting pass samples through `apply_stages`; they differ in
where params come from: a generator keyed by position, a fixed one, or a ledger.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from dsbuilder.errors import PluginError
from dsbuilder.images import color
from dsbuilder.images import encoding as image_format
from dsbuilder.pipeline.first_samples import FirstSamples
from dsbuilder.pipeline.params import check_params
from dsbuilder.pipelinefile.schema import ImageOptions
from dsbuilder.pipelinefile.stages import AnyStage, MixStage
from dsbuilder.plugin import Stage
from dsbuilder.sample import Params, Sample, Signature, Target
from dsbuilder.seeding import passing_generator, unit


def decode(
    pixels: bytes | np.ndarray, options: ImageOptions, stages: Sequence[Stage]
) -> np.ndarray:
    """Returns what a source read as `(H, W, C)` uint8 in the mode of the options.

    Args:
      stages: what is applied next, to every image; the first one decides whether a large JPEG is
        decoded at a reduced scale.

    Raises:
      DataError: the bytes are no whole image.
    """
    if isinstance(pixels, np.ndarray):
        return color.convert(pixels, options.mode, background=options.background_rgb)
    return image_format.decode(
        pixels,
        mode=options.mode,
        background=options.background_rgb,
        shrunk=stages[0].plugin.shrinks_to if options.reduced_decode and stages else None,
        memory_bytes=options.memory_mb * 1e6,
    )


Draw = Callable[[AnyStage, Sample, Sequence[Sample]], Params | None]
"""Returns the params of a stage for a sample and its partners; None leaves the stage out."""


class AppliedStage(NamedTuple):
    """A stage that was applied.

    Attributes:
      stage: id of the stage.
      params: what it drew.
      lost: number of things lost of each target, by its name; see `Target.loses`.
    """

    stage: str
    params: Params
    lost: Mapping[str, int] = MappingProxyType({})


class Stopwatch:
    """How long the stages of many samples took.

    Attributes:
      seconds, counts: time and number of times, by what was done.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def note(self, name: str, since: float) -> float:
        """Notes that something was done since a time of `time.perf_counter`; returns what it is."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - since
        self.counts[name] = self.counts.get(name, 0) + 1
        return now


@dataclass
class Trace:
    """How one sample came to be, written down as it is made.

    Attributes:
      at: place that is being worked on, for the report when it fails.
      applied: every stage that was applied, in order.
      watch: what is told how long each stage took, if anything is.
    """

    at: str = "source"
    applied: list[AppliedStage] = field(default_factory=list)
    watch: Stopwatch | None = None

    def add(self, stage: AnyStage, params: Params, before: Sample, after: Sample) -> None:
        """Notes a stage that was applied."""
        self.applied.append(AppliedStage(stage.id, params, _lost(before, after)))


def _lost(before: Sample, after: Sample) -> dict[str, int]:
    """Returns how much of each target is gone, by its name, of those that lost something."""
    found = {}
    for name, kind in before.positional.items():
        value, left = before.targets[name], after.targets.get(name)
        if left is not value and after.positional.get(name) is kind:
            found[name] = kind.held(value) - kind.held(left)
    return {name: count for name, count in found.items() if count > 0}


@dataclass(frozen=True)
class Mixing:
    """What a mixer needs beside the sample.

    Attributes:
      partners: samples that it mixes with.
      targets: kinds of the targets before it.
    """

    partners: Sequence[Sample] = ()
    targets: Mapping[str, Target] = field(default_factory=dict)


def apply_stages(
    stages: Sequence[AnyStage],
    sample: Sample,
    draw: Draw,
    trace: Trace,
    mixing: Mixing = Mixing(),
    first: FirstSamples | None = None,
) -> Sample:
    """Returns a sample after stages; an exception of a plugin gains notes that say where it was.

    Args:
      draw: see `Draw`; it is asked once for each stage, in order.
      trace: told of every stage that is applied.
      first: what looks closely at the first samples of each stage, if anything does.
    """
    since = time.perf_counter()
    for stage in stages:
        trace.at, params = stage.id, None
        try:
            close = first if first is not None and first.wants(stage.id) else None
            params = drawn(stage, sample, draw, mixing.partners, close)
            if params is None:
                continue
            after = _made(stage, sample, params, mixing, close)
        except Exception as error:
            _note(error, stage.id, sample.key, params)
            raise
        trace.add(stage, params, sample, after)
        sample = after
        if trace.watch is not None:
            since = trace.watch.note(stage.id, since)
    return sample


def drawn(
    stage: AnyStage,
    sample: Sample,
    draw: Draw,
    partners: Sequence[Sample],
    first: FirstSamples | None,
) -> Params | None:
    """Returns the params of a stage, None where it is left out; they are JSON values.

    Args:
      first: what looks closely at what is drawn, if anything does.
    """
    if first is not None:
        return first.draw(stage.id, sample.key, lambda: draw(stage, sample, partners))
    params = draw(stage, sample, partners)
    if params is not None:
        check_params(params)
    return params


def _made(
    stage: AnyStage, sample: Sample, params: Params, mixing: Mixing, first: FirstSamples | None
) -> Sample:
    """Returns the sample after a stage that is applied."""
    if first is None:
        return _apply(stage, sample, params, mixing)
    mixed = mixing.partners if isinstance(stage, MixStage) else ()
    given = (sample, *mixed)
    return first.make(stage.id, given, params, lambda: _apply(stage, sample, params, mixing))


def _apply(stage: AnyStage, sample: Sample, params: Params, mixing: Mixing) -> Sample:
    if isinstance(stage, MixStage):
        return stage.mix(sample, mixing.partners, params, mixing.targets)
    return stage.apply(sample, params)


def apply_fixed(
    stages: Sequence[Stage], sample: Sample, trace: Trace, first: FirstSamples | None = None
) -> Sample:
    """Applies stages that draw nothing; their generator's key is the stage alone."""
    return apply_stages(stages, sample, _draw_fixed, trace, first=first)


def _draw_fixed(stage: AnyStage, sample: Sample, partners: Sequence[Sample]) -> Params | None:
    return _draw(stage, sample, partners, passing_generator(stage.id))


def _draw(
    stage: AnyStage, sample: Sample, partners: Sequence[Sample], rng: np.random.Generator
) -> Params | None:
    if isinstance(stage, MixStage):
        return stage.plugin.draw(sample, partners, rng)
    return stage.draw(sample, rng)


@dataclass(frozen=True)
class Position:
    """Where randomness is drawn: the key of what is varied, and its copy or epoch.

    Attributes:
      repeat: how often the same epoch has varied it before.
    """

    seed: int
    key: str
    number: int
    repeat: int = 0

    @property
    def _numbers(self) -> tuple[int, ...]:
        return (self.number, self.repeat) if self.repeat else (self.number,)

    def mixes(self, stage: MixStage) -> bool:
        """Whether a mixer is applied here."""
        return stage.p >= 1 or unit(self.seed, stage.id, "p", self.key, *self._numbers) < stage.p

    def draw(self, stage: AnyStage, sample: Sample, partners: Sequence[Sample]) -> Params | None:
        """Returns the params of a stage here; see `Draw`."""
        rng = passing_generator(self.seed, stage.id, self.key, *self._numbers)
        return _draw(stage, sample, partners, rng)


def drawing(at: Position, kinds: Mapping[str, Target]) -> Draw:
    """Returns how stages draw at a position, but those that are for samples of other classes.

    Args:
      kinds: kinds of the targets.
    """

    def draw(stage: AnyStage, sample: Sample, partners: Sequence[Sample]) -> Params | None:
        if isinstance(stage, Stage) and not stage.takes_all:
            classes = _classes(sample, kinds)
            return at.draw(stage, sample, partners) if stage.takes(classes) else None
        return at.draw(stage, sample, partners)

    return draw


def apply_drawn(
    stages: Sequence[AnyStage],
    sample: Sample,
    at: Position,
    mixing: Mixing,
    trace: Trace,
    first: FirstSamples | None = None,
) -> Sample:
    """Applies stages that draw, at a position, but those that are for samples of other classes."""
    here = [each for each in stages if isinstance(each, Stage) or at.mixes(each)]
    return apply_stages(here, sample, drawing(at, mixing.targets), trace, mixing, first)


def _classes(sample: Sample, kinds: Mapping[str, Target]) -> set[str]:
    return {each for name, kind in kinds.items() for each in kind.classes(sample.targets[name])}


def accepted(signature: Signature, sample: Sample) -> Sample:
    """Returns a sample if it has the signature's shape; else a stage broke its word."""
    if not signature.image.accepts(sample.image):
        raise PluginError(
            f"{sample.key}: expected an image {signature.image} after the last stage, "
            f"found {_described(sample.image)}. A stage does not do what its output_signature says."
        )
    problem = sample.size_problem() if sample.positional else None
    if problem:
        raise PluginError(f"{sample.key}: {problem}. A stage does not move what it says it moves.")
    return sample


@contextmanager
def noted(stage: str, key: str, params: Params | None) -> Iterator[None]:
    """Lets a plugin's own exception pass, with notes that say where it happened."""
    try:
        yield
    except Exception as error:
        _note(error, stage, key, params)
        raise


def _note(error: Exception, stage: str, key: str, params: Params | None) -> None:
    error.add_note(f"stage: {stage}")
    error.add_note(f"sample: {key}")
    if params is not None:
        error.add_note(f"params: {params}")


def _described(image: np.ndarray) -> str:
    return f"{'x'.join(str(side) for side in image.shape)} {image.dtype}"
