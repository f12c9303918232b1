"""Rows of `imagefolder` tables -> records, by what their columns are for."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsbuilder.images import encoding as image
from dsbuilder.layouts import cells
from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.imagefolder import format as imagefolder
from dsbuilder.layouts.imagefolder.columns import Roles, TargetColumn, columns_of
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tables import Table, TableRow
from dsbuilder.paths import Inside, normalized
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    DataError,
    Keypoints,
    Mask,
    MultiLabel,
    Record,
    Target,
    Text,
    Value,
    did_you_mean,
)

_OWN_MEANING = ("width", "height")


@dataclass(kw_only=True)
class TableReader:
    """Reads the rows of all tables, and remembers where every image was listed.

    Attributes:
      root: the folder at the top.
      tables: table by path below it.
      roles: what the columns are for.
      faults: takes note of malformed rows, each with the record that it is of.
      unread: columns that nothing reads, and `column.key` of what nothing reads of boxes.
      read_files: everything below the top folder that was read or is a target's.
      clipping: counts the boxes that are cut at the edge.
    """

    root: Path
    tables: Mapping[str, Table]
    roles: Roles
    faults: Faults
    unread: list[str] = field(default_factory=list)
    read_files: set[str] = field(default_factory=set)
    clipping: Clipping = field(default_factory=Clipping)
    _listed: dict[str, str] = field(default_factory=dict)

    def read(self) -> list[Record]:
        """Returns a record for every row, in the order of the tables."""
        columns = columns_of(self.tables)
        self.unread = [each for each in columns if each not in {*self.roles.read, *_OWN_MEANING}]
        self.read_files.update(self.tables)
        lists: set[str] = set()
        records: list[Record] = []
        for path, table in self.tables.items():
            folder = path[: path.rfind("/") + 1]
            inside = Inside(self.root / folder)
            for row in table.rows:
                reader = _RowReader(
                    root=self.root,
                    folder=folder,
                    inside=inside,
                    roles=self.roles,
                    row=row,
                    unread=lists,
                    clipping=self.clipping,
                )
                where, stated = f"{self.root / path}:{row.line}", reader.stated()
                with self.faults.collecting(where, record=stated):
                    records.append(self._once(reader.record(), f"{path}:{row.line}"))
        self.unread += sorted(lists)
        return records

    def _once(self, record: Record, place: str) -> Record:
        other = self._listed.setdefault(record.key, place)
        if other != place:
            raise DataError(
                f"expected every image once, found '{record.key}' again, which {other} lists. "
                "Remove one of the rows."
            )
        self.read_files.add(record.key)
        self.read_files.update(path.relative_to(self.root).as_posix() for path in record.files)
        return record


@dataclass(frozen=True, kw_only=True)
class _RowReader:
    """One row on its way to a record.

    Attributes:
      root: the folder at the top.
      folder: folder of the table below it: empty, or with a slash behind.
      inside: what looks files up below the folder of the table.
      roles: what the columns are for.
      row: the row.
      unread: takes `column.key` of what nothing reads of boxes.
      clipping: counts the boxes that are cut at the edge.
    """

    root: Path
    folder: str
    inside: Inside
    roles: Roles
    row: TableRow
    unread: set[str]
    clipping: Clipping

    def stated(self) -> Record | None:
        """Returns the record without its labels; None if the row names no path."""
        cell = self.cell(imagefolder.FILE_NAME)
        with suppress(DataError):
            key = self.folder + normalized(cells.text(cell).strip())
            return Record(key=key, path=self.root / key)
        return None

    def record(self) -> Record:
        """Returns the record.

        Raises:
          DataError: a cell is not what its column promises; names the column.
        """
        try:
            key = self.located(imagefolder.FILE_NAME)
        except DataError as error:
            raise DataError(f"{imagefolder.FILE_NAME}: {error} Correct the row.") from None
        path = self.root / key
        targets = {each.target: self._read(each, path) for each in self.roles.targets}
        masks = (targets[each.target] for each in self.roles.targets if each.kind is Mask)
        return Record(
            key=key,
            path=path,
            targets=targets,
            group=self._optional(self.roles.group),
            split=self._split(),
            files=tuple(Path(mask["path"]) for mask in masks),
        )

    def _read(self, column: TargetColumn, path: Path) -> Any:
        """Returns the raw label of a column; an error names it, and how to do without it."""
        try:
            return _READERS[column.kind](self, column, path)
        except DataError as error:
            advice = f", or set {column.without}" if column.without else ""
            raise DataError(
                f"{', '.join(column.cells)}: {error} Correct the row{advice}."
            ) from None

    def cell(self, column: str) -> Any:
        """Returns what stands in a column; None where nothing does."""
        return self.row.cells.get(column)

    def located(self, column: str) -> str:
        """Returns the path below the top folder of a file that a column names."""
        cell = self.cell(column)
        if not isinstance(cell, str) or not cell.strip() or "://" in cell:
            raise DataError(f"expected a path below the table's folder, found {cells.shown(cell)}.")
        return self.folder + self.inside.locate(cell.strip())

    def size(self, path: Path) -> tuple[int, int]:
        """Returns (height, width) of an image: as columns say, else as its header does."""
        stated = self.cell("height"), self.cell("width")
        if self.roles.stated is None and all(isinstance(each, int) and each > 0 for each in stated):
            return stated
        try:
            return image.size(path.read_bytes())
        except OSError as error:
            raise DataError(
                f"expected an image that can be read, found: {error.strerror}."
            ) from None

    def _optional(self, column: str | None) -> str | None:
        cell = None if column is None else self.cell(column)
        return None if cell is None else cells.text(cell).strip() or None

    def _split(self) -> str | None:
        word = self._optional(self.roles.split)
        if word is None:
            return None
        split = split_named(word)
        if split is None:
            raise DataError(
                f"{self.roles.split}: expected a split, found '{word}'."
                f"{did_you_mean(word, SPLIT_WORDS)}"
            )
        return split


def _class(row: _RowReader, column: TargetColumn, path: Path) -> str:
    name = cells.text(row.cell(column.cells[0])).strip()
    if not name:
        raise DataError("expected a class, found an empty cell.")
    return _known(name, column.classes)


def _classes(row: _RowReader, column: TargetColumn, path: Path) -> list[str]:
    found = cells.names(row.cell(column.cells[0]), column.separator)
    return [_known(name, column.classes) for name in found]


def _value(row: _RowReader, column: TargetColumn, path: Path) -> float | list[float]:
    return cells.values([row.cell(each) for each in column.cells])


def _text(row: _RowReader, column: TargetColumn, path: Path) -> str:
    return cells.text(row.cell(column.cells[0]))


def _mask(row: _RowReader, column: TargetColumn, path: Path) -> dict[str, Any]:
    mask = str(row.root / row.located(column.cells[0]))
    values = column.mask_values
    return {"path": mask} if values is None else {"path": mask, "values": values}


def _boxes(row: _RowReader, column: TargetColumn, path: Path) -> list[dict[str, Any]]:
    found = imagefolder.read_objects(row.cell(column.cells[0]))
    attributes = {imagefolder.list_of(name): name for name in column.attributes}
    kept = {"label": "label", "bbox": "bbox", **attributes}
    for each in found:
        absent = [name for name in kept if name not in each]
        if absent:
            raise DataError(f"a box has no '{absent[0]}'.")
        row.unread.update(f"{column.cells[0]}.{name}" for name in each.keys() - kept)
    named = [{name: each[stored] for stored, name in kept.items()} for each in found]
    for each in named:
        each["label"] = _known(each["label"], column.classes)
    return imagefolder.to_shares(named, row.size(path), row.clipping) if named else []


def _points(row: _RowReader, column: TargetColumn, path: Path) -> list[list[list[float]]]:
    cell = row.cell(column.cells[0])
    return imagefolder.read_keypoints(cell, column.keypoints, row.size(path)) if cell else []


_READERS: Mapping[type[Target], Callable[[_RowReader, TargetColumn, Path], Any]] = {
    ClassLabel: _class,
    MultiLabel: _classes,
    Value: _value,
    Text: _text,
    Mask: _mask,
    Boxes: _boxes,
    Keypoints: _points,
}
"""Kind of a target -> what makes its raw label of the row of the image at a path."""


def _known(name: str, classes: Sequence[str] | None) -> str:
    """Returns the name of a class; a number that is none is an id of given classes."""
    if classes is None or name in classes:
        return name
    if name.isdecimal() and int(name) < len(classes):
        return classes[int(name)]
    raise DataError(
        f"expected one of the {len(classes)} classes, found '{name}'.{did_you_mean(name, classes)}"
    )
