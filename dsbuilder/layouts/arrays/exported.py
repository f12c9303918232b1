"""Arrays that dsbuilder exported -> the raw labels of every kind of target."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dsbuilder.layouts.arrays.format import IMAGE, KEY, array_names
from dsbuilder.layouts.arrays.labels import texts
from dsbuilder.layouts.splits import split_named
from dsbuilder.layouts.stored import raw_label
from dsbuilder.plugin import DataError, Feature, Mask, Target
from dsbuilder.records.arrays import Array, row_splits

_AGAIN = "Export the dataset again."


@dataclass(frozen=True, kw_only=True)
class ExportedArrays:
    """The arrays of an export, and the targets that its sidecar states.

    Attributes:
      where: the file, for errors.
      targets: targets by name.
      found: arrays by name.
    """

    where: str
    targets: Mapping[str, Target]
    found: Mapping[str, Array]

    @property
    def splits(self) -> list[str]:
        """The splits that there are images of."""
        start = f"{self._names[IMAGE]}_"
        rests = (name.removeprefix(start) for name in self.found if name.startswith(start))
        return [rest for rest in rests if split_named(rest)]

    def images(self, split: str) -> Array:
        """Returns the array of a split's images."""
        return self._array(IMAGE, split)

    def keys(self, split: str) -> Array:
        """Returns the array of a split's keys."""
        return self._array(KEY, split)

    def names(self, split: str) -> set[str]:
        """Returns the names of all arrays of a split."""
        return {f"{name}_{split}" for name in self._names.values()}

    def raws(self, split: str, count: int) -> list[dict[str, Any]]:
        """Returns the raw labels of each sample of a split, by target name.

        An error stands for a label that is none.

        Args:
          count: number of samples.

        Raises:
          DataError: an array is missing or damaged, or holds something else than is stated.
        """
        columns = {n: self._labels(n, kind, split, count) for n, kind in self.targets.items()}
        return [{name: next(column) for name, column in columns.items()} for _ in range(count)]

    def _labels(self, name: str, kind: Target, split: str, count: int) -> Iterator[Any]:
        """Yields the raw labels of one target."""
        features = kind.features(name)
        where = self._array(next(iter(features)), split)
        if isinstance(kind, Mask):
            rows: Iterator[Mapping[str, Any]] = _masks(name, kind, where, count)
        else:
            columns = {
                feature: self._column(feature, described, split).rows(count)
                for feature, described in features.items()
            }
            rows = ({f: each[row] for f, each in columns.items()} for row in range(count))
        for row, stored in enumerate(rows):
            try:
                yield raw_label(kind, name, stored, advice=_AGAIN)
            except DataError as error:
                yield DataError(f"{where}: row {row}: {error}")

    def _column(self, feature: str, described: Feature, split: str) -> "_StoredColumn":
        ends = self._array(row_splits(feature), split) if described.is_ragged else None
        return _StoredColumn(array=self._array(feature, split), ends=ends, feature=described)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return array_names(self.targets)

    def _array(self, feature: str, split: str) -> Array:
        name = f"{self._names[feature]}_{split}"
        if name not in self.found:
            raise DataError(
                f"{self.where}: there is no array '{name}', which its sidecar names. {_AGAIN}"
            )
        return self.found[name]


def _masks(name: str, kind: Mask, array: Array, count: int) -> Iterator[Mapping[str, Any]]:
    """Yields masks as they are stored, each read when it is asked for."""
    rows = array.images()
    _check_count(array, rows.count, count)
    return (kind.encode(name, rows.image(row)[:, :, 0]) for row in range(count))


def _check_count(array: Array, found: int, count: int) -> None:
    if found != count:
        raise DataError(
            f"{array}: expected {count} rows, as many as there are images, found {found}. {_AGAIN}"
        )


@dataclass(frozen=True, kw_only=True)
class _StoredColumn:
    """One stored feature.

    Attributes:
      array: its values.
      ends: where those of each row begin and end; None if every row has one.
      feature: what it holds.
    """

    array: Array
    ends: Array | None
    feature: Feature

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
                f"{self.array}: expected {self.feature.dtype} {('n', *sides)}, as its sidecar "
                f"says, found {values.dtype} {values.shape}. Export the dataset again."
            )
        return [text.encode() for text in texts(self.array, values)] if is_text else values
