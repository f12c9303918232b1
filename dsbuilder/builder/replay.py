"""A sample of a built dataset made once more, and compared with what is stored, byte for byte.

`reopen` opens the pipeline that the dataset keeps, not the file as it may be by now, and its
source. Where its paths lead, and what the source called its targets, stands in the build's log.
"""

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder import targets
from dsbuilder.cache import build_log, fingerprint, ledger, store
from dsbuilder.cache.build_log import BuildLog
from dsbuilder.cache.index import hash_record
from dsbuilder.dataset import StoredDataset, explain
from dsbuilder.dataset.causes import changed, changed_plugins
from dsbuilder.dataset.explanation import stored
from dsbuilder.errors import CacheError, DataError, DsbuilderError, PluginError, option
from dsbuilder.pipeline import Pipeline, ReplayedStage, Trace, replay, resolve
from dsbuilder.pipelinefile import Spec
from dsbuilder.plugin import Catalog
from dsbuilder.sample import Record, Sample
from dsbuilder.trust import noted

_UNEXPLAINED = (
    "nothing that is recorded differs: the shard was altered, or a stage is not a pure function of "
    "the sample and its params"
)

_UNNEEDED = ("inspect", "stream", "train")
"""Sections that no cached sample depends on; what they name may be missing here."""


@dataclass(frozen=True, kw_only=True)
class Remade:
    """A sample that was made again.

    Attributes:
      original: the decoded record; None of what is synthesized.
      partners: prepared originals it was mixed with.
      steps: every stage that was applied.
      sample: what they came to.
      payload: the sample encoded as in a shard.
    """

    original: Sample | None
    partners: Sequence[Sample]
    steps: Sequence[ReplayedStage]
    sample: Sample
    payload: bytes


def reopen(
    dataset: StoredDataset, *, source: Path | None = None, plugins: Sequence[Path] = ()
) -> "Reopened":
    """Returns the pipeline and the source of a dataset as they are now.

    Args:
      source: where the source's files lie now; None takes where they lay when it was built.
      plugins: folders of plugins; those that the log of the build names are only told of.

    Raises:
      CacheError: the log of the build is lost, so that no one knows where the source lies.
      SpecError: the pipeline cannot be bound here, say because a plugin is missing.
      DataError: the source is not there.
    """
    log = build_log.read(dataset.path)
    spec = _bind(dataset, log, source, plugins)
    stated = log.targets if log is not None else None
    section = spec.settings.source
    catalog = None if section is None else section.open()
    if catalog is not None and stated is None:
        kinds = dict(catalog.targets)
    else:
        kinds = {name: targets.from_json(data) for name, data in (stated or {}).items()}
    pipeline = resolve(spec, None if catalog is None else kinds)
    return Reopened(dataset=dataset, pipeline=pipeline, opened=catalog)


def _bind(
    dataset: StoredDataset,
    log: BuildLog | None,
    source: Path | None,
    plugins: Sequence[Path],
) -> Spec:
    kept = dataset.pipeline.without(*_UNNEEDED)
    section = kept.sections.get("source")
    if log is None and source is None and section:
        raise CacheError(
            f"{dataset.where / store.LOG}: the log of the build, which says where the source "
            f"lies, is missing. Give {option('source')}."
        )
    if source is not None:
        kept = replace(kept, sections={**kept.sections, "source": _moved(section, source)})
    folder = Path(log.folder) if log is not None else Path.cwd()
    hint = noted(log.plugins) if log is not None else ""
    return replace(kept, folder=folder, plugins=tuple(plugins)).spec(hint=hint)


def _moved(section: Any, source: Path) -> dict[str, Any]:
    """Returns the source's options with another path."""
    if not isinstance(section, Mapping) or section.get("path") is None:
        problem = "the pipeline has no source"
        if section:
            problem = f"expected a source with the option 'path', found {section['use']}"
        raise DataError(f"{option(f'source {source}')}: {problem}. Leave it out.")
    return {**section, "path": str(source.absolute())}


