"""Encoded samples of an earlier build, found by fingerprint: equal fingerprints, equal bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from dsbuilder.cache import ledger
from dsbuilder.cache.codec import Codec, ShardReader
from dsbuilder.errors import CacheError


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """Some shards of an earlier build.

    Attributes:
      shards: open shards by stem.
      entries: (stem, entry) of their samples, by fingerprint.
      warn: called with a sentence on what is damaged.
    """

    shards: Mapping[str, ShardReader] = field(default_factory=dict)
    entries: Mapping[str, tuple[str, ledger.Entry]] = field(default_factory=dict)
    warn: Callable[[str], None] = lambda text: None

    @classmethod
    def open(
        cls, codec: Codec, folder: Path, stems: Sequence[str], warn: Callable[[str], None]
    ) -> Self:
        """Opens shards of a finished build; one that is damaged counts as not there."""
        shards: dict[str, ShardReader] = {}
        entries: dict[str, tuple[str, ledger.Entry]] = {}
        for stem in stems:
            try:
                rows = list(ledger.read(folder / ledger.file_name(stem)))
                shards[stem] = codec.open(folder, stem)
            except CacheError as error:
                warn(f"{error} Its samples are made again.")
                continue
            entries.update({entry.fingerprint: (stem, entry) for entry in rows})
        return cls(shards=shards, entries=entries, warn=warn)

    def take(self, fingerprint: str) -> tuple[bytes, ledger.Entry] | None:
        """Returns the encoded sample of a fingerprint and its entry, or None if it must be made."""
        found = self.entries.get(fingerprint)
        if found is None:
            return None
        stem, entry = found
        try:
            return self.shards[stem].read(entry.offset, entry.length), entry
        except CacheError as error:
            self.warn(f"{error} The sample '{entry.key}' is made again.")
            return None
