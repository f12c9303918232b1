"""A spec resolved against the targets of its source: signatures, and the sample at a position.

`resolve` follows the signature through every branch (original, variant, synthesized) without
opening an image; a wrong pipeline is found here. The functions of a `Pipeline` then make the sample
at a
position: they depend on their arguments and the spec alone, so any process may make any sample at
any time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from dsbuilder.errors import DataError, DsbuilderError, PluginError, Problem, SpecError
from dsbuilder.formats import colour
from dsbuilder.formats import image as image_format
from dsbuilder.plugin import Stage, Transform
from dsbuilder.sample import CHANNELS, ImageSpec, Mode, Params, Record, Sample, SampleSpec, Target
from dsbuilder.seeding import generator, rank, unit
from dsbuilder.spec.schema import CacheOptions, Settings, Spec, StreamOptions
from dsbuilder.spec.stages import SPLITS, AnyStage, MixStage, Synthesis

_SYNTHESIS_ATTEMPTS = 1000


@dataclass
class Trace:
    """How one sample came to be, written down as it is made.

    Attributes:
      at: the place that is being worked on, for the report when it fails.
      applied: (stage id, drawn params) of every stage that was applied, in order.
    """

    at: str = "source"
    applied: list[tuple[str, Params]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A spec with the signatures that follow from it.

    Attributes:
      spec: what it was resolved from.
      prepared: the signature after `prepare`; None without a source.
      signature: of every cached sample.
      streamed: of every sample that a stream yields, after its stages and finish.
    """

    spec: Spec
    prepared: SampleSpec | None
    signature: SampleSpec
    streamed: SampleSpec

    @property
    def settings(self) -> Settings:
        """What the pipeline file says."""
        return self.spec.settings

    def prepare(self, record: Record, pixels: bytes | np.ndarray, trace: Trace) -> Sample:
        """Returns the prepared original of a record: decoded, parsed, through `prepare`.

        The image is read-only, since variants and mixes share it.
        """
        trace.at = "source"
        signature = _require(self.prepared)
        targets = {
            name: target.parse(record.targets[name]) for name, target in signature.targets.items()
        }
        sample = Sample(key=record.key, image=self._decode(pixels), targets=targets)
        sample = _through(self.settings.prepare, sample, trace)
        sample.image.flags.writeable = False
        return sample

    def _decode(self, pixels: bytes | np.ndarray) -> np.ndarray:
        options = self.settings.image
        if isinstance(pixels, np.ndarray):
            return colour.convert(pixels, options.mode, background=options.background_rgb)
        return image_format.decode(pixels, mode=options.mode, background=options.background_rgb)

    def vary(self, original: Sample, copy: int, partners: Sequence[Sample], trace: Trace) -> Sample:
        """Returns variant number `copy` of a prepared original, before `finish`.

        Args:
          partners: prepared originals for the mixer, as `partner_ranks` asks for.
        """
        sample = original.replace(key=variant_key(original.key, copy))
        at = _Position(self.settings.seed, original.key, copy)
        targets = _require(self.prepared).targets
        return _vary(self.settings.augment.stages, sample, at, partners, targets, trace)

    def mixes(self, stage: MixStage, key: str, copy: int) -> bool:
        """Whether a mixer is applied to a copy; the plan asks the same question."""
        return _Position(self.settings.seed, key, copy).mixes(stage)

    def partner_ranks(self, key: str, copy: int) -> tuple[int, ...]:
        """Returns the places on the ring of ranks where a copy looks for partners; mostly none."""
        stage = self.mixer
        if stage is None or not self.mixes(stage, key, copy):
            return ()
        seed = self.settings.seed
        return tuple(rank(seed, stage.id, key, copy, i) for i in range(stage.plugin.partners))

    @property
    def mixer(self) -> MixStage | None:
        """The mixer among the stages of `augment`, if there is one."""
        stages = self.settings.augment.stages
        return next((stage for stage in stages if isinstance(stage, MixStage)), None)

    def synthesize(self, synthesis: Synthesis, key: str, split: str, trace: Trace) -> Sample:
        """Returns the synthesized sample of a key, before `finish`.

        What must not appear in two splits is kept apart without looking at other samples: the hash
        of the content says to which split it belongs, and a draw that belongs to another is drawn
        again.
        """
        trace.at = synthesis.id
        with _noted(synthesis.id, key, None):
            params = self._draw_synthesis(synthesis, key, split)
            trace.applied.append((synthesis.id, params))
            mode = self.settings.image.mode
            sample = synthesis.plugin.render(key, params, mode)
            targets = self.signature.targets
            values = {name: targets[name].parse(sample.targets[name]) for name in targets}
        return sample.replace(targets=values)

    def _draw_synthesis(self, synthesis: Synthesis, key: str, split: str) -> Params:
        seed = self.settings.seed
        for attempt in range(_SYNTHESIS_ATTEMPTS):
            params = synthesis.plugin.draw(generator(seed, synthesis.id, key, attempt))
            content = synthesis.plugin.content(params)
            if content is None or split_of_content(synthesis.splits, seed, content) == split:
                return params
        raise PluginError(
            f"expected something to synthesize that belongs to '{split}' alone, found none in "
            f"{_SYNTHESIS_ATTEMPTS} draws. Allow more different contents, or give it one split."
        )

    def finish(self, sample: Sample, trace: Trace) -> Sample:
        """Returns a sample in the one signature of the cache."""
        return _accepted(self.signature, _through(self.settings.finish, sample, trace))


