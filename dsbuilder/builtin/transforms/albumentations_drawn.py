"""What albumentations drew, read off an object after it was applied, as JSON values."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_NOT_DRAWN = frozenset({"shape", "cols", "rows"})
"""What albumentations puts among its params that the image says already."""

_MOST_VALUES = 16


def leaves(transform: Any) -> Iterator[Any]:
    """Yields an object, or in their order all that a composition nests."""
    children = getattr(transform, "transforms", None)
    if children is None:
        yield transform
    else:
        for child in children:
            yield from leaves(child)


def forget(transform: Any) -> None:
    """Clears what was drawn before, since an object that is left out keeps its last params."""
    for leaf in leaves(transform):
        leaf.params = {}


def drawn(transform: Any) -> dict[str, Any]:
    """Returns the drawn params of an object; of a composition, a list of those it applied."""
    if not hasattr(transform, "transforms"):
        return _params(transform)
    applied = [leaf for leaf in leaves(transform) if leaf.params]
    return {"applied": [{"use": f"A.{type(leaf).__name__}", **_params(leaf)} for leaf in applied]}


def _params(leaf: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in leaf.params.items() if name not in _NOT_DRAWN}


def _plain(value: Any) -> Any:
    """Returns a value as JSON; a large array, such as a field of shifts, as a few words."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= _MOST_VALUES else _in_words(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(child) for name, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(child) for child in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _in_words(array: np.ndarray) -> str:
    sides = "x".join(str(side) for side in array.shape)
    if not np.issubdtype(array.dtype, np.number):
        return f"{sides} {array.dtype}"
    return f"{sides} {array.dtype} in [{array.min():.4g}, {array.max():.4g}]"
