"""What stages of a build lost of targets: how many boxes, keypoints, masks, of how many, why."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from dsbuilder.sample import Target


class Counted(Protocol):
    """A shard or its result, with its counts by stage and target."""

    @property
    def lost(self) -> Mapping[str, Mapping[str, int]]:
        """What stages lost, by stage and target."""

    @property
    def held(self) -> Mapping[str, int]:
        """What is left, by target."""


@dataclass(frozen=True, kw_only=True)
class StageLoss:
    """What one stage lost of one target.

    Attributes:
      stage: id of the stage.
      target: name of the target.
      lost: number of things that it lost.
      of: number of things that there would be without any loss.
      what: noun for these, and why they are lost.
    """

    stage: str
    target: str
    lost: int
    of: int
    what: str

    @property
    def text(self) -> str:
        """The loss in words."""
        return f"{self.stage}: {self.lost} of {self.of} {self.what} ({self.target})"


def losses(shards: Iterable[Counted], kinds: Mapping[str, Target]) -> tuple[StageLoss, ...]:
    """Returns what stages lost of the samples of shards, by stage and target.

    Args:
      kinds: targets of the samples by name.
    """
    lost: Counter[tuple[str, str]] = Counter()
    whole: Counter[str] = Counter()
    for shard in shards:
        whole.update(shard.held)
        for stage, counts in shard.lost.items():
            whole.update(counts)
            lost.update({(stage, target): count for target, count in counts.items()})
    return tuple(
        StageLoss(
            stage=stage, target=target, lost=count, of=whole[target], what=kinds[target].loses
        )
        for (stage, target), count in sorted(lost.items())
        if target in kinds
    )
