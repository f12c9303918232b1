"""Builds a dataset: survey, plan, make the shards that are missing, publish."""

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsbuilder import memory, targets
from dsbuilder.builder import originals
from dsbuilder.builder.engines import Engine
from dsbuilder.builder.engines.in_process import InProcess
from dsbuilder.builder.engines.pool import ALBUMENTATIONS, Pool
from dsbuilder.builder.inspecting import inspected
from dsbuilder.builder.inventory import Inventory, open_previous, take_inventory
from dsbuilder.builder.plan import Plan, make_plan
from dsbuilder.builder.publish import (
    Clock,
    finish,
    note_place,
    read_whole,
    was_written,
    write_dataset,
)
from dsbuilder.builder.samples import PartnerError
from dsbuilder.builder.shard import is_half_written, make_codec
from dsbuilder.builder.survey import Survey, check_unread, find_plugins, survey
from dsbuilder.builder.task import Job, ShardResult, ShardTask
from dsbuilder.builder.up_to_date import Request, find_up_to_date, record_inputs
from dsbuilder.cache import folders, manifest, quarantine
from dsbuilder.cache.index import hash_records
from dsbuilder.cache.manifest import Manifest
from dsbuilder.cache.store import Store
from dsbuilder.errors import CacheError, DataError, carrying, option
from dsbuilder.memory import uncollected
from dsbuilder.pipelinefile import load_document
from dsbuilder.pipelinefile.document import YamlDocument, read
from dsbuilder.pipelinefile.preset import overridden
from dsbuilder.workers import cores

SAMPLE_TIMEOUT_S = 120.0
_FEW = 32

Progress = Callable[[int, int], None]
"""Called with (samples made or reused so far, samples in all); before that, while the pipeline's
inspectors look, with records."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build came to.

    Attributes:
      path: path of the dataset, by its version's link.
      manifest: manifest of the dataset.
      made, reused: number of samples that were made, and that earlier builds had made.
      is_new: whether it was made now; else it stood already, and nothing was to be done.
      quarantined: rows of samples that could not be made: key, stage, exception.
      warnings: what a user should know, sentences that say where; what concerns the data is told
        at every build, also where there is nothing to do.
    """

    path: Path
    manifest: Manifest
    made: int
    reused: int
    quarantined: Sequence[dict[str, str]]
    warnings: Sequence[str]
    is_new: bool = False


def build_dataset(
    pipeline: Path | str,
    out: Path | str,
    *,
    workers: int | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] | None = None,
    rehash: bool = False,
    sample_timeout_s: float = SAMPLE_TIMEOUT_S,
    on_progress: Progress = lambda made, of: None,
    engine: Engine | None = None,
) -> Built:
    """Builds the dataset of a pipeline file into `<out>/<name>/<version>`.

    The dataset appears whole or not at all; a build that is interrupted goes on where it stopped.
    Same inputs give the same bytes, on any number of workers.

    Args:
      workers: processes that make shards; None takes the cores of this machine, 0 makes them in
        this process, where a plugin that crashes takes the build along.
      overrides: `key=value` assignments, as `--set` takes them.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.
      rehash: reads every source file again, whatever the stat index says.
      sample_timeout_s: how long one sample may take before it is set aside; not with 0 workers.
      on_progress: see `Progress`.
      engine: makes the shards, whatever `workers` says; see `engines/`. It is left open.

    Raises:
      SpecError: the pipeline is wrong.
      DataError: the source is, or more samples fail than the pipeline allows.
      CacheError: the output cannot be written, or another build is at work there.

    What is raised carries the warnings until then.
    """
    request = Request.of(Path(pipeline), Path(out), overrides, plugins)
    known = None if rehash else find_up_to_date(request)
    if known is not None:
        return _built(known.path, known.build, known.manifest, known.warnings)
    how = _Execution(workers, sample_timeout_s, on_progress, engine)
    document = overridden(read(Path(pipeline)), overrides)
    with how.start_early(document, Path(out)) as early:
        with uncollected():
            registry = find_plugins(Path(pipeline), plugins)
            spec = load_document(document, registry, of_file=True)
            surveyed = survey(spec, rehash=rehash)
        how.clock.lap("survey")
        store = Store(Path(out).absolute() / surveyed.pipeline.settings.name)
        with carrying(surveyed.warnings):
            check_unread(surveyed)
            surveyed = inspected(
                surveyed,
                store,
                workers=how.count,
                sample_timeout_s=sample_timeout_s,
                on_progress=on_progress,
                rehash=rehash,
            )
        how.clock.lap("inspect")
        _check_not_empty(surveyed)
        if early is not None:
            early.prepare(surveyed.pipeline)
        try:
            with store.locked(), _frozen_heap(), carrying(surveyed.warnings):
                built = _build(surveyed, store, how, early, rehash=rehash)
                record_inputs(request, surveyed, store, built.manifest, how.clock.started_ns)
                return built
        except OSError as error:
            raise _cannot_write(Path(out), error) from error


