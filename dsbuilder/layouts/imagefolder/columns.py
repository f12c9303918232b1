"""Which columns of an `imagefolder` table are read into which targets: as options or an export say.

Without either, columns of the usual names are read: `label`, `text`, `mask_file_name`, and so on.
An export of ours calls every column after its target, and its sidecar says of which kind that is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from dsbuilder.errors import shortened
from dsbuilder.layouts.imagefolder.format import FILE_NAME, column_of, file_column
from dsbuilder.layouts.sidecar import Sidecar, at_defaults
from dsbuilder.layouts.tables import Table
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    DataError,
    Keypoints,
    Mask,
    MultiLabel,
    Target,
    Text,
    Value,
    did_you_mean,
)

if TYPE_CHECKING:
    from dsbuilder.layouts.imagefolder.reader import ImageFolder

_KINDS: Mapping[str, type[Target]] = {
    "label": ClassLabel,
    "labels": MultiLabel,
    "text": Text,
    "mask": Mask,
    "objects": Boxes,
    "keypoints": Keypoints,
}
"""Target, which the option `NAME_column` names a column of -> its kind."""


@dataclass(frozen=True, kw_only=True)
class TargetColumn:
    """One target, and what of a table it is read from.

    Attributes:
      target: name of the target.
      kind: kind of the target.
      cells: names of the columns; several where each holds one number.
      without: option that leaves the target out; empty where an export states it.
      classes: class names in id order; None takes those that are found.
      separator: what stands between several classes in a text.
      attributes: lists beside the boxes that are kept with each.
      keypoints: number of points that an object has.
      mask_values: id by stored value of a mask; None where the stored values are the ids.
    """

    target: str
    kind: type[Target]
    cells: tuple[str, ...]
    without: str = ""
    classes: tuple[str, ...] | None = None
    separator: str = ","
    attributes: tuple[str, ...] = ()
    keypoints: int = 0
    mask_values: Mapping[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Roles:
    """What the columns of a table are for.

    Attributes:
      targets: columns that make a target.
      group, split: columns that say of which group and split a record is, if there are such.
      stated: the targets by name where an export states them; else None.
    """

    targets: tuple[TargetColumn, ...]
    group: str | None = None
    split: str | None = None
    stated: Mapping[str, Target] | None = None

    @property
    def read(self) -> frozenset[str]:
        """Every column that is read."""
        named = (name for each in self.targets for name in each.cells)
        return frozenset(each for each in (FILE_NAME, *named, self.group, self.split) if each)


def columns_of(tables: Mapping[str, Table]) -> list[str]:
    """Returns the columns of all tables, in the order in which they first appear."""
    return list(dict.fromkeys(name for table in tables.values() for name in table.columns))


def roles_of(source: "ImageFolder", columns: Sequence[str], stated: Sidecar | None) -> Roles:
    """Returns what columns are for: as a sidecar says if no option does, else as options say.

    Raises:
      DataError: a column is not there, none makes a target, or a mask has no classes.
    """
    if stated is not None and at_defaults(source):
        return _stated_roles(stated.targets, columns, where=str(source.path))
    return _named_roles(source, columns)


def _stated_roles(stated: Mapping[str, Target], columns: Sequence[str], *, where: str) -> Roles:
    found = []
    for name, kind in stated.items():
        column = TargetColumn(
            target=name,
            kind=type(kind),
            cells=(column_of(name, type(kind)),),
            classes=kind.class_names or None,
            attributes=tuple(each for each, _ in kind.attributes)
            if isinstance(kind, Boxes)
            else (),
            keypoints=len(kind.names) if isinstance(kind, Keypoints) else 0,
        )
        found.append(column)
    roles = Roles(targets=tuple(found), stated={name: _unmixed(t) for name, t in stated.items()})
    _check_there(roles, columns, where)
    return roles


def _attributes(kind: Target) -> tuple[str, ...]:
    return tuple(name for name, _ in kind.attributes) if isinstance(kind, Boxes) else ()


def _unmixed(kind: Target) -> Target:
    """Returns the kind of what a table holds: of a mixed label the dominant class."""
    return ClassLabel(names=kind.names) if isinstance(kind, ClassLabel) else kind


def _named_roles(source: "ImageFolder", columns: Sequence[str]) -> Roles:
    usual = {each.name: each.default for each in fields(source)}
    targets = [_named(source, name, usual[f"{name}_column"], columns) for name in _KINDS]
    values = source.value_columns
    if values != usual["value_columns"] or all(name in columns for name in values):
        targets.append(_values(values))
    roles = Roles(
        targets=tuple(each for each in targets if each is not None),
        group=source.group_column,
        split=source.split_column,
    )
    _check_there(roles, columns, str(source.path))
    _check_named(source, roles, columns)
    return roles


def _named(
    source: "ImageFolder", name: str, usual: object, columns: Sequence[str]
) -> TargetColumn | None:
    """Returns the column of a target; None where none is read."""
    option = f"{name}_column"
    chosen: str | None = getattr(source, option)
    if chosen is None:
        return None
    cell = file_column(chosen) if name == "mask" else chosen
    if cell not in columns and chosen == usual:
        return None
    classes = {
        "label": source.classes,
        "labels": source.labels_classes,
        "objects": source.object_classes,
    }
    is_mapped = name == "mask" and bool(source.mask_classes or source.mask_colors)
    return TargetColumn(
        target=name,
        kind=_KINDS[name],
        cells=(cell,),
        without=f"{option}: null",
        classes=classes.get(name),
        separator=source.separator,
        attributes=source.attributes,
        keypoints=len(source.keypoint_names or ()),
        mask_values=source.mask_names.values if is_mapped else None,
    )


def _values(columns: tuple[str, ...]) -> TargetColumn | None:
    if not columns:
        return None
    return TargetColumn(target="value", kind=Value, cells=columns, without="value_columns: []")


def _check_there(roles: Roles, columns: Sequence[str], where: str) -> None:
    absent = sorted(roles.read - set(columns), key=lambda name: (name != FILE_NAME, name))
    if absent:
        raise DataError(
            f"{where}: the tables have no column '{absent[0]}'.{did_you_mean(absent[0], columns)}"
        )


def _check_named(source: "ImageFolder", roles: Roles, columns: Sequence[str]) -> None:
    kinds = {each.kind for each in roles.targets}
    if not kinds:
        raise DataError(
            f"{source.path}: expected a column that says what an image is labeled with, found "
            f"{shortened(columns)}. Say which is what, such as text_column: caption."
        )
    if Mask in kinds and not (source.mask_classes or source.mask_colors):
        raise DataError(
            f"{source.path}: the names of the masks' classes are missing. "
            "Set mask_classes or mask_colors, or mask_column: null to leave masks out."
        )
    if Keypoints in kinds and not source.keypoint_names:
        raise DataError(
            f"{source.path}: the names of keypoints are missing. Set "
            "keypoint_names, or keypoints_column: null to leave keypoints out."
        )
