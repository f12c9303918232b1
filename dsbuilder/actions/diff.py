"""Which samples two datasets differ in, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsbuilder import dataset as datasets
from dsbuilder.actions.document import Document
from dsbuilder.dataset import Change, StoredDataset


@dataclass(frozen=True, kw_only=True)
class DiffReason:
    """A reason why samples differ.

    Attributes:
      kind: `added`, `removed` or `changed`.
      reason: the reason in words.
      samples: number of samples that it reaches.
    """

    kind: str
    reason: str
    samples: int


@dataclass(frozen=True, kw_only=True)
class DiffDocument(Document):
    """What two datasets differ in.

    Attributes:
      before, after: folders of the datasets.
      added, removed, changed: numbers of such samples by split.
      unchanged: number of samples that are the same.
      reasons: reasons kind by kind, the most frequent first.
      changes: samples that are not the same, sorted by key.
      notes: other differences of the pipelines, which change no sample.
    """

    before: Path
    after: Path
    added: Mapping[str, int]
    removed: Mapping[str, int]
    changed: Mapping[str, int]
    unchanged: int
    reasons: tuple[DiffReason, ...]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def diff(before: StoredDataset, after: StoredDataset) -> DiffDocument:
    """Says which samples `after` has added, removed or changed since `before`, and why.

    Raises:
      CacheError: a file of one of them is missing or damaged.
    """
    found = datasets.diff(before, after)
    return DiffDocument(
        before=before.path,
        after=after.path,
        added=found.counts("added"),
        removed=found.counts("removed"),
        changed=found.counts("changed"),
        unchanged=found.unchanged,
        reasons=tuple(
            DiffReason(kind=kind, reason=reason, samples=count)
            for kind, reason, count in found.reasons()
        ),
        changes=tuple(found.changes),
        notes=tuple(found.notes),
    )
