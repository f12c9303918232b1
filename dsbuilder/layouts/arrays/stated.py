"""Arrays that dsbuilder exported -> the raw labels of every kind of target."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.errors import CacheError
from dsbuilder.layouts.arrays.labels import texts
from dsbuilder.layouts.signature import read_targets
from dsbuilder.plugin import DataError, Mask, Target
from dsbuilder.records import arrays
from dsbuilder.records.arrays import Array

_Found = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What the signature among arrays says.

    Attributes:
      targets: by name.
      y: the stored feature that is called `y`; None if none is.
    """

    targets: Mapping[str, Target]
    y: str | None

    def names(self, split: str) -> set[str]:
        """Returns the names of the arrays that hold the labels of a split."""
        features = {n: f for name, kind in self.targets.items() for n, f in _stored(kind, name)}
        splits = [arrays.row_splits(name) for name, each in features.items() if each.is_ragged]
        return {arrays.name_of(each, split, y=self.y) for each in (*features, *splits)}


def exported(found: _Found) -> Exported | None:
    """Returns what the signature among arrays says; None where there is none.

    Raises:
      DataError: it is damaged.
    """
    array = found.get(arrays.SIGNATURE)
    if array is None:
        return None
    (text,) = texts(array, array.load().reshape(-1)[:1]) or [""]
    targets = read_targets(text, str(array))
    y = json.loads(text).get("y")
    return Exported(targets=targets, y=y if isinstance(y, str) else None)


def splits(found: _Found) -> list[str]:
    """Returns the splits that exported arrays are of."""
    start = arrays.name_of("x", "", y=None)
    return [name.removeprefix(start) for name in found if name.startswith(start)]


def raws(known: Exported, found: _Found, split: str, count: int) -> list[dict[str, Any]]:
    """Returns the raw labels of each sample of a split, by target name.

    Args:
      count: how many samples there are.

    Raises:
      DataError: an array is missing or damaged, or holds something else than the signature says.
    """
    columns = {
        name: _labels(known, found, split, count, name, kind)
        for name, kind in known.targets.items()
    }
    return [{name: next(column) for name, column in columns.items()} for _ in range(count)]


def _labels(
    known: Exported, found: _Found, split: str, count: int, name: str, kind: Target
) -> Iterator[Any]:
    """Yields the raw labels of one target."""
    stored = {
        feature: _Column(
            array=_array(found, arrays.name_of(feature, split, y=known.y)),
            ends=_array(found, arrays.name_of(arrays.row_splits(feature), split, y=known.y))
            if described.is_ragged
            else None,
            feature=described,
        )
        for feature, described in _stored(kind, name)
    }
    where = next(iter(stored.values())).array
    if isinstance(kind, Mask):
        rows: Iterator[Mapping[str, Any]] = _masks(name, kind, where, count)
    else:
        columns = {feature: column.rows(count) for feature, column in stored.items()}
        rows = ({feature: each[row] for feature, each in columns.items()} for row in range(count))
    for row, features in enumerate(rows):
        yield _raw(kind, name, features, f"{where}: row {row}")


def _masks(name: str, kind: Mask, array: Array, count: int) -> Iterator[Mapping[str, Any]]:
    """Yields masks as they are stored, each read when it is asked for."""
    rows = array.images()
    _check_count(array, rows.count, count)
    return (kind.encode(name, rows.image(row)[:, :, 0]) for row in range(count))


def _raw(kind: Target, name: str, features: Mapping[str, Any], where: str) -> Any:
    try:
        problem = kind.problem(name, features)
        if problem is None:
            return kind.raw(kind.decode(name, features))
    except (ValueError, IndexError, CacheError) as error:
        problem = str(error)
    raise DataError(f"{where}: {problem}. Export the dataset again.")


def _stored(kind: Target, name: str) -> Sequence[tuple[str, Any]]:
    return list(kind.features(name).items())


def _array(found: _Found, name: str) -> Array:
    if name not in found:
        where = found[arrays.SIGNATURE].file
        raise DataError(
            f"{where}: expected an array '{name}', as the signature says, found none. Export the "
            "dataset again."
        )
    return found[name]


def _check_count(array: Array, found: int, count: int) -> None:
    if found != count:
        raise DataError(
            f"{array}: expected {count} rows, as many as there are images, found {found}. Export "
            "the dataset again."
        )


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One stored feature.

    Attributes:
      array: its values.
      ends: where those of each row begin and end; None if every row has one.
      feature: what it holds.
    """

    array: Array
    ends: Array | None
    feature: Any

    def rows(self, count: int) -> list[Any]:
        """Returns what a sample stores, for each."""
        values = self._values()
        if self.ends is None:
            _check_count(self.array, len(values), count)
            return values if isinstance(values, list) else list(values)
        ends = self.ends.load()
        if ends.dtype.kind not in "iu" or ends.shape != (count + 1,):
            raise DataError(
                f"{self.ends}: expected {count + 1} whole numbers, found {ends.dtype} {ends.shape}."
                " Export the dataset again."
            )
        if ends[0] != 0 or ends[-1] != len(values) or (np.diff(ends) < 0).any():
            raise DataError(
                f"{self.ends}: expected places that ascend from 0 to {len(values)}, found others. "
                "Export the dataset again."
            )
        places = ends.tolist()
        return [values[places[row] : places[row + 1]] for row in range(count)]

    def _values(self) -> Any:
        """Returns an array of the stored type, or texts as bytes."""
        values = self.array.load()
        is_text = self.feature.dtype == "string"
        sides = self.feature.shape[1:] if self.feature.is_ragged else self.feature.shape
        fits = values.dtype.kind in "US" if is_text else values.dtype == self.feature.dtype
        if not fits or values.shape[1:] != tuple(sides) or not values.ndim:
            raise DataError(
                f"{self.array}: expected {self.feature.dtype} {('n', *sides)}, as the signature "
                f"says, found {values.dtype} {values.shape}. Export the dataset again."
            )
        return [text.encode() for text in texts(self.array, values)] if is_text else values
