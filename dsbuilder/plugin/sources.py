"""What a source is: options that say where records lie, and the catalog that `open` gives."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from dsbuilder.errors import DataError, PluginError
from dsbuilder.sample import Record, Target


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a catalog holds, as one look at its files found it.

    Attributes:
      records: every record; their order does not matter, but is the same every time. One that
        cannot be read carries an error, such as a line that is cut; a build sets it aside.
      targets: the targets of the records by name, in the order a stream shall yield them.
      notes: what was skipped or may be meant otherwise, and why, for a person: sentences without
        a full stop.
      corrected: number of labels that a table of corrections gave.
      size: (height, width) that every image has; None where they differ or nobody knows.
    """

    records: Sequence[Record]
    targets: Mapping[str, Target]
    notes: Sequence[str] = ()
    corrected: int = 0
    size: tuple[int, int] | None = None


class Catalog(ABC):
    """An opened source: its records, and the pixels of each.

    Opening is cheap, and listing happens once, when it is first asked for: so a worker process,
    which is told the records and only reads them, lists nothing. Open files may be kept.

    Attributes:
      amend: what corrects the listing, where the pipeline names corrections; None without.
    """

    amend: Callable[[Listing], Listing] | None = None

    @abstractmethod
    def scan(self) -> Listing:
        """Returns every record and the targets, without decoding an image; called once.

        Raises:
          DataError: the layout is not what the options promise. What concerns one record alone is
            its `error`.
        """

    @cached_property
    def _listed(self) -> Listing:
        found = self.scan()
        if self.amend is not None:
            found = self.amend(found)
        check_some_read(found.records)
        return found

    @property
    def records(self) -> Sequence[Record]:
        """Every record; see `Listing`."""
        return self._listed.records

    @property
    def targets(self) -> Mapping[str, Target]:
        """The targets of the records by name; see `Listing`."""
        return self._listed.targets

    @property
    def size(self) -> tuple[int, int] | None:
        """The (height, width) of every image; see `Listing`."""
        return self._listed.size

    @property
    def corrected(self) -> int:
        """How many labels were corrected; see `Listing`."""
        return self._listed.corrected

    @property
    def notes(self) -> Sequence[str]:
        """What was skipped and why; see `Listing`."""
        return self._listed.notes

    def watches(self) -> Sequence[Path] | None:
        """Returns the files and folders that decide what is listed; None says unknown.

        Those of the records themselves are known. What is said here lets a build that has nothing
        to do be told from the times of files and folders; else every build lists anew.
        """
        return None

    def read(self, record: Record) -> bytes | np.ndarray:
        """Returns a record's pixels: an encoded image, or `(H, W, C)` uint8 with C in 1, 3, 4.

        Runs in worker processes. A record is found by its `path` and its `place` alone.
        """
        if record.path is None:
            raise PluginError("a catalog whose records have no path must define read().")
        return record.path.read_bytes()

    def identity(self, record: Record) -> str | None:
        """Returns what stands for the pixels in a fingerprint; None if the bytes of `path` do."""
        return None


Evidence = Literal["declared", "arranged", "possible"]


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What of a folder speaks for a layout, and what against it; weighed in one place for all.

    Attributes:
      reason: what was found, or what that must be there was not, in one line for a person, with
        counts.
      evidence: `declared` where a file of the layout's own says what is here; `arranged` where
        files lie and are called as the layout has it; `possible` where other layouts look just so;
        None where what must be there is missing.
      explained: share of the folder's images, or of what the files name, that the layout accounts
        for, in [0, 1].
      contradictions: what speaks against it, each in a few words.
      options: the options with which the source reads the folder; `Path` options are relative to
        it.
      comments: what a person should know of an option before a build, by option.
    """

    reason: str
    evidence: Evidence | None = None
    explained: float = 1.0
    contradictions: Sequence[str] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)


class Source(ABC):
    """Where records lie on disk: options and nothing else; `open` gives what is there."""

    of_folder: ClassVar[bool] = True
    """Whether a folder may have its layout; not of what a person puts together."""

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Says what of a folder speaks for this layout, by names and small text files alone."""
        return Signs(reason="its author does not say how to recognize it")

    @abstractmethod
    def open(self) -> Catalog:
        """Returns the catalog of what the options name; nothing is read before it is asked."""


MOST_ERRORS = 20
"""How many errors of records are told at once."""


def check_some_read(records: Sequence[Record]) -> None:
    """Raises a DataError if no record can be read: then it is the source that is wrong."""
    errors = [each.error for each in records if each.error is not None]
    if errors and len(errors) == len(records):
        raise DataError(told(errors))


def told(errors: Sequence[str]) -> str:
    """Returns the first errors of records for a message, one a line."""
    more = f"There may be more: only the first {MOST_ERRORS} errors are shown."
    return "\n".join([*errors[:MOST_ERRORS], *([more] if len(errors) >= MOST_ERRORS else [])])


def defines(catalog: Catalog, method: str) -> bool:
    """Whether a catalog has a method of its own, of which `Catalog` has only a default."""
    return getattr(type(catalog), method) is not getattr(Catalog, method)