@dataclass(frozen=True, kw_only=True)
class Reopened:
    """A dataset with the pipeline and the source it was made from.

    Attributes:
      dataset: the dataset.
      pipeline: pipeline of the dataset, with this machine's plugins and packages.
      opened: catalog of its source; None without one.
    """

    dataset: StoredDataset
    pipeline: Pipeline
    opened: Catalog | None

    @property
    def catalog(self) -> Catalog:
        """Where records are read from."""
        if self.opened is None:
            raise DataError("there is no source to read from.")
        return self.opened

    @cached_property
    def records(self) -> Mapping[str, Record]:
        """The records that the source has now, by key.

        Raises:
          DataError: it is not where it was.
        """
        try:
            return {record.key: record for record in self.catalog.records}
        except DataError as error:
            raise DataError(
                f"{error} {option('source')} says where the source lies now."
            ) from error

    def record(self, key: str) -> Record:
        """Returns a record.

        Raises:
          DataError: the source has it no more, or is itself gone.
        """
        if key not in self.records:
            raise DataError(
                f"{key}: expected this file in the source, found that it was moved or removed. "
                f"{option('source')} says where the source lies now."
            )
        return self.records[key]

    def remake(self, entry: ledger.Entry) -> Remade:
        """Makes a sample again from the params of its ledger entry; nothing is drawn.

        Raises:
          DataError: a record of it is gone or cannot be read.
          PluginError: a stage raised something.
        """
        original = self._decoded(entry.parents[0]) if entry.parents else None
        partners = [self._prepared(key) for key in entry.parents[1:]]
        applied = [(each.stage, each.params) for each in entry.stages]
        try:
            sample, steps = replay(
                self.pipeline, entry.key, applied, original=original, partners=partners
            )
        except DsbuilderError:
            raise
        except Exception as error:
            stage = next(iter(getattr(error, "__notes__", ())), "a stage")
            raise PluginError(
                f"{entry.key}: expected the sample once more, found {type(error).__name__} at "
                f"{stage}: {error}"
            ) from error
        return Remade(
            original=original,
            partners=partners,
            steps=steps,
            sample=sample,
            payload=self.dataset.codec.encode(sample),
        )

    def _decoded(self, key: str) -> Sample:
        record = self.record(key)
        return self.pipeline.decode(record, self._read(record))

    def _prepared(self, key: str) -> Sample:
        record = self.record(key)
        return self.pipeline.prepare(record, self._read(record), Trace())

    def _read(self, record: Record) -> Any:
        try:
            return self.catalog.read(record)
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(
                f"{record.key}: the file cannot be read ({reason}). "
                f"{option('source')} says where the source lies now."
            ) from error

    def differences(self, entry: ledger.Entry) -> Iterator[str]:
        """Yields what a sample's bytes depend on and what is not here as it was, in words."""
        yield from self._changed_sources(entry)
        yield from self._changed_labels(entry)
        for applied in entry.stages:
            yield from self._changed_plugin(applied.stage)
        known = self.dataset.manifest
        yield from changed("", known.packages, fingerprint.packages())
        yield from changed("", {"processor": known.machine}, {"processor": platform.machine()})
        was, now = str(known.signature), str(self.pipeline.signature)
        yield from changed("", {"signature": was}, {"signature": now})

    def _changed_sources(self, entry: ledger.Entry) -> Iterator[str]:
        for key, was in zip(entry.parents, entry.source, strict=True):
            record = self.records.get(key)
            if record is None:
                yield f"{key} is no longer in the source"
            elif hash_record(self.catalog, record) != was:
                yield f"the content of {key} changed"

    def _changed_labels(self, entry: ledger.Entry) -> Iterator[str]:
        if len(entry.parents) != 1 or entry.parents[0] not in self.records:
            return
        stored = explain(self.dataset, entry.key).targets
        raw = self.records[entry.parents[0]].targets
        for name, target in self.dataset.signature.targets.items():
            if target.positional:
                continue  # moved by stages: a record's is not what is stored
            features = target.encode(name, target.parse(raw[name]))
            now = target.show(target.decode(name, features))
            if now != stored[name]:
                yield f"{entry.parents[0]}: {name} {stored[name]} -> {now}"

    def _changed_plugin(self, identity: str) -> Iterator[str]:
        was = self.dataset.manifest.stages.get(identity)
        stage = next((each for each in self.pipeline.stages if each.id == identity), None)
        if was is None or stage is None:
            return
        now = fingerprint.describe(stage, self.pipeline.spec.registry)
        if now.fingerprint == was.fingerprint:
            return
        found = list(changed_plugins(was, now))
        yield from found or [f"{identity}: the files that its options name have changed"]


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a replay came to.

    Attributes:
      entry: the sample's line of the ledger.
      sample: the sample as it was made again.
      is_equal: whether its bytes are those that are stored.
      differences: what is not here as it was when it was built, in words; where bytes differ,
        there is at least one.
      largest_difference: between two pixel values of the images as they are stored; None if they
        differ in size.
    """

    entry: ledger.Entry
    sample: Sample
    is_equal: bool
    differences: Sequence[str]
    largest_difference: float | None


def replay_sample(
    dataset: StoredDataset,
    key: str,
    *,
    source: Path | None = None,
    plugins: Sequence[Path] = (),
) -> Replayed:
    """Makes a sample again from its recorded params and compares it with what is stored.

    Args:
      source: where the source's files lie now; None takes where they lay when it was built.
      plugins: folders of plugins.

    Raises:
      DataError: there is no such sample, or its record is gone or cannot be read.
      PluginError: a stage raised something.
      CacheError: the shard is damaged, or no one knows where the source lies.
      SpecError: the pipeline cannot be bound here.
    """
    explained = explain(dataset, key)
    reopened = reopen(dataset, source=source, plugins=plugins)
    return compare(reopened, explained.entry, stored(dataset, explained.shard, explained.entry))


def compare(reopened: Reopened, entry: ledger.Entry, payload: bytes) -> Replayed:
    """Makes the sample of an entry again and compares it with its stored bytes."""
    remade = reopened.remake(entry)
    is_equal = remade.payload == payload
    differences = list(reopened.differences(entry))
    return Replayed(
        entry=entry,
        sample=remade.sample,
        is_equal=is_equal,
        differences=differences if differences or is_equal else [_UNEXPLAINED],
        largest_difference=_largest(reopened.dataset, payload, remade.payload),
    )


def _largest(dataset: StoredDataset, one: bytes, other: bytes) -> float | None:
    first, second = dataset.codec.decode(one).image, dataset.codec.decode(other).image
    if first.shape != second.shape:
        return None
    return float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max(initial=0.0))
