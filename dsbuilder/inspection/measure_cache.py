"""Measures kept between builds, so that a second one measures only what is new.

A measure is known by what decides it: the record (its content, its labels) and the inspector (its
code, its options, the libraries). The file has a line with the fingerprints of the inspectors, then
a line for each record: its fingerprint, values, and for each inspector the place of its value.
What cannot be told from the file, or is no plain value, is measured again, which is always right.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.errors import CacheError, option
from dsbuilder.inspection.measuring import from_json, to_json

UNKNOWN = object()
"""Stands for what has not been measured."""

Columns = dict[str, list[Any]]
"""Measures by inspector, in the order of the records; `UNKNOWN` where there is none yet."""

_NONE = -1


@dataclass(frozen=True, kw_only=True)
class MeasureCache:
    """Where measures are kept, and by which fingerprints they are known.

    Attributes:
      path: the file.
      records: the fingerprint of each record, in their order; None of one that is not kept.
      inspectors: the fingerprint of each inspector by name.
    """

    path: Path
    records: Sequence[str | None]
    inspectors: Mapping[str, str]

    def load(self, columns: Columns) -> None:
        """Fills in what the file knows."""
        places: dict[str | None, list[int]] = {}
        for place, name in enumerate(self.records):
            places.setdefault(name, []).append(place)
        try:
            with self.path.open(encoding="utf-8") as file:
                known: list[str] = json.loads(next(file, "[]"))
                held = {
                    name: known.index(self.inspectors[name])
                    for name in columns
                    if self.inspectors[name] in known
                }
                for line in file:
                    _fill(columns, places, held, line)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return  # no file, or a damaged one

    def save(self, columns: Columns) -> None:
        """Writes what is known of these records, and of no others.

        Raises:
          CacheError: the file cannot be written.
        """
        temporary = self.path.with_name(f"{self.path.name}.tmp")
        try:
            temporary.unlink(missing_ok=True)  # it may be a link, which writing would follow
            with temporary.open("x", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in self._lines(columns))
            temporary.replace(self.path)
        except OSError as error:
            raise CacheError(
                f"{self.path}: expected to keep what was measured, found that it fails "
                f"({error.strerror or error}). Make room, or choose another "
                f"{option('out')}."
            ) from error

    def _lines(self, columns: Columns) -> Iterator[str]:
        yield json.dumps([self.inspectors[name] for name in columns])
        for name, row in zip(self.records, zip(*columns.values(), strict=True), strict=True):
            if name is not None:
                yield _line(name, row)


def _line(name: str, row: Iterable[Any]) -> str:
    """Returns a record's line; what several inspectors measured alike stands there once."""
    values: dict[str, int] = {}
    places = []
    for measure in row:
        text = _text(measure)
        places.append(_NONE if text is None else values.setdefault(text, len(values)))
    return f"[{json.dumps(name)}, [{', '.join(values)}], {json.dumps(places)}]"


def _fill(
    columns: Columns,
    places: Mapping[str | None, Sequence[int]],
    held: Mapping[str, int],
    line: str,
) -> None:
    record, values, found = json.loads(line)
    if record not in places:
        return
    plain = [from_json(value) for value in values]
    for name, position in held.items():
        if found[position] != _NONE:
            for place in places[record]:
                columns[name][place] = plain[found[position]]


def _text(measure: Any) -> str | None:
    """Returns a measure as JSON; None of what would not come back as it was."""
    if measure is UNKNOWN:
        return None
    try:
        return json.dumps(to_json(measure))
    except TypeError:
        return None
