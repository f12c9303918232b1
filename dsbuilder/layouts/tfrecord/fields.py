"""How the labels of an Example become those of a record: a field for each target."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dsbuilder.layouts.boxes import Clipping
from dsbuilder.layouts.classes import name_of_number, numbered_names
from dsbuilder.layouts.stored import raw_label
from dsbuilder.layouts.tfrecord.tfds import FeatureColumn
from dsbuilder.plugin import (
    Boxes,
    ClassLabel,
    DataError,
    Mask,
    MultiLabel,
    Target,
    Text,
    Value,
)
from dsbuilder.records.example import (
    Features,
    blobs,
    check_count,
    ids,
    numbers,
    text,
    texts,
    values_of,
)

_ROUNDING = 0.01
_OF_A_BOX = ("box", "bbox", "label")
_NO_LABELS = "Leave out a split without labels with `only_splits`."
_AGAIN = "Build or export the dataset again."


@dataclass(frozen=True, kw_only=True)
class Field(ABC):
    """How one target is read."""

    def notes(self) -> list[str]:
        """Returns notes on what was read otherwise than it stands there."""
        return []

    @property
    @abstractmethod
    def reads(self) -> Collection[str]:
        """Names of the features that are read."""

    @abstractmethod
    def raw(self, features: Features) -> Any:
        """Returns the raw label of an Example.

        Raises:
          DataError: the features are not what the layout promises.
        """

    @abstractmethod
    def target(self, raws: Iterable[Any]) -> Target:
        """Returns the target, given the raw labels of all records."""


def _raw_label(kind: Target, name: str, features: Features, advice: str) -> Any:
    try:
        return raw_label(kind, name, features, advice=advice)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None


def _name_of(names: Sequence[str], name: str, number: int) -> str:
    if not 0 <= number < len(names):
        raise DataError(
            f"{name}: expected a class from 0 to {len(names) - 1}, found {number}. {_NO_LABELS}"
        )
    return names[number]


@dataclass(frozen=True, kw_only=True)
class _OfColumn(Field):
    column: FeatureColumn

    @property
    def reads(self) -> Collection[str]:
        return (self.column.name,)


@dataclass(frozen=True, kw_only=True)
class _Class(_OfColumn):
    def raw(self, features: Features) -> str:
        found = ids(features, self.column.name)
        check_count(self.column.name, len(found), 1)
        return _name_of(self.column.names, self.column.name, found[0])

    def target(self, raws: Iterable[Any]) -> Target:
        return ClassLabel(names=self.column.names)


@dataclass(frozen=True, kw_only=True)
class _Labels(_OfColumn):
    def raw(self, features: Features) -> list[str]:
        found = ids(features, self.column.name)
        return [_name_of(self.column.names, self.column.name, each) for each in found]

    def target(self, raws: Iterable[Any]) -> Target:
        return MultiLabel(names=self.column.names)


@dataclass(frozen=True, kw_only=True)
class _Numbers(_OfColumn):
    def raw(self, features: Features) -> Any:
        values = numbers(features, self.column.name)
        size = self.column.shape[0] if self.column.shape else 1
        check_count(self.column.name, len(values), size)
        found = values.tolist()
        return found if self.column.shape else found[0]

    def target(self, raws: Iterable[Any]) -> Target:
        return Value(size=(self.column.shape[0] or 0) if self.column.shape else 0)


@dataclass(frozen=True, kw_only=True)
class _Text(_OfColumn):
    def raw(self, features: Features) -> str:
        return text(features, self.column.name)

    def target(self, raws: Iterable[Any]) -> Target:
        return Text()


@dataclass(frozen=True, kw_only=True)
class _LabeledImage(_OfColumn):
    def raw(self, features: Features) -> Any:
        name = self.column.name
        encoded = blobs(features, name)
        check_count(name, len(encoded), 1)
        return _raw_label(self.target(()), name, {name: encoded}, _NO_LABELS)

    def target(self, raws: Iterable[Any]) -> Target:
        return Mask(names=self.column.names)


@dataclass(frozen=True, kw_only=True)
class _Boxes(Field):
    """Boxes of a sequence with a box, a class, and one value of each attribute a box."""

    box: FeatureColumn
    label: FeatureColumn
    attributes: Mapping[str, FeatureColumn]
    clipping: Clipping = field(default_factory=Clipping)

    @property
    def reads(self) -> Collection[str]:
        return [each.name for each in (self.box, self.label, *self.attributes.values())]

    def raw(self, features: Features) -> list[dict[str, Any]]:
        flat = numbers(features, self.box.name)
        count, rest = divmod(len(flat), 4)
        if rest:
            raise DataError(f"{self.box.name}: expected 4 numbers a box, found {len(flat)}.")
        classes = ids(features, self.label.name)
        check_count(self.label.name, len(classes), count)
        columns = {name: self._attribute(features, name, count) for name in self.attributes}
        return [
            {
                "label": _name_of(self.label.names, self.label.name, classes[row]),
                "box": inside(self.box.name, corners, self.clipping),
                **{name: values[row] for name, values in columns.items()},
            }
            for row, corners in enumerate(flat.reshape(-1, 4)[:, [1, 0, 3, 2]].tolist())
        ]

    def notes(self) -> list[str]:
        return self.clipping.notes()

    def _attribute(self, features: Features, name: str, count: int) -> list[Any]:
        column = self.attributes[name]
        if column.kind == "text":
            return texts(features, column.name, count)
        values = numbers(features, column.name)
        check_count(column.name, len(values), count)
        found: list[Any] = values.tolist()
        return found

    def target(self, raws: Iterable[Any]) -> Target:
        attributes = tuple((name, _dtype_of(each)) for name, each in self.attributes.items())
        return Boxes(names=self.label.names, attributes=attributes)


@dataclass(frozen=True, kw_only=True)
class PlainLabel(Field):
    """A class that stands there as a number or a text, whose names are known from the records."""

    feature: str
    classes: tuple[str, ...] | None

    @property
    def reads(self) -> Collection[str]:
        """The feature."""
        return (self.feature,)

    def raw(self, features: Features) -> str:
        """Returns the class's name."""
        if not isinstance(values_of(features, self.feature), np.ndarray):
            name = text(features, self.feature)
            if not name.strip():
                raise DataError(f"{self.feature}: expected a class, found an empty text.")
            return name
        found = ids(features, self.feature)
        check_count(self.feature, len(found), 1)
        return name_of_number(found[0], self.classes)

    def target(self, raws: Iterable[Any]) -> Target:
        """The classes that were found, unless `classes` names them."""
        return ClassLabel(names=numbered_names(raws, self.classes))


