"""Classes of few records."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.builtin.inspectors import class_counts
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("rare_class")
@dataclass(frozen=True, kw_only=True)
class RareClass(Inspector):
    """Finds classes of too few records to learn, to validate and to test.

    Attributes:
      least: number of records that a class should have, 1 or more.
    """

    least: int = 10
    of_records: ClassVar[bool] = False
    advice: ClassVar[str] = "Add images of the class, merge it with another, or leave it out."

    def __post_init__(self) -> None:
        if self.least < 1:
            raise ValueError(f"least: expected 1 or more, found {self.least}.")

    def measure(self, view: View) -> class_counts.Present:
        """Returns the classes of a record."""
        return view.once(class_counts.present)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the rare classes; `empty_class` tells of the empty ones."""
        for target, counts in seen.once(class_counts.counted).items():
            for name, count in counts.items():
                if 0 < count < self.least:
                    text = f"of the class {name} ({target}), found {count}"
                    yield Finding(key=None, text=text, value=count, threshold=self.least)
