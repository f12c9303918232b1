"""What a build would make, reuse and need; nothing is written below the output."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dsbuilder import targets
from dsbuilder.builder.inventory import (
    PreviousBuild,
    ShardStatus,
    open_previous,
    place_of,
    statuses,
)
from dsbuilder.builder.plan import Plan, make_plan
from dsbuilder.builder.probe import Probe, probe
from dsbuilder.builder.publish import read_whole
from dsbuilder.builder.shard import make_codec
from dsbuilder.builder.survey import Survey, check_unread, load_spec, survey
from dsbuilder.builder.task import Located, ShardResult, ShardTask
from dsbuilder.cache import fingerprint, ledger
from dsbuilder.cache.codec import Codec
from dsbuilder.cache.index import hash_records
from dsbuilder.cache.store import Store
from dsbuilder.dataset import StoredDataset
from dsbuilder.dataset.difference import (
    Change,
    DatasetState,
    Difference,
    SampleState,
    compare,
    state_of,
)
from dsbuilder.errors import CacheError, carrying
from dsbuilder.sample import Target
from dsbuilder.seeding import rank
from dsbuilder.workers import cores

_START_S = 1.0
"""What worker processes take to start, about."""


@dataclass(frozen=True, kw_only=True)
class ShardForecast:
    """What would become of one shard.

    Attributes:
      split, stem: split and stem of the shard.
      samples, to_make: number of samples it shall hold, and of those that no earlier build holds.
      is_reused: whether its files are kept as they are.
      reasons: (why it is not, samples); what is not a sample's counts 0.
    """

    split: str
    stem: str
    samples: int
    to_make: int
    is_reused: bool
    reasons: Sequence[tuple[str, int]]

    @property
    def state(self) -> str:
        """`reused`, `partly` (some samples are copied) or `made`."""
        if self.is_reused:
            return "reused"
        return "partly" if self.to_make < self.samples else "made"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a build would make, reuse and need.

    Attributes:
      plan: plan of every sample.
      path: path of the version's link.
      before: dataset that the version stands for now; None if there is none.
      shards: what would become of each.
      samples, classes: counts after the build, by split. Without drawing, the class of what is
        synthesized is not known, and a new mix counts as its root's.
      kinds: targets of the samples by name.
      kept: results of the shards that are kept as they are.
      difference: difference between `before` and what is planned; None without it.
      probe: some samples made for real; None if none are to be made.
      size_bytes, new_bytes: size of the dataset, and of what lies not in the build before already;
        None if nothing is known of it.
      seconds: time that making would take; None if nothing is known of it.
      workers: number of processes it reckons with.
      warnings: what a user should know before the build, sentences that say where.
    """

    plan: Plan
    path: Path
    before: StoredDataset | None
    shards: Sequence[ShardForecast]
    samples: Mapping[str, int]
    classes: Mapping[str, Mapping[str, int]]
    kinds: Mapping[str, Target]
    kept: Sequence[ShardResult]
    difference: Difference | None
    probe: Probe | None
    size_bytes: int | None
    new_bytes: int | None
    seconds: float | None
    workers: int
    warnings: Sequence[str]

    @property
    def to_make(self) -> int:
        """Samples that no earlier build holds."""
        return sum(shard.to_make for shard in self.shards)


def forecast(
    pipeline: Path | str,
    out: Path | str,
    *,
    workers: int | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] | None = None,
    rehash: bool = False,
) -> Forecast:
    """Returns what `build_dataset` of the same arguments would do.

    Raises:
      SpecError: the pipeline is wrong.
      DataError: the source is.
    """
    surveyed = survey(load_spec(Path(pipeline), overrides, plugins), rehash=rehash)
    with carrying(surveyed.warnings):
        check_unread(surveyed)
    settings = surveyed.pipeline.settings
    store = Store(Path(out).absolute() / settings.name)
    hashes = hash_records(
        surveyed.catalog, surveyed.records, store.index, rehash=rehash, keep=False
    )
    plan = make_plan(
        surveyed.pipeline,
        surveyed.records,
        surveyed.split,
        hashes,
        set_aside=surveyed.set_aside,
    )
    count = cores() if workers is None else workers
    return _Forecaster(surveyed, plan, store, count).forecast()


