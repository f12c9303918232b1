"""Classes of few records."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.plugin import ClassLabel, Finding, Inspector, Seen, inspector


@inspector("rare_class")
@dataclass(frozen=True, kw_only=True)
class RareClass(Inspector):
    """Finds classes of too few records to learn, to validate and to test.

    Attributes:
      least: how many records a class should have, 1 or more.
    """

    least: int = 10
    of_records: ClassVar[bool] = False
    advice: ClassVar[str] = "Add images of the class, merge it with another, or leave it out."

    def __post_init__(self) -> None:
        if self.least < 1:
            raise ValueError(f"least: expected 1 or more, found {self.least}.")

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the rare classes; `empty_class` tells of the empty ones."""
        for name, label in seen.named(ClassLabel):
            counts = seen.counted(name)
            for each in label.names:
                if 0 < counts[each] < self.least:
                    text = f"{counts[each]} records have the {name} {each}"
                    yield Finding(key=None, text=text, value=counts[each], threshold=self.least)