def build_surveyed(surveyed: Survey, out: Path) -> Built:
    """Builds what is surveyed in this process, into `<out>/<name>/<version>`; inspects nothing.

    Raises:
      DataError: there are no records, or more samples fail than the pipeline allows.
      CacheError: the output cannot be written.
    """
    _check_not_empty(surveyed)
    store = Store(out.absolute() / surveyed.pipeline.settings.name)
    how = _Execution(0, SAMPLE_TIMEOUT_S, lambda made, of: None)
    try:
        with store.locked(), carrying(surveyed.warnings):
            return _build(surveyed, store, how, None, rehash=False)
    except OSError as error:
        raise _cannot_write(out, error) from error


def _built(
    path: Path,
    build: Path,
    known: Manifest,
    warnings: Sequence[str],
    results: "_Results | None" = None,
    *,
    is_new: bool = False,
) -> Built:
    """Returns what a build came to; without results, no sample was left to be made."""
    made = results.made if results else 0
    samples = sum(shard.samples for shards in known.splits.values() for shard in shards)
    rows = quarantine.read(build)
    return Built(
        path=path,
        manifest=known,
        made=made,
        reused=samples - made,
        quarantined=rows,
        warnings=[*warnings, *(results.warnings if results else ())],
        is_new=is_new,
    )


def _build(
    surveyed: Survey, store: Store, how: "_Execution", early: Engine | None, *, rehash: bool
) -> Built:
    settings = surveyed.pipeline.settings
    plan = _plan(surveyed, store, rehash=rehash)
    how.clock.lap("plan")
    published, results = store.finished(plan.fingerprint), None
    known = read_whole(published)
    is_new = known is None
    if known is not None:
        note_place(published, surveyed, how.clock)
    else:
        results = _make_dataset(surveyed, plan, store, how, early)
        published = finish(store, plan)
        known = manifest.read(published)
        originals.tidy(store.prepared, surveyed.pipeline, plan.shards)
    path = store.point(settings.version, published)
    warnings = [*surveyed.warnings, *_unbalanced(plan, known)]
    return _built(path, published, known, warnings, results, is_new=is_new)


def _unbalanced(plan: Plan, known: Manifest) -> Iterator[str]:
    """Yields what to warn of where classes are not as balanced as they were planned."""
    if plan.balance is not None:
        kinds, counted = known.signature.targets, known.class_counts("train")
        yield from plan.balance.shortfalls(targets.counts_of(plan.balance.target, kinds, counted))


def _check_not_empty(surveyed: Survey) -> None:
    if not surveyed.records and not surveyed.pipeline.settings.synthesize:
        raise DataError("source: no records. Check the source's path.")


def _plan(surveyed: Survey, store: Store, *, rehash: bool) -> Plan:
    with uncollected():
        hashes = hash_records(surveyed.catalog, surveyed.records, store.index, rehash=rehash)
        return make_plan(
            surveyed.pipeline,
            surveyed.records,
            surveyed.split,
            hashes,
            set_aside=surveyed.set_aside,
        )