@dataclass(frozen=True)
class _Forecaster:
    surveyed: Survey
    plan: Plan
    store: Store
    workers: int

    def forecast(self) -> Forecast:
        version = self.surveyed.pipeline.settings.version
        tried = self._probe if any(each.to_make for each in self._found) else None
        size, new = self._sizes(tried)
        return Forecast(
            plan=self.plan,
            path=self.store.root / version,
            before=self._dataset,
            shards=[self._shard(each) for each in self._found],
            samples=dict(self._samples()),
            classes={split: dict(counts) for split, counts in self._classes().items()},
            kinds=self.surveyed.pipeline.signature.targets,
            kept=[each.result for each in self._found if each.result is not None],
            difference=self._difference,
            probe=tried,
            size_bytes=size,
            new_bytes=new,
            seconds=self._seconds(tried),
            workers=self.workers,
            warnings=[*self.surveyed.warnings, *(self._before.warnings if self._before else ())],
        )

    @cached_property
    def _before(self) -> PreviousBuild | None:
        """What can be reused: this very build if it was made before, else the version's."""
        finished = self.store.finished(self.plan.fingerprint)
        version = self.surveyed.pipeline.settings.version
        return open_previous(finished if read_whole(finished) else self.store.current(version))

    @cached_property
    def _dataset(self) -> StoredDataset | None:
        current = self.store.current(self.surveyed.pipeline.settings.version)
        opened = open_previous(current)
        return None if opened is None else StoredDataset(path=opened.path, manifest=opened.manifest)

    @cached_property
    def _codec(self) -> Codec:
        return make_codec(self.surveyed.pipeline)

    @cached_property
    def _found(self) -> list[ShardStatus]:
        folder = self.store.partial(self.plan.fingerprint)
        return statuses(self.plan, self._codec, previous=self._before, folder=folder)

    @cached_property
    def _probe(self) -> Probe | None:
        return probe(self.surveyed.pipeline, self._found)

    @cached_property
    def _difference(self) -> Difference | None:
        if self._dataset is None:
            return None
        try:
            return compare(state_of(self._dataset), _planned_state(self.surveyed, self.plan))
        except CacheError:
            return None  # a damaged dataset: its samples are made again, which `_found` says

    def _samples(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for each in self._found:
            counts[each.task.split] += each.result.samples if each.result else each.task.samples
        return counts

    def _classes(self) -> dict[str, Counter[str]]:
        """Counts what is stored by what is stored, and what is planned by its record's class."""
        kinds = self.surveyed.targets or {}
        counts: dict[str, Counter[str]] = {}
        for each in self._found:
            own = counts.setdefault(each.task.split, Counter())
            if each.result is not None:
                own.update(each.result.classes)
            else:
                own.update(_planned_classes(each.task, kinds))
                own.update(self._filled_classes(each.task))
        return counts

    def _filled_classes(self, task: ShardTask) -> Counter[str]:
        """Counts what is synthesized for a balance, which says of what class it shall be."""
        balance = self.plan.balance
        if balance is None:
            return Counter()
        kinds = self.surveyed.pipeline.signature.targets
        found = (root.label for root in task.contents().roots if root.label is not None)
        return Counter(targets.counted_as(kinds, balance.target, label) for label in found)

    def _sizes(self, tried: Probe | None) -> tuple[int | None, int | None]:
        """Returns what the dataset would take on disk, and what of it would be new."""
        each = self._bytes_per_sample(tried)
        if each is None:
            return None, None
        kept = sum(found.result.samples for found in self._found if found.result is not None)
        total = sum(self._samples().values())
        return round(total * each), round((total - kept) * each)

    def _bytes_per_sample(self, tried: Probe | None) -> float | None:
        if self._dataset is not None and self._stores_alike(self._dataset):
            known = self._dataset
            size = sum(_size(known, split) for split in known.splits)
            return size / max(1, sum(known.num_samples(split) for split in known.splits))
        if tried is None or not tried.samples:
            return None
        return tried.size_bytes / tried.samples

    def _stores_alike(self, dataset: StoredDataset) -> bool:
        """Whether a sample of a dataset takes about as much as a planned one."""
        known, codec = dataset.manifest, self._codec
        return (known.codec, known.image, known.quality, known.signature) == (
            codec.name,
            codec.image,
            codec.quality,
            codec.signature,
        )

    def _seconds(self, tried: Probe | None) -> float | None:
        to_make = sum(each.to_make for each in self._found)
        if not to_make:
            return 0.0
        if tried is None or not tried.samples:
            return None
        shards = sum(1 for each in self._found if each.to_make)
        at_once = max(1, min(self.workers, shards))
        return _START_S * (self.workers > 0) + to_make * tried.seconds / tried.samples / at_once

    def _shard(self, found: ShardStatus) -> ShardForecast:
        task = found.task
        return ShardForecast(
            split=task.split,
            stem=task.stem,
            samples=found.result.samples if found.result else task.samples,
            to_make=found.to_make,
            is_reused=found.result is not None,
            reasons=[] if found.result else self._why(found),
        )

    def _why(self, found: ShardStatus) -> list[tuple[str, int]]:
        """Returns why a shard is not reused, the most frequent reason first."""
        if self._dataset is None:
            return [("there is no earlier build of this version", 0)]
        reasons = self._reasons.get(found.task.stem, Counter()).most_common()
        return reasons or [(self._why_unchanged(found), 0)]

    def _why_unchanged(self, found: ShardStatus) -> str:
        """Says why a shard whose samples are all as they were is written again."""
        known = self._dataset.manifest.splits.get(found.task.split, ()) if self._dataset else ()
        count = place_of(found.task.stem)[1]
        if known and len(known) != count:
            return f"the split has {count} shard{'s' * (count > 1)} now, it had {len(known)}"
        return "a file of the shard is missing or damaged"

    @cached_property
    def _reasons(self) -> dict[str, Counter[str]]:
        """Reasons of changed samples, counted by the shard that each belongs to by now."""
        by_shard: dict[str, Counter[str]] = {}
        counts = Counter(task.split for task in self.plan.shards)
        stems = {(task.split, place_of(task.stem)[0]): task.stem for task in self.plan.shards}
        for change in self._difference.changes if self._difference is not None else ():
            for split in _splits(change) & set(counts):
                place = rank("shard", change.key.partition("//")[0]) * counts[split] >> 64
                reasons = by_shard.setdefault(stems[split, place], Counter())
                reasons.update(_seen(change, split))
        return by_shard


def _splits(change: Change) -> set[str]:
    return {split for split in (change.before, change.after) if split is not None}


def _seen(change: Change, split: str) -> Iterator[str]:
    """Yields a change's reasons as one of its splits sees them."""
    gone = change.after != split
    for reason in change.reasons:
        yield f"removed: {reason}" if gone and change.kind == "removed" else reason


def _planned_classes(task: ShardTask, kinds: Mapping[str, Target]) -> Counter[str]:
    counts: Counter[str] = Counter()
    roots, records = task.contents()
    for root in roots:
        located: Located | None = records.get(root.key)
        if located is not None:
            for label in targets.stated(kinds, located.record.targets):
                counts[label] += len(root.outputs)
    return counts


def _size(dataset: StoredDataset, split: str) -> int:
    """Returns what the shards and ledgers of a split take on disk."""
    names = (
        name
        for shard in dataset.shards(split)
        for name in (*dataset.codec.files(shard.stem), ledger.file_name(shard.stem))
    )
    return sum(path.stat().st_size for path in map(dataset.path.joinpath, names) if path.is_file())


def _planned_state(surveyed: Survey, plan: Plan) -> DatasetState:
    """Returns a planned build as one side of a comparison."""
    pipeline = surveyed.pipeline
    cache = pipeline.settings.cache
    raw = {record.key: record.targets for record in surveyed.records}
    return DatasetState(
        resolved=pipeline.spec.resolved,
        stages={
            stage.id: fingerprint.describe(stage, pipeline.spec.registry)
            for stage in pipeline.stages
        },
        packages=fingerprint.packages(),
        signature=pipeline.signature,
        stored={"codec": cache.codec, "image": plan.image, "quality": cache.quality},
        samples=dict(_rows(plan)),
        set_aside={row["key"]: f"{row['stage']}: {row['exception']}" for row in surveyed.set_aside},
        labels=lambda key: _labels(surveyed, raw.get(key)),
    )


def _labels(surveyed: Survey, raw: Mapping[str, Any] | None) -> dict[str, str]:
    if raw is None or surveyed.targets is None:
        return {}
    # What lies in pixel coordinates is moved by stages: a record's is not what is stored.
    kinds = {name: kind for name, kind in surveyed.targets.items() if not kind.positional}
    return {name: kind.show(kind.parse(raw[name])) for name, kind in kinds.items()}


def _rows(plan: Plan) -> Iterator[tuple[str, SampleState]]:
    for task in plan.shards:
        roots, records = task.contents()
        for root in roots:
            for output in root.outputs:
                parents = () if root.synthesis is not None else (root.key, *output.partners)
                sources = tuple(records[key].source for key in parents)
                yield output.key, SampleState(task.split, output.fingerprint, parents, sources)
