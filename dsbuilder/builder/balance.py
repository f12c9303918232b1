"""Classes of train brought to one number of samples, as the section `balance` says.

What train would hold without it gives the quota: what the largest class has, the one in the middle,
or as stated. A class below it gets what it lacks: synthesizers make as much of that as
`max_synthetic` leaves them; the rest is more variants of the records of the class, dealt evenly,
ranks saying who gets one more. Classes above the quota stay as they are, and other splits too.

Variants are numbered on from `augment.copies`, and what is synthesized is numbered class by class:
neither depends on another record. So one record more changes no sample: it takes over its share of
the variants of its class, and where that is the largest, each other class gets as many more.
"""

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import cycle, islice
from typing import NamedTuple

from dsbuilder.errors import Problem, SpecError, shortened
from dsbuilder.pipeline import Pipeline
from dsbuilder.pipeline.applying import noted
from dsbuilder.pipelinefile.schema import BalanceOptions, too_many
from dsbuilder.sample import Record
from dsbuilder.seeding import rank
from dsbuilder.targets import ClassLabel


class Synthesized(NamedTuple):
    """A synthesized sample of train: its key, its place in `synthesize`, and its class."""

    key: str
    synthesis: int
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class ClassShare:
    """What train shall hold of one class.

    Attributes:
      originals, variants, synthesized: number of samples; what the balance adds is among them.
      more_variants, more_synthesized: number of samples that it adds.
    """

    originals: int
    variants: int
    synthesized: int
    more_variants: int = 0
    more_synthesized: int = 0

    @property
    def samples(self) -> int:
        """All of them."""
        return self.originals + self.variants + self.synthesized

    def filled(self, variants: int, synthesized: int) -> "ClassShare":
        """Returns the share with more samples."""
        return replace(
            self,
            variants=self.variants + variants,
            synthesized=self.synthesized + synthesized,
            more_variants=variants,
            more_synthesized=synthesized,
        )


@dataclass(frozen=True, kw_only=True)
class Balance:
    """How classes of train are filled up.

    Attributes:
      target: name of the target whose classes they are.
      quota: number of samples that each class with fewer is brought to.
      classes: what train shall hold of each class, by its name.
      copies: number of more variants of a record, by its key, where there are any.
      synthesized: what train holds of synthesis, each with its class.
    """

    target: str
    quota: int
    classes: Mapping[str, ClassShare]
    copies: Mapping[str, int]
    synthesized: Sequence[Synthesized]

    def shortfalls(self, counts: Mapping[str, int]) -> Iterator[str]:
        """Yields what to warn of where a built train split is not as balanced as planned.

        Args:
          counts: number of samples that it holds of each class.
        """
        for name, share in self.classes.items():
            if counts.get(name, 0) != share.samples:
                yield (
                    f"balance: expected {share.samples} samples of '{name}' in train, found "
                    f"{counts.get(name, 0)}: some could not be made, or a stage changes classes."
                )


def make_balance(
    pipeline: Pipeline, records: Sequence[Record], synthesized: Sequence[Synthesized]
) -> Balance | None:
    """Returns how classes of train are filled up; None if the pipeline does not ask for it.

    Args:
      records: records of train.
      synthesized: what train holds of the pipeline's own synthesis.

    Raises:
      SpecError: samples have not one class each, or a class cannot be filled up.
    """
    options = pipeline.settings.balance
    if options is None:
        return None
    target = _target(pipeline)
    return _Balancer(pipeline, options, target, records, synthesized).balance()


def _refusal(pipeline: Pipeline, message: str) -> SpecError:
    return SpecError([Problem(pipeline.spec.where("balance"), message)])


def _target(pipeline: Pipeline) -> str:
    """Returns the first target of one class a sample."""
    kinds = pipeline.signature.targets
    found = next((name for name, kind in kinds.items() if isinstance(kind, ClassLabel)), None)
    if found is None:
        shown = ", ".join(f"'{name}' ({kind})" for name, kind in kinds.items()) or "no target"
        raise _refusal(
            pipeline, f"expected samples of one class each, found {shown}. Take balance out."
        )
    if getattr(kinds[found], "soft", False):
        raise _refusal(
            pipeline,
            f"expected samples of one class each, found '{found}' ({kinds[found]}): what is mixed "
            "has several. Move the mixer to stream.stages, or take balance out.",
        )
    return found


