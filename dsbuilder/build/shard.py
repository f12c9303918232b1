"""One shard task: read, transform, encode, write; the one place that makes pixels for the cache.

Roots are taken in turn, so that an image is decoded once for all that derives from it. Encoded
samples go to a nameless temporary file, which is memory while they are few, and are then written in
the shard's order (the hash of each key), so memory does not grow with the shard.
"""

import json
import re
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from dsbuilder import targets
from dsbuilder.build.contents import hash_record
from dsbuilder.build.originals import Originals
from dsbuilder.build.task import Located, Output, Root, ShardResult, ShardTask
from dsbuilder.cache import fingerprint, ledger, store
from dsbuilder.cache.codec import Codec
from dsbuilder.cache.earlier import Earlier
from dsbuilder.cache.index import UNREADABLE
from dsbuilder.errors import DataError
from dsbuilder.formats import example
from dsbuilder.pipeline import Pipeline, Trace
from dsbuilder.plugin import Source
from dsbuilder.sample import Sample
from dsbuilder.seeding import rank

DONE = ".done.json"
_IN_MEMORY_BYTES = 2 << 20
_BUFFER = 1 << 16  # a read fills it whole, so it is not to be much larger than a sample
NO_ROOT = -1
"""Stands for the place of a worker that has made its samples and writes the shard."""
WHOLE_ROOT = -1
"""Stands for all outputs of a root where one of them is named by its place."""


class PartnerError(DataError):
    """A record that a sample is to be mixed with cannot be made."""


class SourceChangedError(DataError):
    """A file of the source changed while a build was at work."""


@dataclass
class _Spool:
    """Encoded samples in the order they were made, in a file that has no name."""

    file: IO[bytes]
    size: int = 0
    places: list[tuple[ledger.Entry, int, int]] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    reused: int = 0
    reproducible: bool = True

    def add(self, payload: bytes, entry: ledger.Entry) -> None:
        """Keeps a sample."""
        self.places.append((entry, self.size, len(payload)))
        self.file.write(payload)
        self.size += len(payload)

    def payloads(self) -> Iterator[bytes]:
        """Yields the samples in the order of `places`."""
        for _, offset, length in self.places:
            self.file.seek(offset)
            yield self.file.read(length)


def make(
    task: ShardTask,
    *,
    pipeline: Pipeline,
    codec: Codec,
    folder: Path,
    before: Path | None,
    planned_ns: int,
    originals: Path | None = None,
    at: Callable[[int, int, int], None],
) -> ShardResult:
    """Makes a shard and returns what became of it.

    The files appear under their names only when they are whole, the note that the shard is done
    last of all; a shard with that note is never made again.

    Args:
      before: the build before; samples of equal fingerprint are copied from it.
      planned_ns: when the plan began to look at the source; see `Job`.
      originals: where prepared originals are kept; None keeps none.
      at: called before each sample with its place (root, and output or `WHOLE_ROOT`) and the
        number of samples behind it.

    Raises:
      SourceChangedError: a file is no longer what was planned.
      DataError: a sample cannot be made and the pipeline says `on_error: stop`.
    """
    earlier = Earlier.open(codec, before, task.earlier) if before else Earlier()
    kept = Originals(originals, pipeline) if originals else None
    maker = _Maker(pipeline, codec, task, earlier, planned_ns, kept)
    with tempfile.SpooledTemporaryFile(
        max_size=_IN_MEMORY_BYTES, dir=str(folder), buffering=_BUFFER
    ) as file:
        spool = _Spool(file)
        done = 0
        for place, root in enumerate(task.roots):
            maker.make_root(place, spool, partial(_at, at, done))
            done += len(root.outputs)
        at(NO_ROOT, WHOLE_ROOT, done)
        return _write(task, spool, codec, folder)


def _at(at: Callable[[int, int, int], None], done: int, root: int, output: int) -> None:
    at(root, output, done + max(0, output))


