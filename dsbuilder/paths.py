"""Where a path that a stranger wrote may lead, and what lies near one that leads nowhere.

A relative path never leads out of its folder. Here is also said where caches lie.
"""

import contextlib
import os
import threading
from collections.abc import Collection
from pathlib import Path, PureWindowsPath

from dsbuilder.errors import DataError, closest, printable


def is_utf8(name: str) -> bool:
    """Whether a name is text; the bytes of a file's name may be anything."""
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def normalized(relative: str) -> str:
    r"""Returns a relative path as posix text without empty or `.` parts; `\` counts as `/`.

    Raises:
      DataError: it is absolute, has a `..` in it, names nothing, or is not valid UTF-8.
    """
    posix = relative.replace("\\", "/")
    parts = [part for part in posix.split("/") if part not in ("", ".")]
    if posix.startswith("/") or PureWindowsPath(relative).drive:
        raise DataError(f"expected a relative path, found the absolute '{printable(relative)}'.")
    if ".." in parts:
        raise DataError(f"expected a path without '..', found '{printable(relative)}'.")
    if not parts or "\0" in posix or not is_utf8(posix):
        raise DataError(f"expected a path in UTF-8, found '{printable(relative)}'.")
    return "/".join(parts)


def below(root: Path, relative: str) -> Path:
    """Returns the path of what is written below a folder of our own.

    Raises:
      DataError: the path leads out of the folder.
    """
    return root / normalized(relative)


def contained(root: Path, relative: str) -> Path:
    """Returns the file that a relative path names below `root`.

    Raises:
      DataError: there is none, or it lies outside of `root`, also by a symbolic link.
    """
    return root / Inside(root).locate(relative)


class Inside:
    """Looks files up below one folder, each subfolder read once: a million look-ups take seconds.

    The answers are those of the moment a subfolder was first read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real = os.path.realpath(root)
        self._folders: dict[str, dict[str, bool]] = {}
        self._stems: dict[str, dict[str, list[str]]] = {}

    def locate(self, relative: str, endings: Collection[str] = ()) -> str:
        """Returns the normalized path of a file below the root.

        Args:
          endings: extensions, in small letters, of files that a path without one may name: where
            there is no `tom`, it is `tom.png`.

        Raises:
          DataError: there is no such file, there are several with one of the endings, or it lies
            outside, also by a symbolic link.
        """
        path = normalized(relative)
        folder, _, name = path.rpartition("/")
        is_plain = self._listed(folder).get(name)
        if is_plain is None and endings:
            path = self._ending(folder, name, endings)
            is_plain = self._listed(folder)[path.rpartition("/")[2]]
        if is_plain is None:
            raise self._absent(path)
        if not is_plain:
            self._check(path)
        return path

    def _ending(self, folder: str, stem: str, endings: Collection[str]) -> str:
        """Returns the path of the only file in a subfolder with a stem and one of the endings."""
        if folder not in self._stems:
            named = self._stems[folder] = {}
            for name in sorted(self._listed(folder)):
                named.setdefault(name.rpartition(".")[0], []).append(name)
        names = self._stems[folder].get(stem, [])
        before = f"{folder}/" if folder else ""
        found = [before + each for each in names if each.rpartition(".")[2].lower() in endings]
        if not found:
            raise self._absent(before + stem)
        if len(found) > 1:
            raise DataError(
                f"expected one file called '{before}{stem}' below {self._root}, found "
                f"'{found[0]}' and '{found[1]}'. Write which one."
            )
        return found[0]

    def _absent(self, path: str) -> DataError:
        return DataError(f"expected a file below {self._root}, found no '{path}'.")

    def _listed(self, folder: str) -> dict[str, bool]:
        """Returns names of a subfolder -> whether each is a plain file, neither link nor folder."""
        if folder not in self._folders:
            real = self._check_inside(folder) if folder else self._real
            try:
                with os.scandir(real) as entries:
                    listed = {each.name: each.is_file(follow_symlinks=False) for each in entries}
            except (FileNotFoundError, NotADirectoryError):
                listed = {}
            self._folders[folder] = listed
        return self._folders[folder]

    def _check(self, path: str) -> None:
        if not os.path.isfile(self._check_inside(path)):  # noqa: PTH113 - text all the way
            raise DataError(f"expected a file below {self._root}, found no file at '{path}'.")

    def _check_inside(self, path: str) -> str:
        real = os.path.realpath(f"{self._real}/{path}")
        if not real.startswith(self._real.rstrip(os.sep) + os.sep):
            raise DataError(
                f"expected a file below {self._root}, found '{path}', which links to {real}."
            )
        return real


def near_path(path: Path) -> str:
    """Returns the hint for a path that leads nowhere, with a leading space; empty without one.

    It names what lies where the path first leads nowhere and is called nearly so.
    """
    there = next((each for each in path.parents if each.is_dir()), None)
    if there is None or not os.access(there, os.R_OK | os.X_OK):
        return ""
    wrong, *rest = path.relative_to(there).parts
    close = closest(wrong, [each.name for each in there.iterdir() if each.name[0] != "."])
    near = None if close is None else there.joinpath(close, *rest)
    if near is None or not near.exists():
        return ""
    return f" Did you mean '{printable(str(near))}'?"


def user_cache() -> Path:
    """Returns the folder of what this user can always have made again; it may not be there yet."""
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home or Path.home() / ".cache") / "dsbuilder"


def write_cached(path: Path, text: str) -> None:
    """Writes a file of `user_cache`, whole or not at all; nothing is said if it cannot be."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{threading.get_native_id()}")
        half.write_text(text, encoding="utf-8")
        half.replace(path)
