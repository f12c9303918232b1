"""The same picture, or the same group, in two splits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from dsbuilder.builtin.inspectors import likeness
from dsbuilder.builtin.inspectors.likeness import Described
from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector

_GUARDED = ("train", "validation", "test")
"""From the split that gives way to the one that keeps what it has."""


@inspector("leak")
@dataclass(frozen=True, kw_only=True)
class Leak(Inspector):
    """Finds the same picture, or the same group, in two splits: seen and tested on.

    Splits are those that a build would make. The record that gives way is the finding: that of
    train before that of validation before that of test, so that tests stay what they are.

    Attributes:
      difference, ratio: distances that pictures may have that are alike; see `near_duplicate`. Both
        are in [0, 1], the ratio below 1.
    """

    difference: float = 0.12
    ratio: float = 0.4
    advice: ClassVar[str] = (
        "Leave it out, or keep what belongs together in one split with split.group."
    )

    def __post_init__(self) -> None:
        likeness.check(self.difference, self.ratio)

    def measure(self, view: View) -> Described | None:
        """Returns what stands for the picture."""
        return view.once(likeness.describe)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the records that another split has, too."""
        by_group: dict[str, list[int]] = {}
        for place, record in enumerate(seen.records):
            if record.group is not None:
                by_group.setdefault(record.group, []).append(place)
        findings: dict[str, Finding] = {}
        for name, places in by_group.items():
            findings.update(_crossing(seen, places, f"is of group {name}, as is", same=False))
        for group in seen.once(likeness.alike, self.difference, self.ratio).groups:
            findings.update(_crossing(seen, group, "shows the same picture as", same=True))
        yield from (findings[key] for key in sorted(findings))


def _crossing(
    seen: Seen, places: Sequence[int], why: str, *, same: bool
) -> Iterator[tuple[str, Finding]]:
    """Yields a finding for each record that has a companion in a split that is guarded more."""
    keys: Mapping[str, list[str]] = {split: [] for split in _GUARDED}
    for place in places:
        key = seen.records[place].key
        keys[seen.split_of[key]].append(key)
    guarded = [split for split in _GUARDED if keys[split]]
    for split in guarded[:-1]:
        others = tuple(keys[guarded[-1]])
        for key in keys[split]:
            text = f"in {split}, {why} {others[0]} in {guarded[-1]}"
            alike = others if same else ()
            yield key, Finding(key=key, text=text, value=split, others=others, same=alike)
