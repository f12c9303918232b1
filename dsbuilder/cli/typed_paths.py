"""Folders of builds in what is printed, called by the version that stands for them.

A dataset lies in `OUT/NAME/.builds/HASH`, and what a user types is the link of its version. Where a
message comes from deep below, it may name the first.
"""

import re
from collections.abc import Callable
from pathlib import Path

_BUILD = re.compile(r"/\.builds/([0-9a-f]{32}(?:\.[0-9]+)?)(?![0-9a-f])")
_NONE = " (a build that no version stands for)"


def as_typed(text: str, shown: Callable[[Path], str] = str) -> str:
    """Returns a message in which no finished build is called by its hash.

    Args:
      shown: how a path is written.
    """
    for found in reversed(list(_BUILD.finditer(text))):
        start = _start(text, found.start())
        root = Path(text[start : found.start()])
        called = _called(root, found[0][1:], shown) if start < found.start() else _NONE
        text = f"{text[:start]}{called}{text[found.end() :]}"
    return text


def _start(text: str, end: int) -> int:
    """Returns where the path to a folder that ends there begins: as early as it leads to one.

    It is the end itself where there is no such folder.
    """
    line = text.rfind("\n", 0, end) + 1
    words = re.finditer(r"(?:^|(?<=[\s'\"`(=]))\S", text[line:end])
    starts = (line + each.start() for each in words)
    return next((each for each in starts if Path(text[each:end]).is_dir()), end)


def _called(root: Path, build: str, shown: Callable[[Path], str]) -> str:
    """Returns the link of a version that stands for a build, else where it is an old one of."""
    named = [e for e in root.iterdir() if e.is_symlink() and e.readlink() == Path(build)]
    return shown(max(named)) if named else f"{shown(root)}{_NONE}"
