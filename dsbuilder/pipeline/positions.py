"""The sample at a position: what a build makes of a record, and a stream of a cached sample.

Everything here depends on its arguments and the spec alone, so any process may make any sample at
any time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from dsbuilder.errors import DataError, PluginError
from dsbuilder.pipeline.applying import (
    AppliedStage,
    Mixing,
    Position,
    Trace,
    accepted,
    apply_drawn,
    apply_fixed,
    decode,
    noted,
)
from dsbuilder.pipeline.first_samples import FirstSamples
from dsbuilder.pipeline.on_device import Drawn, OnDevice, on_device
from dsbuilder.pipelinefile.schema import Settings, Spec
from dsbuilder.pipelinefile.stages import SPLITS, AnyStage, MixStage, Synthesis
from dsbuilder.plugin import Stage
from dsbuilder.sample import Params, Record, Sample, Signature, Target
from dsbuilder.seeding import generator, rank, unit

_SYNTHESIS_ATTEMPTS = 1000
_LABEL_ATTEMPTS = 20_000
"""Of 1000 classes, one that is drawn as often as the others is missed once in 10**8."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A spec with the signatures that follow from it.

    Attributes:
      spec: what it was resolved from.
      read: the signature of records as they are read, before `prepare`; None without a source.
      prepared: the signature after `prepare`; None without a source.
      signature: signature of every cached sample.
      streamed: signature of every sample that a stream yields, after its stages and finish.
      warnings: what a user should know of its stages, sentences that say where.
    """

    spec: Spec
    read: Signature | None
    prepared: Signature | None
    signature: Signature
    streamed: Signature
    warnings: tuple[str, ...] = ()

    @property
    def settings(self) -> Settings:
        """What the pipeline file says."""
        return self.spec.settings

    @cached_property
    def _first(self) -> FirstSamples:
        """What looks closely at the first samples of each stage."""
        return FirstSamples()

    @property
    def stages(self) -> tuple[AnyStage | Synthesis, ...]:
        """Every stage that a cached sample may meet; each id is there once."""
        settings = self.settings
        return (
            *settings.prepare,
            *settings.augment.stages,
            *settings.synthesize,
            *settings.finish,
        )

    def prepare(self, record: Record, pixels: bytes | np.ndarray, trace: Trace) -> Sample:
        """Returns the prepared original of a record: decoded, parsed, through `prepare`.

        The image is read-only, since variants and mixes share it.
        """
        trace.at = "source"
        return self.prepare_decoded(self.decode(record, pixels), trace)

    def prepare_decoded(self, sample: Sample, trace: Trace) -> Sample:
        """Returns the prepared original of a decoded sample; see `prepare`."""
        return self.as_prepared(apply_fixed(self.settings.prepare, sample, trace, self._first))

    def as_prepared(self, sample: Sample) -> Sample:
        """Returns what `prepare` left of a sample as a prepared original.

        Its image is read-only, since variants and mixes share it, and its targets in pixel
        coordinates are of the kinds that they are there.
        """
        sample.image.flags.writeable = False
        kinds = self._prepared_positional
        return sample if sample.positional is kinds else sample.replace(positional=kinds)

    def decode(self, record: Record, pixels: bytes | np.ndarray) -> Sample:
        """Returns the sample of a record before `prepare`: decoded, its labels parsed."""
        settings, positional = self.settings, self._positional
        labels = self.label(record)
        # A reduced image would no longer have the size of a mask.
        whole = any(kind.of_pixels for kind in positional.values())
        image = decode(pixels, settings.image, () if whole else settings.prepare)
        sample = Sample(key=record.key, image=image, targets=labels, positional=positional)
        problem = sample.size_problem() if positional else None
        if problem:
            raise DataError(f"{record.key}: {problem}. Replace one of the two files.")
        problem = record.size_problem(image) if positional else None
        if problem:
            raise DataError(
                f"{record.key}: {problem}. Correct the size in the annotation; if a camera turned "
                "the image by EXIF, annotate it is shown."
            )
        return sample

    def kept(self, record: Record, image: np.ndarray) -> Sample:
        """Returns the prepared original of a record whose image was kept."""
        labels = self.label(record)
        kinds = self._prepared_positional
        return Sample(key=record.key, image=image, targets=labels, positional=kinds)

    @cached_property
    def _positional(self) -> Mapping[str, Target]:
        return _require(self.read).positional

    @cached_property
    def _prepared_positional(self) -> Mapping[str, Target]:
        """Those after `prepare`: the same object where they are the same."""
        kinds = _require(self.prepared).positional
        return self._positional if kinds == self._positional else kinds

    def label(self, record: Record) -> dict[str, Any]:
        """Returns the labels of a record, parsed, as they are before `prepare`."""
        kinds = _require(self.read).targets
        return {name: target.parse(record.targets[name]) for name, target in kinds.items()}

    def label_identity(self, record: Record) -> dict[str, Any]:
        """Returns what of the labels of a record decides their values; see `Target.identity`."""
        kinds = _require(self.read).targets
        found = {name: raw for name, raw in record.targets.items() if name in kinds}
        for name, kind in self._identified.items():
            found[name] = kind.identity(found[name])
        return found

    @cached_property
    def _identified(self) -> Mapping[str, Target]:
        """The targets of whose raw labels only a part counts."""
        kinds = _require(self.read).targets.items()
        return {name: k for name, k in kinds if type(k).identity is not Target.identity}

    def vary(self, original: Sample, copy: int, partners: Sequence[Sample], trace: Trace) -> Sample:
        """Returns variant number `copy` of a prepared original, before `finish`.

        Args:
          partners: prepared originals for the mixer, as `partner_ranks` asks for.
        """
        sample = original.replace(key=variant_key(original.key, copy))
        at = Position(self.settings.seed, original.key, copy)
        mixing = Mixing(partners, _require(self.prepared).targets)
        return apply_drawn(self.settings.augment.stages, sample, at, mixing, trace, self._first)

    def mixes(self, stage: MixStage, key: str, copy: int) -> bool:
        """Whether a mixer is applied to a copy; the plan asks the same question."""
        return Position(self.settings.seed, key, copy).mixes(stage)

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

    def synthesize(
        self,
        synthesis: Synthesis,
        key: str,
        split: str,
        trace: Trace,
        *,
        label: str | None = None,
    ) -> Sample:
        """Returns the synthesized sample of a key, before `finish`.

        Args:
          label: the class that it shall have; None takes any.
        """
        trace.at = synthesis.id

        def draw() -> Params | None:
            return self.draw_synthesis(synthesis, key, split, label=label)

        def render() -> Sample:
            return self.render(synthesis, key, params)

        close = self._first if self._first.wants(synthesis.id) else None
        with noted(synthesis.id, key, None):
            drawn = draw() if close is None else close.draw(synthesis.id, key, draw)
            if drawn is None:
                raise PluginError(f"expected the class '{label}', found that no draw is of it.")
        params = drawn
        trace.applied.append(AppliedStage(synthesis.id, params))
        with noted(synthesis.id, key, params):
            sample = render() if close is None else close.make(synthesis.id, (), params, render)
            if label is not None and label not in self._classes(sample):
                raise PluginError(
                    f"expected the class '{label}', as class_of() says of these params, found "
                    f"{self._classes(sample)}."
                )
            return sample

    def _classes(self, sample: Sample) -> list[str]:
        kinds = self.signature.targets.items()
        return [each for name, kind in kinds for each in kind.classes(sample.targets[name])]

    def render(self, synthesis: Synthesis, key: str, params: Params) -> Sample:
        """Returns the synthesized sample of drawn params, before `finish`."""
        sample = synthesis.render(key, params, self.settings.image.mode)
        targets = self.signature.targets
        values = {name: targets[name].parse(sample.targets[name]) for name in targets}
        return sample.replace(targets=values, positional=self.signature.positional)

    @property
    def content_shares(self) -> dict[str, float]:
        """Share of each split in all that is synthesized: no content is of two splits."""
        # One that only balances classes has no count.
        entries = [(entry.count or 1, entry.splits) for entry in self.settings.synthesize]
        total = sum(count for count, _ in entries)
        weighed = {
            split: sum(count * splits.get(split, 0.0) for count, splits in entries) / total
            for split in SPLITS
        }
        return {split: share for split, share in weighed.items() if share > 0}

    def drawn_classes(
        self, synthesis: Synthesis, split: str, wanted: Collection[str]
    ) -> Mapping[str, bool]:
        """Returns the classes that a synthesizer draws, and whether for a split.

        A class of which all contents are of other splits is drawn and not for this one. All
        `wanted` ones are found by one row of draws, which ends where each was drawn for the split.
        """
        seed, plugin, left = self.settings.seed, synthesis.plugin, set(wanted)
        found: dict[str, bool] = {}
        with noted(synthesis.id, key := f"/{synthesis.id}/classes", None):
            for attempt in range(_LABEL_ATTEMPTS if left else 0):
                params = plugin.draw(generator(seed, synthesis.id, key, attempt))
                label = plugin.class_of(params)
                if label is None or label not in left:
                    continue
                found[label] = self._belongs(plugin.content(params), split)
                if found[label]:
                    left.discard(label)
                if not left:
                    break
        return found

    def _belongs(self, content: str | None, split: str) -> bool:
        """Whether a content may be of a split; None is of all."""
        shares, seed = self.content_shares, self.settings.seed
        return content is None or split_of_content(shares, seed, content) == split

    def draw_synthesis(
        self, synthesis: Synthesis, key: str, split: str, *, label: str | None = None
    ) -> Params | None:
        """Returns what a synthesizer draws for a key.

        What must not appear in two splits is kept apart without looking at other samples: the hash
        of the content says to which split it belongs, and a draw that belongs to another is drawn
        again. So is one of another class, where one is asked for; None if no draw is of it.

        Raises:
          PluginError: nothing that is drawn belongs to the split.
        """
        seed, plugin, is_found = self.settings.seed, synthesis.plugin, label is None
        attempts = _SYNTHESIS_ATTEMPTS if label is None else _LABEL_ATTEMPTS
        for attempt in range(attempts):
            params = plugin.draw(generator(seed, synthesis.id, key, attempt))
            if label is not None and plugin.class_of(params) != label:
                continue
            is_found = True
            if self._belongs(plugin.content(params), split):
                return params
        if not is_found:
            return None
        raise PluginError(
            f"expected something to synthesize that belongs to '{split}' alone, found none in "
            f"{attempts} draws. Allow more different contents, or give it one split."
        )

    def finish(self, sample: Sample, trace: Trace) -> Sample:
        """Returns a sample in the one signature of the cache."""
        finished = apply_fixed(self.settings.finish, sample, trace, self._first)
        return accepted(self.signature, finished)


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
    cached: Signature
    streamed: Signature

    @cached_property
    def _first(self) -> FirstSamples:
        """What looks closely at the first samples of each stage, before a long training."""
        return FirstSamples()

    @cached_property
    def on_device(self) -> OnDevice | None:
        """What of it is applied on the device that trains; None if nothing is."""
        return on_device(self.stages, self.finish_stages, self.cached)

    def host(self) -> Self:
        """Returns what of it is applied before the first stage on the device."""
        device = self.on_device
        if device is None:
            return self
        stages = tuple(each for each in self.stages if each.on == "host")
        return replace(self, stages=stages, finish_stages=(), streamed=device.signatures[0])

    def draw(
        self,
        fresh: Sample,
        cached: Sample,
        epoch: int,
        partners: Sequence[Sample],
        *,
        repeat: int = 0,
    ) -> list[Drawn]:
        """Returns what each stage on the device draws for a sample, in their order.

        Args:
          fresh: what the stages before have made of the cached sample.
          partners, repeat: see `refresh`.
        """
        device = self.on_device
        at = Position(self.seed, cached.key, epoch, repeat)
        return [] if device is None else device.draw(fresh, at, partners, self._first)

    @property
    def mixer(self) -> MixStage | None:
        """The mixer among the stages, if there is one."""
        return next((stage for stage in self.stages if isinstance(stage, MixStage)), None)

    def refresh(
        self,
        cached: Sample,
        epoch: int,
        partners: Sequence[Sample],
        trace: Trace,
        *,
        repeat: int = 0,
    ) -> Sample:
        """Returns what `stages` make of a cached sample in an epoch, before `finish`.

        Args:
          partners: cached samples for the mixer, if there is one.
          repeat: how often the epoch has had the sample before.
        """
        at = Position(self.seed, cached.key, epoch, repeat)
        mixing = Mixing(partners, self.cached.targets)
        return apply_drawn(self.stages, cached, at, mixing, trace, self._first)

    def finish(self, sample: Sample, trace: Trace) -> Sample:
        """Returns a sample in the signature of the stream."""
        finished = apply_fixed(self.finish_stages, sample, trace, self._first)
        return accepted(self.streamed, finished)


def variant_key(key: str, copy: int) -> str:
    """Returns the key of a variant. A path never holds `//`, so no file can have this key."""
    return f"{key}//copy-{copy}"


def split_of_content(shares: Mapping[str, float], seed: int, content: str) -> str:
    """Returns the split that a synthesized content belongs to."""
    place, edge = unit(seed, "content", content), 0.0
    for split, share in shares.items():
        edge += share
        if place < edge:
            return split
    return [split for split in SPLITS if split in shares][-1]


def _require(signature: Signature | None) -> Signature:
    if signature is None:
        raise DataError("expected a source, found a pipeline that only synthesizes.")
    return signature
