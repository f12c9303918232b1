"""`quarantine.jsonl`: the samples that a build set aside, a row each: key, stage, exception."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.cache import store
from dsbuilder.errors import CacheError

FIELDS = ("key", "stage", "exception")


def read(folder: Path) -> list[dict[str, str]]:
    """Returns the rows of a dataset, sorted by key; none if there is no such file.

    Raises:
      CacheError: the file is damaged.
    """
    path = folder / store.QUARANTINE
    if not path.is_file():
        return []
    try:
        # Only a newline ends a line: a key may hold what `splitlines` also takes for one.
        lines = path.read_text(encoding="utf-8").split("\n")
        return [_row(typed_json.loads(line)) for line in lines if line]
    except ValueError as error:
        raise CacheError(
            f"{path}: expected a sample that was set aside in each line, found another ({error}). "
            "Build the dataset again."
        ) from None


def _row(data: Any) -> dict[str, str]:
    row = typed_json.bind(dict[str, str], data)
    if set(row) != set(FIELDS):
        raise ValueError(f"found the fields {', '.join(row)}")
    return row


def write(folder: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Writes the rows of a dataset; what else a row holds, such as a traceback, is left out."""
    ordered = sorted(rows, key=lambda row: row["key"])
    lines = [
        json.dumps({name: row[name] for name in FIELDS}, ensure_ascii=False) for row in ordered
    ]
    store.write_text(folder / store.QUARANTINE, "".join(f"{line}\n" for line in lines))
