"""Sections of a pipeline -> YAML with a comment for each line.

What is written here is read back by `pipelinefile/document.py`: every text that could be taken for
something else is quoted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_PLAIN = re.compile(r"\$[a-z]+(\*[0-9.]+)?|[A-Za-z_./][A-Za-z0-9_./-]*|[0-9]+\.[0-9]+\.[0-9]+")
_RESERVED = frozenset({"null", "true", "false", ".inf", ".nan"})
_WIDTH, _COLUMN = 100, 44


@dataclass(frozen=True, kw_only=True)
class YamlLine:
    """One line of a pipeline.

    Attributes:
      text: YAML, with its indentation.
      comment: what it means; empty for none.
    """

    text: str
    comment: str = ""

    def __str__(self) -> str:
        if not self.comment:
            return self.text
        comment = _printable(self.comment)
        beside = f"{self.text.ljust(_COLUMN)}  # {comment}"
        if len(beside) <= _WIDTH:
            return beside
        indent = " " * (len(self.text) - len(self.text.lstrip(" ")))
        return f"{indent}# {comment}\n{self.text}"


@dataclass(kw_only=True)
class Writer:
    """Collects the lines of a pipeline."""

    lines: list[YamlLine] = field(default_factory=list)

    def remark(self, text: str) -> None:
        """Adds a line of comment alone."""
        self.lines.append(YamlLine(text=f"# {_printable(text)}"))

    def entry(self, key: str, value: Any, comment: str = "", *, depth: int = 0) -> None:
        """Adds `key: value`; a mapping that is too long for a line takes several."""
        text = f"{'  ' * depth}{flow(key)}: {flow(value)}"
        if not isinstance(value, Mapping) or not value or len(text) <= _WIDTH:
            self.lines.append(YamlLine(text=text, comment=comment))
            return
        self.heading(flow(key), comment, depth=depth)
        for inner, each in value.items():
            self.entry(inner, each, depth=depth + 1)

    def heading(self, key: str, comment: str = "", *, depth: int = 0) -> None:
        """Adds `key:`, under which other lines follow."""
        self.lines.append(YamlLine(text=f"{'  ' * depth}{key}:", comment=comment))

    def item(self, value: Any, comment: str = "", *, depth: int = 1) -> None:
        """Adds an entry of a list."""
        self.lines.append(YamlLine(text=f"{'  ' * depth}- {flow(value)}", comment=comment))

    def text(self) -> str:
        """Returns all lines, with a line end behind each."""
        return "".join(f"{line}\n" for line in self.lines)


def flow(value: Any) -> str:
    """Returns plain data as YAML on one line that reads back as equal data."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(each) for each in value) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED and value != "~":
        return value
    return '"' + "".join(_escaped(each) for each in value) + '"'


def _printable(comment: str) -> str:
    """Returns a comment on one line, without what YAML allows nowhere in a file."""
    line = " ".join(comment.split())
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in line)


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
