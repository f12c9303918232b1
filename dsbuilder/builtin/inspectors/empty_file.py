"""Files of no bytes at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("empty_file")
@dataclass(frozen=True, kw_only=True)
class EmptyFile(Inspector):
    """Finds files of no bytes, as a full disk or an interrupted copy leaves them."""

    advice: ClassVar[str] = "Copy the file again, or leave it out."

    def measure(self, view: View) -> int | None:
        """Returns 0 for an empty file, None for any other."""
        return 0 if view.data == b"" else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the empty files."""
        for record, size in seen.measured():
            yield Finding(key=record.key, text="a file of 0 bytes", value=size, threshold=1)
