"""The options of a class as a table in Markdown: name, type, default and text of each.

It tells what `described.py` and the schema for editors tell, of the same types and docstrings, so
that a reference page is not written a second time.
"""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from dsbuilder.pipelinefile import described, schema, splitting, training, tuning
from dsbuilder.pipelinefile.binding import key_of, to_plain
from dsbuilder.pipelinefile.stages import AnyStage, Synthesis
from dsbuilder.plugin import ModelBuilder, Range, Stage

HEAD = "| option | type | default | what |\n|---|---|---|---|\n"

_SECTIONS = tuple(module.__name__ for module in (schema, splitting, training, tuning))

_PLAIN: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Path: "path",
    Range: "number or [low, high]",
    type(None): "`null`",
    Any: "anything",
    Stage: "stage",
    AnyStage: "stage",
    Synthesis: "synthesizer",
    ModelBuilder: "model",
}

_STATED = re.compile(
    r"[,;] (?:in [\[(]\S+, \S+[\])]|\S+ or more|at least \d\S*|(?:above|below) \d+)(?=[,;.:]|$)"
)
"""An interval within a text, which the column of types says already."""


def sections() -> dict[str, type]:
    """Returns the classes of the sections of a pipeline by their paths, such as `train.optimizer`.

    The path of the whole pipeline is `pipeline`.
    """
    return {"pipeline": schema.Settings, **dict(_nested(schema.Settings, ""))}


def _nested(cls: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, hint in get_type_hints(cls).items():
        for inner in _members(hint):
            if getattr(inner, "__module__", None) in _SECTIONS and inner is not tuning.Choices:
                yield f"{path}{name}", inner
                yield from _nested(inner, f"{path}{name}.")


def _members(hint: Any) -> Iterator[Any]:
    args = get_args(hint)
    if hint is AnyStage or get_origin(hint) is tuple:
        return  # places of plugins, not options
    if not args:
        yield hint
    for each in args:
        yield from _members(each)


def table(cls: Any) -> str:
    """Returns the table of all options of a class; one line where there are none."""
    hints, said = get_type_hints(cls), described.attributes(cls)
    options = [each for each in fields(cls) if each.init]
    if not options:
        return "There are no options.\n"
    return HEAD + "".join(_row(cls, each, hints[each.name], said) for each in options)


def _row(cls: Any, option: Field[Any], hint: Any, said: Mapping[str, str]) -> str:
    text = said.get(option.name, "")
    kept = described.bounds(cls, option.name, text)
    if kept:
        text = _STATED.sub(lambda each: _unsaid(each[0], kept), text)
    cells = (f"`{key_of(option)}`", _either(_types(hint, kept)), _default(option), text)
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _unsaid(interval: str, kept: described.Bounds) -> str:
    """Returns an interval of a text as it stands if the column of types tells only a part of it."""
    return interval if " in " in interval and len(kept) < 2 else ""


def _cell(text: str) -> str:
    return text.replace("**", "^").replace("|", r"\|")


def _types(hint: Any, bounds: described.Bounds) -> list[str]:
    """Returns what an option may be, in words: more than one of a union or a choice."""
    if hint in _PLAIN:
        return [_PLAIN[hint] + (_interval(bounds) if hint in (int, float, Range) else "")]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return [f"`{each}`" for each in args]
    if origin in (Union, types.UnionType):
        return [word for each in args for word in _types(each, bounds)]
    if origin is tuple:
        entries = map(_several, _types(args[0], {}))
        many = "" if args[-1] is Ellipsis else f"{len(args)} "
        return [f"list of {many}{_either([*entries])}{_interval(bounds)}"]
    if origin is not None or is_dataclass(hint):
        return ["mapping"]
    return [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", hint.__name__).lower()]


def _several(word: str) -> str:
    if word.startswith("`"):
        return word
    return re.sub("^list", "lists", word) if word.startswith("list") else f"{word}s"


def _either(words: Sequence[str]) -> str:
    *others, last = dict.fromkeys(words)
    return f"{', '.join(others)} or {last}" if others else last


def _interval(bounds: described.Bounds) -> str:
    """Returns bounds in words, with a blank before them: ` in [0, 1)`, `, at least 1`."""
    low = bounds.get("minimum", bounds.get("exclusiveMinimum"))
    high = bounds.get("maximum", bounds.get("exclusiveMaximum"))
    if low is not None and high is not None:
        opened = "[" if "minimum" in bounds else "("
        closed = "]" if "maximum" in bounds else ")"
        return f" in {opened}{_number(low)}, {_number(high)}{closed}"
    if low is not None:
        return f", at least {_number(low)}" if "minimum" in bounds else f" above {_number(low)}"
    if high is not None:
        return f", at most {_number(high)}" if "maximum" in bounds else f" below {_number(high)}"
    return ""


def _default(option: Field[Any]) -> str:
    """Returns a default as a pipeline says it; that of a section is the defaults of its options."""
    if option.default is not MISSING:
        value = to_plain(option.default)
    elif option.default_factory is not MISSING:
        value = to_plain(option.default_factory())
    else:
        return "required"
    return "" if isinstance(value, dict) and value else f"`{_yaml(value)}`"


def _yaml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return _number(value)
    return repr(value) if value == "" else str(value)


def _number(value: float) -> str:
    """Returns a number as a person writes it: 64, 0.1, 1e-05."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:g}"
