"""Whether this process is dsbuilder's alone, and what it then leaves unimported and unsaid."""

import contextlib
import gc
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

_NEW_OBJECTS = 20_000
"""How many come to be before those that refer to each other in a circle are looked for."""


@dataclass
class _This:
    """What is known of the process that this is."""

    is_ours: bool = False


_THIS = _This()


def claim() -> None:
    """Says that this process is dsbuilder's alone: the command line's, or one of its workers'.

    Garbage is then looked for less often: importing makes many objects and leaves none, and a
    twelfth of the time of `check` went into looking.
    """
    _THIS.is_ours = True
    gc.set_threshold(_NEW_OBJECTS)


@contextlib.contextmanager
def hidden(package: str) -> Iterator[None]:
    """Lets no import in the body take along a package that nothing of ours uses.

    Only in a process of ours: in a caller's own, somebody else may want what would then be missing.
    """
    if not _THIS.is_ours or package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # how `import` is told: not there
    try:
        yield
    finally:
        del sys.modules[package]


def silence(package: str) -> None:
    """Hides the Python warnings of a package whose warnings are told as values.

    Only in a process of ours: in a caller's own, they may be about the caller's use of it.
    """
    if _THIS.is_ours:
        warnings.filterwarnings("ignore", module=rf"{package}\.")
