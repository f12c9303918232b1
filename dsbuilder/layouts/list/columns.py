"""What the columns of a list are for, and one row of it -> an entry with its labels.

What a column holds is made into the labels of one target: `label`, `labels`, `value` and `text` of
the columns that options of these names give, a target of its own for each of `targets`, and boxes,
`objects`, one a row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from dsbuilder.errors import DataError, did_you_mean, shortened
from dsbuilder.layouts import cells
from dsbuilder.layouts.splits import SPLIT_WORDS, split_named
from dsbuilder.layouts.tables import TableRow

Kind = Literal["class", "classes", "value", "text"]
"""What a column of `targets` holds."""

OBJECTS = "objects"
"""What the target of boxes is called."""
CONFIDENCE = "confidence"
"""What the name of a column ends in that says how sure a model is of a label."""

_FLAGS: Mapping[float, bool] = {0.0: False, 1.0: True}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a CSV, TSV or JSONL list are read; None says that there is none.

    Attributes:
      image: the path of the image.
      label: the class; where there are boxes, that of a row's box.
      group: records of one group never end in two splits; an empty cell names none.
      split: a split's name.
      labels: several classes, a list, or a text with `separator` between them.
      text: a text.
      values: a number or a list of numbers; of several columns, each one number.
      one_hot: columns of 0 and 1, called after a class each; one of them is 1, the class.
      multi_hot: the same with any number of them 1: several classes.
      boxes: the four numbers of a box, or one column with a list of these.
      targets: column -> what it holds, each a target of the column's name.
      separator: what stands between several classes in a text.
    """

    image: str = "file_name"
    label: str | None = "label"
    group: str | None = None
    split: str | None = None
    labels: str | None = None
    text: str | None = None
    values: tuple[str, ...] = ()
    one_hot: tuple[str, ...] = ()
    multi_hot: tuple[str, ...] = ()
    boxes: tuple[str, ...] = ()
    targets: Mapping[str, Kind] = field(default_factory=dict)
    separator: str = ","

    @property
    def named(self) -> dict[str, str]:
        """What is read of one column -> the name of that column."""
        roles = ("image", "label", "group", "split", "labels", "text")
        return {role: getattr(self, role) for role in roles if getattr(self, role) is not None}

    @cached_property
    def options(self) -> dict[str, str]:
        """The name of every column that is read -> the option that names it."""
        single = {name: f"{role}_column" for role, name in self.named.items()}
        several = {
            "value_columns": self.values,
            "one_hot_columns": self.one_hot,
            "multi_hot_columns": self.multi_hot,
            "box_columns": self.boxes,
            "target_columns": tuple(self.targets),
        }
        return single | {name: option for option, names in several.items() for name in names}

    @property
    def makers(self) -> dict[str, str]:
        """The name of every target -> the option whose columns make it.

        Raises:
          ValueError: two options make one target, or none makes any.
        """
        made = [
            ("label", "label_column", self.label if not self.boxes else None),
            ("label", "one_hot_columns", self.one_hot),
            ("labels", "labels_column", self.labels),
            ("labels", "multi_hot_columns", self.multi_hot),
            ("value", "value_columns", self.values),
            ("text", "text_column", self.text),
            (OBJECTS, "box_columns", self.boxes),
            *((name, "target_columns", name) for name in self.targets),
        ]
        found: dict[str, str] = {}
        for target, option, named in made:
            if named and found.setdefault(target, option) != option:
                raise ValueError(
                    f"expected the target '{target}' from one option, found {found[target]} and "
                    f"{option}. Leave one out; label_column: null does."
                )
        if not found:
            raise ValueError("at least one column of labels is needed. Name one.")
        return found

    @property
    def of_several_rows(self) -> frozenset[str]:
        """The targets to which each of several rows of one image adds something."""
        own = (name for name, kind in self.targets.items() if kind == "classes")
        many = "labels" if self.labels or self.multi_hot else None
        boxes = OBJECTS if self.boxes else None
        return frozenset(name for name in (*own, many, boxes) if name is not None)


class Listed(NamedTuple):
    """One line of a list, as it stands there; None for what the list does not hold.

    Attributes:
      line: 1-based; where a quoted cell holds line ends, the first line of its row.
      image: the path as written.
      targets: labels by target name; of `objects` a box is `{label, box}`, its numbers as written.
      group: the group.
      split: `train`, `validation` or `test`.
      unread: columns that nothing reads.
    """

    line: int
    image: str
    targets: Mapping[str, Any]
    group: str | None = None
    split: str | None = None
    unread: tuple[str, ...] = ()


