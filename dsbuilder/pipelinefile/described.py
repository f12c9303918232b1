"""What a docstring says of the options of a class: a text for each, and the interval it states.

The class is the one description of its options, and its own checks decide. So an interval is taken
from the text (`in [0, 1]`, `1 or more`, `above 0`) and asked of the class: it counts if the class
takes what lies just inside and refuses what lies just outside. One that hangs on other options, or
that only the text knows, is none.
"""

import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dsbuilder.errors import DsbuilderError
from dsbuilder.plugin import Range

_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?(?:\*\*[0-9]+)?)"
_BETWEEN = re.compile(rf"in ([\[(]){_NUMBER}, {_NUMBER}([\])])")
_FROM_TO = re.compile(rf"{_NUMBER} to {_NUMBER}")
_BOUNDS = (
    ("minimum", re.compile(rf"{_NUMBER} (?:pixels )?or more|at least {_NUMBER}")),
    ("exclusiveMinimum", re.compile(rf"(?:above|more than) {_NUMBER}")),
    ("maximum", re.compile(rf"(?:up to|at most) {_NUMBER}")),
    ("exclusiveMaximum", re.compile(rf"(?:below|less than) {_NUMBER}")),
)
_LOWER = ("minimum", "exclusiveMinimum")

Bounds = Mapping[str, float]
"""Bounds of a number, by the words of JSON Schema: `minimum`, `exclusiveMaximum`, ..."""


def attributes(cls: type) -> dict[str, str]:
    """Returns what the section `Attributes` of a docstring says of each field, on one line."""
    text = inspect.getdoc(cls) or ""
    section = re.search(r"^Attributes:\n((?:[ \t]+.*\n?|\n)*)", text, re.MULTILINE)
    if section is None:
        return {}
    found = re.finditer(
        r"^  (\w+(?:, \w+)*):((?:.*\n?)(?:(?:    .*)?\n?)*)", section[1], re.MULTILINE
    )
    said = ((each[1].split(", "), " ".join(each[2].split())) for each in found)
    return {name: text for names, text in said for name in names}


def summary(cls: type) -> str:
    """Returns the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def bounds(cls: Any, option: str, text: str) -> Bounds:
    """Returns the bounds that a text states of an option, and that its class keeps."""
    hint = get_type_hints(cls)[option]
    shapes = list(_shapes(hint))
    step = 1 if _is_whole(hint) else 1e-6
    asked = [_Asked(cls, option, shape) for shape in shapes]
    return {
        word: bound
        for word, bound in _stated(text)
        if asked and all(each.keeps(word, bound, step) for each in asked)
    }


def _stated(text: str) -> Iterator[tuple[str, float]]:
    for opened, low, high, closed in _BETWEEN.findall(text):
        yield ("minimum" if opened == "[" else "exclusiveMinimum"), _number(low)
        yield ("maximum" if closed == "]" else "exclusiveMaximum"), _number(high)
    for low, high in _FROM_TO.findall(text):
        yield from (("minimum", _number(low)), ("maximum", _number(high)))
    for word, pattern in _BOUNDS:
        for found in pattern.finditer(text):
            yield word, _number(next(each for each in found.groups() if each))


def _number(text: str) -> float:
    base, _, power = text.partition("**")
    value = float(base) ** int(power or 1)
    return int(value) if value.is_integer() else value


def _is_whole(hint: Any) -> bool:
    return not any(each in (float, Range) for each in _leaves(hint))


def _leaves(hint: Any) -> Iterator[Any]:
    args = [each for each in get_args(hint) if each is not Ellipsis]
    if not args or get_origin(hint) is Literal:
        yield hint
    for each in args:
        yield from _leaves(each)


def _shapes(hint: Any) -> Iterator[Callable[[Any], Any]]:
    """Yields how a number is written into the values of a type, for each of its members."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        for each in args:
            yield from _shapes(each)
    elif hint in (int, float):
        yield lambda value: value
    elif hint is Range:
        yield lambda value: Range(value, value)
    elif origin is tuple and args and all(each in (int, float, Ellipsis) for each in args):
        count = 1 if Ellipsis in args else len(args)
        yield lambda value: (value,) * count


@dataclass(frozen=True)
class _Asked:
    """A class that is asked which numbers an option takes, the others as they are by default."""

    cls: Any
    option: str
    shape: Callable[[Any], Any]

    def keeps(self, word: str, bound: float, step: float) -> bool:
        """Whether a bound is the class's own."""
        outwards = -step if word in _LOWER else step
        if word.startswith("exclusive"):
            return self._takes(bound - outwards) is True and self._takes(bound) is False
        return self._takes(bound) is True and self._takes(bound + outwards) is False

    def _takes(self, value: float) -> bool | None:
        """Whether the class takes a value; None if it fails in a way that says nothing of it."""
        try:
            self.cls(**_required(self.cls, self.option), **{self.option: self.shape(value)})
        except (ValueError, DsbuilderError):
            return False
        except Exception:  # noqa: BLE001 - a class of anybody, with values that nobody gave
            return None
        return True


def _required(cls: Any, but: str) -> dict[str, Any]:
    """Returns some value for each option that has no default."""
    hints = get_type_hints(cls)
    return {
        each.name: _some(hints[each.name])
        for each in fields(cls)
        if each.init and each.default is MISSING and each.default_factory is MISSING
        if each.name != but
    }


def _some(hint: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _some(args[0])
    if origin is Literal:
        return args[0]
    if origin is tuple:
        return tuple(_some(each) for each in args if each is not Ellipsis)
    made = {str: "a", int: 1, float: 1.0, bool: False, Path: Path("a"), Range: Range(0.0, 1.0)}
    # A class stands for its object, whose class variables it has, such as those of a model builder.
    return {} if origin is not None else made.get(hint, hint)
