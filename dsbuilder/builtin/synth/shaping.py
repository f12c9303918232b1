"""Which texts a shaper must lay out: those where a glyph depends on its neighbors.

Told by what Unicode says of each character, not by a list of languages: what is written from right
to left; marks, which stand over, under, around or before their letter (with them vowels of Indic
scripts take their place, and viramas join consonants); joiners; and the few scripts whose letters
join though they have none of these. Every other text is a row of glyphs, from left to right.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_JOINING = (
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x1800, 0x18AF),  # Mongolian
    (0xA840, 0xA877),  # Phags-pa
    (0xA960, 0xA97F),  # Hangul Jamo, extended A
    (0xD7B0, 0xD7FF),  # and B
)
_FORMAT = "Cf"


def shaped(text: Iterable[str]) -> list[str]:
    """Returns the characters of a text for which it needs a shaper, in the order of their code."""
    return sorted({character for character in text if _is_shaped(character)})


def right_to_left(text: Iterable[str]) -> list[str]:
    """Returns the characters of a text that are written from right to left, in their order."""
    return sorted({each for each in text if unicodedata.bidirectional(each) in _RIGHT_TO_LEFT})


def is_mark(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    return unicodedata.category(character).startswith("M")


def is_format(character: str) -> bool:
    """Whether a character only says how its neighbors are drawn."""
    return unicodedata.category(character) == _FORMAT


def _is_shaped(character: str) -> bool:
    if unicodedata.bidirectional(character) in _RIGHT_TO_LEFT:
        return True
    if is_mark(character) or is_format(character):
        return True
    return any(low <= ord(character) <= high for low, high in _JOINING)


@cache
def can_shape() -> bool:
    """Whether Pillow has its shaper, libraqm: its wheels do, a build of one's own may not."""
    from PIL import features

    return bool(features.check("raqm"))
