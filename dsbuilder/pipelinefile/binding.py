"""A tree of located values -> dataclasses and plugins, led by the types of their fields.

There is one description of an option: the field of a dataclass. The binder walks the tree beside
the type and returns the object and, in parallel, its *resolved* form: plain data with every default
filled in and paths as they were written, which is what a manifest keeps and a worker binds again.
Problems are collected, not raised, so that a user sees all of them at once.
"""

import dataclasses
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dsbuilder.errors import DsbuilderError, Problem, SpecError, did_you_mean
from dsbuilder.pipelinefile.document import Node, YamlDocument
from dsbuilder.plugin import Range

FAILED = object()
"""Stands for a value that has a problem; never seen by a user of `load`."""

Custom = Callable[["Binder", Node, str], tuple[Any, Any]]


@dataclass
class Binder:
    """Binds nodes of one document.

    Attributes:
      document: where the nodes are from.
      custom: types that know better than the general rules, such as a stage: type -> function from
        (binder, node, path) to (object, resolved).
      problems: what was wrong so far.
    """

    document: YamlDocument
    custom: Mapping[Any, Custom]
    problems: list[Problem] = field(default_factory=list)

    def problem(self, node: Node | None, path: str, message: str) -> tuple[Any, Any]:
        """Notes a problem and returns the pair that stands for a failed value."""
        self.problems.append(Problem(self.document.where(node, path), message))
        return FAILED, None

    def check(self) -> None:
        """Raises a SpecError of all problems, by their lines; nothing if there are none."""
        if self.problems:
            raise SpecError(sorted(self.problems, key=_line))

    def bind(self, wanted: Any, node: Node, path: str) -> tuple[Any, Any]:
        """Returns (object, resolved) of a node, bound to a type."""
        if wanted in self.custom:
            return self.custom[wanted](self, node, path)
        origin = get_origin(wanted)
        if origin in (Union, types.UnionType):
            return self._union(wanted, node, path)
        if origin is Literal:
            return self._literal(get_args(wanted), node, path)
        if origin is tuple:
            return self._tuple(wanted, node, path)
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(get_args(wanted)[1], node, path)
        if wanted is Range:
            return self._range(node, path)
        if dataclasses.is_dataclass(wanted):
            return self.dataclass(wanted, node, path)
        return self._scalar(wanted, node, path)

    def dataclass(self, cls: Any, node: Node, path: str, *, noun: str = "key") -> tuple[Any, Any]:
        """Binds a mapping to a dataclass; `noun` is what errors call its keys.

        An unknown, missing or wrong key is a problem, and so is a ValueError or a DsbuilderError
        of the class's own checks.
        """
        if not isinstance(node.value, dict):
            return self._expected("a mapping of options", node, path)
        hints = get_type_hints(cls)
        known = {key_of(each): each for each in dataclasses.fields(cls) if each.init}
        values: dict[str, Any] = {}
        resolved: dict[str, Any] = {}
        before = len(self.problems)
        self._refuse_unknown(node, path, set(known), noun)
        for key, each in known.items():
            name, child = each.name, node.value.get(key)
            place = f"{path}.{key}" if path else key
            if child is not None:
                values[name], resolved[key] = self.bind(hints[name], child, place)
                self._check_field(cls, name, values[name], child, place)
            elif each.default is MISSING and each.default_factory is MISSING:
                self.problem(node, path, f"the {noun} '{key}' is missing. Add it.")
            else:
                resolved[key] = to_plain(_default(each))
        if len(self.problems) > before:
            return FAILED, None
        return self._construct(cls, values, resolved, node, path)

    def _check_field(self, cls: Any, name: str, value: Any, node: Node, path: str) -> None:
        """Lets a class check a field at once: its `__post_init__` waits until all are bound."""
        check = getattr(cls, "check_field", None)
        message = check(name, value) if check is not None and value is not FAILED else None
        if message is not None:
            self.problem(node, path, message)

    def _construct(
        self, cls: Any, values: dict[str, Any], resolved: Any, node: Node, path: str
    ) -> tuple[Any, Any]:
        try:
            return cls(**values), resolved
        except (ValueError, DsbuilderError) as error:
            return self.problem(node, path, str(error))

    def _refuse_unknown(self, node: Node, path: str, known: set[str], noun: str) -> None:
        for key, child in node.value.items():
            if key not in known:
                place = f"{path}.{key}" if path else key
                hint = did_you_mean(key, known) or f" There is no {noun} to set here."
                self.problem(child, place, f"unknown {noun} '{key}'.{hint}")

    def _expected(self, what: str, node: Node, path: str) -> tuple[Any, Any]:
        return self.problem(node, path, f"expected {what}, found {_shown(node)}.")

    def _union(self, wanted: Any, node: Node, path: str) -> tuple[Any, Any]:
        """Binds to the one member of the value's shape, or tries those of its shape in turn."""
        members = [each for each in get_args(wanted) if each is not type(None)]
        if node.value is None and len(members) < len(get_args(wanted)):
            return None, None
        fitting = [each for each in members if self._shape_of(each) is type(node.value)]
        # What names a plugin may be a name alone.
        scalars = (each for each in members if self._shape_of(each) is None or each in self.custom)
        candidates = fitting or list(scalars)
        only = candidates[0] if len(candidates) == 1 else None
        if only is not None and (fitting or len(members) == 1 or isinstance(node.value, str)):
            return self.bind(only, node, path)
        for member in candidates:
            trial = Binder(self.document, self.custom)
            bound = trial.bind(member, node, path)
            if not trial.problems:
                return bound
        return self._expected(describe(wanted), node, path)

    def _shape_of(self, wanted: Any) -> type | None:
        """Which kind of node a type is written as: tuple, dict, or None for a scalar."""
        origin = get_origin(wanted)
        if origin is tuple:
            return tuple
        is_mapping = origin is not None and origin is not Literal and issubclass(origin, Mapping)
        nested = dataclasses.is_dataclass(wanted) and wanted is not Range
        return dict if is_mapping or nested or wanted in self.custom else None

    def _literal(self, choices: tuple[Any, ...], node: Node, path: str) -> tuple[Any, Any]:
        for choice in choices:
            if node.value == choice and type(node.value) is type(choice):
                return choice, choice
        hint = did_you_mean(str(node.value), [c for c in choices if isinstance(c, str)])
        shown = ", ".join(str(choice) for choice in choices)
        close = hint if hint.startswith(" Did") else ""
        return self.problem(node, path, f"expected one of {shown}, found {_shown(node)}.{close}")

    def _tuple(self, wanted: Any, node: Node, path: str) -> tuple[Any, Any]:
        if not isinstance(node.value, tuple):
            return self._expected(describe(wanted), node, path)
        args = get_args(wanted)
        endless = len(args) == 2 and args[1] is Ellipsis
        entries = [args[0]] * len(node.value) if endless else list(args)
        if len(entries) != len(node.value):
            return self._expected(describe(wanted), node, path)
        pairs = [
            self.bind(entry, child, f"{path}[{index}]")
            for index, (entry, child) in enumerate(zip(entries, node.value, strict=True))
        ]
        return tuple(value for value, _ in pairs), [resolved for _, resolved in pairs]

    def _mapping(self, wanted: Any, node: Node, path: str) -> tuple[Any, Any]:
        if not isinstance(node.value, dict):
            return self._expected("a mapping", node, path)
        pairs = {
            key: self.bind(wanted, child, f"{path}.{key}") for key, child in node.value.items()
        }
        return {k: v for k, (v, _) in pairs.items()}, {k: r for k, (_, r) in pairs.items()}

    def _range(self, node: Node, path: str) -> tuple[Any, Any]:
        bounds = node.value if isinstance(node.value, tuple) else (node, node)
        if len(bounds) != 2 or not all(_is_number(bound.value) for bound in bounds):
            return self._expected("a number or [low, high]", node, path)
        low, high = (float(bound.value) for bound in bounds)
        return self._construct(Range, {"low": low, "high": high}, [low, high], node, path)

    def _scalar(self, wanted: Any, node: Node, path: str) -> tuple[Any, Any]:
        value = node.value
        if wanted is Any:
            return node.plain(), node.plain()
        if wanted is str and node.text is not None and value is not None:
            return node.text, node.text
        if wanted is Path and node.text and value is not None:
            return (self.document.folder / Path(node.text).expanduser()), node.text
        if wanted is bool and isinstance(value, bool):
            return value, value
        if wanted is int and isinstance(value, int) and not isinstance(value, bool):
            return value, value
        if wanted is float and _is_number(value) and math.isfinite(value):
            return float(value), float(value)
        return self._expected(describe(wanted), node, path)


