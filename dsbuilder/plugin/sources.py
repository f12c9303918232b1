"""What a source is: it finds the records of a layout on disk."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from dsbuilder.errors import PluginError
from dsbuilder.sample import Record, Target


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """What a source says of a folder that may have its layout.

    Attributes:
      certainty: 0 says that it is another layout, 1 that it can be no other.
      reason: why, or why not, in one line for a person, with counts.
      options: the options with which the source reads the folder; `Path` options are relative to
        it.
      comments: what a person should know of an option before a build, by option.
    """

    certainty: float
    reason: str
    options: Mapping[str, object] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)


class Source(ABC):
    """Finds the records of a layout on disk.

    `read` runs in worker processes, `records` and `targets` once in the main process.
    """

    of_folder: ClassVar[bool] = True
    """Whether a folder may have its layout; not of what a person puts together."""

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Says whether a folder has this layout, by looking at names and small text files alone."""
        return Recognition(certainty=0, reason="its author does not say how to recognise it")

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """Yields every record, without opening an image; the order does not matter.

        Raises:
          DataError: the layout is not what the options promise.
        """

    @abstractmethod
    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns the targets of the records by name, in the order a stream shall yield them."""

    def read(self, record: Record) -> bytes | np.ndarray:
        """Returns a record's pixels: an encoded image, or `(H, W, C)` uint8 with C in 1, 3, 4."""
        return self._bytes(record)

    def watches(self) -> Sequence[Path] | None:
        """Returns the files and folders that decide what `records` yields; None says unknown.

        Those of the records themselves are known. What is said here lets a build that has nothing
        to do be told from the times of files and folders; else every build asks for the records.
        """
        return None

    def identity(self, record: Record) -> str | None:
        """Returns what stands for the pixels in a fingerprint; None if the bytes of `path` do."""
        return None

    @staticmethod
    def _bytes(record: Record) -> bytes:
        if record.path is None:
            raise PluginError("a source whose records have no path must define read().")
        return record.path.read_bytes()
