"""Stages of a stream that are applied on the device that trains: what of them is done before.

Everything random is drawn where a sample is read, by (seed, stage, key, epoch) as for any stage, so
a device changes no draw. It is drawn of an image without pixels: of a plugin with a twin `draw`
looks at its size alone. What is handed over is small: params, where pixels go, partners.

What follows a stage on the device is there, too: the stages after it, and in train `finish`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from dsbuilder.errors import DsbuilderError
from dsbuilder.pipeline.applying import Position, drawing, drawn, noted
from dsbuilder.pipeline.first_samples import FirstSamples
from dsbuilder.pipelinefile.stages import AnyStage, MixStage
from dsbuilder.plugin import Stage
from dsbuilder.sample import Motion, Params, Sample, Signature, Target


class Drawn(NamedTuple):
    """What a stage draws for a sample.

    Attributes:
      params: None leaves it out.
      motion: where it takes pixels; None where they stay, or no target lies in them.
    """

    params: Params | None
    motion: Motion | None = None


@dataclass(frozen=True, kw_only=True)
class OnDevice:
    """The stages of a stream that are applied on the device.

    Attributes:
      stages: stages in their order, those of `finish` last.
      signatures: the signature before each of them, and after the last.
      cached: signature of samples as they are stored.
      from_cache: whether no stage comes before, so that samples are handed over as they are stored.
    """

    stages: tuple[AnyStage, ...]
    signatures: tuple[Signature, ...]
    cached: Signature
    from_cache: bool

    @property
    def moving(self) -> tuple[bool, ...]:
        """Whether each stage moves targets."""
        pairs = zip(self.stages, self.signatures, strict=False)
        return tuple(
            isinstance(stage, Stage)
            and stage.plugin.geometry == "moves"
            and bool(before.positional)
            for stage, before in pairs
        )

    def draw(
        self, sample: Sample, at: Position, partners: Sequence[Sample], first: FirstSamples
    ) -> list[Drawn]:
        """Returns what each stage draws for a sample as it is handed over."""
        found = []
        for number, stage in enumerate(self.stages):
            before, later = self.signatures[number], self.stages[number + 1 :]
            blank = _without_pixels(sample, before)
            params = self._drawn(stage, blank, at, partners, first, before.targets)
            motion = None
            if params is not None and self.moving[number] and isinstance(stage, Stage):
                with noted(stage.id, sample.key, params):
                    motion = stage.plugin.motion(blank, params)
            if any(isinstance(each, Stage) and not each.takes_all for each in later):
                sample = _followed(stage, sample, params, motion, partners, before.targets)
            found.append(Drawn(params, motion))
        return found

    def _drawn(
        self,
        stage: AnyStage,
        sample: Sample,
        at: Position,
        partners: Sequence[Sample],
        first: FirstSamples,
        kinds: Mapping[str, Target],
    ) -> Params | None:
        if isinstance(stage, MixStage) and not at.mixes(stage):
            return None
        close = first if first.wants(stage.id) else None
        with noted(stage.id, sample.key, None):
            return drawn(stage, sample, drawing(at, kinds), partners, close)


def on_device(
    stages: Sequence[AnyStage], finish: Sequence[Stage], cached: Signature
) -> OnDevice | None:
    """Returns what of a stream's stages is applied on the device; None if nothing is.

    Args:
      cached: signature before them.
    """
    first = next((n for n, stage in enumerate(stages) if stage.on == "device"), None)
    if first is None:
        return None
    signature = cached
    for stage in stages[:first]:
        signature = _after(stage, signature)
    own = (*stages[first:], *finish)
    signatures = [signature]
    for stage in own:
        signatures.append(_after(stage, signatures[-1]))
    return OnDevice(stages=own, signatures=tuple(signatures), cached=cached, from_cache=first == 0)


def _after(stage: AnyStage, signature: Signature) -> Signature:
    """Returns the signature after a stage that may be left out, as far as both are known."""
    if stage.p == 0 and isinstance(stage, Stage):
        return signature
    after = stage.output_signature(signature)
    one, other = signature.image, after.image
    if not stage.may_skip or isinstance(stage, MixStage):
        return after
    return after.replace(
        image=replace(
            other,
            height=one.height if one.height == other.height else None,
            width=one.width if one.width == other.width else None,
            within=None,
        )
    )


def misplaced(
    stages: Sequence[AnyStage], finish: Sequence[Stage], cached: Signature
) -> Iterator[tuple[str, str]]:
    """Yields what is wrong with stages on the device: the place in the pipeline, and a sentence."""
    first = next((n for n, stage in enumerate(stages) if stage.on == "device"), None)
    if first is None:
        return
    moved_on = next((n for n in range(first, len(stages)) if stages[n].on == "host"), None)
    if moved_on is not None:
        yield (
            f"stream.stages[{moved_on}]",
            f"expected a stage on the device, as stream.stages[{first}] before it is, found one on "
            "the host, which the images have left by then. Move it forward, or put it on the "
            "device.",
        )
        return
    alone = next((n for n, stage in enumerate(finish) if not stage.plugin.has_twin), None)
    if alone is not None:
        yield (
            f"stream.finish[{alone}]",
            "expected a stage that can be on the device, as it follows one there, found one "
            "without apply_batch. Take resize, or let stages be on the host.",
        )
        return
    yield from _faults(stages, finish, cached, first)


def _faults(
    stages: Sequence[AnyStage], finish: Sequence[Stage], cached: Signature, first: int
) -> Iterator[tuple[str, str]]:
    """Yields what is wrong with the first stage that cannot be applied to batches."""
    try:
        device = on_device(stages, finish, cached)
    except (ValueError, DsbuilderError):
        return  # told where signatures are followed
    pairs = zip(device.stages, device.signatures, strict=False) if device else ()
    for number, (stage, before) in enumerate(pairs, first):
        fault = _fault(stage, before)
        if fault is not None:
            behind = number - len(stages)
            place = f"stream.stages[{number}]" if behind < 0 else f"stream.finish[{behind}]"
            yield place, fault
            return


def _fault(stage: AnyStage, before: Signature) -> str | None:
    """Says why a stage cannot be applied to batches of a signature on the device."""
    image = before.image
    if image.height is None or image.width is None or image.dtype != "uint8":
        return (
            f"expected uint8 images of one size on the device, found {image}. Bring them to one "
            "before, say with {use: resize, size: [height, width]} in finish."
        )
    if isinstance(stage, Stage) and stage.plugin.geometry == "moves":
        for name, kind in before.positional.items():
            if not kind.has_twin:
                return (
                    f"expected targets that can be moved on the device, found '{name}' of kind "
                    f"'{kind.kind}'. Leave the stage on the host."
                )
            texts = [e.dtype for e in kind.features(name).values() if e.dtype == "string"]
            if texts:
                return (
                    f"expected attributes of '{name}' that can be moved on the device, found a "
                    "text. Leave the stage on the host."
                )
    return None


def _without_pixels(sample: Sample, signature: Signature) -> Sample:
    """Returns a sample of a signature's size, all black, which takes no memory."""
    blank = np.broadcast_to(np.zeros((), signature.image.dtype), signature.image.shape)  # type: ignore[arg-type]
    return sample.replace(image=blank)


def _followed(
    stage: AnyStage,
    sample: Sample,
    drawn: Params | None,
    motion: Motion | None,
    partners: Sequence[Sample],
    kinds: Mapping[str, Target],
) -> Sample:
    """Returns a sample with the targets that it has after a stage; its pixels are not looked at."""
    if isinstance(stage, MixStage):
        weights = stage.plugin.weights(drawn) if drawn is not None else (1.0,)
        parents = (sample, *partners)[: len(weights)]
        mixed = {
            name: kind.mix([each.targets[name] for each in parents], weights)
            for name, kind in kinds.items()
        }
        return sample.replace(targets=mixed)
    return sample if motion is None else sample.moved(motion)
