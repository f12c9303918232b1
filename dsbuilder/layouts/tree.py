"""Everything that lies below a folder, and an account of what of it was not read.

A source reads all of a folder or says what it left: files that it skips are counted by kind, and
links that it does not follow.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dsbuilder.errors import DataError, printable
from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.paths import is_utf8

_TABLES = frozenset(("csv", "tsv", "json", "jsonl", "ndjson", "parquet"))
_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What lies below a folder, without what is hidden; posix paths below it, sorted.

    Attributes:
      files: plain files, and links to such.
      folders: those that were entered.
      odd: counts of what is neither file nor folder, by what it is.
      linked: number of links to folders that were not followed.
    """

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)
    linked: int = 0

    def images(self, extensions: Iterable[str] = IMAGE_EXTENSIONS) -> list[str]:
        """Returns the files with one of the extensions, in any case of letters."""
        wanted = frozenset(each.lower() for each in extensions)
        return [path for path in self.files if extension(path) in wanted]

    def others(self) -> list[str]:
        """Returns the files that are no images: what may say something of these."""
        images = frozenset(self.images())
        return [path for path in self.files if path not in images]

    def below(self, root: Path, files: Iterable[str] = ()) -> list[Path]:
        """Returns the root, every folder below it, and some of its files."""
        return [root, *(root / each for each in (*self.folders, *files))]

    def skipped(self, read: Collection[str]) -> Counter[str]:
        """Returns counts of all files that were not read, by extension or by what they are.

        A few tables, which may say something of images, stand there by name.
        """
        left = [path for path in self.files if path not in read]
        tables = [path for path in left if extension(path) in _TABLES]
        named = frozenset(tables if len(tables) <= _MOST_NAMED else [])
        return Counter(f"'{path}'" if path in named else _kind(path) for path in left) + self.odd

    def notes(self, skipped: Counter[str], *, follow: str = "") -> list[str]:
        """Returns sentences, without a full stop, on what was skipped and not followed.

        Args:
          skipped: counts by what the files are, such as those of `skipped`.
          follow: how a user has links followed.
        """
        notes = [_skipped(skipped), _linked(self.linked, follow)]
        return [note for note in notes if note]


def extension(path: str) -> str:
    """Returns what follows the last dot of a file's name, in small letters; empty without one."""
    _, dot, after = path.rpartition("/")[2].rpartition(".")
    return after.lower() if dot else ""


def check_extensions(extensions: Collection[str]) -> None:
    """Raises a ValueError unless extensions are at least one, without dots."""
    wrong = [each for each in extensions if not each or "." in each]
    if wrong:
        raise ValueError(f"extensions: expected a text such as png, found '{wrong[0]}'.")
    if not extensions:
        raise ValueError("extensions: at least one is needed, such as png.")


def scan(root: Path, *, follow_links: bool = False) -> Tree:
    """Returns everything below a folder.

    Args:
      follow_links: whether a link to a folder is entered. A link to a file is always a file.

    Raises:
      DataError: the folder is missing, one in it cannot be read or is reached twice by a link, or a
        name is not valid UTF-8.
    """
    if not root.is_dir():
        problem = "expected a folder, found a file" if root.exists() else "no such folder"
        raise DataError(f"{root}: {problem}. Check the path.")
    files: list[str] = []
    folders: list[str] = []
    odd: Counter[str] = Counter()
    links = 0
    entered: dict[str, str] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        if follow_links:
            _enter_once(root, folder, entered)
        for entry, path in _entries(root, folder):
            if entry.is_dir(follow_symlinks=follow_links):
                folders.append(path)
                waiting.append(path + "/")
            elif entry.is_file():
                files.append(path)
            elif entry.is_symlink() and entry.is_dir():
                links += 1
            else:
                odd["whose link leads nowhere" if entry.is_symlink() else "of no plain kind"] += 1
    return Tree(files=sorted(files), folders=sorted(folders), odd=odd, linked=links)


def everything(path: Path) -> list[Path]:
    """Returns a file alone, or a folder and all files and folders below it."""
    if not path.is_dir():
        return [path]
    tree = scan(path)
    return [path, *(path / each for each in (*tree.folders, *tree.files))]


def _entries(root: Path, folder: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yields what a folder holds, each with its path below the root."""
    try:
        entries = os.scandir(root / folder)
    except OSError as error:
        raise DataError(
            f"{root / folder}: expected a folder that can be read, found: {error.strerror}. "
            "Change its permissions or move it away."
        ) from error
    with entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder + entry.name
            if not is_utf8(path):
                raise DataError(
                    f"{root}: expected names in UTF-8, found '{printable(path)}'. Rename it."
                )
            yield entry, path


def _enter_once(root: Path, folder: str, entered: dict[str, str]) -> None:
    # Reached twice, a folder's images would stand in the dataset twice, perhaps in two splits; and
    # a link to a folder above would be followed for ever.
    real = os.path.realpath(root / folder)
    other = entered.setdefault(real, folder)
    if other != folder:
        first, second = sorted((other or "./", folder))
        raise DataError(
            f"{root}: expected every folder once, found '{first}' and '{second}' to be the "
            "same one by a link. Remove the link, or set follow_links: false."
        )


def _kind(path: str) -> str:
    return f".{extension(path)}" if "." in path.rpartition("/")[2] else "without an extension"


def _skipped(counts: Counter[str]) -> str:
    total = sum(counts.values())
    if not total:
        return ""
    kinds = sorted(counts.items(), key=lambda kind: (-kind[1], kind[0]))
    shown = ", ".join(kind if kind.startswith("'") else f"{count} {kind}" for kind, count in kinds)
    return f"1 file was skipped: {shown}" if total == 1 else f"{total} files were skipped: {shown}"


def _linked(count: int, follow: str) -> str:
    if not count:
        return ""
    links = "1 link to a folder was" if count == 1 else f"{count} links to folders were"
    return f"{links} not followed" + (f"; {follow}" if follow else "")
