"""The samples of a dataset page by page, those that fit a question.

Shards are looked through one after the other, as far as a page needs it and no further than `_MOST`
samples at a time, so that a million of them are browsed in the memory of one shard. Within a shard
all that was made of one record stands together, the record first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from dsbuilder import targets
from dsbuilder.cache import course, ledger
from dsbuilder.cache.codec import ShardReader
from dsbuilder.dataset.stored import StoredDataset
from dsbuilder.errors import CacheError, DataError, did_you_mean
from dsbuilder.records import example

Origin = Literal["all", "original", "variant", "synthetic"]

PAGE = 48
_MOST = 20_000


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which samples are asked for; what is empty asks for all.

    Attributes:
      split: name of the split.
      class_name: class that a label names, as counts call it.
      origin: whether records as they are, variants of them, or what has no record.
      stage: id of a stage that was applied.
      finding: inspector that found something in a record that the sample is made of.
      text: part of the key.
    """

    split: str = ""
    class_name: str = ""
    origin: Origin = "all"
    stage: str = ""
    finding: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A sample.

    Attributes:
      place: number in the order of all splits, one after the other.
      split: name of its split.
      entry: its entry in the ledger.
      payload: the sample as a shard holds it.
    """

    place: int
    split: str
    entry: ledger.Entry
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class PageOfSamples:
    """Samples that fit a question.

    Attributes:
      samples: samples of the page, in their order.
      following: place to go on at; None where there are no more.
      looked_at: number of samples that were looked at.
    """

    samples: tuple[Found, ...]
    following: int | None
    looked_at: int


class Browsing:
    """The samples of a dataset, by their places."""

    def __init__(self, dataset: StoredDataset) -> None:
        self.dataset = dataset
        self._shards = [
            (split, shard) for split in dataset.splits for shard in dataset.shards(split)
        ]
        self._findings = course.read_findings(dataset.path)
        self._entries = lru_cache(maxsize=2)(self._read_entries)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that samples are counted by, sorted."""
        return tuple(sorted({name for _, shard in self._shards for name in shard.classes}))

    @property
    def stages(self) -> tuple[str, ...]:
        """Ids of the stages that samples at the front of the shards went through, sorted."""
        folder = self.dataset.path
        fronts = (
            ledger.first(folder / ledger.file_name(shard.stem), PAGE)
            for _, shard in self._shards[:8]
        )
        return tuple(sorted({a.stage for front in fronts for each in front for a in each.stages}))

    @property
    def findings(self) -> tuple[str, ...]:
        """Names of the inspectors that found something."""
        return tuple(self._findings)

    def check(self, question: Question) -> None:
        """Raises a DataError where a question names what there is not."""
        if question.split:
            self.dataset.shards(question.split)
        known = {"origin": get_args(Origin), "finding": self.findings, "class_name": self.classes}
        for name, values in known.items():
            asked = getattr(question, name)
            if asked and asked not in values:
                what = name.removesuffix("_name")
                raise DataError(f"there is no {what} '{asked}'.{did_you_mean(asked, values)}")

    def page(self, question: Question, start: int = 0) -> PageOfSamples:
        """Returns the samples from a place on that fit a question, at most `PAGE`.

        Raises:
          DataError: the question names what there is not.
          CacheError: a shard is damaged.
        """
        self.check(question)
        found: list[Found] = []
        looked_at = 0
        for place, split, entry, reader in self._from(start, question.split):
            if len(found) == PAGE or looked_at == _MOST:
                return PageOfSamples(samples=tuple(found), following=place, looked_at=looked_at)
            looked_at += 1
            if self._fits(entry, question):
                payload = reader.read(entry.offset, entry.length)
                if not question.class_name or question.class_name in self.classes_of(payload):
                    found.append(Found(place=place, split=split, entry=entry, payload=payload))
        return PageOfSamples(samples=tuple(found), following=None, looked_at=looked_at)

    def at(self, place: int) -> Found:
        """Returns the sample at a place.

        Raises:
          DataError: there is none.
          CacheError: a shard is damaged.
        """
        for found, split, entry, reader in self._from(place, ""):
            payload = reader.read(entry.offset, entry.length)
            return Found(place=found, split=split, entry=entry, payload=payload)
        raise DataError(f"there is no sample number {place}: there are {len(self.dataset)}.")

    def related(self, entry: ledger.Entry) -> Iterator[Found]:
        """Yields what is stored of the records of a sample, and of their other variants."""
        wanted, place = {entry.key, *entry.parents}, 0
        for number, (split, shard) in enumerate(self._shards):
            path = self.dataset.path / ledger.file_name(shard.stem)
            named = {each.key for key in wanted for each in ledger.search(path, key)}
            for row, each in enumerate(self._entries(number) if named else ()):
                if each.key in named and each.key != entry.key:
                    payload = self._open(number).read(each.offset, each.length)
                    yield Found(place=place + row, split=split, entry=each, payload=payload)
            place += shard.samples

    def classes_of(self, payload: bytes) -> list[str]:
        """Returns the classes that a sample counts for."""
        values = self.dataset.codec.decode_targets(example.decode(payload))
        return list(targets.counted(self.dataset.signature.targets, values))

    def findings_of(self, entry: ledger.Entry) -> dict[str, str]:
        """Returns what inspectors found in the records of a sample, by the inspector."""
        found = {
            name: [keys.get(key) for key in entry.parents] for name, keys in self._findings.items()
        }
        texts = {name: "; ".join(filter(None, each)) for name, each in found.items()}
        return {name: text for name, text in texts.items() if text}

    def _fits(self, entry: ledger.Entry, question: Question) -> bool:
        return (
            question.text in entry.key
            and question.origin in ("all", origin_of(entry))
            and (not question.stage or any(each.stage == question.stage for each in entry.stages))
            and (not question.finding or question.finding in self.findings_of(entry))
        )

    def _from(self, start: int, split: str) -> Iterator[tuple[int, str, ledger.Entry, ShardReader]]:
        """Yields the samples from a place on, of one split or of all."""
        place = 0
        for number, (name, shard) in enumerate(self._shards):
            if place + shard.samples > start and split in ("", name):
                entries, reader = self._entries(number), self._open(number)
                for row in range(max(start - place, 0), len(entries)):
                    yield place + row, name, entries[row], reader
            place += shard.samples

    def _read_entries(self, number: int) -> list[ledger.Entry]:
        _, shard = self._shards[number]
        path = self.dataset.path / ledger.file_name(shard.stem)
        entries = list(ledger.read(path))
        if len(entries) != shard.samples:
            raise CacheError(
                f"{path}: expected {shard.samples} entries, found {len(entries)}. Build the "
                "dataset again."
            )
        first: dict[str, int] = {}
        for each in entries:
            first.setdefault(_root(each), len(first))
        return sorted(entries, key=lambda each: (first[_root(each)], each.key))

    def _open(self, number: int) -> ShardReader:
        return self.dataset.codec.open(self.dataset.path, self._shards[number][1].stem)


def _root(entry: ledger.Entry) -> str:
    """Returns the key of what a sample was made of, which sorts before those of its variants."""
    return entry.key.partition("//")[0]


def origin_of(entry: ledger.Entry) -> Origin:
    """Returns whether a sample is a record as it is, a variant, or has no record."""
    if not entry.parents:
        return "synthetic"
    return "original" if entry.key == entry.parents[0] else "variant"