def _write(task: ShardTask, spool: _Spool, codec: Codec, folder: Path) -> ShardResult:
    spool.places.sort(key=lambda place: rank("order", place[0].key))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".shard-") as name:
        temporary = Path(name)
        offsets = codec.write(temporary, task.stem, spool.payloads(), len(spool.places))
        entries = [
            replace(entry, offset=offset, length=length)
            for (entry, _, length), offset in zip(spool.places, offsets, strict=True)
        ]
        ledger.write(temporary / ledger.file_name(task.stem), entries)
        files = sorted(temporary.iterdir())
        sums = {path.name: store.sha256(path) for path in files}
        sizes = {path.name: path.stat().st_size for path in files}
        for path in files:
            path.replace(folder / path.name)
    result = ShardResult(
        stem=task.stem,
        samples=len(entries),
        size_bytes=spool.size,
        classes=dict(sorted(spool.classes.items())),
        fingerprint=task.fingerprint,
        sums=sums,
        sizes=sizes,
        quarantined=sorted(spool.quarantined, key=lambda row: row["key"]),
        reused=spool.reused,
        reproducible=spool.reproducible,
    )
    write_done(folder, result)
    return result


def write_done(folder: Path, result: ShardResult) -> None:
    """Notes that a shard is finished."""
    store.write_text(folder / f"{result.stem}{DONE}", json.dumps(asdict(result)))