@dataclass(frozen=True, kw_only=True)
class Refresher:
    """The `stream` section of a pipeline: what a stream makes of a cached sample in each epoch.

    Attributes:
      seed: the root of its randomness.
      stages: fresh in every epoch, train only.
      finish_stages: every split, after `stages`.
      cached, streamed: the signature of a sample before and after.
    """

    seed: int
    stages: Sequence[AnyStage]
    finish_stages: Sequence[Stage]
    cached: SampleSpec
    streamed: SampleSpec

    @property
    def mixer(self) -> MixStage | None:
        """The mixer among the stages, if there is one."""
        return next((stage for stage in self.stages if isinstance(stage, MixStage)), None)

    def refresh(
        self, cached: Sample, epoch: int, partners: Sequence[Sample], trace: Trace
    ) -> Sample:
        """Returns what `stages` make of a cached sample in an epoch, before `finish`.

        Args:
          partners: cached samples for the mixer, if there is one.
        """
        at = _Position(self.seed, cached.key, epoch)
        return _vary(self.stages, cached, at, partners, self.cached.targets, trace)

    def finish(self, sample: Sample, trace: Trace) -> Sample:
        """Returns a sample in the signature of the stream."""
        return _accepted(self.streamed, _through(self.finish_stages, sample, trace))


def variant_key(key: str, copy: int) -> str:
    """Returns the key of a variant. A path never holds `//`, so no file can have this key."""
    return f"{key}//copy-{copy}"


def resolve(spec: Spec, source_targets: Mapping[str, Target] | None) -> Pipeline:
    """Returns the pipeline of a spec; `source_targets` are what its source said, None without one.

    Raises:
      SpecError: a stage cannot take the signature before it, or branches end in different ones.
    """
    return _Resolver(spec.where).resolve(spec, source_targets)


def resolve_stream(
    options: StreamOptions, *, seed: int, cached: SampleSpec, where: Callable[[str], str]
) -> Refresher:
    """Returns the refresher of a built dataset, which needs no other section of its pipeline.

    Args:
      cached: the dataset's signature.
      where: says for a path such as `stream.stages[0]` how an error begins.

    Raises:
      SpecError: a stage cannot take the signature before it.
    """
    return Refresher(
        seed=seed,
        stages=options.stages,
        finish_stages=options.finish,
        cached=cached,
        streamed=_Resolver(where).streamed(options, cached),
    )


