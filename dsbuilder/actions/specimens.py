"""A few records of a pipeline, many classes among them, and what a build makes of each."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain, zip_longest

from dsbuilder import targets
from dsbuilder.actions.check import planned
from dsbuilder.builder.survey import Survey
from dsbuilder.builder.task import Located, Output, Root
from dsbuilder.errors import DataError, DsbuilderError
from dsbuilder.pipeline import BrokenContractError, Pipeline, Refresher, Trace, resolve_stream
from dsbuilder.pipelinefile.stages import SPLITS
from dsbuilder.sample import Record, Sample
from dsbuilder.seeding import rank


class Specimens:
    """The records of a plan, to choose some of them and to make their samples.

    Attributes:
      pipeline: the pipeline.
      roots: everything that something is made of, of all splits.
      split: the first split that holds anything; only in train there are variants.
    """

    def __init__(self, surveyed: Survey) -> None:
        self.pipeline: Pipeline = surveyed.pipeline
        self._catalog = surveyed.catalog
        self._kinds = surveyed.targets or {}
        self._located: dict[str, Located] = {}
        self._split_of: dict[str, str] = {}
        self.roots: list[Root] = []
        plan = planned(surveyed)
        for task in plan.shards:
            contents = task.contents()
            self._located.update(contents.records)
            self._split_of.update((root.key, task.split) for root in contents.roots)
            self.roots += contents.roots
        self.split = next(split for split in SPLITS if split in plan.samples)

    def choose(self, count: int, seed: int, *, split: str | None = None) -> list[Root]:
        """Returns roots of records of a split, taken in turn from each class.

        Of more classes than there is room for, the seed says which are shown.

        Args:
          split: name of the split; None takes `split`.
        """
        wanted = split or self.split
        own = (r for r in self.roots if r.synthesis is None and self.split_of(r) == wanted)
        by_class: dict[tuple[str, ...], list[Root]] = {}
        for root in ranked(own, seed):
            by_class.setdefault(self.classes(root), []).append(root)
        names = sorted(by_class) if len(by_class) <= count else by_class
        turns = zip_longest(*(by_class[name] for name in names))
        return [root for root in chain.from_iterable(turns) if root is not None][:count]

    def split_of(self, root: Root) -> str:
        """Returns the split of a root."""
        return self._split_of[root.key]

    def classes(self, root: Root) -> tuple[str, ...]:
        """Returns the classes that a record counts for, each once."""
        record = self.record(root.key)
        return tuple(sorted(set(targets.stated(self._kinds, record.targets))))

    def record(self, key: str) -> Record:
        """Returns a record by its key."""
        return self._located[key].record

    def prepared(self, key: str) -> Sample:
        """Returns the prepared original of a record."""
        catalog, record = self._catalog, self.record(key)
        if catalog is None:
            raise DataError(f"{key}: no source to read it from.")
        return self.pipeline.prepare(record, catalog.read(record), Trace())

    def cached(self, key: str) -> Sample:
        """Returns the original of a record as it is stored."""
        return self.pipeline.finish(self.prepared(key), Trace())

    def partners(self, output: Output) -> list[Sample]:
        """Returns what a variant is mixed with."""
        return [self.prepared(key) for key in output.partners]

    @cached_property
    def refresher(self) -> Refresher | None:
        """What a stream adds in every epoch; None if it adds nothing, as outside of train."""
        settings = self.pipeline.settings
        stream = settings.stream
        if self.split != "train" or not (stream.stages or stream.finish):
            return None
        return resolve_stream(
            stream,
            seed=settings.seed,
            cached=self.pipeline.signature,
            where=self.pipeline.spec.where,
        )


def ranked(roots: Iterable[Root], seed: int) -> Sequence[Root]:
    """Returns roots in an order that the seed chooses."""
    return sorted(roots, key=lambda root: rank("preview", seed, root.key))


def unmade(key: str, error: Exception) -> str:
    """Returns the warning of a sample that an error has kept from being made."""
    # That a plugin breaks its word is the same of each sample.
    return str(error) if isinstance(error, BrokenContractError) else f"{key}: {_said(error)}"


def _said(error: Exception) -> str:
    """Returns an error as a sentence; one of a plugin's own with its stage."""
    if isinstance(error, (DsbuilderError, OSError)):
        return str(error)
    stages = [each for each in getattr(error, "__notes__", []) if each.startswith("stage: ")]
    where = f" at {', '.join(stages)}" if stages else ""
    text = str(error).rstrip(".")
    return f"expected a sample, found an error{where}: {type(error).__name__}: {text}."