def key_of(field: dataclasses.Field[Any]) -> str:
    """Returns how a pipeline calls a field: by its name, or where Python keeps it, its `key`."""
    return str(field.metadata.get("key", field.name))


def to_plain(value: Any) -> Any:
    """Returns a bound object as plain data that binds to an equal object."""
    if isinstance(value, Range):
        return [value.low, value.high]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {key_of(each): to_plain(getattr(value, each.name)) for each in fields if each.init}
    if isinstance(value, Mapping):
        return {str(key): to_plain(child) for key, child in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(child) for child in value]
    return str(value) if isinstance(value, Path) else value


_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    Range: "a number or [low, high]",
    type(None): "null",
}


def describe(wanted: Any) -> str:
    """Returns a type in words, as errors and help texts say it."""
    if wanted in _NAMES:
        return _NAMES[wanted]
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(each) for each in args)
    if origin is Literal:
        return "one of " + ", ".join(str(each) for each in args)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return f"a list, each entry {describe(args[0])}"
    if origin is tuple:
        return f"a list of {len(args)}: [{', '.join(describe(each) for each in args)}]"
    if origin is not None or dataclasses.is_dataclass(wanted):
        return "a mapping" if origin is not None else "a mapping of options"
    if wanted is Any:
        return "anything"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", wanted.__name__).lower()
    return f"a {words}"


def _default(each: dataclasses.Field[Any]) -> Any:
    return each.default_factory() if each.default_factory is not MISSING else each.default


def _line(problem: Problem) -> int:
    parts = problem.where.split(":")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, tuple):
        return f"a list of {len(node.value)}"
    return "nothing" if node.value is None else repr(node.value)
