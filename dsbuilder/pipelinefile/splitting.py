"""The section `split`: shares, and which records belong together."""

import re
from dataclasses import dataclass, fields
from typing import Literal

from dsbuilder.images.capture import ALIKE, BURST_S
from dsbuilder.pipelinefile.stages import SPLITS


@dataclass(frozen=True, kw_only=True)
class GroupRule:
    """By what records belong together; exactly one of these.

    Attributes:
      sequence: largest step from one number of a file to the next, in one folder and after the same
        beginning of the name, 1 or more.
      time_s: longest pause from one picture of a camera to the next, by the times in EXIF; 0 or
        more.
      likeness: how like two pictures are at least that show one scene, in (0, 1], by the features
        of a pretrained network.
      pattern: regular expression that is searched in the key; what it matches (its first group, if
        any) names the group.
    """

    sequence: int | None = None
    time_s: float | None = None
    likeness: float | None = None
    pattern: str | None = None

    @property
    def kind(self) -> str:
        """The one that is stated."""
        return next(iter(self._stated), "")

    @property
    def _stated(self) -> list[str]:
        return [each.name for each in fields(self) if getattr(self, each.name) is not None]

    def __post_init__(self) -> None:
        names, stated = [each.name for each in fields(self)], self._stated
        if len(stated) != 1:
            found = " and ".join(stated) or "nothing"
            raise ValueError(f"expected one of {', '.join(names)}, found {found}.")
        if self.sequence is not None and self.sequence < 1:
            raise ValueError(f"sequence: expected 1 or more, found {self.sequence}.")
        if self.time_s is not None and self.time_s < 0:
            raise ValueError(f"time_s: expected 0 or more, found {self.time_s:g}.")
        if self.likeness is not None and not 0 < self.likeness <= 1:
            raise ValueError(f"likeness: expected more than 0, up to 1, found {self.likeness:g}.")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(
                f"group: expected a regular expression, found '{self.pattern}': {error}."
            ) from None


_NAMED = {
    "sequence": GroupRule(sequence=1),
    "time": GroupRule(time_s=BURST_S),
    "likeness": GroupRule(likeness=ALIKE),
}


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One of several deals of a cross-validation, in which every record is tested once.

    Attributes:
      of: number of equal parts that records are dealt to, 3 or more.
      index: number of the part that is tested, from 0; the next one is validation, the others are
        train.
    """

    of: int
    index: int

    def __post_init__(self) -> None:
        if self.of < 3:
            raise ValueError(f"of: expected 3 parts or more, found {self.of}.")
        if not 0 <= self.index < self.of:
            raise ValueError(f"index: expected one from 0 to {self.of - 1}, found {self.index}.")

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(str(part) for part in range(self.of))

    def split(self, part: str) -> str:
        """Returns the split that a part is; what is in none, such as a small class, is train."""
        tested, chosen = str(self.index), str((self.index + 1) % self.of)
        return {tested: "test", chosen: "validation"}.get(part, "train")


@dataclass(frozen=True, kw_only=True)
class Subset:
    """Part of the train split that is built, as if the rest were not there.

    Attributes:
      share: share of the records, in (0, 1]; of one seed, a smaller share lies in a larger one.
      seed: number that draws them; another one draws others.
    """

    share: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share: expected more than 0, up to 1, found {self.share:g}.")


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """How records are dealt to splits.

    Attributes:
      train: share of records to learn from, in [0, 1]; where no share is stated 0.8. The three sum
        to 1.
      validation: share to choose the best epoch by, in [0, 1]; where no share is stated 0.1. With
        `layout` it is taken out of train.
      test: share to measure with in the end, in [0, 1]; where no share is stated 0.1. With `layout`
        it is taken out of train.
      method: how records are dealt: by class, by the hash of each key, or as the layout states. By
        default `layout` where the source states splits, else `stratified`.
      group: which records belong together and never end in two splits: `sequence`, `time` or
        `likeness`, a pattern, or a rule with a bound. By default the groups that the source states.
      fold: deal of a cross-validation in place of shares, as `dsbuilder train --cross-validate N`
        sets it.
      subset: share of the train split that is built, in (0, 1], or that with a seed of its own;
        validation and test are what they are without it. By default all of it.
    """

    train: float | None = None
    validation: float | None = None
    test: float | None = None
    method: Literal["stratified", "hash", "layout"] | None = None
    group: str | GroupRule | None = None
    fold: Fold | None = None
    subset: float | Subset | None = None

    @property
    def part(self) -> Subset | None:
        """The part that `subset` stands for."""
        if self.subset is None or isinstance(self.subset, Subset):
            return self.subset
        return Subset(share=self.subset)

    @property
    def shares(self) -> dict[str, float]:
        """The stated shares by split, in the order train, validation, test."""
        stated = {name: getattr(self, name) for name in SPLITS}
        return {name: share for name, share in stated.items() if share is not None}

    @property
    def rule(self) -> GroupRule | None:
        """The rule that `group` stands for."""
        if not isinstance(self.group, str):
            return self.group
        return _NAMED.get(self.group) or GroupRule(pattern=self.group)

    def __post_init__(self) -> None:
        wrong = {name: share for name, share in self.shares.items() if not 0 <= share <= 1}
        if wrong:
            name, share = next(iter(wrong.items()))
            raise ValueError(f"{name}: expected a share in [0, 1], found {share:g}.")
        if self.fold is not None and (self.shares or self.method == "layout"):
            found = next(iter(self.shares), "method layout")
            raise ValueError(f"expected a fold alone, found {found} beside it. Remove it.")
        total = sum(self.shares.values())
        if self.method == "layout":
            if self.train is not None or total >= 1:
                raise ValueError(
                    "with method layout, expected only shares of validation and test that are "
                    "taken out of train, below 1 together. Remove 'train'."
                )
        elif self.shares and abs(total - 1) > 1e-6:
            shown = " + ".join(f"{share:g}" for share in self.shares.values())
            raise ValueError(f"expected shares that sum to 1, found {shown} = {total:g}.")
        _ = self.rule, self.part
