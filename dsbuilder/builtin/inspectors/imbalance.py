"""A class far larger than another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.plugin import ClassLabel, Finding, Inspector, Seen, inspector


@inspector("imbalance")
@dataclass(frozen=True, kw_only=True)
class Imbalance(Inspector):
    """Finds sets whose largest class has many times the records of the smallest that is not empty.

    Attributes:
      ratio: how many times is too many, 1 or more.
    """

    ratio: float = 10.0
    of_records: ClassVar[bool] = False
    advice: ClassVar[str] = (
        "Add images of the small class, or measure by class (balanced accuracy) and not by record."
    )

    def __post_init__(self) -> None:
        if self.ratio < 1:
            raise ValueError(f"ratio: expected 1 or more, found {self.ratio:g}.")

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields one finding for each target of classes that is out of balance."""
        for name, _ in seen.named(ClassLabel):
            ranked = seen.counted(name).most_common()
            if not ranked:
                continue
            (large, most), (small, least) = ranked[0], ranked[-1]
            if most > self.ratio * least:
                text = f"{most} records have the {name} {large}, {least} have {small}"
                value = round(most / least, 2)
                yield Finding(key=None, text=text, value=value, threshold=self.ratio)