@dataclass
class _Resolver:
    """Follows signatures through the branches and collects what is wrong.

    Attributes:
      where: says for a path of the pipeline how an error begins.
    """

    where: Callable[[str], str]
    problems: list[Problem] = field(default_factory=list)

    def resolve(self, spec: Spec, source_targets: Mapping[str, Target] | None) -> Pipeline:
        settings = spec.settings
        ends: dict[str, SampleSpec] = {}
        prepared = None
        if source_targets is not None:
            channels = CHANNELS[settings.image.mode]
            start = SampleSpec(
                image=ImageSpec(height=None, width=None, channels=channels), targets=source_targets
            )
            prepared = self._follow("prepare", settings.prepare, start)
            ends["the original"] = self._follow("finish", settings.finish, prepared)
            if settings.augment.copies:
                varied = self._follow("augment.stages", settings.augment.stages, prepared)
                ends["its variants"] = self._follow("finish", settings.finish, varied)
        for index, synthesis in enumerate(settings.synthesize):
            path = f"synthesize[{index}]"
            made = self._synthesized(path, synthesis, settings.image.mode)
            if made is not None:
                ends[path] = self._follow("finish", settings.finish, made)
        self._stop()
        signature = self._one_signature(ends, settings)
        self._check_cache(signature, settings.cache)
        streamed = self.streamed(settings.stream, signature)
        return Pipeline(spec=spec, prepared=prepared, signature=signature, streamed=streamed)

    def streamed(self, options: StreamOptions, cached: SampleSpec) -> SampleSpec:
        """Returns the signature of what a stream yields, of every split alike."""
        train = self._follow("stream.stages", options.stages, cached)
        train = self._follow("stream.finish", options.finish, train)
        other = self._follow("stream.finish", options.finish, cached)
        if train.image != other.image:
            self._problem(
                "stream.finish",
                f"expected the images of every split to end alike, found {train.image} in train "
                f"and {other.image} elsewhere. Bring them together, say with "
                "{use: resize, size: [96, 96]}.",
            )
        self._stop()
        return train

    def _stop(self) -> None:
        if self.problems:
            raise SpecError(list(dict.fromkeys(self.problems)))

    def _problem(self, path: str, message: str) -> None:
        self.problems.append(Problem(self.where(path), message))

    def _follow(self, path: str, stages: Sequence[AnyStage], signature: SampleSpec) -> SampleSpec:
        for index, stage in enumerate(stages):
            place = f"{path}[{index}]"
            if (
                isinstance(stage, Stage)
                and stage.p < 1
                and path in ("prepare", "finish", "stream.finish")
            ):
                self._problem(
                    place, f"expected no randomness here, found p: {stage.p:g}. Remove p."
                )
            signature = self._step(place, stage, signature)
        return signature

    def _step(self, place: str, stage: AnyStage, signature: SampleSpec) -> SampleSpec:
        if isinstance(stage.plugin, Transform):
            self._check_geometry(place, stage.plugin, signature)
        try:
            after = stage.plugin.output_spec(signature)
        except (ValueError, DsbuilderError) as error:
            self._problem(place, f"cannot take {signature}: {error}")
            return signature
        # Nothing else is known of a stage that may be left out: both outcomes must be one
        # signature.
        if stage.p >= 1 or isinstance(stage, MixStage) or after == signature:
            return after
        if stage.p == 0:
            return signature
        if (
            after.image.dtype != signature.image.dtype
            or after.image.channels != signature.image.channels
        ):
            self._problem(
                place,
                "expected one signature whether the stage is applied or not, found "
                f"{signature.image} without it and {after.image} with it. Set p: 1.",
            )
        return after.replace(image=_either(signature.image, after.image))

    def _check_geometry(self, place: str, plugin: Transform, signature: SampleSpec) -> None:
        for name in signature.positional:
            kind = signature.targets[name].kind
            lost = plugin.geometry == "breaks"
            left = plugin.geometry == "moves" and kind not in plugin.moves
            if lost or left:
                self._problem(
                    place,
                    f"expected a stage that moves the target '{name}' ({kind}) along, found one "
                    f"whose geometry '{plugin.geometry}' does not. Use another transform.",
                )

    def _synthesized(self, path: str, synthesis: Synthesis, mode: Mode) -> SampleSpec | None:
        try:
            return synthesis.plugin.output_spec(mode)
        except (ValueError, DsbuilderError) as error:
            self._problem(path, str(error))
            return None

    def _one_signature(self, ends: Mapping[str, SampleSpec], settings: Settings) -> SampleSpec:
        """Returns the signature that all branches end in, mixed if one of them is."""
        mixed = any(isinstance(stage, MixStage) for stage in settings.augment.stages)
        if mixed and settings.augment.copies:
            ends = {name: end.mixed() for name, end in ends.items()}
        (first, signature), *rest = ends.items()
        for name, other in rest:
            if other != signature:
                self._problem(
                    "finish" if settings.finish else "",
                    f"expected every branch to end in one signature, found {signature} from "
                    f"{first} and {other} from {name}. Let finish bring them together, say with "
                    "{use: resize, size: [96, 96]}.",
                )
        self._stop()
        return signature

    def _check_cache(self, signature: SampleSpec, cache: CacheOptions) -> None:
        spec = signature.image
        fixed = spec.height is not None and spec.width is not None
        chosen = cache.image or default_image_format(cache.codec, signature)
        if chosen == "raw" and not fixed:
            self._problem(
                "cache",
                f"expected images of one size for raw pixels, found {spec}. "
                "Add {use: resize, size: [height, width]} to finish, or store jpeg or png.",
            )
        if chosen == "jpeg" and (spec.channels == 4 or spec.dtype != "uint8"):
            self._problem(
                "cache.image", f"expected png or raw for an image {spec}, found jpeg. Change it."
            )
        if chosen == "png" and spec.dtype != "uint8":
            self._problem("cache.image", f"expected raw for an image {spec}, found png. Change it.")


