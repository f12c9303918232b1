"""Files that synthesizers read: which there are, one drawn by its name, and a picture's pixels."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from dsbuilder.images.encoding import IMAGE_EXTENSIONS, decode
from dsbuilder.paths import below
from dsbuilder.plugin import DataError, Mode, draw_seed

_IMAGES = frozenset(f".{extension}" for extension in IMAGE_EXTENSIONS)


def state_of(path: Path) -> tuple[int, int] | None:
    """Returns what changes when a file is written anew; None of one that is not there.

    What is kept of a file in memory is kept under it, too: a session may outlast the file.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def is_hidden(path: Path) -> bool:
    """Whether a name begins with a dot: a checkpoint, or what macOS writes beside a file."""
    return path.name.startswith(".")


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Returns the files below a folder that end in some way, in order; none without the folder.

    What is hidden, or lies in a hidden folder below it, is left out.

    Args:
      suffixes: endings in small letters, with their dots.
    """
    named = [each for each in folder.rglob("*") if each.suffix.lower() in suffixes]
    inside = ((each, each.relative_to(folder)) for each in named)
    shown = (each for each, own in inside if not any(map(is_hidden, (own, *own.parents))))
    return sorted(each for each in shown if each.is_file())


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Image files of a folder, of which one is drawn by its name.

    Attributes:
      folder: the folder.
      names: their paths below it, parts joined by `/`, in order.
    """

    folder: Path
    names: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Returns those below a folder, none if there is no such folder; of a file, itself."""
        folder, found = (path.parent, [path]) if path.is_file() else (path, _pictures(path))
        names = (each.relative_to(folder).as_posix() for each in found)
        return cls(folder=folder, names=tuple(names))

    @cached_property
    def _hashes(self) -> np.ndarray:
        hashes = (
            hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8)
            for name in self.names
        )
        return np.array([int.from_bytes(each.digest(), "big") for each in hashes], np.uint64)

    def draw(self, rng: np.random.Generator) -> str:
        """Draws a name, each as often; with one file of n more, one draw in n is another.

        It is rendezvous hashing (Thaler and Ravishankar 1998): the drawn number gives every name a
        place in a row of its own, whatever other names there are, and the first is taken.
        """
        return self.names[int(_mixed(self._hashes ^ np.uint64(draw_seed(rng))).argmin())]

    def path(self, name: str) -> Path:
        """Returns where a name lies.

        Raises:
          DataError: it is no path below the folder.
        """
        return below(self.folder, name)


def _pictures(folder: Path) -> list[Path]:
    return files_below(folder, _IMAGES)


def _mixed(words: np.ndarray) -> np.ndarray:
    """Returns words whose every bit hangs on all bits of those given, as SplitMix64 ends."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = words ^ (words >> np.uint64(31))
    return mixed


def picture(path: Path, mode: Mode) -> np.ndarray:
    """Returns the pixels of a file, upright, `(H, W, C)` uint8.

    Raises:
      DataError: it is not there, or cannot be read.
    """
    try:
        pixels: np.ndarray = decode(path.read_bytes(), mode=mode)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file. Put back what was drawn, or build anew.") from None
    except (OSError, DataError) as error:
        raise DataError(f"{path}: cannot be read as an image: {error} Remove it.") from None
    return pixels
