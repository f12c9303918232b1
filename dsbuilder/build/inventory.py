"""What a build need not make: shards that it finished before, and what the build before it holds.

A shard whose fingerprint is that of a shard of the published build is hard-linked. Of the others,
the samples of equal fingerprint are copied as they are encoded, and only the rest is made.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsbuilder.build.plan import Plan
from dsbuilder.build.shard import read_done, write_done
from dsbuilder.build.task import ShardResult, ShardTask
from dsbuilder.cache import ledger, manifest, quarantine, store
from dsbuilder.cache.codec import Codec
from dsbuilder.cache.earlier import Earlier
from dsbuilder.cache.manifest import Manifest, Shard
from dsbuilder.errors import CacheError


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What is there and what is missing.

    Attributes:
      finished: results of shards that need no work.
      missing: tasks of the other shards.
      to_make: samples of `missing` that no earlier build holds.
    """

    finished: Sequence[ShardResult]
    missing: Sequence[ShardTask]
    to_make: int


@dataclass(frozen=True)
class Before:
    """The build that was published before.

    Attributes:
      path: its folder.
      manifest: what it is.
      sums: checksums of its files.
    """

    path: Path
    manifest: Manifest
    sums: Mapping[str, str]

    def linkable(self, task: ShardTask, codec: Codec) -> ShardResult | None:
        """Returns the result of a task that this build holds as it is planned, or None."""
        shards = self.manifest.splits.get(task.split, ())
        same = [each for each in shards if each.stem == task.stem]
        names = [*codec.files(task.stem), ledger.file_name(task.stem)]
        whole = all(name in self.sums and (self.path / name).is_file() for name in names)
        if not same or same[0].fingerprint != task.fingerprint or not whole:
            return None
        return self._result(same[0], task, names)

    def _result(self, shard: Shard, task: ShardTask, names: Sequence[str]) -> ShardResult:
        planned = {output.key for root in task.roots for output in root.outputs}
        rows = [row for row in quarantine.read(self.path) if row["key"] in planned]
        return ShardResult(
            stem=shard.stem,
            samples=shard.samples,
            size_bytes=shard.size_bytes,
            classes=shard.classes,
            fingerprint=shard.fingerprint,
            sums={name: self.sums[name] for name in names},
            quarantined=rows,
            reused=shard.samples,
        )

    def overlapping(self, task: ShardTask) -> tuple[str, ...]:
        """Returns the shards whose span of hashes meets the task's: its samples lie there."""
        shards = self.manifest.splits.get(task.split, ())
        index, count = _place(task.stem)
        return tuple(
            shard.stem
            for own, shard in enumerate(shards)
            if own * count < (index + 1) * len(shards) and index * len(shards) < (own + 1) * count
        )


def open_before(path: Path | None) -> Before | None:
    """Returns the published build in a folder; None if there is none of this format."""
    if path is None:
        return None
    try:
        return Before(path, manifest.read(path), store.read_sums(path))
    except CacheError:
        return None  # not a dataset of this format: everything is made again


def take_stock(plan: Plan, codec: Codec, *, before: Before | None, folder: Path) -> Inventory:
    """Links what can be linked into `folder` and returns what is there and what is missing."""
    finished: list[ShardResult] = []
    missing: list[ShardTask] = []
    for task in plan.shards:
        result = read_done(folder, task) or _link(task, codec, before, folder)
        if result is not None:
            finished.append(result)
        elif before is not None:
            missing.append(replace(task, earlier=before.overlapping(task)))
        else:
            missing.append(task)
    to_make = sum(_count_new(task, codec, before) for task in missing)
    return Inventory(finished=finished, missing=missing, to_make=to_make)


def _link(task: ShardTask, codec: Codec, before: Before | None, folder: Path) -> ShardResult | None:
    result = before.linkable(task, codec) if before is not None else None
    if before is None or result is None:
        return None
    for name in result.sums:
        (folder / name).unlink(missing_ok=True)
        os.link(before.path / name, folder / name)
    write_done(folder, result)
    return result


def _count_new(task: ShardTask, codec: Codec, before: Before | None) -> int:
    if before is None:
        return task.samples
    known = Earlier.open(codec, before.path, task.earlier).entries
    return sum(print_ not in known for print_ in _fingerprints(task))


def _fingerprints(task: ShardTask) -> Iterator[str]:
    return (output.fingerprint for root in task.roots for output in root.outputs)


def _place(stem: str) -> tuple[int, int]:
    """Returns (index, count) of a stem such as `toy-train#00001-of-00004`."""
    index, _, count = stem.rpartition("#")[2].partition("-of-")
    return int(index), int(count)