@contextlib.contextmanager
def _frozen_heap() -> Iterator[None]:
    """Lets the garbage collector pass over all that is there already: imports, records, plugins."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True)
class _Execution:
    """How a caller wants shards to be made."""

    workers: int | None
    sample_timeout_s: float
    on_progress: Progress
    given: Engine | None = None
    clock: Clock = field(default_factory=Clock)

    @property
    def count(self) -> int:
        """How many worker processes."""
        return cores() if self.workers is None else self.workers

    @contextlib.contextmanager
    def start_early(self, document: YamlDocument, out: Path) -> Iterator[Engine | None]:
        """Starts workers while the pipeline is still being bound, where that saves time.

        Their imports take as long as the planning, which goes on meanwhile on another core. Where a
        dataset stands already, little may be left to make, for which this process is enough; unless
        it had to import albumentations for that, which a worker begins at once.

        An engine that was given has started already.
        """
        said = document.root.plain()
        if self.given is not None or self.count == 0 or not isinstance(said, dict):
            yield self.given
            return
        is_first = not Store(out / str(said.get("name"))).builds.exists()
        named = "A." in str(said)
        if is_first or (named and "albumentations" not in sys.modules and cores() > 1):
            with self._pool([ALBUMENTATIONS] if named else ["cv2"]) as pool:
                yield pool
        else:
            yield None

    @contextlib.contextmanager
    def engine(self, surveyed: Survey, stock: Inventory, early: Engine | None) -> Iterator[Engine]:
        """Chooses where shards are made: for a few samples, starting workers costs more."""
        few = stock.to_make <= _FEW and stock.finished
        if self.given is None and (self.count == 0 or not stock.missing or (few and early is None)):
            yield InProcess(surveyed.pipeline)
        elif early is not None:
            yield early
        else:
            with self._pool() as pool:
                pool.prepare(surveyed.pipeline)
                yield pool

    def _pool(self, modules: Sequence[str] = ()) -> Pool:
        return Pool(workers=self.count, sample_timeout_s=self.sample_timeout_s, modules=modules)


@dataclass
class _Results:
    """Results as they come in.

    Attributes:
      all: results of all shards so far.
      of_previous: warnings on the build before.
    """

    all: list[ShardResult]
    of_previous: Sequence[str] = ()

    @property
    def reused(self) -> int:
        return sum(result.reused for result in self.all)

    @property
    def made(self) -> int:
        return sum(result.samples for result in self.all) - self.reused

    @property
    def quarantined(self) -> list[dict[str, str]]:
        return [dict(row) for result in self.all for row in result.quarantined]

    @property
    def warnings(self) -> list[str]:
        found = (text for result in self.all for text in result.warnings)
        return list(dict.fromkeys((*self.of_previous, *found)))


def _make_dataset(
    surveyed: Survey, plan: Plan, store: Store, how: _Execution, early: Engine | None
) -> _Results | None:
    """Makes all of a dataset but its name; returns None if an interrupted build had done so."""
    partial = store.partial(plan.fingerprint)
    folders.make(partial)
    if was_written(partial):
        return None
    results = _make_shards(surveyed, plan, store, how, early)
    how.clock.lap("make")
    write_dataset(partial, surveyed=surveyed, plan=plan, results=results.all, clock=how.clock)
    return results


def _make_shards(
    surveyed: Survey, plan: Plan, store: Store, how: _Execution, early: Engine | None
) -> _Results:
    """Makes what neither an interrupted nor the published build holds."""
    memory.give_back()  # what planning has freed, before workers need theirs
    folder = store.partial(plan.fingerprint)
    left = {each.name for each in folder.iterdir()}
    folders.sweep(folder, keep={name for name in left if not is_half_written(name)})
    previous = open_previous(store.latest(surveyed.pipeline.settings.version))
    stock = take_inventory(plan, make_codec(surveyed.pipeline), previous=previous, folder=folder)
    results = _Results(list(stock.finished), previous.warnings if previous else ())
    total = sum(plan.samples.values())
    count = total - sum(task.samples for task in stock.missing)

    def report(samples: int) -> None:
        nonlocal count
        count += samples
        how.on_progress(count, total)

    report(0)
    limit = _Limit(surveyed)
    keeps = surveyed.pipeline.settings.build.keep_prepared
    job = Job(
        output=str(folder),
        before=str(previous.path) if previous else None,
        originals=str(store.prepared) if keeps else None,
        planned_ns=how.clock.started_ns,
    )
    with how.engine(surveyed, stock, early) as engine:
        for result in _run(engine, job, stock.missing, report):
            results.all.append(result)
            limit.check(results.quarantined)
    limit.check(results.quarantined)
    if not any(result.samples for result in results.all):
        raise DataError("no sample can be made. Repair the records.")
    return results


def _run(
    engine: Engine, job: Job, tasks: Sequence[ShardTask], report: Callable[[int], None]
) -> Iterator[ShardResult]:
    try:
        yield from engine.run(job, tasks, report)
    except OSError as error:
        raise _cannot_write(Path(job.output), error) from error


def _cannot_write(folder: Path, error: OSError) -> CacheError:
    reason = error.strerror or str(error)
    return CacheError(
        f"{folder}: expected to write a dataset, found that it fails ({reason}). "
        f"Make room or choose another {option('out')}; finished shards are kept."
    )


@dataclass
class _Limit:
    """How many samples may be set aside."""

    surveyed: Survey

    @property
    def total(self) -> int:
        """Records, and samples that are synthesized."""
        synthesized = sum(each.count for each in self.surveyed.pipeline.settings.synthesize)
        return len(self.surveyed.records) + len(self.surveyed.set_aside) + synthesized

    def check(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Raises a DataError when more were set aside than the pipeline allows.

        What the survey set aside counts with what could not be made.
        """
        options = self.surveyed.pipeline.settings.build
        stated = options.max_quarantined
        if rows and options.on_error == "stop":
            # A build before may have set it aside; one that is made now stops by itself.
            raise DataError(
                f"{rows[0]['key']}: expected a sample, found that it cannot be made: "
                f"{rows[0]['stage']}: {rows[0]['exception'].rstrip('.')}. Repair or remove the "
                "file, or set build.on_error to quarantine."
            )
        # A sample that only lost its partner is no record that cannot be made.
        failed = [row for row in rows if not row["exception"].startswith(PartnerError.__name__)]
        failed += self.surveyed.set_aside if failed else ()
        roots = {row["key"].partition("//")[0] for row in failed}
        if len(roots) > (stated if stated >= 1 else stated * self.total):
            first = failed[0]
            raise DataError(
                f"{len(roots)} of {self.total} records cannot be made: expected at "
                f"most {stated:g} (build.max_quarantined), found the first: {first['key']}: "
                f"{first['stage']}: {first['exception'].rstrip('.')}. Repair them or allow more."
            )
