"""A list written: labels of images -> a table that the source `list` reads, and its options for it.

A target that has the name which the reader gives to labels of its kind (`label`, `labels`, `value`,
`text`) stands in the column of that name, any other in a column of its own (`target_columns`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from dsbuilder.errors import printable
from dsbuilder.layouts.list.columns import Columns, Kind
from dsbuilder.layouts.tables import DELIMITERS, check_written, write_table
from dsbuilder.paths import Inside
from dsbuilder.plugin import ClassLabel, DataError, MultiLabel, Target, Text, Value

_SEPARATORS = (Columns.separator, ";", "|", "/", "+")


class _Role(NamedTuple):
    """What the reader makes of a kind of target.

    Attributes:
      kind: word for it in `target_columns`.
      column: column, and name of the target, of the option below.
      option: option that names such a column.
    """

    kind: Kind
    column: str
    option: str


_ROLES: Mapping[str, _Role] = {
    ClassLabel.kind: _Role("class", "label", "label_column"),
    MultiLabel.kind: _Role("classes", "labels", "labels_column"),
    Value.kind: _Role("value", "value", "value_columns"),
    Text.kind: _Role("text", "text", "text_column"),
}

KINDS = frozenset(_ROLES)
"""Kinds of targets whose labels can be written."""


class ListRow(NamedTuple):
    """A line of a list.

    Attributes:
      image: path of the image below the folder of the list's images.
      labels: label of each target: a name, a list of names, a number or a list of these, a text.
      notes: values of the columns that the reader passes over.
    """

    image: str
    labels: Mapping[str, Any]
    notes: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class WrittenList:
    """A list that can be written.

    Attributes:
      path: the list; its ending says its form.
      folder: folder that the paths of images are relative to.
      targets: targets by name, each of one of `KINDS`.
      notes: columns beside them, which the reader passes over.
    """

    path: Path
    folder: Path
    targets: Mapping[str, Target]
    notes: Sequence[str] = ()

    def check(self, images: Iterable[str]) -> None:
        """Checks that all can be written and will be read as it was.

        Args:
          images: paths of the images below the folder.

        Raises:
          DataError: the ending is of no table, names of classes leave no separator, a target is
            called as another column is, or the name of an image is none that a list can hold.
        """
        check_written(self.path)
        _ = self._separator
        columns = self._columns
        if len(set(columns)) < len(columns):
            twice = next(each for each in columns if columns.count(each) > 1)
            raise DataError(
                f"{self.path}: expected columns of different names, found a target called "
                f"'{twice}' as another column is. Rename the target."
            )
        inside = Inside(self.folder)
        for image in images:
            if image != image.strip() or inside.locate(image) != image:
                raise DataError(
                    f"{self.folder}: expected names of images without backslashes or spaces at "
                    f"their ends, which no list can hold, found '{printable(image)}'. Rename it."
                )

    @property
    def options(self) -> dict[str, Any]:
        """Options of the source that reads it, `use` among them."""
        own: dict[str, Any] = {"label_column": None}
        others: dict[str, Kind] = {}
        for name, target in self.targets.items():
            role = _ROLES[target.kind]
            if name != role.column:
                others[name] = role.kind
            else:
                own[role.option] = [name] if role.kind == "value" else name
        if own["label_column"] == Columns.label:
            del own["label_column"]
        if others:
            own["target_columns"] = others
        if self._separator != Columns.separator:
            own["separator"] = self._separator
        return {"use": "list", "path": str(self.folder), "list": str(self.path), **own}

    def write(self, rows: Iterable[ListRow]) -> None:
        """Writes the lines in their order.

        Raises:
          DataError: the file cannot be written.
        """
        table = (
            [
                row.image,
                *(self._cell(target, row.labels[name]) for name, target in self.targets.items()),
                *(row.notes[name] for name in self.notes),
            ]
            for row in rows
        )
        write_table(self.path, self._columns, table)

    @property
    def _columns(self) -> list[str]:
        return [Columns.image, *self.targets, *self.notes]

    @property
    def _is_cut(self) -> bool:
        """Whether cells are texts."""
        return self.path.suffix.lower().removeprefix(".") in DELIMITERS

    @property
    def _separator(self) -> str:
        """What stands between several classes in a text: a character that no name holds.

        Raises:
          DataError: each of those that are tried is in a name.
        """
        several = (each for each in self.targets.values() if isinstance(each, MultiLabel))
        names = [name for target in several for name in target.class_names]
        free = [each for each in _SEPARATORS if not any(each in name for name in names)]
        if not free and self._is_cut:
            raise DataError(
                f"{self.path}: expected a character of {' '.join(_SEPARATORS)} that no name of a "
                "class holds, to stand between several classes, found each in one. Write a .jsonl."
            )
        return free[0] if free and self._is_cut else Columns.separator

    def _cell(self, target: Target, label: Any) -> Any:
        is_text = isinstance(target, MultiLabel) and self._is_cut
        return self._separator.join(label) if is_text else label
