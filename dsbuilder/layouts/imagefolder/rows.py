"""Rows of `imagefolder` tables -> records, by the columns that are there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder.errors import shortened
from dsbuilder.images import encoding as image
from dsbuilder.layouts import cells
from dsbuilder.layouts.imagefolder import format as imagefolder
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tables import Row
from dsbuilder.paths import Inside
from dsbuilder.plugin import DataError, Record, did_you_mean

if TYPE_CHECKING:
    from dsbuilder.layouts.imagefolder.reader import ImageFolder

_COLUMN = "_column"
_TARGETS = frozenset({"label", "labels", "text", "objects", "keypoints", "mask"})


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Which columns are read, by what they make; a role that no column plays is left out.

    Attributes:
      single: column by role.
      values: columns of numbers.
      mask_values: id by stored value of masks, where these are mapped.
    """

    single: Mapping[str, str]
    values: tuple[str, ...]
    mask_values: Mapping[str, int] | None = None

    @property
    def columns(self) -> set[str]:
        """Every column that is read."""
        return {*self.single.values(), *self.values}


def roles_of(source: "ImageFolder", columns: Sequence[str]) -> Roles:
    """Returns the columns that are read of those that there are.

    Raises:
      DataError: one that is named is not there, none makes a target, or a mask has no classes.
    """
    defaults = {each.name: each.default for each in fields(source)}
    single: dict[str, str] = {}
    for option, default in defaults.items():
        name = getattr(source, option)
        if option.endswith(_COLUMN) and name is not None:
            column = imagefolder.file_column(name) if option == "mask_column" else name
            if column in columns or name != default:
                single[option.removesuffix(_COLUMN)] = column
    is_default = source.value_columns == defaults["value_columns"]
    present = all(name in columns for name in source.value_columns)
    roles = Roles(single=single, values=source.value_columns if present or not is_default else ())
    _check_roles(source, roles, columns)
    if "mask" in single:
        return replace(roles, mask_values=source.mask_names.values)
    return roles


def _check_roles(source: "ImageFolder", roles: Roles, columns: Sequence[str]) -> None:
    absent = sorted(roles.columns - set(columns))
    if imagefolder.FILE_NAME not in columns:
        absent.insert(0, imagefolder.FILE_NAME)
    if absent:
        raise DataError(
            f"{source.path}: expected a column '{absent[0]}' in the tables, found none."
            f"{did_you_mean(absent[0], columns)}"
        )
    if not roles.values and not _TARGETS & set(roles.single):
        raise DataError(
            f"{source.path}: expected a column that says what an image is labelled with, found "
            f"{shortened(columns)}. Say which is what, such as text_column: caption."
        )
    if "mask" in roles.single and not (source.mask_classes or source.mask_colors):
        raise DataError(
            f"{source.path}: expected the names of the masks' classes in id order, found none. "
            "Set mask_classes or mask_colors, or mask_column: null to leave masks out."
        )
    if "keypoints" in roles.single and not source.keypoint_names:
        raise DataError(
            f"{source.path}: expected the names of keypoints in their order, found none. Set "
            "keypoint_names, or keypoints_column: null to leave keypoints out."
        )


