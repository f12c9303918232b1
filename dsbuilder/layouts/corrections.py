"""Labels that a person corrects beside a source, which stays as it is: `source.corrections`.

    key,target,value
    cat/tom.png,label,dog
    a.jpg,objects,"[{""label"": ""cat"", ""box"": [0.1, 0.1, 0.5, 0.5]}]"

A row gives one target of one record its value: a class or a text as it stands, others as JSON, as
a source of one's own would list them. A record that could not be read can be, once every target
has a value.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from dsbuilder.errors import DataError
from dsbuilder.layouts.cells import parsed, text
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.tables import TableRow, read_table
from dsbuilder.plugin import (
    Catalog,
    ClassLabel,
    Listing,
    Record,
    Source,
    Target,
    Text,
    did_you_mean,
)

COLUMNS = ("key", "target", "value")

_MOST_HINTS = 2_000


@dataclass(frozen=True, kw_only=True)
class Corrected(Source):
    """A source with the table that corrects its labels.

    Attributes:
      plugin: the source.
      corrections: the table, a CSV, TSV or JSONL file with the columns `COLUMNS`.
    """

    of_folder: ClassVar[bool] = False
    plugin: Source
    corrections: Path

    def open(self) -> Catalog:
        """Returns the catalog of the source, which corrects what it lists.

        Raises (when it is listed):
          DataError: what the source raises; or the table is missing or wrong, or names a key or a
            target that there is not: of these errors all are told at once, up to a limit.
        """
        catalog = self.plugin.open()
        catalog.amend = self._amended
        return catalog

    def _amended(self, found: Listing) -> Listing:
        rows = read_rows(self.corrections)
        by_key = {record.key: record for record in found.records}
        faults = Faults()
        values: dict[str, dict[str, Any]] = {}
        for row in rows:
            with faults.collecting(f"{self.corrections}:{row.line}", "Correct the line."):
                key, target = _named(row, by_key, found.targets)
                if target in values.setdefault(key, {}):
                    raise DataError(f"expected one value of '{target}' of '{key}', found another.")
                values[key][target] = _value(row, found.targets[target])
        faults.check()
        for key, changed in values.items():
            by_key[key] = _corrected(by_key[key], changed, found.targets)
        records = [by_key[record.key] for record in found.records]
        return replace(found, records=records, corrected=found.corrected + len(rows))


def read_rows(path: Path) -> Sequence[TableRow]:
    """Returns the rows of a table of corrections.

    Raises:
      DataError: there is no such table, or it is none of corrections.
    """
    faults = Faults()
    table = read_table(path, faults)
    faults.check()
    absent = [name for name in COLUMNS if name not in table.columns]
    if absent:
        raise DataError(
            f"{path}: there is no column '{absent[0]}'.{did_you_mean(absent[0], table.columns)} "
            f"Corrections have the columns {', '.join(COLUMNS)}."
        )
    return table.rows


def _named(
    row: TableRow, by_key: Mapping[str, Record], targets: Mapping[str, Target]
) -> tuple[str, str]:
    """Returns key and target of a row."""
    key, target = (text(row.cells.get(name)) for name in COLUMNS[:2])
    if key not in by_key:
        raise DataError(f"there is no record '{key}'.{did_you_mean(key, _like(key, by_key))}")
    if target not in targets:
        raise DataError(f"there is no target '{target}'.{did_you_mean(target, targets)}")
    return key, target


def _like(key: str, keys: Iterable[str]) -> Sequence[str]:
    """Returns some keys to hint at, those with the same file name or folder first."""
    folder, _, name = key.rpartition("/")
    near = [each for each in keys if each.endswith(name) or each.startswith(f"{folder}/")]
    return (near or list(keys))[:_MOST_HINTS]


def _value(row: TableRow, kind: Target) -> Any:
    """Returns the raw label of a row."""
    cell = row.cells.get("value")
    is_text = isinstance(kind, ClassLabel | Text)
    found = text(cell) if is_text else parsed(cell) if isinstance(cell, str) else cell
    if isinstance(found, Mapping) and "path" in found:
        raise DataError("expected a value, found the path of a file. Correct the file itself.")
    kind.check(found)
    return found


def _corrected(record: Record, values: Mapping[str, Any], targets: Mapping[str, Target]) -> Record:
    """Returns a record with other labels; without its error, if now all of them are known."""
    changed = replace(record, targets={**record.targets, **values})
    is_whole = targets.keys() <= changed.targets.keys()
    if is_whole and record.path is not None and record.path.is_file():
        return replace(changed, error=None)
    return changed
