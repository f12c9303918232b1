"""What the masks of a folder hold, seen in a few of them: for a first guess at their classes."""

from collections.abc import Sequence
from pathlib import Path

from dsbuilder.formats.mask import stored_values
from dsbuilder.plugin import DataError

MOST = 32
"""Masks that are opened."""


def values_in(paths: Sequence[Path]) -> list[str]:
    """Returns the values that some masks hold, sorted: numbers as text, colours as `#rrggbb`.

    Masks are taken evenly from the first to the last; those that cannot be read say nothing.
    """
    step = max(1, len(paths) // MOST)
    found: set[str] = set()
    for path in paths[::step][:MOST]:
        try:
            found.update(stored_values(path.read_bytes()))
        except (DataError, OSError):
            continue
    return sorted(found, key=lambda value: (len(value), value))


def named_ids(values: Sequence[str]) -> tuple[tuple[str, ...], int | None]:
    """Returns names for the ids in [0, largest], and the id to ignore: 255 if others are there."""
    ids = [int(value) for value in values]
    ignore = 255 if 255 in ids and len(ids) > 2 else None
    largest = max((each for each in ids if each != ignore), default=0)
    return tuple(f"class {each}" for each in range(largest + 1)), ignore
