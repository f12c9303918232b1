"""A source that reads folders: what it finds in one, what it refuses, and what it reports."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dsbuilder.errors import DataError
from dsbuilder.plugin import Record


class Reading(NamedTuple):
    """Functions of a folder and the options of a source.

    Attributes:
      read: records by their keys.
      targets: targets by name.
      refusal: the error that the folder is, or those of its records, with ROOT for its path.
    """

    read: Callable[..., dict[str, Record]]
    targets: Callable[..., dict[str, Any]]
    refusal: Callable[..., str]


def reading(source: Any) -> Reading:
    """Functions that read folders with a source, which is given by its class."""

    def read(root: Path, **options: Any) -> dict[str, Record]:
        return {each.key: each for each in source(path=root, **options).open().records}

    def targets(root: Path, **options: Any) -> dict[str, Any]:
        return dict(source(path=root, **options).open().targets)

    def refusal(root: Path, **options: Any) -> str:
        return refused(source(path=root, **options)).replace(str(root), "ROOT")

    return Reading(read, targets, refusal)


def refused(source: Any) -> str:
    """The error that a source is, or those of its records, one a line."""
    try:
        records = source.open().records
    except DataError as error:
        return str(error)
    errors = [each.error for each in records if each.error is not None]
    assert errors, "expected an error, found none"
    return "\n".join(errors)


def notes_of(source: Any, root: Path, **options: Any) -> list[str]:
    """What is noted while a source, given by its class, lists a folder; ROOT is its path."""
    catalog = source(path=root, **options).open()
    return [note.replace(str(root), "ROOT") for note in catalog.notes]


def put(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes files by their paths below a folder, and returns the folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root
