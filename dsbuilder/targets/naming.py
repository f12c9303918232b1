"""Names of classes and of what else is numbered: what they may be, and the id of one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dsbuilder.errors import DataError, did_you_mean
from dsbuilder.paths import is_utf8
from dsbuilder.targets.number import is_number


def check_names(names: Sequence[str], noun: str = "class") -> None:
    """Raises a DataError unless names are there once, on one line, without spaces at their ends."""
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise DataError(f"expected each {noun} name once, found {twice!r} twice. Rename one.")
    wrong = [name for name in names if not is_utf8(name) or not _is_one_line(name)]
    if wrong:
        raise DataError(
            f"expected {noun} names on one line, without spaces at their ends, found "
            f"{wrong[0]!r}: readers that keep one name a line would take it for another. "
            f"Rename the {noun}."
        )


def _is_one_line(name: str) -> bool:
    return bool(name) and name == " ".join(name.splitlines()).strip()


def id_of(names: Sequence[str], raw: Any) -> int:
    """Returns the id of a class name.

    Raises:
      DataError: there is no such class.
    """
    try:
        return names.index(str(raw))
    except ValueError:
        raise DataError(
            f"expected one of the {len(names)} classes, found '{raw}'."
            f"{did_you_mean(str(raw), names)}"
        ) from None


def weights_of(names: Sequence[str], raw: Mapping[str, Any]) -> np.ndarray:
    """Returns weights by class name as float32 `(num_classes,)`; 0 of a class that is left out.

    Raises:
      DataError: there is no such class, or a weight is no number in [0, 1].
    """
    weights = np.zeros(len(names), np.float32)
    for name, weight in raw.items():
        if not is_number(weight) or not 0 <= weight <= 1:
            raise DataError(f"expected a weight in [0, 1] of '{name}', found {weight!r}.")
        weights[id_of(names, name)] = weight
    return weights


def check_ids(ids: Sequence[int], names: Sequence[str]) -> None:
    """Raises a ValueError that says which of some stored ids is no class."""
    problem = out_of_range(ids, names)
    if problem is not None:
        raise ValueError(problem)


def out_of_range(ids: Sequence[int], names: Sequence[str]) -> str | None:
    """Says which of some stored ids is no class; None if all are."""
    wrong = [number for number in ids if not 0 <= number < len(names)]
    return f"expected a class in [0, {len(names)}), found {wrong[0]}" if wrong else None
