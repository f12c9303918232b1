"""The plan: every sample of a dataset, its place and its fingerprint, without opening an image.

The plan is a pure function of the records, their content hashes and the pipeline. A shard's place
is the hash of the root key, so all that derives from one image shares one task and one decode.
"""

import bisect
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsbuilder import names, targets
from dsbuilder.builder import subset
from dsbuilder.builder.balance import Balance, Synthesized, make_balance
from dsbuilder.builder.split import Split
from dsbuilder.builder.task import Located, Output, Root, ShardContents, ShardTask
from dsbuilder.cache import fingerprint
from dsbuilder.cache.course import Origins
from dsbuilder.errors import PluginError
from dsbuilder.layouts.corrections import Corrected
from dsbuilder.pipeline import Pipeline, default_image_format, variant_key
from dsbuilder.pipelinefile.stages import SPLITS, Synthesis
from dsbuilder.sample import Record, Signature
from dsbuilder.seeding import rank

_UNKNOWN_SIDE = 256
_BYTES_PER_VALUE = {"raw": 1.0, "png": 0.5, "jpeg": 0.25}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a build will make.

    Attributes:
      shards: every shard task, split by split.
      fingerprint: fingerprint of the whole build; it names the build's folder.
      content: fingerprint of the samples alone.
      image: how pixels are stored.
      samples: number of samples by split.
      balance: how classes of train are filled up; None if they are not.
      origins: what each split is made of, without its classes.
    """

    shards: tuple[ShardTask, ...]
    fingerprint: str
    content: str
    image: str
    samples: Mapping[str, int]
    balance: Balance | None
    origins: Mapping[str, Origins] = field(default_factory=dict, compare=False)


def make_plan(
    pipeline: Pipeline,
    records: Sequence[Record],
    split: Split,
    hashes: Mapping[str, str],
    *,
    set_aside: Sequence[Mapping[str, str]] = (),
) -> Plan:
    """Returns the plan of a build.

    Args:
      records: of the source; empty without one.
      split: which split each record belongs to.
      hashes: content hash of each record, by key.
      set_aside: rows of the quarantine that are known before; see `Survey`.

    Raises:
      SpecError: classes cannot be balanced as the pipeline says.
      PluginError: there are not enough records to mix.
    """
    image = pipeline.settings.cache.image or default_image_format(
        pipeline.settings.cache.codec, pipeline.signature
    )
    planner = _Planner(pipeline, hashes, image)
    roots = planner.roots(records, split)
    shards = tuple(
        shard for name in SPLITS if roots[name] for shard in planner.shards(name, roots[name])
    )
    samples: Counter[str] = Counter()
    for shard in shards:
        samples[shard.split] += shard.samples
    whole = [(shard.stem, shard.fingerprint) for shard in shards]
    statics: list[Any] = [dict(pipeline.spec.resolved), image, dict(fingerprint.packages())]
    if isinstance(pipeline.settings.source, Corrected):
        statics.append(fingerprint.of_file(pipeline.settings.source.corrections))
    if set_aside:
        statics.append([dict(row) for row in set_aside])
    return Plan(
        shards=shards,
        fingerprint=fingerprint.digest(whole, statics),
        content=fingerprint.digest(whole, _kinds(pipeline.signature)),
        image=image,
        samples=dict(samples),
        balance=planner.balance,
        origins={name: _origins(own) for name, own in roots.items() if own},
    )


@dataclass(frozen=True, kw_only=True)
class _Ring:
    """Keys around a circle of ranks: who looks for a partner takes the next one."""

    ranks: list[int]
    keys: list[str]

    def after(self, place: int, exclude: str) -> str:
        """Returns the first key at or after a place that is not `exclude`."""
        index = bisect.bisect_left(self.ranks, place) % len(self.ranks)
        if self.keys[index] == exclude:
            index = (index + 1) % len(self.ranks)
        return self.keys[index]


@dataclass
class _Planner:
    pipeline: Pipeline
    hashes: Mapping[str, str]
    image: str
    located: dict[str, Located] = field(default_factory=dict)
    balance: Balance | None = None

    def __post_init__(self) -> None:
        settings, registry = self.pipeline.settings, self.pipeline.spec.registry
        self._base = fingerprint.digest(
            dict(fingerprint.packages()),
            settings.seed,
            [
                settings.image.mode,
                list(settings.image.background_rgb),
                settings.image.reduced_decode,
            ],
            _kinds(self.pipeline.signature),
            [settings.cache.codec, self.image, settings.cache.quality],
        )
        self._prepare = [
            *fingerprint.of_reading(settings.source, registry),
            *(fingerprint.of_stage(each, registry) for each in settings.prepare),
        ]
        self._augment = [fingerprint.of_stage(each, registry) for each in settings.augment.stages]
        self._finish = [fingerprint.of_stage(each, registry) for each in settings.finish]
        self._original = fingerprint.digest(self._base, self._prepare, self._finish)
        self._variant = fingerprint.digest(self._original, self._augment)
        self._synthesis = [
            fingerprint.digest(
                self._base,
                self._finish,
                fingerprint.of_stage(each, registry),
                self.pipeline.content_shares,
            )
            for each in settings.synthesize
        ]

    def roots(self, records: Sequence[Record], split: Split) -> dict[str, list[Root]]:
        """Returns what every split is made of."""
        for record in records:
            located = Located(record=record, source=self.hashes[record.key])
            self.located[record.key] = located
        by_split: dict[str, list[Root]] = {name: [] for name in SPLITS}
        trained = [record for record in records if split.split_of[record.key] == "train"]
        synthesized: dict[str, Sequence[Synthesized]] = self._dealt()
        self.balance = make_balance(self.pipeline, trained, synthesized["train"])
        if self.balance is not None:
            synthesized["train"] = self.balance.synthesized
        ring = self._ring([record.key for record in trained])
        for record in records:
            name = split.split_of[record.key]
            outputs = tuple(self._outputs(record, augmented=name == "train", ring=ring))
            by_split[name].append(Root(key=record.key, synthesis=None, outputs=outputs))
        for name in SPLITS:
            by_split[name] += map(self._synthesized, synthesized[name])
        return by_split

    def _dealt(self) -> dict[str, Sequence[Synthesized]]:
        """Returns what the pipeline synthesizes by itself, by split."""
        found: dict[str, list[Synthesized]] = {name: [] for name in SPLITS}
        for index, synthesis in enumerate(self.pipeline.settings.synthesize):
            dealt = dict(deal_synthesis(synthesis))
            left_out = self._left_out([key for key, name in dealt.items() if name == "train"])
            for key, name in dealt.items():
                if key not in left_out:
                    found[name].append(Synthesized(key, index))
        return dict(found)

    def _left_out(self, keys: list[str]) -> frozenset[str]:
        """Returns which of the synthesized samples of train are not in the part that is built."""
        settings = self.pipeline.settings
        if settings.split.part is None:
            return frozenset()
        members = {key: (key,) for key in keys}
        return subset.left_out({"": keys}, members, settings.split.part, seed=settings.seed)

    def _ring(self, keys: Sequence[str]) -> _Ring | None:
        stage = self.pipeline.mixer
        if stage is None or not self.pipeline.settings.makes_variants:
            return None
        if len(keys) < 2:
            raise PluginError(
                f"{stage.id}: expected at least two training records to mix, found {len(keys)}."
            )
        ranked = sorted((rank(self.pipeline.settings.seed, stage.id, key), key) for key in keys)
        return _Ring(ranks=[place for place, _ in ranked], keys=[key for _, key in ranked])

    def _outputs(self, record: Record, *, augmented: bool, ring: _Ring | None) -> Iterator[Output]:
        augment = self.pipeline.settings.augment
        facts = self._facts(record)
        if augment.original or not augmented:
            made_by = fingerprint.digest(self._original, facts)
            yield Output(key=record.key, copy=None, partners=(), fingerprint=made_by)
        more = self.balance.copies.get(record.key, 0) if self.balance is not None else 0
        for copy in range(1, augment.copies + more + 1) if augmented else ():
            partners = self._partners(record.key, copy, ring)
            mixed = [self._facts(self.located[key].record) for key in partners]
            made_by = fingerprint.digest(self._variant, facts, copy, mixed)
            key = variant_key(record.key, copy)
            yield Output(key=key, copy=copy, partners=partners, fingerprint=made_by)

    def _facts(self, record: Record) -> list[Any]:
        """Returns what of a record decides the bytes of its samples."""
        return [record.key, self.hashes[record.key], self.pipeline.label_identity(record)]

    def _partners(self, key: str, copy: int, ring: _Ring | None) -> tuple[str, ...]:
        if ring is None:
            return ()
        places = self.pipeline.partner_ranks(key, copy)
        return tuple(ring.after(place, key) for place in places)

    def _synthesized(self, each: Synthesized) -> Root:
        made_by = fingerprint.digest(self._synthesis[each.synthesis], each.key)
        output = Output(key=each.key, copy=None, partners=(), fingerprint=made_by)
        return Root(key=each.key, synthesis=each.synthesis, outputs=(output,), label=each.label)

    def shards(self, split: str, roots: Sequence[Root]) -> Iterator[ShardTask]:
        """Yields the shard tasks of a split."""
        settings = self.pipeline.settings
        samples = sum(len(root.outputs) for root in roots)
        count = num_shards(
            samples, nominal_bytes(self.pipeline.signature, self.image), settings.cache.shard_mb
        )
        dealt: list[list[Root]] = [[] for _ in range(count)]
        for root in roots:
            dealt[rank("shard", root.key) * count >> 64].append(root)
        for index, own in enumerate(dealt):
            own.sort(key=lambda root: root.key)
            yield self._task(split, names.stem(settings.name, split, index, count), own)

    def _task(self, split: str, stem: str, roots: Sequence[Root]) -> ShardTask:
        wanted = {root.key for root in roots if root.synthesis is None}
        wanted |= {key for root in roots for output in root.outputs for key in output.partners}
        prints = [output.fingerprint for root in roots for output in root.outputs]
        return ShardTask.of(
            ShardContents(roots, {key: self.located[key] for key in sorted(wanted)}),
            split=split,
            stem=stem,
            fingerprint=fingerprint.digest(stem, prints),
        )


def _origins(roots: Sequence[Root]) -> Origins:
    of_records = [root for root in roots if root.synthesis is None]
    outputs = sum(len(root.outputs) for root in of_records)
    originals = sum(1 for root in of_records for each in root.outputs if each.copy is None)
    return Origins(
        records=len(of_records),
        originals=originals,
        variants=outputs - originals,
        synthetic=len(roots) - len(of_records),
    )


def nominal_bytes(signature: Signature, image: str) -> float:
    """Returns the size that a plan reckons with for a sample; it only sets the number of shards."""
    image_signature = signature.image
    height, width = image_signature.height or _UNKNOWN_SIDE, image_signature.width or _UNKNOWN_SIDE
    item = {"uint8": 1, "float32": 4, "uint16": 2}.get(image_signature.dtype, 4)
    return height * width * image_signature.channels * item * _BYTES_PER_VALUE[image] + 64


def num_shards(samples: int, sample_bytes: float, shard_mb: float) -> int:
    """Returns the power of two nearest to the number of shards of the wanted size."""
    wanted = samples * sample_bytes / (shard_mb * 1e6)
    if wanted <= 1:
        return 1
    nearest = round(math.log2(min(wanted, samples)))  # never many more shards than samples
    return int(2 ** max(0, nearest))


def deal_synthesis(synthesis: Synthesis) -> Iterator[tuple[str, str]]:
    """Yields (key, split) of every synthesized sample.

    Each goes to the split that lags most behind its share, so any number of samples is shared out
    to within one, and a larger `count` moves none.
    """
    dealt = dict.fromkeys(synthesis.splits, 0)
    for number in range(synthesis.count):
        split = max(dealt, key=lambda name: synthesis.splits[name] * (number + 1) - dealt[name])
        dealt[split] += 1
        yield f"/{synthesis.id}/{number:06d}", split


def _kinds(signature: Signature) -> dict[str, Any]:
    return {name: targets.to_json(target) for name, target in signature.targets.items()}
