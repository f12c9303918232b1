"""Arrays of labels -> the raw labels of records, by the kind of target that they are."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from dsbuilder.layouts.classes import name_of_number, numbered_names
from dsbuilder.paths import is_utf8
from dsbuilder.plugin import (
    ClassLabel,
    DataError,
    MultiLabel,
    Target,
    Text,
    Value,
    did_you_mean,
)
from dsbuilder.records.arrays import Array

Kind = Literal["class", "multi_label", "value", "text"]

NAMES: Mapping[Kind, str] = {
    "class": "label",
    "multi_label": "labels",
    "value": "value",
    "text": "text",
}
"""What the target of a kind is called."""


def read(array: Array, kind: Kind, classes: Sequence[str] | None) -> list[Any]:
    """Returns the raw labels of an array, one a row; an error stands for what is none.

    Args:
      classes: class names in id order, where they are known.

    Raises:
      DataError: it is damaged, or holds something else.
    """
    return _READERS[kind](array, array.load(), classes)


def target(kind: Kind, raws: Sequence[Any], classes: Sequence[str] | None) -> Target:
    """Returns the target of raw labels."""
    if kind == "class":
        return ClassLabel(names=numbered_names(raws, classes))
    if kind == "multi_label":
        found = (name for raw in raws for name in raw)
        return MultiLabel(names=numbered_names(found, classes))
    if kind == "value":
        return Value(size=len(raws[0]) if raws and isinstance(raws[0], list) else 0)
    return Text()


def likely(array: Array) -> Kind:
    """Returns the kind that an array's type and shape speak for."""
    header = array.header()
    is_wide = len(header.shape) == 2 and header.shape[1] > 1
    if header.dtype.kind == "f":
        return "value"
    return "multi_label" if is_wide and header.dtype.kind in "biu" else "class"


def _classes(
    array: Array, values: np.ndarray, classes: Sequence[str] | None
) -> list[str | DataError]:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(
            f"{array}: expected one label an image, (N,), found {values.shape}. "
            "Of one-hot rows, save the argmax; or set `target`."
        )
    if values.dtype.kind in "US":
        return _known(array, texts(array, values), classes)
    if values.dtype.kind not in "biu":
        raise DataError(
            f"{array}: expected whole numbers or texts, found {values.dtype}. "
            "Convert them, or set `target: value`."
        )
    named = {value: _numbered(int(value), classes) for value in set(values.tolist())}
    return [_in_row(array, row, named[value]) for row, value in enumerate(values.tolist())]


def _numbered(number: int, classes: Sequence[str] | None) -> str | DataError:
    try:
        return name_of_number(number, classes)
    except DataError as error:
        return error


def _in_row(array: Array, row: int, found: Any) -> Any:
    """Returns a label as it is; of an error one that says where."""
    return DataError(f"{array}: row {row}: {found}") if isinstance(found, DataError) else found


def _multi(array: Array, values: np.ndarray, classes: Sequence[str] | None) -> list[Any]:
    names = classes if classes is not None else [str(n) for n in range(values.shape[-1])]
    if values.ndim != 2 or values.shape[1] != len(names) or values.dtype.kind not in "biuf":
        raise DataError(
            f"{array}: expected a row of {len(names)} zeros and ones an image, found "
            f"{values.dtype} {values.shape}. Correct it or `classes`."
        )
    plain = np.asarray(np.isin(values, (0, 1)).all(axis=1))
    wrong = DataError("expected zeros and ones, found others. Set `target: value`.")
    return [
        [names[number] for number in np.flatnonzero(values[row]).tolist()]
        if is_plain
        else _in_row(array, row, wrong)
        for row, is_plain in enumerate(plain.tolist())
    ]


def _values(array: Array, values: np.ndarray, classes: Sequence[str] | None) -> list[Any]:
    if values.ndim not in (1, 2) or values.dtype.kind not in "biuf" or 0 in values.shape[1:]:
        raise DataError(
            f"{array}: expected a number or a row of numbers an image, found {values.dtype} "
            f"{values.shape}. Reshape or convert it."
        )
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    wrong = DataError("expected finite numbers, found others. Replace or remove them.")
    found: list[Any] = values.astype(np.float64).tolist()
    for row in np.flatnonzero(~finite).tolist():
        found[row] = _in_row(array, row, wrong)
    return found


def _texts_only(array: Array, values: np.ndarray, classes: Sequence[str] | None) -> list[str]:
    if values.ndim != 1 or values.dtype.kind not in "US":
        raise DataError(
            f"{array}: expected a text an image, found {values.dtype} {values.shape}. Save texts."
        )
    return texts(array, values)


def _known(array: Array, labels: list[str], classes: Sequence[str] | None) -> list[str | DataError]:
    known = set(labels if classes is None else classes) - {""}
    wrong = {
        name: DataError(
            f"expected names of classes, found '{name}'.{did_you_mean(name, known)} Correct it or "
            "add it to `classes`."
        )
        for name in set(labels) - known
    }
    return [_in_row(array, row, wrong.get(name, name)) for row, name in enumerate(labels)]


def texts(array: Array, values: np.ndarray) -> list[str]:
    """Returns an array of texts, or of UTF-8 bytes, as texts.

    Raises:
      DataError: they are not UTF-8.
    """
    try:
        _check_letters(values)
        texts = [
            value.decode() if isinstance(value, bytes) else str(value) for value in values.tolist()
        ]
        broken = [text for text in texts if not is_utf8(text)]
    except ValueError as error:  # bytes that are not UTF-8, or a number that is no letter
        raise DataError(f"{array}: expected texts in UTF-8, found {error}. Save them so.") from None
    if broken:
        raise DataError(f"{array}: expected texts in UTF-8, found {broken[0]!r}. Save them so.")
    return texts


def _check_letters(values: np.ndarray) -> None:
    """Raises a ValueError on a number that is no letter, which numpy does not survive."""
    if values.dtype.kind == "U" and values.size:
        order = values.dtype.byteorder
        codes = np.ascontiguousarray(values).view(np.dtype(np.uint32).newbyteorder(order))
        if codes.max() > sys.maxunicode:
            raise ValueError(f"the number {codes.max()}, which is no letter")


_READERS: Mapping[Kind, Callable[[Array, np.ndarray, Sequence[str] | None], list[Any]]] = {
    "class": _classes,
    "multi_label": _multi,
    "value": _values,
    "text": _texts_only,
}