@dataclass(frozen=True)
class RowReader:
    """One row on its way to a record.

    Attributes:
      folder: of the table, below the top folder: empty, or with a slash behind.
      inside: what looks files up below that folder.
      unread: takes the keys of boxes that nothing reads.
    """

    source: "ImageFolder"
    roles: Roles
    folder: str
    inside: Inside
    row: Row
    unread: set[str]

    def record(self) -> Record:
        """Returns the record.

        Raises:
          DataError: a cell is not what its column promises; names the column.
        """
        try:
            key = self._located(imagefolder.FILE_NAME)
        except DataError as error:
            raise DataError(f"{imagefolder.FILE_NAME}: {error} Correct the row.") from None
        makers: Mapping[str, Callable[[str], Any]] = {
            "label": self._label,
            "labels": self._labels,
            "text": lambda column: cells.text(self._cell(column)),
            "mask": self._mask,
            "objects": lambda column: self._objects(column, self.source.path / key),
            "keypoints": lambda column: self._keypoints(column, self.source.path / key),
        }
        single = self.roles.single
        targets = {
            role: self._told(role, single[role], make)
            for role, make in makers.items()
            if role in single
        }
        if self.roles.values:
            columns = ", ".join(self.roles.values)
            targets["value"] = self._told("value", columns, lambda _: self._values())
        return Record(
            key=key,
            path=self.source.path / key,
            targets=targets,
            group=self._optional("group"),
            split=self._split(),
            files=(Path(targets["mask"]["path"]),) if "mask" in targets else (),
        )

    def _cell(self, column: str) -> Any:
        return self.row.cells.get(column)

    def _told(self, role: str, column: str, make: Callable[[str], Any]) -> Any:
        """Returns what is made of a column; an error names it, and how to do without it."""
        try:
            return make(column)
        except DataError as error:
            without = "value_columns: []" if role == "value" else f"{role}_column: null"
            raise DataError(f"{column}: {error} Correct the row, or set {without}.") from None

    def _located(self, column: str) -> str:
        """Returns the path below the top folder of a file that a column names."""
        cell = self._cell(column)
        if not isinstance(cell, str) or not cell.strip() or "://" in cell:
            raise DataError(f"expected a path below the table's folder, found {cells.shown(cell)}.")
        return self.folder + self.inside.locate(cell.strip())

    def _mask(self, column: str) -> dict[str, Any]:
        path = str(self.source.path / self._located(column))
        values = self.roles.mask_values
        return {"path": path} if values is None else {"path": path, "values": values}

    def _label(self, column: str) -> str:
        name = cells.text(self._cell(column)).strip()
        if not name:
            raise DataError("expected a class, found an empty cell.")
        return _known(name, self.source.classes)

    def _labels(self, column: str) -> list[str]:
        found = cells.names(self._cell(column), self.source.separator)
        return [_known(name, self.source.labels_classes) for name in found]

    def _values(self) -> float | list[float]:
        return cells.values([self._cell(column) for column in self.roles.values])

    def _objects(self, column: str, path: Path) -> list[dict[str, Any]]:
        found = imagefolder.read_objects(self._cell(column))
        kept = ("label", "bbox", *self.source.attributes)
        for each in found:
            absent = [name for name in kept if name not in each]
            if absent:
                raise DataError(f"expected '{absent[0]}' of every box, found none.")
            self.unread.update(each.keys() - kept)
        named = [{name: each[name] for name in kept} for each in found]
        for each in named:
            each["label"] = _known(each["label"], self.source.object_classes)
        return imagefolder.to_shares(named, self._size(path)) if named else []

    def _keypoints(self, column: str, path: Path) -> list[list[list[float]]]:
        cell, names = self._cell(column), self.source.keypoint_names or ()
        return imagefolder.read_keypoints(cell, len(names), self._size(path)) if cell else []

    def _size(self, path: Path) -> tuple[int, int]:
        stated = self._cell("height"), self._cell("width")
        if all(isinstance(side, int) and side > 0 for side in stated):
            return stated
        try:
            return image.size(path.read_bytes())
        except OSError as error:
            raise DataError(
                f"expected an image that can be read, found: {error.strerror}."
            ) from None

    def _optional(self, role: str) -> str | None:
        column = self.roles.single.get(role)
        cell = None if column is None else self._cell(column)
        return None if cell is None else cells.text(cell).strip() or None

    def _split(self) -> str | None:
        word = self._optional("split")
        if word is None:
            return None
        split = split_named(word)
        if split is None:
            raise DataError(
                f"{self.source.split_column}: expected a split, found '{word}'."
                f"{did_you_mean(word, SPLIT_WORDS)}"
            )
        return split


def _known(name: str, classes: Sequence[str] | None) -> str:
    """Returns the name of a class; a number that is none is an id of given classes."""
    if classes is None or name in classes:
        return name
    if name.isdecimal() and int(name) < len(classes):
        return classes[int(name)]
    raise DataError(
        f"expected one of the {len(classes)} classes, found '{name}'.{did_you_mean(name, classes)}"
    )
