"""A text, such as the words that stand in the image."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.paths import is_utf8
from dsbuilder.sample import Feature, Target

_LONGEST = 1 << 24


def alphabet_of(texts: Iterable[Iterable[str]]) -> str:
    """Returns the characters of texts, each once, in the order of their code points."""
    return "".join(sorted(set().union(*texts)))


def time_steps(text: str) -> int:
    """Returns how many time steps CTC needs for a text: one a character, one between equal ones."""
    return len(text) + sum(one == two for one, two in itertools.pairwise(text))


@dataclass(frozen=True, kw_only=True)
class Text(Target):
    """A Unicode string, stored as UTF-8. It cannot be mixed.

    Attributes:
      alphabet: characters that a model can yield, each once, in the order of their code points.
        What a pipeline describes leaves it empty; of what a dataset streams it holds the characters
        of the train split.
      longest: most time steps that CTC needs for a text of the dataset; see `time_steps`.
    """

    kind: ClassVar[str] = "text"
    alphabet: str = ""
    longest: int = 0

    def __post_init__(self) -> None:
        if list(self.alphabet) != sorted(set(self.alphabet)):
            raise ValueError("alphabet: expected each character once, in order of code points")
        if not 0 <= self.longest <= _LONGEST:
            raise ValueError(f"longest: expected 0 to {_LONGEST}, found {self.longest}")

    def parse(self, raw: Any) -> str:
        """Returns a raw label as text."""
        if isinstance(raw, (str, int, float)) and is_utf8(str(raw)):
            return str(raw)
        raise DataError(f"expected a text, found {type(raw).__name__} {raw!r}.")

    def raw(self, value: str) -> str:
        """Returns the text."""
        return value

    def features(self, name: str) -> dict[str, Feature]:
        """`name`: the UTF-8 bytes."""
        return {name: Feature(kind="text", dtype="string")}

    def encode(self, name: str, value: str) -> dict[str, Any]:
        """Returns the UTF-8 bytes."""
        return {name: value.encode()}

    def decode(self, name: str, features: Mapping[str, Any]) -> str:
        """Reads bytes, or a list or array that holds one bytes value."""
        value = features[name]
        while not isinstance(value, (bytes, str)):
            value = value.item() if isinstance(value, np.ndarray) else value[0]
        return value.decode() if isinstance(value, bytes) else value

    def streamed(self, name: str) -> tuple[str, ...]:
        """The text itself."""
        return (name,)

    def show(self, value: str) -> str:
        """The text."""
        return value

    def __str__(self) -> str:
        return "text"
