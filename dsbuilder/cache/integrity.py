"""Whether the files of a dataset are still what they were written as.

A file whose size, times and inode are as the build left them need not be read to know it. Of any
other the checksum is compared. A disk may change bytes without either; `verify` reads them all, and
notes which files it blames (`log/blamed.json`), so that the next build makes those again.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from dsbuilder.cache import build_log, store
from dsbuilder.cache.folders import MARKER
from dsbuilder.cache.index import state
from dsbuilder.names import PAGES
from dsbuilder.records import bank

_BESIDE = (store.SUMS, MARKER, bank.SEAL, *PAGES)
"""Files beside those with a checksum; so is all of `log/`."""


class Fault(NamedTuple):
    """What is wrong with a file of a dataset.

    Attributes:
      name: path of the file below the dataset's folder.
      text: what is wrong, in words that name it.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Integrity:
    """What is known of the files of a dataset.

    Attributes:
      folder: folder of the dataset.
      sums: checksums by name.
      states: states of files that are trusted as long as they are so; see `build_log.states`.
      blamed: names of files that are not trusted, whatever their checksum.
    """

    folder: Path
    sums: Mapping[str, str]
    states: Mapping[str, Sequence[int]] = field(default_factory=dict)
    blamed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Returns what a build and a later `verify` noted.

        Raises:
          CacheError: there are no checksums.
        """
        return cls(
            folder, store.read_sums(folder), build_log.states(folder), build_log.blamed(folder)
        )

    def is_sound(self, name: str) -> bool:
        """Whether a file is as it was written."""
        return name in self.sums and name not in self.blamed and self._fault(name) is None

    def are_sound(self, names: Iterable[str]) -> bool:
        """Whether all of some files are as they were written."""
        return all(map(self.is_sound, names))

    def faults(self, required: Iterable[str]) -> Iterator[Fault]:
        """Yields what is wrong with files, those that are missing or do not belong here included.

        Args:
          required: files that must have a checksum.
        """
        for name in self.blamed:
            yield Fault(name, f"{name} was blamed before")
        for name in self.sums:
            fault = self._fault(name)
            if fault is not None:
                yield Fault(name, fault)
        for name in required:
            if name not in self.sums:
                yield Fault(name, f"{name} has no checksum in {store.SUMS}")
        for name in sorted(self._names()):
            if name not in self.sums and name not in _BESIDE:
                yield Fault(name, f"{name} is no file of the dataset")

    def _names(self) -> Iterator[str]:
        """Yields the paths of all files and folders below the folder, but for the log."""
        top = str(self.folder)
        for folder, folders, files in os.walk(top):
            below = "" if folder == top else f"{Path(folder).relative_to(top).as_posix()}/"
            if not below and store.LOG in (*folders, *files):
                (folders if store.LOG in folders else files).remove(store.LOG)
            yield from (below + name for name in (*folders, *files))

    def _fault(self, name: str) -> str | None:
        found = state(f"{self.folder}/{name}")
        if found is not None and found == self.states.get(name):
            return None
        path = self.folder / name
        if not path.is_file():
            return f"{name} is missing"
        differs = store.sha256(path) != self.sums[name]
        return f"{name} differs from its checksum" if differs else None

    def note_states(self) -> None:
        """Notes the states of files that were found to be sound, so that the next look is quick."""
        if any(state(f"{self.folder}/{name}") != self.states.get(name) for name in self.sums):
            build_log.write_states(self.folder, self.sums)
