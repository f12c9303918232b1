"""Which samples two datasets differ in, and why.

Fingerprints say whether a sample differs. Why it does follows from comparing its records, and the
pipelines, plugins and packages that stood behind the two.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from dsbuilder.cache import quarantine
from dsbuilder.cache.codec import decoding
from dsbuilder.cache.manifest import StageDescription
from dsbuilder.dataset.causes import Causes, changed
from dsbuilder.dataset.stored import StoredDataset
from dsbuilder.records import example
from dsbuilder.sample import Signature, Target
from dsbuilder.targets import ClassLabel

Kind = Literal["added", "removed", "changed"]

KINDS: tuple[Kind, ...] = ("added", "removed", "changed")
_QUIET = ("name", "version", "source", "inspect", "stream", "train", "build")
"""What a pipeline may say otherwise without a sample being another."""


@dataclass(frozen=True, slots=True)
class SampleState:
    """What of one sample is compared.

    Attributes:
      split: the split that it is in.
      fingerprint: hash of everything that determines its bytes.
      parents, source: keys and content hashes of its records, the root first.
    """

    split: str
    fingerprint: str
    parents: tuple[str, ...]
    source: tuple[str, ...]


_Place = tuple[str, int, int]

Labels = Callable[[str], Mapping[str, str]]
"""Returns the labels of a record as text, by target name; empty where they are not known."""


@dataclass(frozen=True, kw_only=True)
class DatasetState:
    """What of a dataset, built or only planned, decides its samples: one side of a comparison.

    Attributes:
      resolved: the pipeline as plain data.
      stages: descriptions of stages by id, as in a manifest.
      packages: versions by package.
      signature: shape and targets of every sample.
      stored: options of how samples are stored: codec, image, quality.
      samples: samples by key.
      set_aside: reasons why a sample could not be made, by key.
      labels: function from the key of a record to its labels; see `Labels`.
    """

    resolved: Mapping[str, Any]
    stages: Mapping[str, StageDescription]
    packages: Mapping[str, str]
    signature: Signature
    stored: Mapping[str, Any]
    samples: Mapping[str, SampleState]
    set_aside: Mapping[str, str]
    labels: Labels

    @cached_property
    def split_of(self) -> Mapping[str, str]:
        """The split of every record that something is made of, by its key."""
        return {row.parents[0]: row.split for row in self.samples.values() if row.parents}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One sample that is not the same on both sides.

    Attributes:
      key: key of the sample.
      kind: `added`, `removed` or `changed`.
      before, after: split of the sample; None where it is not there.
      reasons: causes in words, at least one.
    """

    key: str
    kind: Kind
    before: str | None
    after: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What two datasets differ in.

    Attributes:
      changes: samples that are not the same, sorted by key.
      unchanged: number of samples that are the same.
      notes: other differences of the pipelines, which change no sample.
    """

    changes: Sequence[Change]
    unchanged: int
    notes: Sequence[str]

    def counts(self, kind: Kind) -> dict[str, int]:
        """Returns how many samples of a kind each split has; one that moved counts where it is."""
        return dict(Counter(str(c.after or c.before) for c in self.changes if c.kind == kind))

    def reasons(self) -> list[tuple[Kind, str, int]]:
        """Returns (kind, reason, samples) with the most frequent first, kind by kind."""
        counted = Counter((c.kind, reason) for c in self.changes for reason in c.reasons)
        rows = [(kind, reason, count) for (kind, reason), count in counted.items()]
        return sorted(rows, key=lambda row: (KINDS.index(row[0]), -row[2], row[1]))


def diff(before: StoredDataset, after: StoredDataset) -> Difference:
    """Returns which samples `after` has added, removed or changed, and why.

    Raises:
      CacheError: a file of one of them is missing or damaged.
    """
    return compare(state_of(before), state_of(after))


def state_of(dataset: StoredDataset) -> DatasetState:
    """Returns a dataset as a side.

    Raises:
      CacheError: a file of it is missing or damaged.
    """
    known = dataset.manifest
    rows: dict[str, SampleState] = {}
    places: dict[str, _Place] = {}
    for split in dataset.splits:
        for shard, entry in dataset.entries(split):
            rows[entry.key] = SampleState(split, entry.fingerprint, entry.parents, entry.source)
            if len(entry.parents) == 1:  # its labels are those of its record
                places[entry.parents[0]] = (shard.stem, entry.offset, entry.length)
    aside = quarantine.read(dataset.path)
    return DatasetState(
        resolved=dataset.pipeline.sections,
        stages=known.stages,
        packages=known.packages,
        signature=known.signature,
        stored={"codec": known.codec, "image": known.image, "quality": known.quality},
        samples=rows,
        set_aside={row["key"]: f"{row['stage']}: {row['exception']}" for row in aside},
        labels=lambda key: _labels(dataset, places.get(key)),
    )


def _labels(dataset: StoredDataset, place: _Place | None) -> Mapping[str, str]:
    if place is None:
        return {}
    stem, offset, length = place
    features = example.decode(dataset.codec.open(dataset.path, stem).read(offset, length))
    kinds = dataset.signature.targets.items()
    # In pixel coordinates two can look alike in words and differ all the same.
    with decoding():
        return {n: _label(kind, n, features) for n, kind in kinds if not kind.positional}


def _label(kind: Target, name: str, features: Mapping[str, Any]) -> str:
    if isinstance(kind, ClassLabel):  # also where it is soft: a record has one class
        return kind.names[int(features[name][0])]
    return kind.show(kind.decode(name, features))


def compare(before: DatasetState, after: DatasetState) -> Difference:
    """Returns what two sides differ in."""
    comparison = _Comparison(before, after)
    keys = sorted(before.samples.keys() | after.samples.keys())
    found = (comparison.change(key) for key in keys)
    changes = [each for each in found if each is not None]
    return Difference(
        changes=changes, unchanged=len(keys) - len(changes), notes=list(_notes(before, after))
    )


def _notes(before: DatasetState, after: DatasetState) -> Iterator[str]:
    for name in _QUIET:
        one, other = before.resolved.get(name), after.resolved.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from changed(f"{name}.", one, other)
        else:
            yield from changed("", {name: one}, {name: other})


@dataclass(frozen=True)
class _Comparison:
    before: DatasetState
    after: DatasetState

    @cached_property
    def _causes(self) -> Causes:
        return Causes(self.before, self.after)

    def change(self, key: str) -> Change | None:
        """Returns how a sample differs; None if it does not."""
        was, now = self.before.samples.get(key), self.after.samples.get(key)
        if was is None and now is not None:
            return _change(key, "added", None, now.split, self._why_only(key, now, added=True))
        if now is None and was is not None:
            return _change(key, "removed", was.split, None, self._why_only(key, was, added=False))
        if was is None or now is None or _equal(was, now):
            return None
        return _change(key, "changed", was.split, now.split, self._why_changed(key, was, now))

    def _why_changed(self, key: str, was: SampleState, now: SampleState) -> Iterator[str]:
        if was.split != now.split:
            yield from self._why_moved(key, was.split, now.split)
        if was.fingerprint != now.fingerprint:
            found = [*self._causes.of(key), *self._why_records(was, now)]
            yield from found or self._why_at_last(now)

    def _why_at_last(self, now: SampleState) -> Iterator[str]:
        """Yields what is left where nothing else says why.

        That is options of a source, which matter to one with a `read()` of its own, and targets
        that are not compared.
        """
        if not now.parents:
            return
        names = ", ".join(self.after.signature.positional)
        yield from self._causes.source
        if names and not self._causes.source:
            yield f"the {names} of {' or '.join(now.parents)} changed"

    def _why_records(self, was: SampleState, now: SampleState) -> Iterator[str]:
        """Yields how the records that a sample is made of differ."""
        hashes = dict(zip(was.parents, was.source, strict=True))
        for parent, source in zip(now.parents, now.source, strict=True):
            if hashes.get(parent, source) != source:
                yield f"the content of {parent} changed"
            yield from self._why_label(parent)
        yield from self._why_partners(was.parents[1:], now.parents[1:])

    def _why_label(self, record: str) -> Iterator[str]:
        yield from changed(
            f"{record}: ", self._known_labels(record, 0), self._known_labels(record, 1)
        )

    def _known_labels(self, record: str, side: int) -> Mapping[str, str]:
        """Returns the labels of a record where both sides know them."""
        known = [each.labels(record) for each in (self.before, self.after)]
        return {name: label for name, label in known[side].items() if name in known[1 - side]}

    def _why_partners(self, was: Sequence[str], now: Sequence[str]) -> Iterator[str]:
        for old, new in zip(was, now, strict=False):
            if old != new:
                yield f"mixed with {new} instead of {old}{self._why_partner(old, new)}"
        if not was and now:
            yield f"mixed with {', '.join(now)}, which it was not before"
        if was and not now:
            yield f"no longer mixed with {', '.join(was)}"

    def _why_partner(self, old: str, new: str) -> str:
        if old in self.after.set_aside:
            return ", which was set aside"
        if self.after.split_of.get(old) != "train":
            return ", which is no longer in train"
        if self.before.split_of.get(new) != "train":
            return f": {new} is new in train"
        return ""

    def _why_moved(self, key: str, was: str, now: str) -> Iterator[str]:
        yield f"moved from {was} to {now}"
        if key.startswith("/"):
            yield from self._causes.synthesis(key[1:].rpartition("/")[0])
            return
        found = self._causes.split
        yield from found or ["the split's boundary moved, since other records came or went"]

    def _why_only(self, key: str, row: SampleState, *, added: bool) -> Iterator[str]:
        """Yields why one side has a sample that the other has not."""
        other = self.before if added else self.after
        # An inspector sets a record aside, and with it all that would be made of it.
        aside = next((each for each in (key, *row.parents[:1]) if each in other.set_aside), None)
        is_there = other.split_of.get((*row.parents, key)[0]) is not None
        part = self._causes.options("split", "subset") if row.split == "train" else []
        if aside is not None:
            yield from self._why_set_aside(other.set_aside[aside], added=added)
        elif part and not is_there:
            yield from part
        elif not row.parents:
            yield from self._why_synthesized(key[1:].rpartition("/")[0], added=added)
        else:
            yield from self._why_root(row, other, added=added)

    def _why_set_aside(self, reason: str, *, added: bool) -> Iterator[str]:
        """Yields what set a sample aside; of an inspector, also how its options changed."""
        yield f"was set aside {'before' if added else 'now'}: {reason}"
        stage = reason.partition(":")[0]
        if stage.startswith("inspect/"):
            yield from self._causes.options("inspect", stage.removeprefix("inspect/"))

    def _why_synthesized(self, identity: str, *, added: bool) -> Iterator[str]:
        if self._causes.stage_added(identity):
            yield f"{identity} was added"
        elif self._causes.stage_removed(identity):
            yield f"{identity} was removed"
        else:
            yield from self._causes.synthesis(identity)
            yield from self._causes.balance

    def _why_root(self, row: SampleState, other: DatasetState, *, added: bool) -> Iterator[str]:
        root = row.parents[0]
        elsewhere = other.split_of.get(root)
        if elsewhere is None:
            yield self._why_in_source(added=added)
        elif elsewhere != row.split:
            was, now = (elsewhere, row.split) if added else (row.split, elsewhere)
            yield from self._why_moved(root, was, now)
        else:
            yield from self._causes.options("augment", "copies", "original")
            yield from self._causes.balance

    def _why_in_source(self, *, added: bool) -> str:
        """Returns why only one side has a record, which a list of keys may leave out."""
        was, now = (
            (each.resolved.get("build") or {}).get("exclude") for each in (self.before, self.after)
        )
        left_out = "no longer left out by build.exclude" if added else "left out by build.exclude"
        if was != now and (was if added else now) is not None:
            return left_out
        in_source = "new in the source" if added else "no longer in the source"
        # What the list said before is not kept.
        return in_source if now is None else f"{in_source}, or {left_out}"


def _equal(was: SampleState, now: SampleState) -> bool:
    return was.fingerprint == now.fingerprint and was.split == now.split


def _change(
    key: str, kind: Kind, before: str | None, after: str | None, reasons: Iterator[str]
) -> Change:
    found = tuple(dict.fromkeys(reasons)) or ("nothing that is recorded says why",)
    return Change(key=key, kind=kind, before=before, after=after, reasons=found)
