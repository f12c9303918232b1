"""Signatures flow before pixels: a wrong pipeline is found without opening an image.

`resolve` follows the signature through every branch (original, variant, synthesized); all must end
in one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dsbuilder.errors import DsbuilderError, Problem, SpecError, carrying, did_you_mean, shortened
from dsbuilder.pipeline.doubts import doubts
from dsbuilder.pipeline.on_device import misplaced
from dsbuilder.pipeline.positions import Pipeline, Refresher
from dsbuilder.pipelinefile.schema import CacheOptions, Settings, Spec, StreamOptions
from dsbuilder.pipelinefile.stages import AnyStage, MixStage, Synthesis
from dsbuilder.plugin import Stage, Transform
from dsbuilder.plugin.decorators import CLASS_WORDS
from dsbuilder.sample import CHANNELS, ImageSignature, Mode, Signature, Target
from dsbuilder.targets.stored import name_faults


def resolve(
    spec: Spec,
    source_targets: Mapping[str, Target] | None,
    size: tuple[int, int] | None = None,
) -> Pipeline:
    """Returns the pipeline of a spec; `source_targets` are what its source said, None without one.

    Args:
      size: (height, width) that the source says every image has; None where it does not.

    Raises:
      SpecError: a stage cannot take the signature before it, or branches end in different ones.
    """
    resolver = _Resolver(spec.where)
    with carrying(resolver.warnings):
        return resolver.resolve(spec, source_targets, size)


def resolve_stream(
    options: StreamOptions, *, seed: int, cached: Signature, where: Callable[[str], str]
) -> Refresher:
    """Returns the refresher of a built dataset, which needs no other section of its pipeline.

    Args:
      cached: the dataset's signature; what its stages have to say of it, `resolve` told.
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
      warnings: what a user should know of the stages, sentences that say where.
    """

    where: Callable[[str], str]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def resolve(
        self,
        spec: Spec,
        source_targets: Mapping[str, Target] | None,
        size: tuple[int, int] | None,
    ) -> Pipeline:
        settings = spec.settings
        ends: dict[str, Signature] = {}
        start = prepared = None
        if source_targets is not None:
            channels = CHANNELS[settings.image.mode]
            height, width = size or (None, None)
            start = Signature(
                image=ImageSignature(height=height, width=width, channels=channels),
                targets=source_targets,
            )
            self._check_names("source", source_targets)
            prepared = self._follow("prepare", settings.prepare, start)
            ends["the original"] = self._follow("finish", settings.finish, prepared)
            if settings.makes_variants:
                varied = self._follow("augment.stages", settings.augment.stages, prepared)
                ends["its variants"] = self._follow("finish", settings.finish, varied)
        for index, synthesis in enumerate(settings.synthesize):
            path = f"synthesize[{index}]"
            made = self._synthesized(path, synthesis, settings.image.mode)
            if made is not None:
                self._check_names(path, made.targets)
                ends[path] = self._follow("finish", settings.finish, made)
        self._stop()
        signature = self._one_signature(ends, settings)
        self._check_names("", signature.targets)  # a mixer and others store more of a target
        self._check_cache(signature, settings.cache)
        streamed = self.streamed(settings.stream, signature)
        self.warnings += doubts(spec, start, signature)
        return Pipeline(
            spec=spec,
            read=start and _exact(start),
            prepared=prepared and _exact(prepared),
            signature=signature,
            streamed=streamed,
            warnings=tuple(dict.fromkeys(self.warnings)),  # finish is followed in every branch
        )

    def streamed(self, options: StreamOptions, cached: Signature) -> Signature:
        """Returns the signature of what a stream yields, of every split alike."""
        train = self._follow("stream.stages", options.stages, cached)
        train = self._follow("stream.finish", options.finish, train)
        for path, message in misplaced(options.stages, options.finish, cached):
            self._problem(path, message)
        other = self._follow("stream.finish", options.finish, cached)
        if train.image != other.image:
            self._problem(
                "stream.finish",
                f"expected the images of every split to end alike, found {train.image} in train "
                f"and {other.image} elsewhere. Bring them together, say with "
                "{use: resize, size: [96, 96]}.",
            )
        self._stop()
        return _exact(train)

    def _stop(self) -> None:
        if self.problems:
            raise SpecError(list(dict.fromkeys(self.problems)))

    def _problem(self, path: str, message: str) -> None:
        self.problems.append(Problem(self.where(path), message))

    def _check_names(self, path: str, targets: Mapping[str, Target]) -> None:
        for fault in name_faults(targets):
            self._problem(path, fault)

    def _follow(self, path: str, stages: Sequence[AnyStage], signature: Signature) -> Signature:
        partners = signature
        for index, stage in enumerate(stages):
            place = f"{path}[{index}]"
            if isinstance(stage, MixStage):
                self._check_partners(place, signature, partners)
            if isinstance(stage, Stage):
                self._check_classes(place, stage, signature)
            if isinstance(stage, Stage) and path in ("prepare", "finish", "stream.finish"):
                self._check_fixed(place, stage)
            signature = self._step(place, stage, signature)
        return signature

    def _check_partners(self, place: str, signature: Signature, partners: Signature) -> None:
        """Refuses to mix a sample with what stages before have made another kind of thing."""
        (one, two) = (
            (each.image.dtype, each.image.channels, each.targets) for each in (signature, partners)
        )
        if one != two:
            self._problem(
                place,
                f"expected samples like their partners, which pass no stage: {partners}, found "
                f"{signature}. Move the mixer forward.",
            )

    def _check_fixed(self, place: str, stage: Stage) -> None:
        if stage.p < 1:
            self._problem(place, f"expected no randomness here, found p: {stage.p:g}. Set p: 1.")
        elif stage.plugin.draws:
            self._problem(
                place,
                "expected no randomness here, found a stage that draws. "
                "Put it into augment.stages or stream.stages.",
            )

    def _check_classes(self, place: str, stage: Stage, signature: Signature) -> None:
        """Refuses a stage that is for a class that no sample has."""
        known = [each for kind in signature.targets.values() for each in kind.class_names]
        for word in CLASS_WORDS:
            for name in getattr(stage, word):
                if name not in known:
                    hint = did_you_mean(name, known) or " No target has classes."
                    self._problem(f"{place}.{word}", f"there is no class '{name}'.{hint}")

    def _step(self, place: str, stage: AnyStage, signature: Signature) -> Signature:
        try:
            after = stage.output_signature(signature)
        except (ValueError, DsbuilderError) as error:
            self._problem(place, f"cannot take {signature}: {error}")
            return signature
        if isinstance(stage.plugin, Transform):  # one that refused a target has said why
            self._check_geometry(place, stage.plugin, signature)
        if isinstance(stage.plugin, Transform) and stage.p > 0:
            notes = stage.plugin.notes(signature)
            self.warnings += [f"{self.where(place)}: {note}." for note in notes]
        if stage.p > 0:
            merged = _merged(signature, after)
            self.warnings += [f"{self.where(place)}: {note}." for note in merged]
        # Nothing else is known of a stage that may be left out: both outcomes must be one
        # signature.
        if isinstance(stage, MixStage) or not stage.may_skip or after == signature:
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

    def _check_geometry(self, place: str, plugin: Transform, signature: Signature) -> None:
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

    def _synthesized(self, path: str, synthesis: Synthesis, mode: Mode) -> Signature | None:
        try:
            return synthesis.output_signature(mode)
        except (ValueError, DsbuilderError) as error:
            self._problem(path, str(error))
            return None

    def _one_signature(self, ends: Mapping[str, Signature], settings: Settings) -> Signature:
        """Returns the signature that all branches end in, mixed if one of them is."""
        mixers = [each for each in settings.augment.stages if isinstance(each, MixStage)]
        if mixers and settings.makes_variants and settings.source is not None:
            mixed = mixers[0].plugin.mixed
            ends = {name: end.replace(targets=mixed(end.targets)) for name, end in ends.items()}
        (first, signature), *rest = ((name, _exact(end)) for name, end in ends.items())
        for name, other in rest:
            if other.targets != signature.targets:
                self._problem(
                    "",
                    f"expected every branch to have the same targets, found {signature.targets!r} "
                    f"in {first} and {other.targets!r} in {name}. Make them alike, say with the "
                    "same classes in both.",
                )
            elif other != signature:
                self._problem(
                    "finish" if settings.finish else "",
                    f"expected every branch to end in one signature, found {signature} from "
                    f"{first} and {other} from {name}. Let finish bring them together, say with "
                    "{use: resize, size: [96, 96]}.",
                )
        self._stop()
        return signature

    def _check_cache(self, signature: Signature, cache: CacheOptions) -> None:
        image_signature = signature.image
        fixed = image_signature.height is not None and image_signature.width is not None
        chosen = cache.image or default_image_format(cache.codec, signature)
        if chosen == "raw" and not fixed:
            self._problem(
                "cache",
                f"expected images of one size for raw pixels, found {image_signature}. "
                "Add {use: resize, size: [height, width]} to finish, or store jpeg or png.",
            )
        if chosen == "jpeg" and (image_signature.channels == 4 or image_signature.dtype != "uint8"):
            self._problem(
                "cache.image",
                f"expected png or raw for an image {image_signature}, found jpeg. Change it.",
            )
        if chosen == "png" and image_signature.dtype != "uint8":
            self._problem(
                "cache.image", f"expected raw for an image {image_signature}, found png. Change it."
            )


def default_image_format(codec: str, signature: Signature) -> str:
    """Returns how pixels are stored where the pipeline does not say."""
    if codec == "npy" or signature.image.dtype != "uint8":
        return "raw"
    return "png" if signature.image.channels == 4 else "jpeg"


def _merged(before: Signature, after: Signature) -> Iterator[str]:
    """Yields notes on targets of which a stage leaves fewer classes."""
    for name, kind in before.targets.items():
        other = after.targets.get(name)
        names = kind.class_names
        if other is not None and len(other.class_names) < len(names):
            gone = [each for each in names if each not in other.class_names]
            yield (
                f"{len(names)} classes of '{name}' become {len(other.class_names)}; there is no "
                f"more {shortened(gone)}"
            )


def _either(one: ImageSignature, other: ImageSignature) -> ImageSignature:
    """Returns what is known of an image that is one or the other."""
    height = one.height if one.height == other.height else None
    width = one.width if one.width == other.width else None
    within = one.within if one.within == other.within else None
    return replace(other, height=height, width=width, within=within)


def _exact(signature: Signature) -> Signature:
    """Returns a signature without what counts only while stages are followed."""
    return signature.replace(image=replace(signature.image, within=None))