@dataclass(frozen=True)
class _Balancer:
    pipeline: Pipeline
    options: BalanceOptions
    target: str
    records: Sequence[Record]
    synthesized: Sequence[Synthesized]

    @cached_property
    def _names(self) -> Sequence[str]:
        return self.pipeline.signature.targets[self.target].class_names

    @cached_property
    def _keys(self) -> Mapping[str, list[str]]:
        """Keys of the records of each class.

        Raises:
          SpecError: a record has no class, or one that samples no longer have after all stages.
        """
        kind = self.pipeline.signature.targets[self.target]
        found: dict[str, list[str]] = {name: [] for name in self._names}
        for record in self.records:
            label = record.targets.get(self.target)
            names = () if label is None else kind.stated(label)
            if not names or any(name not in found for name in names):
                raise _refusal(
                    self.pipeline,
                    f"expected a class of '{self.target}' that stages leave as it is, found "
                    f"{record.key} of {label!r} and samples of {shortened(self._names)}. Take the "
                    "stage that changes classes out, or balance.",
                )
            for name in names:
                found[name].append(record.key)
        return found

    def balance(self) -> Balance:
        """Returns how each class comes to the quota."""
        own = [each._replace(label=self._label(each)) for each in self.synthesized]
        made = Counter(each.label for each in own)
        augment = self.pipeline.settings.augment
        held = {
            name: ClassShare(
                originals=len(keys) * augment.original,
                variants=len(keys) * augment.copies,
                synthesized=made[name],
            )
            for name, keys in self._keys.items()
        }
        quota = self._quota([share.samples for share in held.values() if share.samples])
        classes = {name: self._filled(name, share, quota) for name, share in held.items()}
        self._check_total(classes)
        return Balance(
            target=self.target,
            quota=quota,
            classes=classes,
            copies=dict(self._copies(classes)),
            synthesized=(*own, *self._extras(classes)),
        )

    def _quota(self, counts: Sequence[int]) -> int:
        if isinstance(self.options.to, int):
            return self.options.to
        if not counts:
            raise _refusal(self.pipeline, "there is no training sample.")
        return max(counts) if self.options.to == "max" else statistics.median_low(counts)

    def _label(self, each: Synthesized) -> str:
        """Returns the class of what the pipeline synthesizes by itself."""
        entry = self.pipeline.settings.synthesize[each.synthesis]
        with noted(entry.id, each.key, None):
            params = self.pipeline.draw_synthesis(entry, each.key, "train")
            label = entry.plugin.class_of(params or {})
        if label is None or label not in self._names:
            raise _refusal(
                self.pipeline,
                f"expected synthesizers whose class_of() tells a class, found {entry.id}, whose "
                f"tells {label!r}. Let it tell one, or give it splits without train.",
            )
        return label

    def _filled(self, name: str, share: ClassShare, quota: int) -> ClassShare:
        """Returns what a class comes to.

        Raises:
          SpecError: not to the quota.
        """
        lacks = max(0, quota - share.samples)
        most = math.floor(Fraction(repr(float(self.options.max_synthetic))) * quota)
        synthesized = min(lacks, max(0, most - share.synthesized))
        if synthesized and not self._makers(name):
            synthesized = 0
        variants = lacks - synthesized
        if not variants:
            return share.filled(0, synthesized)
        wanted = f"expected a way to {quota} samples of the class '{name}', found"
        if "augment" not in self.options.sources:
            raise _refusal(
                self.pipeline,
                f"{wanted} {share.samples} and at most {synthesized} more to synthesize "
                f"(max_synthetic: {self.options.max_synthetic:g}). Add augment to with, allow more "
                "of it, or lower to.",
            )
        if not self._keys[name]:
            raise _refusal(
                self.pipeline,
                f"{wanted} no record in train to make variants of. Add some, leave the class out, "
                "or let a synthesizer make all of it.",
            )
        return share.filled(variants, synthesized)

    def _makers(self, name: str) -> Sequence[int]:
        """Returns the places in `synthesize` of what makes a class for train.

        Raises:
          SpecError: one makes it for other splits alone.
        """
        makers = [index for index, drawn in self._drawn.items() if name in drawn]
        for index in makers:
            if not self._drawn[index][name]:
                entry = self.pipeline.settings.synthesize[index]
                raise _refusal(
                    self.pipeline,
                    f"expected something of the class '{name}' that belongs to 'train' alone, "
                    f"found that all which {entry.id} draws of it belongs to other splits. Allow "
                    "more different contents, or give it one split.",
                )
        return makers

    @cached_property
    def _drawn(self) -> Mapping[int, Mapping[str, bool]]:
        """What each of `synthesize` that is for train draws; see `Pipeline.drawn_classes`."""
        if "synthesize" not in self.options.sources:
            return {}
        return {
            index: self.pipeline.drawn_classes(entry, "train", self._names)
            for index, entry in enumerate(self.pipeline.settings.synthesize)
            if entry.splits.get("train", 0.0) > 0
        }

    def _check_total(self, classes: Mapping[str, ClassShare]) -> None:
        build = self.pipeline.settings.build
        problem = too_many(build, sum(share.samples for share in classes.values()))
        if problem:
            raise _refusal(self.pipeline, problem)

    def _copies(self, classes: Mapping[str, ClassShare]) -> Iterator[tuple[str, int]]:
        """Yields the key of a record and the number of variants that it gets in addition."""
        seed = self.pipeline.settings.seed
        for name, share in classes.items():
            if not share.more_variants:
                continue
            keys = sorted(self._keys[name], key=lambda key: rank(seed, "balance", key))
            each, rest = divmod(share.more_variants, len(keys))
            for place, key in enumerate(keys):
                if each or place < rest:
                    yield key, each + (place < rest)

    def _extras(self, classes: Mapping[str, ClassShare]) -> Iterator[Synthesized]:
        """Yields what is synthesized in addition, those that can make it in turn."""
        entries = self.pipeline.settings.synthesize
        for name, share in classes.items():
            makers = self._makers(name) if share.more_synthesized else ()
            for number, index in enumerate(islice(cycle(makers), share.more_synthesized)):
                yield Synthesized(_key(entries[index].id, name, number), index, name)


def _key(identity: str, label: str, number: int) -> str:
    """Returns the key of what fills a class up: no other class or count has it."""
    escaped = label.replace("%", "%25").replace("/", "%2F")
    return f"/{identity}/{escaped}-{number:06d}"
