"""What a build would make, reuse and need; nothing is written below the output."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.actions.build import SetAside, SplitCounts, set_aside, split_counts
from dsbuilder.actions.document import Document, distinct
from dsbuilder.actions.losses import StageLoss, losses
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.builder.balance import Balance
from dsbuilder.builder.forecast import ShardForecast, forecast
from dsbuilder.builder.probe import Probe
from dsbuilder.sample import Target


@dataclass(frozen=True, kw_only=True)
class PlanReason:
    """Why a shard is not reused.

    Attributes:
      reason: the reason in words.
      samples: number of samples that it reaches; 0 if it is about the shard.
    """

    reason: str
    samples: int


@dataclass(frozen=True, kw_only=True)
class PlannedClass:
    """What train would hold of one class that `balance` looks after.

    Attributes:
      samples: number of samples, the sum of the next three.
      originals, variants, synthesized: number of samples that are records as they are, variants of
        records, and synthesized.
      more_variants, more_synthesized: number of samples of those that the balance adds.
    """

    samples: int
    originals: int
    variants: int
    synthesized: int
    more_variants: int
    more_synthesized: int


@dataclass(frozen=True, kw_only=True)
class PlannedBalance:
    """How classes of train would be filled up.

    Attributes:
      target: target whose classes they are.
      quota: number of samples that each class with fewer is brought to.
      classes: what train would hold, by class.
    """

    target: str
    quota: int
    classes: Mapping[str, PlannedClass]


@dataclass(frozen=True, kw_only=True)
class PlannedShard:
    """What would become of one shard.

    Attributes:
      split, stem: split and name of the shard.
      state: `reused`, `partly` (some samples are copied) or `made`.
      samples: number of samples that it shall hold.
      to_make: number of those that no earlier build holds.
      reasons: reasons why it is not reused, the most frequent first.
    """

    split: str
    stem: str
    state: str
    samples: int
    to_make: int
    reasons: tuple[PlanReason, ...]


@dataclass(frozen=True, kw_only=True)
class PlanProbe:
    """A few samples that were made for real, in a temporary folder.

    Attributes:
      samples: number of samples that were made.
      seconds: time that it took.
      quarantined: samples that could not be made.
      lost: what stages lost of targets of the samples that were made.
    """

    samples: int
    seconds: float
    quarantined: tuple[SetAside, ...]
    lost: tuple[StageLoss, ...]


@dataclass(frozen=True, kw_only=True)
class PlanDocument(Document):
    """What a build would make, reuse and need.

    Attributes:
      path: folder of the dataset, by the link of its version.
      before: splits of the dataset that the version stands for now; None if there is none.
      splits: splits after the build. The class of what is synthesized is not known before but in a
        balanced train split, and a new mix counts as its root's.
      balance: how classes of train would be filled up; None if they are not.
      to_make: number of samples that no earlier build holds.
      size_bytes: size of the dataset, about; None if nothing is known of it.
      new_bytes: size of what lies not in the build before already; None likewise.
      seconds: time that making would take, about; None likewise.
      workers: number of processes that is reckoned with.
      probe: what making a few samples came to; None if none is to be made.
      lost: what stages lost of targets of the samples that are kept.
      shards: shards of the dataset.
    """

    path: Path
    before: Mapping[str, SplitCounts] | None
    splits: Mapping[str, SplitCounts]
    balance: PlannedBalance | None
    to_make: int
    size_bytes: int | None
    new_bytes: int | None
    seconds: float | None
    workers: int
    probe: PlanProbe | None
    lost: tuple[StageLoss, ...]
    shards: tuple[PlannedShard, ...]


def plan(
    opened: OpenedPipeline, *, workers: int | None = None, rehash: bool = False
) -> PlanDocument:
    """Says what a build of the same pipeline would make, reuse and need; writes nothing.

    Args:
      workers: processes that the build would have; None takes the cores of this machine.
      rehash: reads every source file again, changed or not.

    Raises:
      SpecError: the pipeline is wrong.
      DataError: the source is.
    """
    found = forecast(
        opened.pipeline,
        opened.out,
        workers=workers,
        overrides=opened.overrides,
        plugins=opened.plugins,
        rehash=rehash,
    )
    return PlanDocument(
        path=found.path,
        before=None if found.before is None else split_counts(found.before.manifest),
        splits={
            split: SplitCounts(samples=count, classes=dict(found.classes.get(split, {})))
            for split, count in found.samples.items()
        },
        balance=_balance(found.plan.balance),
        to_make=found.to_make,
        size_bytes=found.size_bytes,
        new_bytes=found.new_bytes,
        seconds=found.seconds,
        workers=found.workers,
        probe=_probe(found.probe, found.kinds),
        lost=losses(found.kept, found.kinds),
        shards=tuple(map(_shard, found.shards)),
        warnings=distinct(found.warnings),
    )


def _balance(planned: Balance | None) -> PlannedBalance | None:
    if planned is None:
        return None
    classes = {
        name: PlannedClass(samples=share.samples, **vars(share))
        for name, share in planned.classes.items()
    }
    return PlannedBalance(target=planned.target, quota=planned.quota, classes=classes)


def _probe(tried: Probe | None, kinds: Mapping[str, Target]) -> PlanProbe | None:
    if tried is None:
        return None
    return PlanProbe(
        samples=tried.samples,
        seconds=tried.seconds,
        quarantined=set_aside(tried.quarantined),
        lost=losses(tried.results, kinds),
    )


def _shard(shard: ShardForecast) -> PlannedShard:
    return PlannedShard(
        split=shard.split,
        stem=shard.stem,
        state=shard.state,
        samples=shard.samples,
        to_make=shard.to_make,
        reasons=tuple(PlanReason(reason=why, samples=count) for why, count in shard.reasons),
    )
