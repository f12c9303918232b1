"""The ledger: one line a sample, one file a shard, in the shard's order."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.errors import CacheError


@dataclass(frozen=True, kw_only=True)
class Applied:
    """One stage that was applied to a sample.

    Attributes:
      stage: its id.
      plugin, version: the plugin's name and its package's version.
      params: what it drew.
    """

    stage: str
    plugin: str
    version: str
    params: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How one sample came to be, and where it lies.

    Attributes:
      key: the sample's.
      parents: keys of the source's records it was made of, the root first; none if synthesized.
      source: content hashes of the parents, in the same order.
      stages: what was applied, in order.
      fingerprint: hash of everything that determines the sample's bytes.
      synthetic: whether it was made from nothing.
      offset: in the shard: a byte offset in a TFRecord file, a row of an array.
      length: of the encoded sample, in bytes.
    """

    key: str
    parents: tuple[str, ...]
    source: tuple[str, ...]
    stages: tuple[Applied, ...]
    fingerprint: str
    synthetic: bool = False
    offset: int = 0
    length: int = 0


def file_name(stem: str) -> str:
    """Returns the name of a shard's ledger."""
    return f"{stem.replace('#', '-')}.ledger.jsonl"


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Writes a shard's ledger; equal entries give equal bytes."""
    with path.open("w", encoding="utf-8") as file:
        for entry in entries:
            row = {**vars(entry), "stages": [vars(applied) for applied in entry.stages]}
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def read(path: Path) -> Iterator[Entry]:
    """Yields the entries of a shard's ledger.

    Raises:
      CacheError: the file is missing or damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        message = f"{path}: expected a shard's ledger, found no file. Build the dataset again."
        raise CacheError(message) from None
    for number, line in enumerate(lines, 1):
        try:
            yield _entry(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            message = f"{path}:{number}: expected a ledger entry, found a damaged line ({error})."
            raise CacheError(f"{message} Build the dataset again.") from None


def _entry(row: dict[str, Any]) -> Entry:
    stages = tuple(Applied(**applied) for applied in row.pop("stages"))
    parents, source = tuple(row.pop("parents")), tuple(row.pop("source"))
    return Entry(stages=stages, parents=parents, source=source, **row)
