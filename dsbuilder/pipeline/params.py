"""What drawn params may hold: values of JSON, which a ledger can keep."""

import math
from collections.abc import Iterator
from typing import Any

from dsbuilder.errors import PluginError
from dsbuilder.sample import Params

_SCALARS = frozenset({int, float, str, bool, type(None)})


def check_params(params: Params) -> None:
    """Raises a PluginError unless drawn params are JSON values, which a ledger can keep."""
    wrong = _not_json(params)
    if wrong is not None:
        raise PluginError(
            f"expected JSON values from draw(), found {type(wrong).__name__} {wrong!r}. "
            "Convert it, say with int(...), float(...) or .tolist()."
        )


def _not_json(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return None
    if kind is dict:
        wrong = (_not_json(child) for child in value.values())
        return next((each for each in wrong if each is not None), None)
    if kind in (list, tuple):
        return next((each for each in map(_not_json, value) if each is not None), None)
    return value


def not_finite(params: Any) -> Iterator[float]:
    """Yields the numbers among params that JSON does not know."""
    if isinstance(params, float) and not math.isfinite(params):
        yield params
    elif isinstance(params, (dict, list, tuple)):
        for each in params.values() if isinstance(params, dict) else params:
            yield from not_finite(each)
