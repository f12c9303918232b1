"""JSON: parsed to a bounded depth, its values of the types that are stated; written for any reader.

What a dataset, a run or a model says of itself is read through this module, so that whoever takes a
value need not ask again what it is.
"""

import dataclasses
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from dsbuilder.errors import printable

DEPTH = "DSBUILDER_MAX_DEPTH"
"""The environment variable that says how deep JSON and YAML may be nested."""

_DEPTH = 100
_LONGEST = 60
_NO_BRACKET = bytes(set(range(256)) - set(b'[]{}"'))
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_TEXT = re.compile(rb'"[^"]*"')
_STEP = np.zeros(256, np.int8)
_STEP[list(b"[{")], _STEP[list(b"]}")] = 1, -1

AnyType = TypeVar("AnyType")
_Place = tuple[str | int, ...]
"""Names and numbers on the way to a value."""


def max_depth() -> int:
    """Returns how deep JSON and YAML may be nested: 100, or what the environment says."""
    stated = os.environ.get(DEPTH, "")
    return int(stated) if stated.isdecimal() else _DEPTH


def too_deep() -> str:
    """Returns what is wrong with a text that is nested deeper than that."""
    return f"values nested deeper than {max_depth()} levels ({DEPTH} allows more)"


def dumps(values: Any, *, indent: int | None = None) -> str:
    """Returns values as JSON that every reader takes: a number that is not finite is null."""
    return json.dumps(_finite(values), ensure_ascii=False, indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value


def loads(text: str | bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """Returns the values of a JSON text.

    Args:
      parse_constant: see `json.loads`.

    Raises:
      ValueError: it is no JSON, or nested deeper than `max_depth()`.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if data.count(b"[") + data.count(b"{") > max_depth() and _depth(data) > max_depth():
        raise ValueError(too_deep())
    try:
        return json.loads(text, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError(too_deep()) from None


def _depth(data: bytes) -> int:
    """Returns how deep a JSON text is nested, without parsing it."""
    if b"\\" in data:
        data = _ESCAPED.sub(b"", data)
    # Texts that stand side by side are as good as one; few are left, since few hold brackets.
    brackets = _TEXT.sub(b"", data.translate(None, _NO_BRACKET).replace(b'""', b""))
    steps = _STEP[np.frombuffer(brackets, np.uint8)]
    return int(steps.cumsum(dtype=np.int32).max(initial=0))


def bind(kind: type[AnyType], value: Any, place: str = "", *, partly: bool = False) -> AnyType:
    """Returns a JSON value as a type says it: a dataclass of a mapping, a tuple of a list.

    Args:
      kind: a dataclass, or what one may have as a field: `str`, `int`, `float`, `bool`, `None`,
        tuples, mappings from text, literals, unions of these, and `Any`.
      place: where the value stands, for errors.
      partly: whether names that the dataclass does not have are left out.

    Raises:
      ValueError: it is of another type, or a name is missing or unknown.
    """
    bound: AnyType = _bind(kind, value, (place,) if place else (), partly=partly)
    return bound


def _bind(kind: Any, value: Any, place: _Place, *, partly: bool) -> Any:
    origin = get_origin(kind)
    if kind is Any or type(value) is kind or (kind is float and type(value) is int):
        return value
    if origin in (Union, UnionType):
        return _union(kind, value, place, partly=partly)
    if origin is Literal and isinstance(value, str) and value in get_args(kind):
        return value
    if isinstance(value, Mapping) and dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, place, partly=partly)
    if isinstance(value, Mapping) and isinstance(origin, type) and issubclass(origin, Mapping):
        each = get_args(kind)[1]
        return {str(n): _bind(each, v, (*place, n), partly=partly) for n, v in value.items()}
    if origin is tuple and isinstance(value, (list, tuple)):
        return _tuple(kind, value, place, partly=partly)
    raise _misfit(kind, value, place)


def _tuple(kind: Any, value: Sequence[Any], place: _Place, *, partly: bool) -> tuple[Any, ...]:
    args = get_args(kind)
    kinds = args[:1] * len(value) if args[1:] == (...,) else args
    if len(kinds) != len(value):
        raise _misfit(kind, value, place)
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_bind(each, v, (*place, n), partly=partly) for n, (each, v) in pairs)


def _dataclass(kind: Any, value: Mapping[str, Any], place: _Place, *, partly: bool) -> Any:
    hints, required = _fields(kind)
    missing = [name for name in required if name not in value]
    unknown = [] if partly else [name for name in value if name not in hints]
    if missing or unknown:
        wrong = f"no '{missing[0]}'" if missing else f"the unknown {shown(unknown[0])}"
        raise ValueError(f"{_where(place)}: found {wrong}".removeprefix(": "))
    return kind(
        **{
            name: _bind(hint, value[name], (*place, name), partly=partly)
            for name, hint in hints.items()
            if name in value
        }
    )


@cache
def _fields(kind: Any) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Returns types by field of a dataclass, and the fields that have no default."""
    hints = get_type_hints(kind)
    fields = [each for each in dataclasses.fields(kind) if each.init]
    nothing = dataclasses.MISSING
    required = (f.name for f in fields if f.default is nothing and f.default_factory is nothing)
    return {each.name: hints[each.name] for each in fields}, tuple(required)


def _union(kind: Any, value: Any, place: _Place, *, partly: bool) -> Any:
    for each in get_args(kind):
        try:
            return _bind(type(None) if each is None else each, value, place, partly=partly)
        except ValueError:
            continue
    raise _misfit(kind, value, place)


def _misfit(kind: Any, value: Any, place: _Place) -> ValueError:
    text = f"{_where(place)}: expected {_named(kind)}, found {shown(value)}"
    return ValueError(text.removeprefix(": "))


def shown(value: Any) -> str:
    """Returns a value as an error shows it, in a line that is not long."""
    text = printable(repr(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _where(place: _Place) -> str:
    steps = (f"[{n}]" if type(n) is int else f".{printable(str(n)[:_LONGEST])}" for n in place)
    return "".join(steps).removeprefix(".")


def _named(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def wrong_format(data: Any, expected: int) -> str | None:
    """Says which format a document is of where that is not the expected one; None if it is."""
    found = data.get("format") if isinstance(data, dict) else None
    if type(found) is int and found == expected:
        return None
    return f"expected format {expected}, found {shown(found)}"
