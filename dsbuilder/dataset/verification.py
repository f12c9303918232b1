"""Whether everything of a dataset is as it was built: every sum, count, key and label.

Checksums alone would say that nothing changed since; the rest also says that what was built is
consistent, whoever wrote it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from dsbuilder import targets
from dsbuilder.cache import ledger, quarantine, store
from dsbuilder.cache.codec import ShardReader, decoding
from dsbuilder.cache.integrity import Integrity
from dsbuilder.cache.ledger import Entry
from dsbuilder.cache.manifest import Shard
from dsbuilder.dataset.stored import StoredDataset
from dsbuilder.errors import CacheError
from dsbuilder.records import example
from dsbuilder.sample import Target

_MOST_OF_A_SHARD = 10


class Damage(NamedTuple):
    """Something that is wrong with a dataset.

    Attributes:
      text: what is wrong, in words.
      files: names of the files that have to be made again to repair it.
    """

    text: str
    files: tuple[str, ...]


def find_problems(dataset: StoredDataset) -> list[str]:
    """Returns what is wrong with a dataset, each in words; empty if nothing is."""
    return [problem.text for problem in examine(dataset)]


def examine(
    dataset: StoredDataset, on_progress: Callable[[int, int], None] = lambda done, of: None
) -> list[Damage]:
    """Returns all problems of a dataset, of which every file is read.

    Args:
      on_progress: called with samples looked at so far, and samples in all.
    """
    try:
        sums = store.read_sums(dataset.path)
    except CacheError as error:
        return [Damage(str(error), (store.SUMS,))]
    faults = Integrity(dataset.path, sums).faults(dataset.manifest.files())
    verification = _Verification(dataset, on_progress)
    return [
        *(Damage(fault.text, (fault.name,)) for fault in faults),
        *verification.problems(),
    ]


@dataclass
class _Verification:
    """One pass over all shards.

    Attributes:
      keys: name of the shard that each key lies in.
      roots: split that each record is used in.
      number, of: numbers of the samples as they are looked at, and how many there are.
    """

    dataset: StoredDataset
    on_progress: Callable[[int, int], None]
    keys: dict[str, str] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    number: Iterator[int] = field(default_factory=partial(count, 1))

    def __post_init__(self) -> None:
        self.of = len(self.dataset)

    def problems(self) -> Iterator[Damage]:
        for split in self.dataset.splits:
            for shard in self.dataset.shards(split):
                for text in _limited(self._shard(split, shard), shard):
                    yield Damage(text, self._names(shard))
        for text in self._quarantine():
            yield Damage(text, (store.QUARANTINE,))

    def _names(self, shard: Shard) -> tuple[str, ...]:
        return (*self.dataset.codec.files(shard.stem), ledger.file_name(shard.stem))

    def _quarantine(self) -> Iterator[str]:
        expected = self.dataset.manifest.quarantined
        try:
            found = len(quarantine.read(self.dataset.path))
        except CacheError as error:
            yield _short(error, self.dataset.path)
            return
        if found != expected:
            yield f"{store.QUARANTINE} holds {found} samples, the manifest says {expected}"

    def _shard(self, split: str, shard: Shard) -> Iterator[str]:
        if not all((self.dataset.path / name).is_file() for name in self._names(shard)):
            return  # said where checksums are compared
        try:
            entries = list(ledger.read(self.dataset.path / ledger.file_name(shard.stem)))
            reader = self.dataset.codec.open(self.dataset.path, shard.stem)
        except CacheError as error:
            yield _short(error, self.dataset.path)
            return
        yield from self._counts(shard, entries, reader)
        for entry in entries:
            yield from self._places(split, shard, entry)
        yield from self._samples(shard, entries, reader)

    def _counts(self, shard: Shard, entries: list[Entry], reader: ShardReader) -> Iterator[str]:
        where = shard.stem
        if len(entries) != shard.samples:
            yield f"{where}: the ledger has {len(entries)} samples, the manifest {shard.samples}"
        size = sum(entry.length for entry in entries)
        if size != shard.size_bytes:
            yield f"{where}: the ledger has {size} bytes, the manifest {shard.size_bytes}"
        try:
            held = reader.count()
        except CacheError as error:
            yield _short(error, self.dataset.path)
            return
        if held != len(entries):
            yield f"{where}: the shard holds {held} samples, the ledger {len(entries)}"

    def _places(self, split: str, shard: Shard, entry: Entry) -> Iterator[str]:
        """Yields keys that are there twice, and records that are used in two splits."""
        if entry.key in self.keys:
            yield f"'{entry.key}' lies in {self.keys[entry.key]} and again in {shard.stem}"
        self.keys[entry.key] = shard.stem
        for parent in entry.parents:
            known = self.roots.setdefault(parent, split)
            if known != split:
                yield f"'{entry.key}' of {split} is made of '{parent}' of {known}"

    def _samples(self, shard: Shard, entries: list[Entry], reader: ShardReader) -> Iterator[str]:
        classes: Counter[str] = Counter()
        unread = 0
        for entry in entries:
            self.on_progress(next(self.number), self.of)
            try:
                features = _features(reader, entry)
                yield from self._labels(features, entry, classes)
            except (CacheError, LookupError, ValueError) as error:
                yield f"'{entry.key}': {_short(error, self.dataset.path)}"
                unread += 1
        if not unread and classes != Counter(shard.classes):
            found, stated = dict(sorted(classes.items())), dict(shard.classes)
            yield f"{shard.stem}: the shard holds the classes {found}, the manifest says {stated}"

    def _labels(
        self, features: Mapping[str, Any], entry: Entry, classes: Counter[str]
    ) -> Iterator[str]:
        kinds = self.dataset.signature.targets
        with decoding():
            problems = [
                f"'{entry.key}': {name}: {problem}"
                for name, kind in kinds.items()
                if (problem := _label_problem(kind, name, features))
            ]
        yield from problems
        if not problems:
            values = self.dataset.codec.decode_targets(features)
            classes.update(targets.counted(kinds, values))


def _features(reader: ShardReader, entry: Entry) -> Mapping[str, Any]:
    payload = reader.read(entry.offset, entry.length)
    features = example.decode(payload)
    with decoding():
        key = features["key"][0].decode("utf-8", "replace") if features.get("key") else ""
    if key != entry.key or len(payload) != entry.length:
        raise CacheError(
            f"expected its {entry.length} bytes at {entry.offset}, found {len(payload)} of '{key}'"
        )
    return features


def _label_problem(kind: Target, name: str, features: Mapping[str, Any]) -> str | None:
    """Says what is wrong with a stored label; None if nothing is."""
    missing = [each for each in kind.features(name) if each not in features]
    if missing:
        return f"the feature '{missing[0]}' is missing"
    try:
        return kind.problem(name, features)
    except ValueError as error:
        return str(error)


def _limited(problems: Iterator[str], shard: Shard) -> Iterator[str]:
    """Yields the first problems of a shard and counts the others."""
    yield from islice(problems, _MOST_OF_A_SHARD)
    more = sum(1 for _ in problems)
    if more:
        yield f"{shard.stem}: {more} more of its samples have a problem"


def _short(error: Exception, folder: Path) -> str:
    """Returns an error without the folder, which is said once, and without what to do."""
    return (
        str(error).replace(f"{folder}/", "").removesuffix(" Build the dataset again.").rstrip(".")
    )
