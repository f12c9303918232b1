"""From finished shards to a dataset: manifest, tfds files, checksums, the build's log, the name.

What is published was looked at, and outlasts a power cut: every file of it is on the disk, and the
folder that holds their names, before the folder gets its own; that, before a version stands for it.
"""

import contextlib
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from dsbuilder import targets
from dsbuilder.binding import PlainPipeline
from dsbuilder.builder.plan import Plan
from dsbuilder.builder.survey import Survey
from dsbuilder.builder.task import ShardResult
from dsbuilder.cache import (
    build_log,
    course,
    dataset_card,
    fingerprint,
    folders,
    manifest,
    quarantine,
    store,
)
from dsbuilder.cache.build_log import BuildLog
from dsbuilder.cache.course import Course, TimeSpent
from dsbuilder.cache.integrity import Integrity
from dsbuilder.cache.manifest import Manifest, Shard
from dsbuilder.cache.store import Store
from dsbuilder.errors import CacheError, DataError
from dsbuilder.images import encoding
from dsbuilder.layouts.tfrecord.format import ShardSize, description
from dsbuilder.sample import Record

_LOOKED_AT = 100
"""Images of the source whose sizes a report knows."""
_FRONT_BYTES = 1 << 16


@dataclass(frozen=True)
class Clock:
    """When a build began, and how long each of its steps took.

    Attributes:
      started: time in UTC.
      at: the same as `time.monotonic` counts it.
      steps: seconds of each step so far, in order.
    """

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    at: float = field(default_factory=time.monotonic)
    steps: dict[str, float] = field(default_factory=dict)

    def lap(self, step: str) -> None:
        """Notes that a step of the build ends now, which began where the one before ended."""
        self.steps[step] = time.monotonic() - self.at - sum(self.steps.values())

    @property
    def started_ns(self) -> int:
        """In nanoseconds since 1970, as file times are counted."""
        return int(self.started.timestamp() * 1e9)


def write_dataset(
    folder: Path, *, surveyed: Survey, plan: Plan, results: Sequence[ShardResult], clock: Clock
) -> None:
    """Writes everything of a dataset but its shards into the folder that holds them.

    Then nothing else is there, and a power cut changes nothing of it. Until all of it is written,
    an interrupted build finds its finished shards by their notes; from then on, a whole dataset.

    Raises:
      CacheError: a file of a shard is gone, or was cut.
    """
    pipeline = surveyed.pipeline
    for result in results:
        _check_sizes(folder, result)
    lost = [*surveyed.set_aside, *(row for result in results for row in result.quarantined)]
    made = _manifest(surveyed, plan, results, len(lost))
    files: list[str] = [store.MANIFEST, store.PIPELINE, store.QUARANTINE]
    manifest.write(folder, made)
    store.write_text(folder / store.PIPELINE, PlainPipeline.of(pipeline.spec).text())
    _write_quarantine(folder, lost)
    if made.codec == "tfrecord":
        files.extend(_write_description(folder, made))
    sums = {name: digest for result in results for name, digest in result.sums.items()}
    sums |= {name: store.sha256(folder / name) for name in files}
    store.write_sums(folder, sums)
    store.write_text(folder / store.CARD, dataset_card.card(made))
    build_log.write_states(folder, sums)
    build_log.write(folder, _log_of(surveyed, clock))
    course.write(folder, _course(surveyed, plan, results, clock))
    beside = (store.SUMS, store.CARD)
    _make_last(folder, new=[*files, *beside], keep=[*sums, *beside])


def _make_last(folder: Path, *, new: Sequence[str], keep: Sequence[str]) -> None:
    """Brings a dataset and its log to the disk, and removes what is no part of it.

    Args:
      new: names of the files that lie there only since; those of shards were there before.
      keep: names of all files of the dataset.
    """
    log = folder / store.LOG
    folders.sync_all([*(folder / name for name in new), *log.iterdir()])
    # Before notes and journals of shards go, which stood for the files so far.
    folders.sync_all([log, folder])
    folders.sweep(folder, keep=[*keep, store.LOG, folders.MARKER])


def _check_sizes(folder: Path, result: ShardResult) -> None:
    for name, size in result.sizes.items():
        path = folder / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            what = "no file" if found is None else f"{found}"
            raise CacheError(
                f"{path}: expected the {size} bytes that were written, found {what}. "
                "Build again; what is whole is kept."
            )


def _manifest(surveyed: Survey, plan: Plan, results: Sequence[ShardResult], lost: int) -> Manifest:
    pipeline, settings = surveyed.pipeline, surveyed.pipeline.settings
    by_stem = {result.stem: result for result in results}
    splits: dict[str, list[Shard]] = {}
    for task in plan.shards:
        splits.setdefault(task.split, []).append(_shard(by_stem[task.stem]))
    return Manifest(
        name=settings.name,
        version=settings.version,
        seed=settings.seed,
        fingerprint=plan.fingerprint,
        content=plan.content,
        signature=pipeline.signature,
        codec=settings.cache.codec,
        image=plan.image,
        quality=settings.cache.quality,
        splits={name: tuple(shards) for name, shards in splits.items()},
        quarantined=lost,
        corrected=surveyed.catalog.corrected if surveyed.catalog is not None else 0,
        reproducible=all(result.reproducible for result in results),
        stages={
            stage.id: fingerprint.describe(stage, pipeline.spec.registry)
            for stage in pipeline.stages
        },
        packages=fingerprint.packages(),
        machine=platform.machine(),
        warnings=surveyed.split.warnings,
    )


