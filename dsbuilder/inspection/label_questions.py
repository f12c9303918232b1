"""What is asked of augmentation, and answered from what was seen of some variants.

`label_safety.py` has the measures; here are the bounds above which an answer is a fault, and what
to do about it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dsbuilder.inspection import label_safety
from dsbuilder.inspection.probing import VariantLook
from dsbuilder.sample import Sample, Target
from dsbuilder.targets import ClassLabel, Text

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class SafetyAnswer:
    """What was found to one question about a section of stages.

    Attributes:
      question: `lost`, `hidden`, `cropped`, `wasted`, `unrecognisable`, `turned` or `unreadable`.
      text: the finding in words, the measure among them.
      count, of: number of things or variants that it is about, and of all that were looked at.
      is_fault: whether it is more than should be; see `advice`.
      advice: what to do about it.
      stage: stage that has most to do with it; None if none stands out.
      examples: keys of variants that show it, the worst first.
    """

    question: str
    text: str
    count: int
    of: int
    is_fault: bool
    advice: str
    stage: str | None
    examples: tuple[str, ...] = ()


@dataclass
class SeenVariants:
    """What was seen of some records and their variants.

    Attributes:
      kinds: targets of the samples.
      probes: what became of each variant.
      wasted: keys of variants that are near-identical to their original or to another of its
        variants.
      images, labels: originals as they are stored and their classes, by the keys of records.
    """

    kinds: Mapping[str, Target]
    probes: list[VariantLook] = field(default_factory=list)
    wasted: list[str] = field(default_factory=list)
    images: dict[str, np.ndarray] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str | None:
        """The first target of one class a sample."""
        found = (name for name, kind in self.kinds.items() if isinstance(kind, ClassLabel))
        return next(found, None)

    def add(
        self, key: str, stored: Sample, probes: Sequence[VariantLook], images: Sequence[np.ndarray]
    ) -> None:
        """Takes in what was seen of one record.

        Args:
          key: its key.
          stored: the original as it is stored.
          probes: what became of each of its variants.
          images: what is stored of these.
        """
        self.probes += probes
        self.images[key] = stored.image
        if self.label is not None:
            (self.labels[key],) = self.kinds[self.label].classes(stored.targets[self.label])
        known = [stored.image]
        for image, each in zip(images, probes, strict=True):
            if any(label_safety.is_near(one, image) for one in known):
                self.wasted.append(each.key)
            known.append(image)


def answers(seen: SeenVariants) -> Iterator[SafetyAnswer]:
    """Yields an answer to every question that the labels ask."""
    yield from _Asked(seen).all()


@dataclass(frozen=True)
class _Asked:
    seen: SeenVariants

    def all(self) -> Iterator[SafetyAnswer]:
        """Yields an answer to every question that the labels ask."""
        yield from self._lost()
        yield from self._hidden()
        yield self._of_variants(
            "cropped",
            sorted((e for e in self.seen.probes if e.shown < label_safety.LEAST_SHOWN), key=_shown),
            f"show less than {label_safety.LEAST_SHOWN:.0%} of their original",
            most=0.02,
            advice="Crop or shift less: what is left may not show what the label says.",
        )
        wasted = set(self.seen.wasted)
        yield self._of_variants(
            "wasted",
            [each for each in self.seen.probes if each.key in wasted],
            "are near-identical to their original or to another of its variants "
            f"(mean difference below {label_safety.NEAR_LEVELS:g} levels)",
            most=0.2,
            advice="Raise a stage's p, widen its range, or make fewer copies.",
        )
        yield self._of_variants(
            "unrecognisable",
            sorted(filter(label_safety.is_unrecognisable, self.seen.probes), key=_unlike),
            "show nothing that is like their original "
            f"(correlation below {label_safety.LEAST_LIKENESS:g})",
            most=0.01,
            advice="Narrow the range of the stage: nothing can be learned from these.",
        )
        yield from self._turned()
        yield from self._unreadable()

    def _of_variants(
        self, question: str, found: Sequence[VariantLook], words: str, *, most: float, advice: str
    ) -> SafetyAnswer:
        of = len(self.seen.probes)
        return SafetyAnswer(
            question=question,
            text=f"{len(found) / max(1, of):.1%} of {of} variants {words}",
            count=len(found),
            of=of,
            is_fault=len(found) > most * of,
            advice=advice,
            stage=label_safety.most_telling(self.seen.probes, found) if found else None,
            examples=tuple(each.key for each in found[:_EXAMPLES]),
        )

    def _lost(self) -> Iterator[SafetyAnswer]:
        """Yields what was lost of each target that can lose something."""
        names = dict.fromkeys(name for each in self.seen.probes for name in each.held)
        for name in names:
            kind = self.seen.kinds[name]
            of = sum(each.held.get(name, 0) for each in self.seen.probes)
            by_stage: dict[str, int] = {}
            for each in self.seen.probes:
                for (stage, target), count in each.lost.items():
                    if target == name:
                        by_stage[stage] = by_stage.get(stage, 0) + count
            count = sum(by_stage.values())
            losing = [each for each in self.seen.probes if any(t == name for _, t in each.lost)]
            yield SafetyAnswer(
                question="lost",
                text=f"{count / max(1, of):.1%} of {of} of '{name}' are lost: {kind.loses}",
                count=count,
                of=of,
                is_fault=count > 0.05 * of,
                advice="Crop, shift and turn less, or lower the p of the stage.",
                stage=max(by_stage, key=lambda stage: by_stage[stage], default=None),
                examples=tuple(each.key for each in losing[:_EXAMPLES]),
            )

    def _hidden(self) -> Iterator[SafetyAnswer]:
        of = sum(each.objects for each in self.seen.probes)
        if of:
            found = sorted((e for e in self.seen.probes if e.hidden), key=lambda each: -each.hidden)
            count = sum(each.hidden for each in found)
            yield SafetyAnswer(
                question="hidden",
                text=f"{count / of:.1%} of {of} objects keep a box, and their middle is gone",
                count=count,
                of=of,
                is_fault=count > 0.02 * of,
                advice="Crop less, or erase smaller parts: a box is left that shows no object.",
                stage=label_safety.most_telling(self.seen.probes, found) if found else None,
                examples=tuple(each.key for each in found[:_EXAMPLES]),
            )

    def _turned(self) -> Iterator[SafetyAnswer]:
        moves = [each for each in self.seen.probes if label_safety.is_turned(each)]
        if self.seen.label is None or not moves:
            return
        turns = label_safety.turned_classes(self.seen.images, self.seen.labels, self.seen.probes)
        for turn in turns:
            yield SafetyAnswer(
                question="turned",
                text=(
                    f"'{turn.label}' looks like '{turn.becomes}' {turn.how}: {len(turn.probes)} of "
                    f"{turn.of}; {turn.before:.0%} do as they are"
                ),
                count=len(turn.probes),
                of=turn.of,
                is_fault=True,
                advice="Leave mirrors and large turns out, or leave these classes out of them: "
                f"except_classes: [{turn.label}].",
                stage=label_safety.most_telling(self.seen.probes, moves),
                examples=tuple(each.key for each in turn.probes[:_EXAMPLES]),
            )
        if not turns:
            yield SafetyAnswer(
                question="turned",
                text=f"no class looks like another in {len(moves)} variants that are mirrored or "
                "turned",
                count=0,
                of=len(moves),
                is_fault=False,
                advice="",
                stage=None,
            )

    def _unreadable(self) -> Iterator[SafetyAnswer]:
        """Yields what becomes of texts, which nobody reads in a mirror."""
        kinds = self.seen.kinds.values()
        if any(isinstance(kind, Text) for kind in kinds):
            yield self._of_variants(
                "unreadable",
                [each for each in self.seen.probes if label_safety.is_turned(each)],
                f"of texts are mirrored, or turned by more than {label_safety.MOST_TURN:g} degrees",
                most=0.0,
                advice="Leave mirrors and large turns out.",
            )


def _shown(each: VariantLook) -> float:
    return each.shown


def _unlike(each: VariantLook) -> float:
    return abs(each.likeness or 0.0)
