"""A class far larger than another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.builtin.inspectors import class_counts
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("imbalance")
@dataclass(frozen=True, kw_only=True)
class Imbalance(Inspector):
    """Finds sets whose largest class has many times the records of the smallest that is not empty.

    Attributes:
      ratio: number of times that is too many, 1 or more.
    """

    ratio: float = 10.0
    of_records: ClassVar[bool] = False
    advice: ClassVar[str] = (
        "Add images of the small class, or train with sampling: balanced. Measure by class "
        "(balanced accuracy), not by record."
    )

    def __post_init__(self) -> None:
        if self.ratio < 1:
            raise ValueError(f"ratio: expected 1 or more, found {self.ratio:g}.")

    def measure(self, view: View) -> class_counts.Present:
        """Returns the classes of a record."""
        return view.once(class_counts.present)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields one finding for each target whose classes are out of balance."""
        for target, counts in seen.once(class_counts.counted).items():
            ranked = sorted((count, name) for name, count in counts.items() if count)
            if not ranked or ranked[-1][0] <= self.ratio * ranked[0][0]:
                continue
            (least, small), (most, large) = ranked[0], ranked[-1]
            text = f"{most} records of the class {large} ({target}), {least} of {small}"
            yield Finding(key=None, text=text, value=round(most / least, 2), threshold=self.ratio)
