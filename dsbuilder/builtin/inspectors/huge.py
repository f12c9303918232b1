"""Images of more pixels than anyone means."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.images.damage import stated_size
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("huge")
@dataclass(frozen=True, kw_only=True)
class Huge(Inspector):
    """Finds images whose header states very many pixels: decompression bombs, scans, panoramas.

    The header alone is read: a bomb is a small file, and decoding it is what does the harm. Above
    178,956,970 pixels no image is decoded at all.

    Attributes:
      megapixels: the most that an image may have, in 10**6 pixels; above 0.
    """

    megapixels: float = 100.0
    advice: ClassVar[str] = "Make the image smaller, or leave it out."

    def __post_init__(self) -> None:
        if self.megapixels <= 0:
            raise ValueError(f"megapixels: expected more than 0, found {self.megapixels:g}.")

    def measure(self, view: View) -> tuple[int, int] | None:
        """Returns (height, width) of an image that is too large."""
        size = None if view.data is None else stated_size(view.data)
        return size if size is not None and size[0] * size[1] > self.megapixels * 1e6 else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the images that are too large."""
        for record, (height, width) in seen.measured():
            value = round(height * width / 1e6, 1)
            text = f"{width} x {height} pixels, {value:g} megapixels"
            yield Finding(key=record.key, text=text, value=value, threshold=self.megapixels)
