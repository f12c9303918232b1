"""Images with a color cast."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("tinted")
@dataclass(frozen=True, kw_only=True)
class Tinted(Inspector):
    """Finds images whose channels differ on average, such as under a wrong white balance.

    Attributes:
      above: how far the means of two channels may be apart, in [0, 1].
    """

    above: float = 0.5
    advice: ClassVar[str] = "Balance the white, or leave the image out."

    def measure(self, view: View) -> float | None:
        """Returns how far the channels are apart, where that is too far."""
        if view.image is None:
            return None
        means = view.image[:, :, :3].mean(axis=(0, 1)) / 255
        apart = float(means.max() - means.min())
        return apart if apart > self.above else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Says it of each image that was kept."""
        for record, apart in seen.measured():
            text = f"its channels are {apart:.2f} of white apart"
            yield Finding(key=record.key, text=text, value=apart, threshold=self.above)
