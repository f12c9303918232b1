"""A few samples made for real, far from the output: what one costs in time and in bytes."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dsbuilder.builder.inventory import ShardStatus
from dsbuilder.builder.shard import ShardMaker
from dsbuilder.builder.task import Job, Located, Root, ShardContents, ShardResult, ShardTask
from dsbuilder.pipeline import Pipeline
from dsbuilder.seeding import rank

_SECONDS = 1.0
_MOST_ROOTS = 64


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a probe found.

    Attributes:
      samples: number of samples made.
      seconds: time they took, one after the other in one process.
      size_bytes: size of their files, the ledger included.
      quarantined: rows of those that could not be made.
      results: results of the shards that they were made as.
    """

    samples: int
    seconds: float
    size_bytes: int
    quarantined: Sequence[Mapping[str, str]]
    results: Sequence[ShardResult]


def probe(pipeline: Pipeline, found: Sequence[ShardStatus]) -> Probe | None:
    """Makes some of the samples that a build would make; None if there are none.

    The first is not counted: it pays for what is imported and set up once. Files go to a temporary
    folder, which is removed.

    Raises:
      DataError: a sample cannot be made and the pipeline says `on_error: stop`.
    """
    tasks = list(_chosen(found))
    if not tasks:
        return None
    with tempfile.TemporaryDirectory(prefix="dsbuilder-probe-") as name:
        job = Job(output=name, before=None, originals=None, planned_ns=time.time_ns())
        with ShardMaker(pipeline, job) as maker:
            return _tried(maker, tasks)


def _tried(maker: ShardMaker, tasks: Sequence[ShardTask]) -> Probe:
    first, rest = tasks[0], tasks[1:]
    started = time.monotonic()
    results = [maker.make(first, _nowhere)]
    each_s = max(time.monotonic() - started, 1e-6)
    if not rest:
        return _probe(results, each_s)
    started, results = time.monotonic(), []
    for task in rest[: max(1, int(_SECONDS / each_s))]:
        results.append(maker.make(task, _nowhere))
        if time.monotonic() - started > _SECONDS:
            break
    return _probe(results, time.monotonic() - started)


def _chosen(found: Sequence[ShardStatus]) -> Iterator[ShardTask]:
    """Yields tasks of one root each, drawn from all shards that need work."""
    missing = [each.task for each in found if each.to_make]
    every = [(root, task, records) for task in missing for root, records in _roots(task)]
    every.sort(key=lambda each: rank("probe", each[0].key))
    return (_alone(*each) for each in every[:_MOST_ROOTS])


def _roots(task: ShardTask) -> Iterator[tuple[Root, Mapping[str, Located]]]:
    roots, records = task.contents()
    return ((root, records) for root in roots if root.outputs)


def _alone(root: Root, task: ShardTask, records: Mapping[str, Located]) -> ShardTask:
    wanted = {root.key, *(key for output in root.outputs for key in output.partners)}
    own = ShardContents([root], {key: records[key] for key in sorted(wanted) if key in records})
    return ShardTask.of(own, split=task.split, stem=task.stem, fingerprint=task.fingerprint)


def _nowhere(root: int, output: int, done: int) -> None:
    """Is told where a shard is; no one asks."""


def _probe(results: Sequence[ShardResult], seconds: float) -> Probe:
    return Probe(
        samples=sum(result.samples for result in results),
        seconds=seconds,
        size_bytes=sum(sum(result.sizes.values()) for result in results),
        quarantined=[row for result in results for row in result.quarantined],
        results=results,
    )
