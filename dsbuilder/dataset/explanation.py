"""How one sample came to be, from the dataset alone: no source is needed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dsbuilder.cache import ledger, quarantine
from dsbuilder.cache.codec import decoding
from dsbuilder.cache.manifest import Shard
from dsbuilder.dataset.stored import StoredDataset
from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.records import example

_MOST_KEYS = 20_000
"""Close matches are looked for among that many keys; it is a hint, and more would take seconds."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """How one sample came to be, and where it lies.

    Attributes:
      entry: line of the ledger about the sample.
      split, shard: split and shard that it lies in; the entry has its place within.
      files: files of the shard.
      targets: labels of the sample as text, by target name.
      derived: keys of the other samples that are made of the record of this key.
    """

    entry: ledger.Entry
    split: str
    shard: Shard
    files: tuple[str, ...]
    targets: Mapping[str, str]
    derived: tuple[str, ...]


def explain(dataset: StoredDataset, key: str) -> Explanation:
    """Returns how a sample came to be, and where it lies.

    Raises:
      DataError: there is no such sample; says what was set aside, and which keys are close.
    """
    found = {entry.key: (split, shard, entry) for split, shard, entry in _naming(dataset, key)}
    if key not in found:
        raise DataError(_unknown(dataset, key, list(found)))
    split, shard, entry = found[key]
    return Explanation(
        entry=entry,
        split=split,
        shard=shard,
        files=dataset.codec.files(shard.stem),
        targets=shown_targets(dataset, stored(dataset, shard, entry)),
        derived=tuple(sorted(set(found) - {key})),
    )


def stored(dataset: StoredDataset, shard: Shard, entry: ledger.Entry) -> bytes:
    """Returns the encoded sample of an entry.

    Raises:
      CacheError: the shard is missing, cut or corrupt.
    """
    return dataset.codec.open(dataset.path, shard.stem).read(entry.offset, entry.length)


def shown_targets(dataset: StoredDataset, payload: bytes) -> dict[str, str]:
    """Returns the labels of an encoded sample as text, by target name; its image stays encoded."""
    values = dataset.codec.decode_targets(example.decode(payload))
    with decoding():
        return {name: dataset.signature.targets[name].show(each) for name, each in values.items()}


def _naming(dataset: StoredDataset, key: str) -> Iterator[tuple[str, Shard, ledger.Entry]]:
    for split in dataset.splits:
        for shard in dataset.shards(split):
            for entry in ledger.search(dataset.path / ledger.file_name(shard.stem), key):
                yield split, shard, entry


def _unknown(dataset: StoredDataset, key: str, derived: list[str]) -> str:
    where = dataset.where
    for row in quarantine.read(dataset.path):
        if row["key"] == key:
            reason = f"{row['stage']}: {row['exception'].rstrip('.')}"
            return f"{where}: '{key}' was set aside ({reason}). Repair it and build again."
    if derived:
        shown = ", ".join(f"'{each}'" for each in sorted(derived)[:5])
        return (
            f"{where}: '{key}' is a record that is not stored itself. Ask for what is made of it: "
            f"{shown}{', ...' if len(derived) > 5 else ''}."
        )
    return f"{where}: no sample '{key}'.{did_you_mean(key, _likely(dataset, key))}"


def _likely(dataset: StoredDataset, key: str) -> list[str]:
    """Returns keys among which a mistyped one may be: of equal folder or name, else the first."""
    folder, _, name = key.rpartition("/")
    keys = [entry.key for split in dataset.splits for _, entry in dataset.entries(split)]
    near = [each for each in keys if each.startswith(f"{folder}/") or each.endswith(f"/{name}")]
    return (near or sorted(keys))[:_MOST_KEYS]
