"""What callers give to actions: paths as they are written, and who is told of progress."""

from collections.abc import Callable, Sequence
from pathlib import Path

Progress = Callable[[int, int], None]
"""Called with how many are done, and how many there are in all."""


def ignore(done: int, of: int) -> None:
    """Shows no progress."""


def ignore_all(step: object) -> None:
    """Shows nothing of a training."""


def path_of(path: Path | str | None) -> Path | None:
    """Returns a path that may be written as text."""
    return None if path is None else Path(path)


def paths_of(paths: Sequence[Path | str] | None) -> tuple[Path, ...] | None:
    """Returns paths that may be written as texts."""
    return None if paths is None else tuple(map(Path, paths))
