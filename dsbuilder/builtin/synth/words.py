"""Where texts come from: words of a list or a file, patterns, or random strings of a charset."""

import string
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from dsbuilder.builtin.synth.patterns import Node, parse
from dsbuilder.builtin.synth.shaping import is_mark

LONGEST = 10_000
"""Characters of the longest text; what is longer is no line."""

CHARSETS = {
    "digits": string.digits,
    "letters": string.ascii_letters,
    "alphanumeric": string.ascii_letters + string.digits,
}


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The options of a synthesizer that say what is written; `TextLine` describes them."""

    words: Path | tuple[str, ...] | None
    charset: str | None
    frequencies: Path | Mapping[str, float] | None
    patterns: tuple[str, ...]
    length: tuple[int, int]

    @classmethod
    def of(cls, options: Any) -> Self:
        """Returns those of a synthesizer."""
        return cls(**{each.name: getattr(options, each.name) for each in fields(cls)})

    def __post_init__(self) -> None:
        given = [
            name
            for name, value in (
                ("words", self.words),
                ("charset", self.charset or self.frequencies),
                ("patterns", self.patterns or None),
            )
            if value is not None
        ]
        if len(given) != 1:
            found = " and ".join(f"'{each}'" for each in given) or "none"
            raise ValueError(
                f"expected one of 'words', 'charset' and 'patterns', found {found}. "
                "Say in one way what is written."
            )
        if not 1 <= self.length[0] <= self.length[1]:
            raise ValueError(
                f"length: expected [low, high] with 1 <= low <= high, found {list(self.length)}."
            )
        if self.length[1] > LONGEST:
            raise ValueError(
                f"length: expected at most {LONGEST} characters, found {self.length[1]}."
            )
        for pattern, node in zip(self.patterns, self._nodes, strict=True):
            if not 1 <= node.longest <= LONGEST:
                raise ValueError(
                    f"patterns: expected texts of 1 to {LONGEST} characters, found up to "
                    f"{node.longest} of '{pattern}'. Shorten its repeats."
                )

    @property
    def is_random(self) -> bool:
        """Whether there are more texts than a list has."""
        return self.words is None and not (self.length == (1, 1) and not self.patterns)

    @cached_property
    def pool(self) -> Sequence[str]:
        """The words, or the characters that strings are made of; of patterns, none."""
        if self.words is not None:
            return _read(self.words) if isinstance(self.words, Path) else _normalized(self.words)
        if self.patterns:
            return ()
        return _characters("".join(self._rates) if self.charset is None else self.charset)

    @cached_property
    def _rates(self) -> Mapping[str, float]:
        """How often a character comes, as `frequencies` says."""
        stated = self.frequencies or {}
        rates = _read_rates(stated) if isinstance(stated, Path) else stated
        found = {unicodedata.normalize("NFC", each): float(rate) for each, rate in rates.items()}
        for each, rate in found.items():
            if len(units(each)) != 1 or not 0 <= rate < float("inf"):
                raise ValueError(
                    f"frequencies: expected a number of 0 or more for each character, found "
                    f"'{each}': {rate:g}."
                )
        return found

    @cached_property
    def _bounds(self) -> np.ndarray | None:
        """Where the share of each of the pool ends in [0, 1]; None where all come equally often."""
        if self.frequencies is None:
            return None
        absent = sorted(set(self._rates) - set(self.pool))
        if absent:
            raise ValueError(f"frequencies: '{absent[0]}' is not in the charset. Remove it.")
        ends = np.cumsum([self._rates.get(each, 1.0) for each in self.pool])
        if not ends[-1] > 0:
            raise ValueError("frequencies: all are 0. Give one character a number above that.")
        shares: np.ndarray = ends / ends[-1]
        return shares

    @cached_property
    def _nodes(self) -> tuple[Node, ...]:
        return tuple(parse(each) for each in self.patterns)

    def characters(self) -> set[str]:
        """Returns the code points that texts are made of, and of which others may be composed."""
        _ = self._bounds  # what is wrong with it is told here
        held = set("".join(self.pool)).union(*(node.characters() for node in self._nodes))
        return set("".join(unicodedata.normalize("NFC", each) for each in held))

    def classes(self) -> tuple[str, ...]:
        """Returns the characters, with their marks, that texts are made of, in order."""
        if self.patterns:
            return tuple(sorted(each for each in self.characters() if not each.isspace()))
        found = {each for text in self.pool for each in units(text)}
        return tuple(sorted(each for each in found if not each.isspace()))

    def draw(self, rng: np.random.Generator) -> str:
        """Draws a text, in composed form."""
        if self.words is not None:
            return self.pool[int(rng.integers(len(self.pool)))]
        if self.patterns:
            node = self._nodes[int(rng.integers(len(self._nodes)))]
            return unicodedata.normalize("NFC", node.draw(rng)).strip()
        number = int(rng.integers(self.length[0], self.length[1] + 1))
        if self._bounds is None:
            places = rng.integers(len(self.pool), size=number)
        else:
            places = np.searchsorted(self._bounds, rng.random(number), side="right")
        return "".join(self.pool[place] for place in places)


def units(text: str) -> list[str]:
    """Returns the characters of a text in composed form, each with its marks."""
    found: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if found and is_mark(character):
            found[-1] += character
        else:
            found.append(character)
    return found


def _characters(charset: str) -> list[str]:
    found = list(dict.fromkeys(units(CHARSETS.get(charset, charset))))
    if not found or any(each.isspace() for each in found):
        raise ValueError(
            f"charset: expected {', '.join(CHARSETS)} or characters without spaces, "
            f"found '{charset}'."
        )
    return found


def _lines(option: str, path: Path, wanted: str) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ValueError(
            f"{option}: {path} cannot be read ({reason}). Give a file with {wanted} a line."
        ) from error


def _read(path: Path) -> list[str]:
    return _normalized(_lines("words", path, "a word"))


def _read_rates(path: Path) -> dict[str, float]:
    rates: dict[str, float] = {}
    for number, line in enumerate(_lines("frequencies", path, "a character and its number"), 1):
        if not line.strip():
            continue
        try:
            character, rate = line.split()
            rates[character] = float(rate)
        except ValueError:
            raise ValueError(
                f"frequencies: {path}:{number}: expected a character and a number, found "
                f"'{line.strip()[:40]}'. Correct the line."
            ) from None
    return rates


def _normalized(words: Sequence[str]) -> list[str]:
    found = [unicodedata.normalize("NFC", word.strip()) for word in words]
    found = [word for word in found if word]
    if not found:
        raise ValueError("words: at least one is needed. Add one.")
    longest = max(found, key=len)
    if len(longest) > LONGEST:
        raise ValueError(
            f"words: expected at most {LONGEST} characters, found {len(longest)} in "
            f"'{longest[:20]}...'."
        )
    return found
