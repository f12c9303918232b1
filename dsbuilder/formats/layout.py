"""What layouts of labelled images on disk have in common.

Which files are images, which words name a split, how classes are ordered, and where a path that a
stranger wrote may lead: never out of the folder it belongs to.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from types import MappingProxyType

from dsbuilder.errors import DataError

SIGNATURE = "signature.json"
"""The file at the root of an export that says of which kinds its targets are."""

IMAGE_EXTENSIONS = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff")
"""Extensions of the image files that are read, in small letters."""

SPLIT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training"), "train"),
        **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
        **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
    }
)
"""Words that name a split on input, in small letters -> the split."""


def split_named(word: str) -> str | None:
    """Returns the split that a word names in any case of letters, or None."""
    return SPLIT_WORDS.get(word.lower())


def split_in(path: str) -> str | None:
    """Returns the split that a word of a path names, such as `instances_val2017.json`, or None.

    The words of the file's name count before those of the folders above it.
    """
    words = (word for part in reversed(path.split("/")) for word in re.findall("[A-Za-z]+", part))
    return next((split for word in words if (split := split_named(word)) is not None), None)


def check_classes(classes: Sequence[str] | None) -> None:
    """Raises a ValueError unless given class names are at least two, and each there once."""
    if classes is None:
        return
    if len(classes) < 2:
        raise ValueError(f"classes: expected at least two names, found {len(classes)}.")
    twice = [name for index, name in enumerate(classes) if name in classes[:index]]
    if twice:
        raise ValueError(f"classes: expected each name once, found '{twice[0]}' twice.")


def class_names(found: Iterable[str], classes: Sequence[str] | None) -> tuple[str, ...]:
    """Returns class names in id order: `classes` where given, else what was found, sorted."""
    return tuple(sorted(set(found)) if classes is None else classes)


def check_class_count(found: Collection[str], *, where: str, noun: str) -> None:
    """Raises a DataError unless at least two classes were found, called `noun` in the message."""
    if len(found) < 2:
        only = "".join(f"one ('{name}')" for name in found) or "none"
        raise DataError(
            f"{where}: expected at least two {noun}, found {only}. "
            "A classification needs two: add another, or check the path."
        )


def is_utf8(name: str) -> bool:
    """Whether a name is text; the bytes of a file's name may be anything."""
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    r"""Returns a name as text that any terminal takes, its broken bytes as `\xe9`."""
    return name.encode("utf-8", "backslashreplace").decode().replace(r"\udc", r"\x")


def shortened(names: Iterable[str], *, limit: int = 5) -> str:
    """Returns names in quotes for a message, the first `limit` and how many more there are."""
    ordered = list(names)
    shown = ", ".join(f"'{printable(name)}'" for name in ordered[:limit])
    return shown if len(ordered) <= limit else f"{shown} and {len(ordered) - limit} more"


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

    def locate(self, relative: str) -> str:
        """Returns the normalised path of a file below the root.

        Raises:
          DataError: there is no such file, or it lies outside, also by a symbolic link.
        """
        path = normalized(relative)
        folder, _, name = path.rpartition("/")
        is_plain = self._listed(folder).get(name)
        if is_plain is None:
            raise DataError(f"expected a file below {self._root}, found no '{path}'.")
        if not is_plain:
            self._check(path)
        return path

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
