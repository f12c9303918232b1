"""`quarantine.jsonl`: the samples that a build set aside, a row each: key, stage, exception."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from dsbuilder.cache import store

FIELDS = ("key", "stage", "exception")


def read(folder: Path) -> list[dict[str, str]]:
    """Returns the rows of a dataset, sorted by key; none if there is no such file."""
    path = folder / store.QUARANTINE
    if not path.is_file():
        return []
    # Only a newline ends a line: a key may hold what `splitlines` also takes for one.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write(folder: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Writes the rows of a dataset; what else a row holds, such as a traceback, is left out."""
    ordered = sorted(rows, key=lambda row: row["key"])
    lines = [
        json.dumps({name: row[name] for name in FIELDS}, ensure_ascii=False) for row in ordered
    ]
    store.write_text(folder / store.QUARANTINE, "".join(f"{line}\n" for line in lines))