@dataclass(frozen=True, kw_only=True)
class StoredTarget(Field):
    """A target as our own datasets store it."""

    name: str
    kind: Target

    @property
    def reads(self) -> Collection[str]:
        """All features of the target."""
        return tuple(self.kind.features(self.name))

    def raw(self, features: Features) -> Any:
        """Returns the raw label of the value that was stored."""
        return _raw_label(self.kind, self.name, features, _AGAIN)

    def target(self, raws: Iterable[Any]) -> Target:
        """The target."""
        return self.kind


def inside(name: str, corners: Sequence[float], clipping: Clipping) -> list[float]:
    """Returns corners, of which what lies outside of [0, 1] is cut off.

    Args:
      clipping: counts a box that reaches farther out than a rounding error.

    Raises:
      DataError: over half of it lies outside, or they are no numbers.
    """
    if not all(-_ROUNDING <= each <= 1 + _ROUNDING for each in corners):
        cut = clipping.cut(corners) if all(map(math.isfinite, corners)) else None
        if cut is None:
            raise DataError(
                f"{name}: expected a box of which half lies in the image, as shares of its sides, "
                f"found {[round(each, 4) for each in corners]}."
            )
        return cut
    return [min(max(float(each), 0.0), 1.0) for each in corners]


def _dtype_of(column: FeatureColumn) -> Any:
    """Returns the type of an attribute."""
    if column.kind == "text":
        return "string"
    return "float32" if column.dtype.startswith(("float", "bfloat")) else "int64"


def fields_of(columns: Mapping[str, FeatureColumn]) -> dict[str, Field]:
    """Returns the fields of a folder's columns, by the name of the target."""
    fields: dict[str, Field] = {}
    for group in dict.fromkeys(each.group for each in columns.values() if each.group is not None):
        members = {
            name.removeprefix(f"{group}/"): each
            for name, each in columns.items()
            if each.group == group
        }
        found = _of_group(members)
        if found is not None:
            fields[group.replace("/", "_")] = found
    for name, column in columns.items():
        if column.group is None and not _weighs(name, columns):
            single = _of_column(column)
            if single is not None:
                fields[name.replace("/", "_")] = single
    return fields


def _weighs(name: str, columns: Mapping[str, FeatureColumn]) -> bool:
    """Whether a column holds the weights of classes, which another column names."""
    other = columns.get(name.removesuffix("_weights"))
    return name.endswith("_weights") and other is not None and other.kind == "class"


def _of_column(column: FeatureColumn) -> Field | None:
    if column.kind == "class":
        return _Labels(column=column) if column.is_list else _Class(column=column)
    if column.is_list:
        return None
    if column.kind == "number":
        is_flat = len(column.shape) < 2 and None not in column.shape and column.encoding == "none"
        return _Numbers(column=column) if is_flat and 0 not in column.shape else None
    kinds = {"text": _Text, "mask": _LabeledImage}
    return kinds[column.kind](column=column) if column.kind in kinds else None


def _of_group(members: Mapping[str, FeatureColumn]) -> Field | None:
    box = next((each for each in members.values() if each.kind == "box"), None)
    label = next((each for each in members.values() if each.kind == "class"), None)
    if box is None or label is None:
        return None
    attributes = {
        name: each
        for name, each in members.items()
        if name not in _OF_A_BOX
        and (each.kind == "text" or (each.kind == "number" and not each.shape))
    }
    return _Boxes(box=box, label=label, attributes=attributes)
