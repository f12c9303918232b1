r"""Texts that a regular expression describes, drawn at random.

The grammar is the part of Python's `re` that says what a text is, not what it is not: characters,
`[A-Z0-9]`, `\d`, `\w`, groups, `|`, and repeats with an end (`?`, `{2}`, `{1,4}`). Whatever else
stands there is an error, so that nobody believes in a look-ahead that nothing heeds. Branches,
characters of a set and numbers of repeats are equally likely. Parsed here and not by `re`, whose
parser is private and may change what is drawn from one Python to the next.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

MOST_REPEATS = 1000

_CLASSES = {
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "_",
}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_SPECIAL = frozenset("()[]{}?*+|.^$\\")


@dataclass(frozen=True)
class Characters:
    """One of some characters."""

    of: str

    @property
    def longest(self) -> int:
        """Most characters of a text."""
        return 1

    def characters(self) -> set[str]:
        """Returns what a text may hold."""
        return set(self.of)

    def draw(self, rng: np.random.Generator) -> str:
        """Draws a text."""
        return self.of[int(rng.integers(len(self.of)))] if len(self.of) > 1 else self.of


@dataclass(frozen=True)
class Repeat:
    """A part, some number of times, both ends included."""

    part: "Node"
    low: int
    high: int

    @property
    def longest(self) -> int:
        """Most characters of a text."""
        return self.high * self.part.longest

    def characters(self) -> set[str]:
        """Returns what a text may hold."""
        return self.part.characters() if self.high else set()

    def draw(self, rng: np.random.Generator) -> str:
        """Draws a text."""
        times = self.low
        if self.high > self.low:
            times = int(rng.integers(self.low, self.high + 1))
        return "".join(self.part.draw(rng) for _ in range(times))


@dataclass(frozen=True)
class Concatenation:
    """Parts, one after the other."""

    parts: tuple["Node", ...]

    @property
    def longest(self) -> int:
        """Most characters of a text."""
        return sum(part.longest for part in self.parts)

    def characters(self) -> set[str]:
        """Returns what a text may hold."""
        return set().union(*(part.characters() for part in self.parts))

    def draw(self, rng: np.random.Generator) -> str:
        """Draws a text."""
        return "".join(part.draw(rng) for part in self.parts)


@dataclass(frozen=True)
class Branches:
    """One of some parts."""

    parts: tuple["Node", ...]

    @property
    def longest(self) -> int:
        """Most characters of a text."""
        return max(part.longest for part in self.parts)

    def characters(self) -> set[str]:
        """Returns what a text may hold."""
        return set().union(*(part.characters() for part in self.parts))

    def draw(self, rng: np.random.Generator) -> str:
        """Draws a text."""
        return self.parts[int(rng.integers(len(self.parts)))].draw(rng)


Node = Characters | Repeat | Concatenation | Branches


def parse(pattern: str) -> Node:
    """Returns what draws texts that match a regular expression.

    Raises:
      ValueError: it is none, or says more than the grammar here has.
    """
    stripped = pattern.removeprefix("^")
    if stripped.endswith("$") and not stripped.endswith("\\$"):
        stripped = stripped[:-1]
    reader = _Reader(stripped, pattern)
    node = reader.branches()
    if not reader.ended:
        reader.refuse("a ')' without its '('")
    return node


class _Reader:
    """Reads an expression from left to right, by recursive descent."""

    def __init__(self, text: str, pattern: str) -> None:
        self._text = text
        self._pattern = pattern
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._text)

    def refuse(self, found: str) -> NoReturn:
        raise ValueError(
            f"patterns: expected characters, [a-z], \\d, \\w, groups, | and repeats with an end "
            f"such as {{2,4}}, found {found} in '{self._pattern}'. Write it without."
        )

    def branches(self) -> Node:
        found = [self._row()]
        while self._takes("|"):
            found.append(self._row())
        return found[0] if len(found) == 1 else Branches(tuple(found))

    def _row(self) -> Node:
        parts = []
        while not self.ended and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Concatenation(tuple(parts))

    def _takes(self, word: str) -> bool:
        if not self._text.startswith(word, self._at):
            return False
        self._at += len(word)
        return True

    def _next(self, what: str) -> str:
        if self.ended:
            self.refuse(f"the end in {what}")
        self._at += 1
        return self._text[self._at - 1]

    def _atom(self) -> Node:
        first = self._next("an expression")
        if first == "(":
            return self._group()
        if first == "[":
            return self._set()
        if first == "\\":
            return Characters(self._escaped())
        if first in _SPECIAL:
            self.refuse(f"'{first}'")
        return Characters(first)

    def _group(self) -> Node:
        if not self._takes("?:") and self._text.startswith("?", self._at):
            self.refuse(f"'({self._text[self._at : self._at + 2]}'")
        inner = self.branches()
        if not self._takes(")"):
            self.refuse("a '(' without its ')'")
        return inner

    def _escaped(self) -> str:
        """Returns the characters that an escape stands for, which the backslash began."""
        letter = self._next("an escape")
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in _HEX_DIGITS:
            digits = "".join(self._next("an escape") for _ in range(_HEX_DIGITS[letter]))
            if set(digits) <= set(string.hexdigits) and int(digits, 16) <= 0x10FFFF:
                return chr(int(digits, 16))
            self.refuse(f"'\\{letter}{digits}'")
        if letter.isalnum():
            self.refuse(f"'\\{letter}'")
        return letter

    def _set(self) -> Node:
        found: list[str] = []
        if self._takes("^"):
            self.refuse("'[^'")
        while not found or not self._takes("]"):  # one that comes first is a member
            found.extend(self._members())
        return Characters("".join(dict.fromkeys(found)))

    def _members(self) -> Iterator[str]:
        low = self._member()
        dash = self._text.startswith("-", self._at) and self._text[self._at + 1 :][:1] not in "]"
        if not dash or len(low) > 1:
            yield from low
            return
        self._at += 1
        high = self._member()
        if len(high) > 1 or ord(high) < ord(low):
            self.refuse(f"'{low}-{high[:1]}'")
        yield from map(chr, range(ord(low), ord(high) + 1))

    def _member(self) -> str:
        first = self._next("a set")
        return self._escaped() if first == "\\" else first

    def _repeated(self, part: Node) -> Node:
        if self._takes("?"):
            low, high = 0, 1
        elif self._takes("{"):
            low, high = self._times()
        elif not self.ended and self._text[self._at] in "*+":
            self.refuse(f"'{self._text[self._at]}', which has no end,")
        else:
            return part
        if not self.ended and self._text[self._at] in "?*+{":
            self.refuse(f"a second repeat '{self._text[self._at]}'")
        return Repeat(part, low, high)

    def _times(self) -> tuple[int, int]:
        inside, closed, rest = self._text[self._at :].partition("}")
        low, comma, high = inside.partition(",")
        bounds = [low, high] if comma else [low, low]
        if not closed or not all(each.isascii() and each.isdigit() for each in bounds):
            self.refuse(f"'{{{inside}{closed}'")
        least, most = map(int, bounds)
        if not least <= most <= MOST_REPEATS:
            self.refuse(f"'{{{inside}}}'")
        self._at = len(self._text) - len(rest)
        return least, most
