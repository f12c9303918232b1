"""A text, such as the words that stand in the image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.paths import is_utf8
from dsbuilder.sample import Feature, Target


@dataclass(frozen=True, kw_only=True)
class Text(Target):
    """A Unicode string, stored as UTF-8. It cannot be mixed."""

    kind: ClassVar[str] = "text"

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
