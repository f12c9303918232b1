"""The same picture more than once, in other pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.builtin.inspectors import likeness
from dsbuilder.builtin.inspectors.likeness import Described
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector


@inspector("near_duplicate")
@dataclass(frozen=True, kw_only=True)
class NearDuplicate(Inspector):
    """Finds images that show what another one shows: scaled, compressed again, brightened.

    A perceptual hash finds pictures that may be alike, without comparing all with all; small
    thumbnails tell whether they are. The first one by key is kept; every further one is a finding.

    Attributes:
      bits: number of bits of 64 by which the hashes may differ, in [0, 7].
      difference: difference that the thumbnails may have: 0 for equal ones, about 1.4 for unrelated
        ones; in [0, 1].
    """

    bits: int = 6
    difference: float = 0.12
    advice: ClassVar[str] = "Keep one of them and leave the others out."

    def __post_init__(self) -> None:
        likeness.check(self.bits, self.difference)

    def measure(self, view: View) -> Described | None:
        """Returns what stands for the picture."""
        return view.once(likeness.describe)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields every picture but the first of those alike; equal pixels are no finding here."""
        found = seen.once(likeness.alike, self.bits, self.difference)
        for place, first, others in sorted(_further(seen, found)):
            value = round(found.nearest[place], 4)
            text = f"the same picture as {first}, different by {value:.3f}"
            yield Finding(
                key=seen.records[place].key,
                text=text,
                value=value,
                threshold=self.difference,
                others=others,
            )


def _further(seen: Seen, found: likeness.Alike) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yields (place, key of the first, keys of all before it) of pictures alike."""
    for group in found.groups:
        before: dict[bytes, str] = {}
        for place in group:
            digest = seen.measures[place][0]
            if before and digest not in before:
                yield place, next(iter(before.values())), tuple(before.values())
            before.setdefault(digest, seen.records[place].key)
