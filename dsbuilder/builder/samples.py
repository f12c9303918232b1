"""Roots to encoded samples: read, transform, encode; the one place that makes pixels for the cache.

Roots are taken in turn, so that an image is decoded once for all that derives from it.
"""

import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from dsbuilder import targets
from dsbuilder.builder.journal import Elsewhere, Journal
from dsbuilder.builder.originals import Originals
from dsbuilder.builder.task import Job, Located, Output, Root, ShardContents, ShardTask
from dsbuilder.cache import fingerprint, ledger
from dsbuilder.cache.codec import Codec, ShardReader
from dsbuilder.cache.index import UNREADABLE, hash_record
from dsbuilder.errors import CacheError, DataError
from dsbuilder.pipeline import AppliedStage, BrokenContractError, Pipeline, Stopwatch, Trace
from dsbuilder.plugin import Catalog
from dsbuilder.records import example
from dsbuilder.sample import Sample
from dsbuilder.targets.text import Text, time_steps


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """Some shards of an earlier build.

    Attributes:
      shards: open shards by stem.
      lines: (stem, line of the ledger) of their samples, by fingerprint.
      warn: called with a sentence on what is damaged.
    """

    shards: Mapping[str, ShardReader] = field(default_factory=dict)
    lines: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    warn: Callable[[str], None] = lambda text: None

    @classmethod
    def open(
        cls, codec: Codec, folder: Path, stems: Sequence[str], warn: Callable[[str], None]
    ) -> Self:
        """Opens shards of a finished build; one that is damaged counts as not there."""
        shards: dict[str, ShardReader] = {}
        lines: dict[str, tuple[str, str]] = {}
        for stem in stems:
            try:
                found = ledger.lines(folder / ledger.file_name(stem))
                shards[stem] = codec.open(folder, stem)
            except CacheError as error:
                warn(f"{error} Its samples are made again.")
                continue
            lines.update({fingerprint: (stem, line) for fingerprint, line in found.items()})
        return cls(shards=shards, lines=lines, warn=warn)

    def take(self, output: Output) -> tuple[bytes, Elsewhere] | None:
        """Returns the encoded sample of an output and where it lies, or None if it must be made."""
        stem, line = self.lines.get(output.fingerprint, (None, ""))
        if stem is None:
            return None
        try:
            found = Elsewhere(self.shards[stem], line, ledger.place_of(line))
            return found.read(), found
        except CacheError as error:
            self.warn(f"{error} The sample '{output.key}' is made again.")
            return None


READ, DECODE, ENCODE = "read", "decode", "encode"
"""What takes time beside the stages."""
WHOLE_ROOT = -1
"""Stands for all outputs of a root where one of them is named by its place."""


class PartnerError(DataError):
    """A record that a sample is to be mixed with cannot be made."""


class SourceChangedError(DataError):
    """A file of the source changed while a build was at work."""


