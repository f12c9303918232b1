"""The ledger: one line a sample, one file a shard, in the shard's order."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder import typed_json
from dsbuilder.errors import CacheError
from dsbuilder.paths import is_utf8

_LARGEST = (1 << 63) - 1
_FINGERPRINT = re.compile('"fingerprint":"([0-9a-f]+)"')
_PLACE = '"offset":'
"""Begins the end of a line: an entry's last fields are those of its place."""
_PLACED = re.compile(r'"offset":([0-9]{1,19}),"length":([0-9]{1,19})\}$')
_PLACES = re.compile(rb'"offset":([0-9]{1,18}),"length":([0-9]{1,18})\}\n')
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True)
class Applied:
    """One stage that was applied to a sample.

    Attributes:
      stage: its id.
      plugin, version: the plugin's name and its package's version.
      params: what it drew.
      lost: number of things lost of each target, by its name, where there are any.
    """

    stage: str
    plugin: str
    version: str
    params: dict[str, Any]
    lost: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values, without what is empty."""
        kept = {"stage": self.stage, "plugin": self.plugin, "version": self.version}
        return {**kept, "params": self.params, **({"lost": dict(self.lost)} if self.lost else {})}


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
      offset: place in the shard: a byte offset in a TFRecord file, a row of an array.
      length: length of the encoded sample, in bytes.
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


def line(entry: Entry) -> str:
    """Returns the line of an entry; equal entries give equal lines."""
    row = {**vars(entry), "stages": [applied.to_json() for applied in entry.stages]}
    return _ENCODER.encode(row)


def placed(line: str, *, offset: int, length: int) -> str:
    """Returns the line of a sample with another place in the shard."""
    return f'{line[: line.rindex(_PLACE)]}{_PLACE}{offset},"length":{length}}}'


def write(path: Path, lines: Iterable[str]) -> None:
    """Writes a shard's ledger."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{each}\n" for each in lines)


def read(path: Path) -> Iterator[Entry]:
    """Yields the entries of a shard's ledger.

    Raises:
      CacheError: the file is missing or damaged.
    """
    yield from _entries(path, enumerate(_lines(path), 1))


def first(path: Path, most: int) -> list[Entry]:
    """Returns the entries at the front of a shard's ledger; no more of the file is read.

    Shards are in the order of hashes, so these are any of its samples.

    Raises:
      CacheError: the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            rows = [line.removesuffix("\n") for line in itertools.islice(file, most)]
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, 0, error) from None
    return list(_entries(path, enumerate(rows, 1)))


def made_of(path: Path, keys: Collection[str]) -> list[Entry]:
    """Returns the entries of samples whose root is one of some records, in the shard's order.

    Raises:
      CacheError: the file is missing or damaged.
    """
    fronts = [f'"parents":[{json.dumps(key, ensure_ascii=False)}' for key in keys]
    rows = ((n, each) for n, each in enumerate(_lines(path), 1) if any(f in each for f in fronts))
    wanted = set(keys)
    return [entry for entry in _entries(path, rows) if wanted.intersection(entry.parents[:1])]


def lines(path: Path) -> dict[str, str]:
    """Returns the lines of a shard's samples by fingerprint, at a fraction of what `read` takes.

    Raises:
      CacheError: the file is missing or is no text.
    """
    found = {fingerprint_of(line): line for line in _lines(path)}
    found.pop("", None)
    return found


def place_of(line: str) -> tuple[int, int]:
    """Returns the offset and the length in a line.

    Raises:
      CacheError: there are none, or no file has such a place.
    """
    found = _PLACED.search(line)
    place = None if found is None else (int(found[1]), int(found[2]))
    if place is None or max(place) > _LARGEST:
        raise CacheError("expected a ledger entry with its place, found a damaged line.")
    return place


def places(path: Path) -> np.ndarray:
    """Returns the offset and the length of a shard's samples, int64 `(n, 2)`, in their order.

    They are found without parsing the lines, a million in a second or two.

    Raises:
      CacheError: the file is missing, or a line ends with no place.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise _unread(path, error) from None
    found = np.array(_PLACES.findall(text), "S19").reshape(-1, 2)
    if len(found) != len(text.split(b"\n")) - 1:
        raise _damaged(path, 0, ValueError("a line ends with no place"))
    return found.astype(np.int64)


def fingerprint_of(line: str) -> str:
    """Returns the fingerprint in a line; empty if there is none."""
    # Quotes within a text are escaped; a param of that name would stand before the sample's own.
    return next(reversed(_FINGERPRINT.findall(line)), "")


def lost(path: Path) -> dict[str, dict[str, int]]:
    """Returns what stages lost of a shard's samples, by stage and target.

    Raises:
      CacheError: the file is missing or damaged.
    """
    found: dict[str, Counter[str]] = {}
    rows = ((number, each) for number, each in enumerate(_lines(path), 1) if '"lost":' in each)
    for applied in (each for entry in _entries(path, rows) for each in entry.stages):
        if applied.lost:
            found.setdefault(applied.stage, Counter()).update(applied.lost)
    return {stage: dict(sorted(found[stage].items())) for stage in sorted(found)}


def search(path: Path, key: str) -> Iterator[Entry]:
    """Yields the entries that name a key as their own or as a parent's.

    Raises:
      CacheError: the file is missing or damaged.
    """
    name = json.dumps(key, ensure_ascii=False)
    lines = ((number, line) for number, line in enumerate(_lines(path), 1) if name in line)
    for entry in _entries(path, lines):
        if key == entry.key or key in entry.parents:
            yield entry


def _lines(path: Path) -> list[str]:
    try:
        # Only a newline ends a line: a key may hold what `splitlines` also takes for one.
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _unread(path, error) from None


def _unread(path: Path, error: Exception) -> CacheError:
    if isinstance(error, FileNotFoundError):
        return CacheError(f"{path}: the shard's ledger is missing. Build the dataset again.")
    return _damaged(path, 0, error)


def _entries(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[Entry]:
    for number, line in lines:
        try:
            if line:  # the one of an empty file
                yield _entry(typed_json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _damaged(path, number, error) from None


def _damaged(path: Path, line: int, error: Exception) -> CacheError:
    return CacheError(
        f"{path}:{line}: expected a ledger entry, found a damaged line ({error}). "
        "Build the dataset again."
    )


def _entry(row: dict[str, Any]) -> Entry:
    stages = tuple(Applied(**applied) for applied in row.pop("stages"))
    parents, source = tuple(row.pop("parents")), tuple(row.pop("source"))
    entry = Entry(stages=stages, parents=parents, source=source, **row)
    # By hand: a ledger has a line for each of a million samples.
    texts = [entry.key, entry.fingerprint, *parents, *source]
    for each in stages:
        texts += (each.stage, each.plugin, each.version)
        if type(each.params) is not dict:
            raise ValueError("params that are no mapping")
        if type(each.lost) is not dict or not all(type(n) is int for n in each.lost.values()):
            raise ValueError("losses that are no numbers")
    if not all(type(each) is str for each in texts) or not all(map(is_utf8, texts)):
        raise ValueError("what is no text in place of one")
    if type(entry.offset) is not int or type(entry.length) is not int:
        raise ValueError("a place that is no number")
    if type(entry.synthetic) is not bool or len(parents) != len(source):
        raise ValueError("parents without contents")
    if min(entry.offset, entry.length) < 0 or max(entry.offset, entry.length) > _LARGEST:
        raise ValueError("a place that no file has")
    return entry
