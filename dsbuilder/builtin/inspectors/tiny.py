"""Images of a few pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("tiny")
@dataclass(frozen=True, kw_only=True)
class Tiny(Inspector):
    """Finds images of a few pixels: placeholders, tracking pixels, slips of a crop.

    Attributes:
      least: number of pixels that the shorter side should have, 1 or more.
    """

    least: int = 8
    advice: ClassVar[str] = "Find the whole image, or leave it out."

    def __post_init__(self) -> None:
        if self.least < 1:
            raise ValueError(f"least: expected 1 or more, found {self.least}.")

    def measure(self, view: View) -> tuple[int, int] | None:
        """Returns (height, width) of an image that is too small."""
        if view.image is None or min(view.image.shape[:2]) >= self.least:
            return None
        return view.image.shape[0], view.image.shape[1]

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the images that are too small."""
        for record, (height, width) in seen.measured():
            text = f"{width} x {height} pixels"
            yield Finding(key=record.key, text=text, value=min(height, width), threshold=self.least)
