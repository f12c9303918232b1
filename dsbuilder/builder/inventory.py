"""What a build need not make: shards that it finished before, and what the build before it holds.

A shard whose fingerprint is that of a shard of the published build is hard-linked. Of the others,
the samples of equal fingerprint are copied as they are encoded, and only the rest is made.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsbuilder.builder.journal import left_in
from dsbuilder.builder.plan import Plan
from dsbuilder.builder.shard import read_done, write_done
from dsbuilder.builder.task import ShardResult, ShardTask
from dsbuilder.cache import folders, ledger, manifest, quarantine, store
from dsbuilder.cache.codec import Codec
from dsbuilder.cache.integrity import Integrity
from dsbuilder.cache.manifest import Manifest, Shard
from dsbuilder.errors import CacheError
from dsbuilder.targets import Text


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What is there and what is missing.

    Attributes:
      finished: results of shards that need no work.
      missing: tasks of the other shards.
      to_make: number of samples of `missing` that no earlier build holds.
    """

    finished: Sequence[ShardResult]
    missing: Sequence[ShardTask]
    to_make: int


@dataclass(frozen=True)
class PreviousBuild:
    """The build that was published before.

    Attributes:
      path: folder of the build.
      manifest: manifest of the build.
      files: what is known of its files.
      damaged: files that were found to be no longer what they were.
    """

    path: Path
    manifest: Manifest
    files: Integrity
    damaged: set[Path] = field(default_factory=set)

    @property
    def warnings(self) -> list[str]:
        """What a user should know of it, as far as files were looked at: sentences."""
        return [
            f"{path}: is not as it was written. It is made again." for path in sorted(self.damaged)
        ]

    def linkable(self, task: ShardTask, codec: Codec) -> ShardResult | None:
        """Returns the result of a task that this build holds as it is planned, or None."""
        shards = self.manifest.splits.get(task.split, ())
        same = [each for each in shards if each.stem == task.stem]
        names = [*codec.files(task.stem), ledger.file_name(task.stem)]
        if not same or same[0].fingerprint != task.fingerprint or not self._is_sound(names):
            return None
        kinds = self.manifest.signature.targets
        if any(isinstance(k, Text) and n not in same[0].alphabets for n, k in kinds.items()):
            return None  # written before characters were: its samples are copied, and counted
        result = self._result(same[0], task, names)
        return result if result.reproducible else None  # what was lost by chance is tried again

    def _is_sound(self, names: Sequence[str]) -> bool:
        """Whether files are still what they were written as; what is not is made again."""
        damaged = next((name for name in names if not self.files.is_sound(name)), None)
        if damaged is not None:
            self.damaged.add(self.path / damaged)
        return damaged is None

    def _result(self, shard: Shard, task: ShardTask, names: Sequence[str]) -> ShardResult:
        rows = quarantine.read(self.path)
        if rows:
            planned = {each.key for root in task.contents().roots for each in root.outputs}
            rows = [row for row in rows if row["key"] in planned]
        return ShardResult(
            stem=shard.stem,
            samples=shard.samples,
            size_bytes=shard.size_bytes,
            classes=shard.classes,
            fingerprint=shard.fingerprint,
            sums={name: self.files.sums[name] for name in names},
            sizes=shard.sizes,
            quarantined=rows,
            reused=shard.samples,
            reproducible=all(row["stage"] != "worker" for row in rows),
            lost=shard.lost,
            held=shard.held,
            alphabets=shard.alphabets,
            longest=shard.longest,
        )

    def overlapping(self, task: ShardTask, codec: Codec) -> tuple[str, ...]:
        """Returns the sound shards whose span of hashes meets the task's: its samples lie there."""
        shards = self.manifest.splits.get(task.split, ())
        index, count = place_of(task.stem)
        stems = (
            shard.stem
            for own, shard in enumerate(shards)
            if own * count < (index + 1) * len(shards) and index * len(shards) < (own + 1) * count
        )
        return tuple(
            stem for stem in stems if self._is_sound([*codec.files(stem), ledger.file_name(stem)])
        )


def open_previous(path: Path | None) -> PreviousBuild | None:
    """Returns the published build in a folder; None if there is none of this format."""
    if path is None:
        return None
    try:
        known, files = manifest.read(path), Integrity.of(path)
    except CacheError:
        return None  # not a dataset of this format: everything is made again
    if not files.are_sound((store.MANIFEST, store.QUARANTINE)):
        return None  # what it says of its shards cannot be trusted either
    return PreviousBuild(path, known, files)


@dataclass(frozen=True, kw_only=True)
class ShardStatus:
    """What is there of one shard.

    Attributes:
      task: task of the shard; it names the earlier shards that its samples may be copied from.
      finished: result of the shard, if a build that was interrupted finished it.
      linkable: result of the shard, if the previous build holds it as it is planned.
      to_make: number of samples that no earlier build holds.
    """

    task: ShardTask
    finished: ShardResult | None = None
    linkable: ShardResult | None = None
    to_make: int = 0

    @property
    def result(self) -> ShardResult | None:
        """The shard's result if it needs no work."""
        return self.finished or self.linkable


def statuses(
    plan: Plan, codec: Codec, *, previous: PreviousBuild | None, folder: Path
) -> list[ShardStatus]:
    """Returns what is there of every shard; changes nothing.

    Args:
      previous: the published build.
      folder: folder of this build, as an interruption may have left it.
    """
    return [_status(task, codec, previous, folder) for task in plan.shards]


def _status(
    task: ShardTask, codec: Codec, previous: PreviousBuild | None, folder: Path
) -> ShardStatus:
    finished = read_done(folder, task)
    if finished is not None:
        return ShardStatus(task=task, finished=finished)
    linkable = previous.linkable(task, codec) if previous is not None else None
    if linkable is not None:
        return ShardStatus(task=task, linkable=linkable)
    planned = set(_fingerprints(task))
    known = left_in(folder, task.stem, planned)
    if previous is not None:
        task = replace(task, earlier=previous.overlapping(task, codec))
        for stem in task.earlier:
            with contextlib.suppress(CacheError):  # making the shard will warn of it
                known.update(ledger.lines(previous.path / ledger.file_name(stem)))
    return ShardStatus(task=task, to_make=len(planned - known))


def take_inventory(
    plan: Plan, codec: Codec, *, previous: PreviousBuild | None, folder: Path
) -> Inventory:
    """Links what can be linked into `folder` and returns what is there and what is missing."""
    found = statuses(plan, codec, previous=previous, folder=folder)
    for each in found:
        if each.linkable is not None and previous is not None:
            _link(each.linkable, previous, folder)
    return Inventory(
        finished=[each.result for each in found if each.result is not None],
        missing=[each.task for each in found if each.result is None],
        to_make=sum(each.to_make for each in found),
    )


def _link(result: ShardResult, previous: PreviousBuild, folder: Path) -> None:
    for name in result.sums:
        (folder / name).unlink(missing_ok=True)
        try:
            os.link(previous.path / name, folder / name)
        except OSError:  # a file system without hard links
            shutil.copyfile(previous.path / name, folder / name)
            folders.sync(folder / name)
    write_done(folder, result, lasting=False)  # it is quickly linked again


def _fingerprints(task: ShardTask) -> Iterator[str]:
    return (output.fingerprint for root in task.contents().roots for output in root.outputs)


def place_of(stem: str) -> tuple[int, int]:
    """Returns (index, count) of a stem such as `toy-train#00001-of-00004`."""
    index, _, count = stem.rpartition("#")[2].partition("-of-")
    return int(index), int(count)
