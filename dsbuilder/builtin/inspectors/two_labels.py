"""The same picture under different labels."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dsbuilder.builtin.inspectors import likeness
from dsbuilder.builtin.inspectors.likeness import Described
from dsbuilder.plugin import Finding, Inspector, Record, Seen, View, inspector


@inspector("two_labels")
@dataclass(frozen=True, kw_only=True)
class TwoLabels(Inspector):
    """Finds pictures that are labeled differently where they are alike, exactly or nearly.

    Every one of them is a finding: only a person can say which label is right. Compared are all
    targets but those that lie in the pixels (boxes, masks, keypoints).

    Attributes:
      difference, ratio: distances that pictures may have that are alike; see `near_duplicate`. Both
        are in [0, 1], the ratio below 1.
    """

    difference: float = 0.12
    ratio: float = 0.4
    advice: ClassVar[str] = "Correct the label of one of them, or leave both out."

    def __post_init__(self) -> None:
        likeness.check(self.difference, self.ratio)

    def measure(self, view: View) -> Described | None:
        """Returns what stands for the picture."""
        return view.once(likeness.describe)

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the pictures that are alike and labeled differently."""
        names = [name for name, target in seen.kinds.items() if not target.positional]
        findings: dict[str, Finding] = {}
        for group in seen.once(likeness.alike, self.difference, self.ratio).groups:
            for name in names:
                findings.update(_clashes([seen.records[place] for place in group], name))
        yield from (findings[key] for key in sorted(findings))


def _clashes(records: Sequence[Record], name: str) -> Iterator[tuple[str, Finding]]:
    """Yields a finding for each record of a group whose labels are not all one."""
    by_label: dict[str, list[str]] = {}
    for record in records:
        by_label.setdefault(_shown(record.targets[name]), []).append(record.key)
    for label, keys in by_label.items() if len(by_label) > 1 else ():
        others = [key for other, found in by_label.items() if other != label for key in found]
        against = next(other for other in by_label if other != label)
        for key in keys:
            text = f"{name} is {label}, but {against} for the same picture, {others[0]}"
            yield key, Finding(key=key, text=text, value=label, others=tuple(others))


def _shown(raw: Any) -> str:
    return raw if isinstance(raw, str) else json.dumps(raw, sort_keys=True, default=str)