def _write_description(folder: Path, made: Manifest) -> list[str]:
    """Writes what TensorFlow Datasets reads beside the shards, and returns the files' names."""
    splits = {
        split: [ShardSize(samples=each.samples, size_bytes=each.size_bytes) for each in shards]
        for split, shards in made.splits.items()
    }
    described = description(
        name=made.name,
        version=made.version,
        signature=made.signature,
        image=made.image,
        splits=splits,
    )
    for name, text in described.items():
        store.write_text(folder / name, text)
    return list(described)


def _shard(result: ShardResult) -> Shard:
    return Shard(
        stem=result.stem,
        samples=result.samples,
        size_bytes=result.size_bytes,
        fingerprint=result.fingerprint,
        classes=result.classes,
        sizes=result.sizes,
        lost=result.lost,
        held=result.held,
        alphabets=result.alphabets,
        longest=result.longest,
    )


def _write_quarantine(folder: Path, lost: Sequence[Mapping[str, str]]) -> None:
    rows = sorted(lost, key=lambda row: row["key"])
    log = folder / store.LOG
    log.mkdir(exist_ok=True)
    quarantine.write(folder, rows)
    tracebacks = [f"{r['key']}\n{r['traceback']}\n" for r in rows if "traceback" in r]
    store.write_text(log / "tracebacks.txt", "".join(tracebacks))


def note_place(build: Path, surveyed: Survey, clock: Clock) -> None:
    """Notes where the pipeline of a build that stands lies now, and that its files are sound."""
    build_log.move(build, _log_of(surveyed, clock))
    Integrity.of(build).note_states()


def _log_of(surveyed: Survey, clock: Clock) -> BuildLog:
    """Returns the log of a build that ends now."""
    spec, kinds = surveyed.pipeline.spec, surveyed.targets
    stated = None if kinds is None else {name: targets.to_json(k) for name, k in kinds.items()}
    return BuildLog(
        pipeline=str(Path(spec.document.origin).absolute()),
        folder=str(spec.document.folder),
        plugins=tuple(str(each) for each in spec.registry.folders),
        targets=stated,
        host=platform.node(),
        command=tuple(sys.argv),
        started=clock.started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock.at, 3),
    )


def _course(surveyed: Survey, plan: Plan, results: Sequence[ShardResult], clock: Clock) -> Course:
    """Returns how a build went that ends now."""
    names = dict.fromkeys(name for result in results for name in result.seconds)
    reused = sum(result.reused for result in results)
    split_of = {task.stem: task.split for task in plan.shards}
    synthesized: dict[str, Counter[str]] = {}
    for result in results:
        synthesized.setdefault(split_of[result.stem], Counter()).update(result.synthetic)
    return Course(
        made=sum(result.samples for result in results) - reused,
        reused=reused,
        steps={name: round(seconds, 3) for name, seconds in clock.steps.items()},
        paces={
            name: TimeSpent(
                seconds=round(sum(result.seconds.get(name, 0.0) for result in results), 4),
                count=sum(result.counts.get(name, 0) for result in results),
            )
            for name in names
        },
        splits={
            split: replace(
                each,
                classes=dict(surveyed.split.report.get(split, {})),
                synthesized=dict(synthesized.get(split, {})),
            )
            for split, each in plan.origins.items()
        },
        findings=surveyed.findings,
        warnings=surveyed.warnings,
        source_sizes=tuple(_source_sizes(surveyed.records)),
    )


def _source_sizes(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """Yields the sizes of some images, as the fronts of their files say."""
    for record in records[:: max(1, -(-len(records) // _LOOKED_AT))]:
        if record.path is not None and not record.place:
            with contextlib.suppress(OSError, DataError), record.path.open("rb") as file:
                yield encoding.size(file.read(_FRONT_BYTES))


def finish(place: Store, plan: Plan) -> Path:
    """Gives a whole build its final name, which no other has; returns it."""
    finished = place.next_finished(plan.fingerprint)
    place.partial(plan.fingerprint).replace(finished)
    folders.sync_all([finished, place.builds])
    return finished


def read_whole(folder: Path, *, note: bool = False) -> Manifest | None:
    """Returns the manifest of a build that is as it was written and lost no sample to chance.

    None is of one that is not: it is made again, as far as it must be. A file is read only if its
    times say that somebody touched it: a build that has nothing to do reads no shard.

    Args:
      note: whether the times of sound files are noted, so that the next look is quick.
    """
    try:
        known, files = manifest.read(folder), Integrity.of(folder)
    except CacheError:
        return None
    if not known.reproducible or any(files.faults(known.files())):
        return None
    if note:
        files.note_states()
    return known


def was_written(partial: Path) -> bool:
    """Whether a build was interrupted when only its name was missing; every file of it is read."""
    try:
        known, sums = manifest.read(partial), store.read_sums(partial)
    except CacheError:
        return False
    return not any(Integrity(partial, sums).faults(known.files()))
