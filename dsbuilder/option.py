"""Which types an option may have: those that a value of a pipeline file can be bound to.

`pipelinefile/binding.py` binds them; here is what a plugin's author is told before anyone sets
the option.
"""

import dataclasses
import types
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_PLAIN = (str, int, float, bool, Path, type(None), Any)


def unsettable(wanted: Any, known: Collection[type]) -> Any | None:
    """Returns the part of a type that no value of a pipeline binds to; None if all of it is right.

    Args:
      known: classes that are bound in a way of their own.
    """
    if wanted in _PLAIN or wanted in known or get_origin(wanted) is Literal:
        return None
    parts = _parts(wanted)
    if parts is None:
        return wanted
    found = (unsettable(each, known) for each in parts)
    return next((each for each in found if each is not None), None)


def _parts(wanted: Any) -> Iterable[Any] | None:
    """Returns the types that a type is made of; None if it is none that can be set."""
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return args
    if origin is tuple:
        return [each for each in args if each is not Ellipsis]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return args[1:] if args[0] is str else None
    if isinstance(wanted, type) and dataclasses.is_dataclass(wanted):
        hints = get_type_hints(wanted)
        return [hints[each.name] for each in dataclasses.fields(wanted) if each.init]
    return None
