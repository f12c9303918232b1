"""The same pixels more than once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.builtin.inspectors import likeness
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("exact_duplicate")
@dataclass(frozen=True, kw_only=True)
class ExactDuplicate(Inspector):
    """Finds images whose decoded pixels equal those of another one, in whatever file format.

    The first one by key is kept; every further one is a finding.
    """

    advice: ClassVar[str] = "Keep one of them and leave the others out."

    def measure(self, view: View) -> bytes | None:
        """Returns the digest of the pixels."""
        return view.once(likeness.digest)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields every image but the first of those with equal pixels."""
        first: dict[bytes, str] = {}
        for record, digest in seen.measured():
            other = first.setdefault(digest, record.key)
            if other != record.key:
                text = f"the same pixels as {other}"
                yield Finding(
                    key=record.key, text=text, value=digest.hex(), others=(other,), same=(other,)
                )
