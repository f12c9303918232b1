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
    """Finds images that show what another one shows, handled.

    Scaled, compressed again, brightened, tinted, cropped by a few percent, turned by a few degrees.

    How near the same picture is depends on the set, which says it itself: two are the same where
    each is far nearer to the other than to the next picture. In a set of very like pictures, such
    as digits, only those count that hardly differ at all. The first one by key is kept; every
    further one is a finding.

    Attributes:
      difference: difference that thumbnails of one picture may have in any set: 0 for equal ones,
        about 1.4 for unrelated ones; in [0, 1].
      ratio: how far the same picture may be, as a part of the distance of the next other one; in
        [0, 1); 0 lets `difference` alone count.
    """

    difference: float = 0.12
    ratio: float = 0.4
    advice: ClassVar[str] = "Keep one of them and leave the others out."

    def __post_init__(self) -> None:
        likeness.check(self.difference, self.ratio)

    def measure(self, view: View) -> Described | None:
        """Returns what stands for the picture."""
        return view.once(likeness.describe)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields every picture but the first of those alike; equal pixels are no finding here."""
        found = seen.once(likeness.alike, self.difference, self.ratio)
        for place, first, others in sorted(_further(seen, found)):
            value, limit = found.nearest[place]
            yield Finding(
                key=seen.records[place].key,
                text=f"the same picture as {first}, different by {value:.3f}",
                value=round(value, 4),
                threshold=round(limit, 4),
                others=others,
                same=others,
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
