"""What is known of a folder once its layout is: records, targets, and how its images look."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsbuilder.plugin import Record, Target
from dsbuilder.proposal.appearance import Appearance

_DIGITS = frozenset(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
)
_SMALL_SIDE = 48


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What advice is given on.

    Attributes:
      records: records, at least one.
      targets: what the source says they are labeled with.
      appearance: appearance of some of the images.
    """

    records: Sequence[Record]
    targets: Mapping[str, Target]
    appearance: Appearance

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of the targets."""
        return frozenset(target.kind for target in self.targets.values())

    @property
    def positional(self) -> bool:
        """Whether a target lies in the image, such as a box."""
        return any(target.positional for target in self.targets.values())

    @property
    def is_small(self) -> bool:
        """Whether images are icons, digits and the like rather than photographs."""
        return self.appearance.short <= _SMALL_SIDE

    @property
    def counts(self) -> Mapping[str, int]:
        """Records of each class, the rarest first; empty without a target of one class."""
        name = next((name for name, each in self.targets.items() if each.kind == "class"), None)
        if name is None:
            return {}
        counted = Counter(str(record.targets[name]) for record in self.records)
        return dict(reversed(counted.most_common()))

    @property
    def is_of_characters(self) -> bool:
        """Whether classes are letters or digits, which a mirror turns into others."""
        names = [name.lower() for name in self.counts]
        alone = all(len(name) == 1 or (len(name) < 3 and name.isdigit()) for name in names)
        return bool(names) and (alone or set(names) <= _DIGITS)

    @property
    def stated(self) -> Mapping[str | None, int]:
        """Records of each split that the layout states; None counts those that it leaves open."""
        return Counter(record.split for record in self.records)