def entry_of(row: TableRow, columns: Columns) -> Listed:
    """Returns what a row of a table says.

    Raises:
      DataError: a column is missing, or a cell is not what its column promises; names the column.
    """
    known = columns.options
    for name, option in known.items():
        if name not in row.cells:
            raise DataError(
                f"there is no key '{name}'.{did_you_mean(name, row.cells)} Say which with {option}."
            )
    found = row.cells
    image = _made(found, columns.image, _text)
    if not image:
        _empty("path")
    return Listed(
        line=row.line,
        image=image,
        targets=_targets(found, columns),
        group=_optional(found, columns.group, _text_or_none),
        split=_optional(found, columns.split, _split),
        unread=tuple(name for name in found if name and name not in known),
    )


def _targets(found: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    def several(cell: Any) -> list[str]:
        return cells.names(cell, columns.separator)

    if columns.boxes:
        return {OBJECTS: _boxes(found, columns), **_own(found, columns, several)}
    label = _optional(found, columns.label, _text)
    if label == "":
        _empty("label")
    flagged = _flagged(found, columns.multi_hot) if columns.multi_hot else None
    targets = {
        "label": _one(found, columns.one_hot) if columns.one_hot else label,
        "labels": _optional(found, columns.labels, several) if flagged is None else flagged,
        "value": _value(found, columns.values),
        "text": _optional(found, columns.text, cells.text),
    }
    read = {name: value for name, value in targets.items() if value is not None}
    return {**read, **_own(found, columns, several)}


def _own(
    found: Mapping[str, Any], columns: Columns, several: Callable[[Any], list[str]]
) -> dict[str, Any]:
    """Returns the labels of the targets that are called after their columns."""
    makers: Mapping[Kind, Callable[[Any], Any]] = {
        "class": _class,
        "classes": several,
        "value": lambda cell: cells.values([cell]),
        "text": cells.text,
    }
    return {name: _made(found, name, makers[kind]) for name, kind in columns.targets.items()}


def _empty(what: str) -> None:
    raise DataError(
        f"expected a path and a label, found an empty {what}. Complete the line or remove it."
    )


def _class(cell: Any) -> str:
    name = _text(cell)
    if not name:
        raise DataError("expected a class, found an empty cell.")
    return name


def _flagged(found: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Returns the columns that are 1, of columns of 0 and 1."""
    return [name for name in columns if _made(found, name, _flag)]


def _flag(cell: Any) -> bool:
    number = float(cells.number(cell))
    if number not in _FLAGS:
        raise DataError(f"expected 0 or 1, found {cells.shown(cell)}.")
    return _FLAGS[number]


def _one(found: Mapping[str, Any], columns: Sequence[str]) -> str:
    chosen = _flagged(found, columns)
    if len(chosen) != 1:
        which = f"{len(chosen)}: {shortened(chosen)}" if chosen else "none"
        raise DataError(
            f"expected one 1 in the {len(columns)} columns of classes, found {which}. Correct the "
            "line; of several classes an image these are multi_hot_columns."
        )
    return chosen[0]


def _boxes(found: Mapping[str, Any], columns: Columns) -> list[dict[str, Any]]:
    """Returns the box of a row, none where its cells are empty: an image without objects."""
    if all(_is_blank(found[name]) for name in columns.boxes):
        return []
    if len(columns.boxes) == 1:
        box = _made(found, columns.boxes[0], _four)
    else:
        box = [_made(found, name, cells.number) for name in columns.boxes]
    label = "object" if columns.label is None else _made(found, columns.label, _class)
    return [{"label": label, "box": box}]


def _is_blank(cell: Any) -> bool:
    return cell is None or cell == [] or (isinstance(cell, str) and not cell.strip())


def _four(cell: Any) -> list[float]:
    numbers = cells.values([cell])
    if not isinstance(numbers, list) or len(numbers) != 4:
        raise DataError(f"expected a list of four numbers, found {cells.shown(cell)}.")
    return numbers


def _made(found: Mapping[str, Any], column: str, make: Callable[[Any], Any]) -> Any:
    """Returns what is made of a column; an error names it."""
    try:
        return make(found[column])
    except DataError as error:
        raise DataError(f"{column}: {error} Correct the line.") from None


def _optional(found: Mapping[str, Any], column: str | None, make: Callable[[Any], Any]) -> Any:
    return None if column is None else _made(found, column, make)


def _value(found: Mapping[str, Any], columns: Sequence[str]) -> float | list[float] | None:
    if len(columns) > 1:
        return [_made(found, column, cells.number) for column in columns]
    return _made(found, columns[0], lambda cell: cells.values([cell])) if columns else None


def _text(cell: Any) -> str:
    return cells.text(cell).strip()


def _text_or_none(cell: Any) -> str | None:
    return None if cell is None else _text(cell) or None


def _split(cell: Any) -> str:
    word = _text(cell)
    split = split_named(word)
    if split is None:
        raise DataError(f"expected a split, found '{word}'.{did_you_mean(word, SPLIT_WORDS)}")
    return split
