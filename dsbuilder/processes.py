"""Whether this process is dsbuilder's alone, and what it then leaves unimported."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class _This:
    """What is known of the process that this is."""

    is_ours: bool = False


_THIS = _This()


def claim() -> None:
    """Says that this process is dsbuilder's alone: the command line's, or one of its workers'."""
    _THIS.is_ours = True


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
