"""Files whose end is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.images.damage import ends_early
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("truncated")
@dataclass(frozen=True, kw_only=True)
class Truncated(Inspector):
    """Finds files that do not decode because they end early, as an interrupted download does."""

    advice: ClassVar[str] = "Download or copy the file again, or leave it out."

    def measure(self, view: View) -> int | None:
        """Returns the bytes that are there of a file that ends early."""
        if view.data is None or view.image is not None:
            return None
        return len(view.data) if ends_early(view.data) else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the files that end early."""
        for record, size in seen.measured():
            text = f"the file ends early, after {size} bytes"
            yield Finding(key=record.key, text=text, value=size)
