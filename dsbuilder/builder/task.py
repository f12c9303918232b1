"""What crosses a process boundary: a job and shard tasks, as JSON; never pixels or plugins.

A worker binds the pipeline for itself, gets one `Job`, and then makes the shards it is given. A
task says everything about one shard, so any engine can run it anywhere.
"""

import base64
import itertools
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, Self

from dsbuilder.sample import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """One sample that a shard shall hold.

    Attributes:
      key: the sample's.
      copy: number of the variant; None for an original or a synthesized sample.
      partners: keys of the records it is mixed with.
      fingerprint: fingerprint of its bytes.
    """

    key: str
    copy: int | None
    partners: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """One record or synthesized sample and everything that is made of it.

    Attributes:
      key: the root key.
      synthesis: place in `synthesize`; None for a record.
      outputs: what is made of it for this shard.
      label: class that a synthesized sample shall have; None takes any.
    """

    key: str
    synthesis: int | None
    outputs: tuple[Output, ...]
    label: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """A record as a task carries it, with the content hash that the plan saw."""

    record: Record
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """What of a task is set aside because its process did not survive it.

    Attributes:
      root: place in the task's roots.
      output: place in the root's outputs; -1 for all of them.
      reason: what happened.
    """

    root: int
    output: int
    reason: str


_ROWS = 256


class ShardContents(NamedTuple):
    """What a shard is made of.

    Attributes:
      roots: the roots in the order in which they are taken.
      records: the records of the roots and of their partners, by key.
    """

    roots: Sequence[Root]
    records: Mapping[str, Located]


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """One shard to make.

    A plan holds every task of a build to its end, so what a shard is made of is kept packed: a
    tenth of what its objects take.

    Attributes:
      split, stem: name of the split, and of the shard's files without their extensions.
      samples: number of samples planned.
      packed: what it is made of, as lines of JSON, compressed where that is much; see `contents`.
      fingerprint: fingerprint of all its samples together.
      earlier: shards of the build before that may hold some of its samples.
      lost: what is not to be tried again.
    """

    split: str
    stem: str
    samples: int
    packed: bytes = field(repr=False)
    fingerprint: str
    earlier: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()

    @classmethod
    def of(cls, contents: ShardContents, *, split: str, stem: str, fingerprint: str) -> Self:
        """Returns the task to make a shard of some contents."""
        return cls(
            split=split,
            stem=stem,
            samples=sum(len(root.outputs) for root in contents.roots),
            packed=_packed(contents),
            fingerprint=fingerprint,
        )

    def contents(self) -> ShardContents:
        """Returns what the shard is made of, unpacked anew with every call."""
        roots: list[Root] = []
        records: dict[str, Located] = {}
        for line in _lines(self.packed):
            root_rows, record_rows = json.loads(line.decode("utf-8", "surrogatepass"))
            roots += map(_root_from_json, root_rows)
            records.update((each.record.key, each) for each in map(_record_from_json, record_rows))
        return ShardContents(roots, records)

    @property
    def name(self) -> str:
        """How errors call the shard."""
        return self.stem.replace("#", "-")

    def without(self, item: int, part: int, reason: str) -> Self:
        """Returns the task without a root, or one output of it."""
        return replace(self, lost=(*self.lost, Lost(root=item, output=part, reason=reason)))

    def to_json(self) -> dict[str, Any]:
        """Returns the task as JSON values."""
        return {**asdict(self), "packed": base64.b64encode(self.packed).decode()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Returns the task that `to_json` described."""
        return cls(
            split=data["split"],
            stem=data["stem"],
            samples=data["samples"],
            packed=base64.b64decode(data["packed"]),
            fingerprint=data["fingerprint"],
            earlier=tuple(data["earlier"]),
            lost=tuple(Lost(**each) for each in data["lost"]),
        )


def _packed(contents: ShardContents) -> bytes:
    """Returns contents as lines of JSON, each of a few rows, so that no large text is in between.

    One line alone stays as it is; more are compressed.
    """
    lines = _written(contents)
    first, second = next(lines, b"[[],[]]"), next(lines, None)
    if second is None:
        return first
    squeezing = zlib.compressobj(level=1)
    parts = [squeezing.compress(line) for line in itertools.chain((first, second), lines)]
    return b"".join((*parts, squeezing.flush()))


def _written(contents: ShardContents) -> Iterator[bytes]:
    roots, records = iter(contents.roots), iter(contents.records.values())
    while any(
        rows := (
            [_root_to_json(root) for root in itertools.islice(roots, _ROWS)],
            [_record_to_json(located) for located in itertools.islice(records, _ROWS)],
        )
    ):
        text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), check_circular=False)
        yield text.encode("utf-8", "surrogatepass") + b"\n"


def _lines(packed: bytes) -> list[bytes]:
    is_plain = packed.startswith(b"[")  # no compressed data begins so
    return (packed if is_plain else zlib.decompress(packed)).splitlines()


def _root_to_json(root: Root) -> list[Any]:
    outputs = [(each.key, each.copy, each.partners, each.fingerprint) for each in root.outputs]
    return [root.key, root.synthesis, outputs, root.label]


def _root_from_json(row: Sequence[Any]) -> Root:
    key, synthesis, outputs, label = row
    made = tuple(map(_output_from_json, outputs))
    return Root(key=key, synthesis=synthesis, outputs=made, label=label)


def _output_from_json(row: Sequence[Any]) -> Output:
    key, copy, partners, fingerprint = row
    return Output(key=key, copy=copy, partners=tuple(partners), fingerprint=fingerprint)


def _record_to_json(located: Located) -> list[Any]:
    return [*located.record.to_json(), located.source]


def _record_from_json(row: Sequence[Any]) -> Located:
    *record, source = row
    return Located(record=Record.from_json(record), source=source)


@dataclass(frozen=True, kw_only=True)
class ShardResult:
    """What became of a shard task: a few numbers.

    Attributes:
      stem: name of the shard's files, without their extensions.
      samples, size_bytes, classes, alphabets, longest: what it holds; see `manifest.Shard`.
      lost, held: what stages lost of its samples' targets, and what is left; see `manifest.Shard`.
      fingerprint: the task's.
      sums, sizes: SHA-256 and bytes of every file of the shard and of its ledger, by name.
      reused: number of samples copied from the build before.
      reproducible: whether nothing was lost to a dead worker or to time.
      quarantined: a row for each sample that could not be made: key, stage, exception.
      warnings: what a user should know of how it was made, sentences that say where.
      synthetic: number of synthesized samples of each class.
      seconds, counts: time that each stage took, reading, decoding and encoding too, and how often
        it was done.
    """

    stem: str
    samples: int
    size_bytes: int
    classes: Mapping[str, int]
    fingerprint: str
    sums: Mapping[str, str]
    sizes: Mapping[str, int]
    quarantined: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    reused: int = 0
    reproducible: bool = True
    lost: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    alphabets: Mapping[str, str] = field(default_factory=dict)
    longest: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    synthetic: Mapping[str, int] = field(default_factory=dict, compare=False)
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    counts: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker needs beside its pipeline and its tasks.

    Attributes:
      output: the folder that shards are written to.
      before: the folder of the build before, whose samples may be copied; None without one.
      originals: where prepared originals are kept; None if they are not.
      planned_ns: when the plan began to look at the source, in ns since 1970: what changes later
        is not what was planned.
    """

    output: str
    before: str | None
    originals: str | None
    planned_ns: int
