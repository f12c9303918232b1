"""Features of an Example as values of one kind; what is of another is an error that names it.

An Example says of a feature only whether it holds byte strings, whole numbers or reals, and of one
without values nothing.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dsbuilder.errors import DataError

Features = Mapping[str, Any]
"""What an Example holds, by name: a list of bytes, or an array of numbers."""


def numbers(features: Features, name: str) -> np.ndarray:
    """Returns the numbers of a feature, `(N,)`; none where it is empty."""
    values = values_of(features, name)
    if isinstance(values, np.ndarray):
        return values
    if len(values):
        raise DataError(f"{name}: expected numbers, found bytes.")
    return np.zeros(0)


def ids(features: Features, name: str) -> list[int]:
    """Returns the whole numbers of a feature."""
    found = numbers(features, name)
    if len(found) and found.dtype.kind != "i":
        raise DataError(f"{name}: expected whole numbers, found reals.")
    return [int(each) for each in found]


def blobs(features: Features, name: str) -> list[bytes]:
    """Returns the byte strings of a feature; none where it is empty."""
    values = values_of(features, name)
    if isinstance(values, np.ndarray):
        if len(values):
            raise DataError(f"{name}: expected bytes, found numbers.")
        return []
    return list(values)


def text(features: Features, name: str) -> str:
    """Returns the one text of a feature."""
    [only] = texts(features, name, count=1)
    return only


def texts(features: Features, name: str, count: int | None = None) -> list[str]:
    """Returns the texts of a feature, `count` of them if that is said."""
    found = blobs(features, name)
    check_count(name, len(found), count)
    try:
        return [each.decode() for each in found]
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: expected texts in UTF-8, found {error}.") from None


def values_of(features: Features, name: str) -> Any:
    """Returns what a feature holds.

    Raises:
      DataError: there is no such feature.
    """
    if name not in features:
        raise DataError(f"there is no feature '{name}'.")
    return features[name]


def check_count(name: str, found: int, count: int | None) -> None:
    """Raises a DataError unless a feature has so many values; None allows any number."""
    if count is not None and found != count:
        raise DataError(f"{name}: expected {count} values, found {found}.")