def read_done(folder: Path, task: ShardTask) -> ShardResult | None:
    """Returns the result of a task that an earlier build finished, or None."""
    path = folder / f"{task.stem}{DONE}"
    try:
        result = ShardResult(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # no note, or one that was cut: the shard is made again
    whole = all((folder / name).is_file() for name in result.sums)
    if not whole or result.fingerprint != task.fingerprint:
        return None
    return replace(result, reused=result.samples)


class _Maker:
    """Makes the samples of one task."""

    def __init__(
        self,
        pipeline: Pipeline,
        codec: Codec,
        task: ShardTask,
        earlier: Earlier,
        planned_ns: int,
        originals: Originals | None,
    ) -> None:
        self._pipeline = pipeline
        self._codec = codec
        self._task = task
        self._earlier = earlier
        self._planned_ns = planned_ns
        self._originals = originals
        self._lost = {(lost.root, lost.output): lost.reason for lost in task.lost}
        self._stages = _stage_origins(pipeline)

    def make_root(self, place: int, spool: _Spool, at: Callable[[int, int], None]) -> None:
        """Copies or makes the outputs of one root; `at` is told before each."""
        root = self._task.roots[place]
        at(place, WHOLE_ROOT)
        outputs = [
            (index, output)
            for index, output in enumerate(root.outputs)
            if not self._copy(output, spool) and not self._is_lost(place, index, output, spool)
        ]
        if outputs:
            self._make(place, outputs, spool, at)

    def _is_lost(self, place: int, index: int, output: Output, spool: _Spool) -> bool:
        reason = self._lost.get((place, index)) or self._lost.get((place, WHOLE_ROOT))
        if reason is None:
            return False
        if self._pipeline.settings.build.on_error == "stop":
            raise DataError(
                f"{output.key}: expected a sample, found that its worker was lost: {reason}."
            )
        spool.quarantined.append({"key": output.key, "stage": "worker", "exception": reason})
        spool.reproducible = False
        return True

    def _copy(self, output: Output, spool: _Spool) -> bool:
        """Takes a sample over from the build before, if it is there."""
        found = self._earlier.take(output.fingerprint)
        if found is None:
            return False
        payload, entry = found
        spool.add(payload, entry)
        spool.reused += 1
        features, kinds = example.decode(payload), self._pipeline.signature.targets
        self._count({name: kind.decode(name, features) for name, kind in kinds.items()}, spool)
        return True

    def _make(
        self,
        place: int,
        outputs: Sequence[tuple[int, Output]],
        spool: _Spool,
        at: Callable[[int, int], None],
    ) -> None:
        root, trace = self._task.roots[place], Trace()
        at(place, WHOLE_ROOT)
        try:
            base = self._base(root, trace)
        except SourceChangedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a source or plugin raises is set aside
            for _, output in outputs:
                self._set_aside(output.key, trace, error, spool)
            return
        for index, output in outputs:
            at(place, index)
            own = Trace(at=trace.at, applied=list(trace.applied))
            try:
                sample = self._output(base, output, own)
                payload = self._codec.encode(sample)
            except SourceChangedError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                self._set_aside(output.key, own, error, spool)
                continue
            spool.add(payload, self._entry(root, output, own))
            self._count(sample.targets, spool)

    def _base(self, root: Root, trace: Trace) -> Sample:
        if root.synthesis is None:
            return self._original(root.key, trace)
        synthesis = self._pipeline.settings.synthesize[root.synthesis]
        return self._pipeline.synthesize(synthesis, root.key, self._task.split, trace)

    def _original(self, key: str, trace: Trace) -> Sample:
        located = self._task.records[key]
        source = self._pipeline.settings.source
        if source is None:
            raise DataError(f"{key}: expected a source to read from, found none.")
        originals = None if located.source == UNREADABLE else self._originals
        kept = originals.take(located, trace) if originals else None
        return kept or self._prepare(source, located, originals, trace)

    def _prepare(
        self, source: Source, located: Located, originals: Originals | None, trace: Trace
    ) -> Sample:
        try:
            decoded = self._pipeline.decode(located.record, source.read(located.record))
        finally:
            self._check_unchanged(source, located)
        sample = self._pipeline.prepare_decoded(decoded, trace)
        relabelled = sample.targets is not decoded.targets
        if originals and not originals.keep(located, sample, trace, relabelled=relabelled):
            self._originals = None  # the disk is full, say: it would fail for each that follows
        return sample

    def _check_unchanged(self, source: Source, located: Located) -> None:
        """Looks closer only at a file that was touched since the plan, as its time says."""
        record = located.record
        files = (*([] if record.path is None else [record.path]), *record.files)
        if not files or located.source == UNREADABLE:
            return
        try:
            touched_ns = max(file.stat().st_ctime_ns for file in files)
        except OSError:
            touched_ns = self._planned_ns
        if touched_ns >= self._planned_ns and hash_record(source, located.record) != located.source:
            raise SourceChangedError(
                f"{located.record.key}: expected the file as it was when the build was planned, "
                "found that it changed or vanished since. Build again; what is finished is kept."
            )

    def _partner(self, key: str) -> Sample:
        try:
            return self._original(key, Trace())
        except SourceChangedError:
            raise
        except Exception as error:
            raise PartnerError(f"the partner '{key}': {error}") from error

    def _output(self, base: Sample, output: Output, trace: Trace) -> Sample:
        sample = base
        if output.copy is not None:
            partners = [self._partner(key) for key in output.partners]
            sample = self._pipeline.vary(base, output.copy, partners, trace)
        return self._pipeline.finish(sample, trace)

    def _entry(self, root: Root, output: Output, trace: Trace) -> ledger.Entry:
        parents = () if root.synthesis is not None else (root.key, *output.partners)
        applied = (
            ledger.Applied(stage=stage, plugin=plugin, version=version, params=params)
            for stage, params in trace.applied
            for plugin, version in [self._stages[stage]]
        )
        return ledger.Entry(
            key=output.key,
            parents=parents,
            source=tuple(self._task.records[key].source for key in parents),
            stages=tuple(applied),
            fingerprint=output.fingerprint,
            synthetic=root.synthesis is not None,
        )

    def _count(self, values: Mapping[str, Any], spool: _Spool) -> None:
        for label in targets.counted(self._pipeline.signature.targets, values):
            spool.classes[label] = spool.classes.get(label, 0) + 1

    def _set_aside(self, key: str, trace: Trace, error: Exception, spool: _Spool) -> None:
        if self._pipeline.settings.build.on_error == "stop":
            notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", []))
            raise DataError(
                f"{key}: expected a sample, found an error at {trace.at}: "
                f"{type(error).__name__}: {str(error).rstrip('.')}. Repair or remove the "
                f"file, or set build.on_error to quarantine.{notes}"
            ) from error
        row = {"key": key, "stage": trace.at, "exception": self._described(error)}
        text = "".join(traceback.format_exception(error))
        spool.quarantined.append({**row, "traceback": text})

    def _described(self, error: Exception) -> str:
        """Says what happened without this machine's folders, so that equal builds are equal."""
        text = re.sub(r" at 0x[0-9a-f]+", "", f"{type(error).__name__}: {error}")
        for located in self._task.records.values():
            if located.record.path is not None:
                text = text.replace(str(located.record.path), located.record.key)
            for file in located.record.files:
                text = text.replace(str(file), file.name)
        return text.replace(str(self._pipeline.spec.document.folder), ".")


def _stage_origins(pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    """Returns (plugin name, version) by stage id."""
    registry = pipeline.spec.registry
    return {
        stage.id: (
            fingerprint.name_of(stage.plugin, registry),
            registry.plugin_of(type(stage.plugin)).origin.version,
        )
        for stage in pipeline.stages
    }
