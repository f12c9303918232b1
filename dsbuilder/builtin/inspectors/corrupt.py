"""Files that cannot be decoded, for any other reason than that they end early."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.images.damage import ends_early
from dsbuilder.plugin import DataError, Finding, Inspector, Seen, View, inspector


@inspector("corrupt")
@dataclass(frozen=True, kw_only=True)
class Corrupt(Inspector):
    """Finds files that cannot be read, are no images or are damaged, or that kill a process.

    Empty files, those that end early and huge ones have inspectors of their own: `empty_file`,
    `truncated`, `huge`.
    """

    advice: ClassVar[str] = "Replace or convert the file, or leave it out."

    def measure(self, view: View) -> str | None:
        """Returns why a record has no pixels."""
        if view.record.error is not None or not isinstance(view.decoded, DataError):
            return None
        other = view.data is not None and (not view.data or ends_early(view.data))
        return None if other or "decompression bomb" in str(view.decoded) else str(view.decoded)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the records without pixels, with the reason."""
        for record, measure in zip(seen.records, seen.measures, strict=True):
            reason = seen.lost.get(record.key, measure)
            if reason is not None:
                yield Finding(key=record.key, text=reason, value=reason)
