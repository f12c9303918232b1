"""Texts with letters that no one can read."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.plugin import Finding, Inspector, Seen, Text, View, inspector

_UNREADABLE = ("Cc", "Cs", "Co", "Cn")
"""Unicode's categories: control, half a pair, private, not assigned."""


@inspector("charset")
@dataclass(frozen=True, kw_only=True)
class Charset(Inspector):
    """Finds texts with characters outside a set.

    Without a set, those are characters that stand for a broken encoding or that no font can show:
    controls, the replacement character, and code points that are private or not assigned.

    Attributes:
      characters: all that a text may hold; null takes all that can be read.
    """

    characters: str | None = None
    advice: ClassVar[str] = "Correct the text, or add the character to the set."

    def measure(self, view: View) -> str | None:
        """Returns the characters that do not belong in the texts of a record, sorted."""
        found = {
            letter
            for _, _, text in view.values(Text)
            for letter in text
            if not self._allows(letter)
        }
        return "".join(sorted(found)) or None

    def _allows(self, letter: str) -> bool:
        if self.characters is not None:
            return letter in self.characters
        return letter != "\N{REPLACEMENT CHARACTER}" and (
            unicodedata.category(letter) not in _UNREADABLE
        )

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the records with such a text."""
        for record, letters in seen.measured():
            shown = ", ".join(f"{letter!r} (U+{ord(letter):04X})" for letter in letters)
            text = f"the text holds {shown}"
            yield Finding(key=record.key, text=text, value=letters, threshold=self.characters)
