"""Classes without a record."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.builtin.inspectors import class_counts
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("empty_class")
@dataclass(frozen=True, kw_only=True)
class EmptyClass(Inspector):
    """Finds classes that are declared but that no record has."""

    of_records: ClassVar[bool] = False
    advice: ClassVar[str] = "Add images of the class, or remove it from the list of classes."

    def measure(self, view: View) -> class_counts.Present:
        """Returns the classes of a record."""
        return view.once(class_counts.present)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the empty classes."""
        for target, counts in seen.once(class_counts.counted).items():
            for name, count in counts.items():
                if not count:
                    text = f"no record has the class {name} ({target})"
                    yield Finding(key=None, text=text, value=0, threshold=1)