def default_image_format(codec: str, signature: SampleSpec) -> str:
    """Returns how pixels are stored where the pipeline does not say."""
    if codec == "npy" or signature.image.dtype != "uint8":
        return "raw"
    return "png" if signature.image.channels == 4 else "jpeg"


def _either(one: ImageSpec, other: ImageSpec) -> ImageSpec:
    """Returns what is known of an image that is one or the other."""
    height = one.height if one.height == other.height else None
    width = one.width if one.width == other.width else None
    return replace(other, height=height, width=width)


def split_of_content(shares: Mapping[str, float], seed: int, content: str) -> str:
    """Returns the split that a synthesized content belongs to."""
    place, edge = unit(seed, "content", content), 0.0
    for split, share in shares.items():
        edge += share
        if place < edge:
            return split
    return [split for split in SPLITS if split in shares][-1]


def _through(stages: Sequence[Stage], sample: Sample, trace: Trace) -> Sample:
    """Applies stages that draw nothing; their generator's key is the stage alone."""
    for stage in stages:
        sample = _apply(stage, sample, generator(stage.id), trace)
    return sample


@dataclass(frozen=True)
class _Position:
    """Where randomness is drawn: the key of what is varied, and its copy or epoch."""

    seed: int
    key: str
    number: int

    def generator(self, stage: AnyStage) -> np.random.Generator:
        return generator(self.seed, stage.id, self.key, self.number)

    def mixes(self, stage: MixStage) -> bool:
        return stage.p >= 1 or unit(self.seed, stage.id, "p", self.key, self.number) < stage.p


def _vary(
    stages: Sequence[AnyStage],
    sample: Sample,
    at: _Position,
    partners: Sequence[Sample],
    targets: Mapping[str, Target],
    trace: Trace,
) -> Sample:
    """Applies stages that draw; `targets` are the kinds before a mixer."""
    for stage in stages:
        if isinstance(stage, Stage):
            sample = _apply(stage, sample, at.generator(stage), trace)
        elif at.mixes(stage):
            sample = _mix(stage, sample, partners, targets, at.generator(stage), trace)
    return sample


def _accepted(signature: SampleSpec, sample: Sample) -> Sample:
    if not signature.image.accepts(sample.image):
        raise PluginError(
            f"{sample.key}: expected an image {signature.image} after the last stage, "
            f"found {_described(sample.image)}. A stage does not do what its output_spec says."
        )
    return sample


def _apply(stage: Stage, sample: Sample, rng: np.random.Generator, trace: Trace) -> Sample:
    trace.at = stage.id
    with _noted(stage.id, sample.key, None):
        params = stage.draw(sample, rng)
    if params is None:
        return sample
    with _noted(stage.id, sample.key, params):
        sample = stage.plugin.apply(sample, params)
    trace.applied.append((stage.id, params))
    return sample


def _mix(
    stage: MixStage,
    sample: Sample,
    partners: Sequence[Sample],
    targets: Mapping[str, Target],
    rng: np.random.Generator,
    trace: Trace,
) -> Sample:
    trace.at = stage.id
    with _noted(stage.id, sample.key, None):
        params = stage.plugin.draw(sample, partners, rng)
    with _noted(stage.id, sample.key, params):
        sample = stage.plugin.mix(sample, partners, params, targets)
    trace.applied.append((stage.id, params))
    return sample


@contextmanager
def _noted(stage: str, key: str, params: Params | None) -> Iterator[None]:
    """Lets a plugin's own exception pass, with notes that say where it happened."""
    try:
        yield
    except Exception as error:
        error.add_note(f"stage: {stage}")
        error.add_note(f"sample: {key}")
        if params is not None:
            error.add_note(f"params: {params}")
        raise


def _require(signature: SampleSpec | None) -> SampleSpec:
    if signature is None:
        raise DataError("expected a source, found a pipeline that only synthesizes.")
    return signature


def _described(image: np.ndarray) -> str:
    return f"{'x'.join(str(side) for side in image.shape)} {image.dtype}"
