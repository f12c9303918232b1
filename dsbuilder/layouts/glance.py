"""A quick look at a folder: names alone, and of a great many only so many.

What recognizes a layout needs to see every part of it, and not a million files. So the look goes
breadth first, takes no more than a number of names from any one folder and from all together, and
says whether it saw all. Many may want to look at one folder: within `remembered` it is walked once.
"""

import os
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts.tree import extension
from dsbuilder.paths import is_utf8

_MOST_IN_FOLDER = 10_000
_MOST = 100_000

_LABELS = (
    *("csv", "tsv", "json", "jsonl", "ndjson", "parquet", "xml", "txt", "yaml", "yml"),
    *("npz", "npy", "tfrecord", "tfrecords", "tar", "mat"),
)

_Looks = dict[Path, "Glance"]
_REMEMBERED: ContextVar[tuple[int, _Looks] | None] = ContextVar("remembered", default=None)
"""How many names are taken, and what was seen before; None outside of `remembered`."""


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What was seen below a folder: posix paths below it, those of the folders above first.

    Attributes:
      files, folders: neither hidden ones nor, of folders, links.
      complete: whether there was nothing else.
      cut: whether the look ended because there was too much altogether.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    complete: bool
    cut: bool = False

    @property
    def images(self) -> tuple[str, ...]:
        """The files that an extension says are images."""
        return self.ending(*IMAGE_EXTENSIONS)

    def ending(self, *extensions: str) -> tuple[str, ...]:
        """Returns the files with one of the extensions, given in small letters without the dot."""
        return tuple(path for path in self.files if extension(path) in extensions)

    @property
    def label_files(self) -> tuple[str, ...]:
        """The files that may say something of images: tables, texts, annotations and the like."""
        found = self.ending(*_LABELS)
        names = ((path, path.rpartition("/")[2].lower()) for path in found)
        return tuple(path for path, name in names if not name.startswith(("readme", "license")))

    def share(self, named: Collection[str], images: Sequence[str] | None = None) -> float:
        """Returns the share of images that are among those named, in [0, 1].

        It is 1 where no image was seen, or not everything: what was not seen may be named.

        Args:
          images: those to account for; by default all.
        """
        wanted = self.images if images is None else images
        if not wanted or not self.complete:
            return 1.0
        return sum(path in named for path in wanted) / len(wanted)

    def loose_images(self, most: int) -> list[str]:
        """Says that more images than so many lie about, of which a layout without any knows none.

        Empty if there are not so many: a picture may lie beside the data that it shows.
        """
        number = len(self.images)
        return [f"{self.count(number, 'image')} beside them"] if number > most else []

    def count(self, number: int, noun: str, plural: str | None = None) -> str:
        """Returns a number of what was seen in words: `1 image`, `at least 5000 images`."""
        words = noun if number == 1 else plural or f"{noun}s"
        return f"{number} {words}" if self.complete else f"at least {number} {words}"


@contextmanager
def remembered(*, most: int = _MOST) -> Iterator[None]:
    """Lets every folder be walked once within, and no more than so many names of it be taken."""
    token = _REMEMBERED.set((most, {}))
    try:
        yield
    finally:
        _REMEMBERED.reset(token)


def glance(folder: Path, *, most: int = _MOST, most_in_folder: int = _MOST_IN_FOLDER) -> Glance:
    """Returns what lies below a folder, as far as the limits allow; sorted within each folder.

    What cannot be read, or has a name that is not UTF-8, is passed over.
    """
    known = _REMEMBERED.get()
    if known is None:
        return _look(folder, most, most_in_folder)
    limit, looks = known
    if folder not in looks:
        looks[folder] = _look(folder, min(most, limit), most_in_folder)
    return looks[folder]


def _look(folder: Path, most: int, most_in_folder: int) -> Glance:
    files: list[str] = []
    folders: list[str] = []
    waiting = deque([""])
    complete = True
    while waiting and len(files) + len(folders) < most:
        above = waiting.popleft()
        names, whole = _names(folder / above, most_in_folder)
        complete = complete and whole
        for name, is_folder in names:
            (folders if is_folder else files).append(above + name)
            if is_folder:
                waiting.append(f"{above}{name}/")
    whole = complete and not waiting
    return Glance(files=tuple(files), folders=tuple(folders), complete=whole, cut=bool(waiting))


def _names(folder: Path, most: int) -> tuple[list[tuple[str, bool]], bool]:
    """Returns (name, whether it is a folder) of entries, sorted, and whether these are all."""
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) == most:
                    return sorted(found), False
                if not entry.name.startswith(".") and is_utf8(entry.name):
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if is_folder or entry.is_file():
                        found.append((entry.name, is_folder))
    except OSError:
        return sorted(found), False
    return sorted(found), True