class SampleMaker:
    """Makes the samples of one task into a journal.

    Args:
      pipeline, codec: how samples are made and encoded.
      catalog: where records are read from; None of a pipeline that only synthesizes.
      job: what the tasks of a build have in common.
      journal: where encoded samples wait.

    Attributes:
      classes, synthetic: number of samples by class, and of those that were synthesized.
      characters, longest: characters of texts and the most time steps of one, by target.
      quarantined: a row for each sample that could not be made.
      reused: number of samples that an earlier build had made.
      reproducible: whether nothing was lost to a dead worker or to time.
      warnings: what a user should know, sentences that say where.
      watch: time that each stage took, and reading, decoding and encoding.
    """

    def __init__(
        self,
        task: ShardTask,
        contents: ShardContents,
        *,
        pipeline: Pipeline,
        codec: Codec,
        catalog: Catalog | None,
        job: Job,
        journal: Journal,
    ) -> None:
        self._pipeline, self._codec, self._catalog = pipeline, codec, catalog
        self._task, self._journal = task, journal
        self._roots, self._records = contents
        self._planned_ns = job.planned_ns
        self.classes: dict[str, int] = {}
        self.synthetic: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self._texts = [n for n, k in pipeline.signature.targets.items() if isinstance(k, Text)]
        self.characters: dict[str, set[str]] = {name: set() for name in self._texts}
        self.longest = dict.fromkeys(self._texts, 0)
        self.quarantined: list[dict[str, str]] = []
        self.reused, self.reproducible = 0, True
        self.warnings: list[str] = []
        self.watch = Stopwatch()
        warn = self.warnings.append
        before = Path(job.before) if job.before else None
        self._earlier = (
            Earlier() if before is None else Earlier.open(codec, before, task.earlier, warn)
        )
        kept = Path(job.originals) if job.originals else None
        self._originals = Originals(kept, pipeline, warn) if kept is not None else None
        self._lost = {(lost.root, lost.output): lost.reason for lost in task.lost}
        self._stages = _stage_origins(pipeline)

    def make_root(self, place: int, at: Callable[[int, int], None]) -> None:
        """Copies or makes the outputs of one root; `at` is told before each."""
        root = self._roots[place]
        at(place, WHOLE_ROOT)
        outputs = [
            (index, output)
            for index, output in enumerate(root.outputs)
            if not self._copy(root, output) and not self._is_lost(place, index, output)
        ]
        if outputs:
            self._make(place, outputs, at)

    def _is_lost(self, place: int, index: int, output: Output) -> bool:
        reason = self._lost.get((place, index)) or self._lost.get((place, WHOLE_ROOT))
        if reason is None:
            return False
        if self._pipeline.settings.build.on_error == "stop":
            raise DataError(
                f"{output.key}: expected a sample, found that its worker was lost: {reason}."
            )
        self.quarantined.append({"key": output.key, "stage": "worker", "exception": reason})
        self.reproducible = False
        return True

    def _copy(self, root: Root, output: Output) -> bool:
        """Takes a sample over from an interrupted build or the one before, if it is there."""
        left = self._journal.recall(output.fingerprint, output.key)
        if left is not None:
            payload, is_of_this_build = left
            self.reused += not is_of_this_build
        else:
            found = self._earlier.take(output)
            if found is None:
                return False
            payload, lies = found
            self._journal.refer(output.key, lies)
            self.reused += 1
        features, kinds = example.decode(payload), self._pipeline.signature.targets
        self._count(root, {name: kind.decode(name, features) for name, kind in kinds.items()})
        return True

    def _make(
        self,
        place: int,
        outputs: Sequence[tuple[int, Output]],
        at: Callable[[int, int], None],
    ) -> None:
        root, trace = self._roots[place], Trace(watch=self.watch)
        at(place, WHOLE_ROOT)
        try:
            base = self._base(root, trace)
        except (SourceChangedError, BrokenContractError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a source or plugin raises is set aside
            for _, output in outputs:
                self._set_aside(output.key, trace, error)
            return
        for index, output in outputs:
            at(place, index)
            own = Trace(at=trace.at, applied=list(trace.applied), watch=self.watch)
            try:
                sample, since = self._output(base, output, own), time.perf_counter()
                payload = self._codec.encode(sample)
                self.watch.note(ENCODE, since)
            except (SourceChangedError, BrokenContractError):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                self._set_aside(output.key, own, error)
                continue
            self._journal.add(payload, self._entry(root, output, own.applied))
            self._count(root, sample.targets)

    def _base(self, root: Root, trace: Trace) -> Sample:
        if root.synthesis is None:
            return self._original(root.key, trace)
        synthesis = self._pipeline.settings.synthesize[root.synthesis]
        split, since = self._task.split, time.perf_counter()
        made = self._pipeline.synthesize(synthesis, root.key, split, trace, label=root.label)
        self.watch.note(synthesis.id, since)
        return made

    def _original(self, key: str, trace: Trace) -> Sample:
        located = self._records[key]
        catalog = self._catalog
        if catalog is None:
            raise DataError(f"{key}: there is no source to read from.")
        originals = None if located.source == UNREADABLE else self._originals
        kept = originals.take(located, trace) if originals else None
        return kept or self._prepare(catalog, located, originals, trace)

    def _prepare(
        self, catalog: Catalog, located: Located, originals: Originals | None, trace: Trace
    ) -> Sample:
        try:
            since = time.perf_counter()
            pixels = catalog.read(located.record)
            since = self.watch.note(READ, since)
            decoded = self._pipeline.decode(located.record, pixels)
            self.watch.note(DECODE, since)
        finally:
            self._check_unchanged(catalog, located)
        sample = self._pipeline.prepare_decoded(decoded, trace)
        relabeled = sample.targets is not decoded.targets
        if originals and not originals.keep(located, sample, trace, relabeled=relabeled):
            self._originals = None  # the disk is full, say: it would fail for each that follows
        return sample

    def _check_unchanged(self, catalog: Catalog, located: Located) -> None:
        """Looks closer only at a file that was touched since the plan, as its time says."""
        record = located.record
        files = (*([] if record.path is None else [record.path]), *record.files)
        if not files or located.source == UNREADABLE:
            return
        try:
            touched_ns = max(file.stat().st_ctime_ns for file in files)
        except OSError:
            touched_ns = self._planned_ns
        if (
            touched_ns >= self._planned_ns
            and hash_record(catalog, located.record) != located.source
        ):
            raise SourceChangedError(
                f"{located.record.key}: expected the file as it was when the build was planned, "
                "found that it changed or vanished since. Build again; what is finished is kept."
            )

    def _partner(self, key: str) -> Sample:
        try:
            return self._original(key, Trace(watch=self.watch))
        except (SourceChangedError, BrokenContractError):
            raise
        except Exception as error:
            raise PartnerError(f"the partner '{key}': {error}") from error

    def _output(self, base: Sample, output: Output, trace: Trace) -> Sample:
        sample = base
        if output.copy is not None:
            partners = [self._partner(key) for key in output.partners]
            sample = self._pipeline.vary(base, output.copy, partners, trace)
        return self._pipeline.finish(sample, trace)

    def _entry(self, root: Root, output: Output, applied: Sequence[AppliedStage]) -> ledger.Entry:
        synthetic = root.synthesis is not None
        parents = () if synthetic else (root.key, *output.partners)
        return ledger.Entry(
            key=output.key,
            parents=parents,
            source=tuple(self._records[key].source for key in parents),
            stages=tuple(map(self._applied, applied)),
            fingerprint=output.fingerprint,
            synthetic=synthetic,
        )

    def _applied(self, applied: AppliedStage) -> ledger.Applied:
        stage, params, lost = applied
        plugin, version = self._stages[stage]
        return ledger.Applied(stage=stage, plugin=plugin, version=version, params=params, lost=lost)

    def _count(self, root: Root, values: Mapping[str, Any]) -> None:
        classes, kinds = self.classes, self._pipeline.signature.targets
        self.held.update({n: kind.held(values[n]) for n, kind in kinds.items() if kind.loses})
        for label in targets.counted(self._pipeline.signature.targets, values):
            classes[label] = classes.get(label, 0) + 1
            self.synthetic[label] += root.synthesis is not None
        for name in self._texts:
            self.characters[name].update(values[name])
            self.longest[name] = max(self.longest[name], time_steps(values[name]))

    def _set_aside(self, key: str, trace: Trace, error: Exception) -> None:
        if self._pipeline.settings.build.on_error == "stop":
            notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", []))
            raise DataError(
                f"{key}: expected a sample, found an error at {trace.at}: "
                f"{type(error).__name__}: {str(error).rstrip('.')}. Repair or remove the "
                f"file, or set build.on_error to quarantine.{notes}"
            ) from error
        row = {"key": key, "stage": trace.at, "exception": self._described(error)}
        text = "".join(traceback.format_exception(error))
        self.quarantined.append({**row, "traceback": text})

    def _described(self, error: Exception) -> str:
        """Says what happened without this machine's folders, so that equal builds are equal."""
        text = re.sub(r" at 0x[0-9a-f]+", "", f"{type(error).__name__}: {error}")
        for located in self._records.values():
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
