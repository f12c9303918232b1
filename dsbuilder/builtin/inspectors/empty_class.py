"""Classes without a record."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.plugin import ClassLabel, Finding, Inspector, Seen, inspector


@inspector("empty_class")
@dataclass(frozen=True, kw_only=True)
class EmptyClass(Inspector):
    """Finds classes that are declared but that no record has."""

    of_records: ClassVar[bool] = False
    advice: ClassVar[str] = "Add images of the class, or remove it from the list of classes."

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the empty classes."""
        for name, label in seen.named(ClassLabel):
            counts = seen.counted(name)
            for each in label.names:
                if not counts[each]:
                    text = f"no record has the {name} {each}"
                    yield Finding(key=None, text=text, value=0, threshold=1)
