"""The trainings of an ablation: the pipeline as it is, and without or with each part, by seeds.

runs/flowers-ablation-1/
data/                                datasets; what is alike in two of them is made once
as-it-is/seed-7/, ...                a run like any other, by each seed
without/augment+A.Blur/seed-7/, ...
with/stream+mixup/seed-7/, ...
together/seed-7/, ...                all that is to be changed, where that is more than one part
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder.actions.folder_of_runs import check_begun, is_done, train_in
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.pipeline_parts import PipelinePart, assignments_of
from dsbuilder.actions.train import build_for_training
from dsbuilder.actions.tried_pipeline import TriedPipeline
from dsbuilder.cache.manifest import Manifest
from dsbuilder.errors import CacheError, DsbuilderError
from dsbuilder.layouts.file_names import quoted
from dsbuilder.train.run import Run

if TYPE_CHECKING:
    from dsbuilder.train.callbacks import Shown

OnRun = Callable[[int, int, str], None]
"""Called before each training that is not done: its number, their number, and what it trains."""

TOGETHER = "together"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A pipeline as it is, or changed by some parts.

    Attributes:
      name: what it is, in words.
      folder: its folder below that of the ablation.
      parts: parts that are taken out or put in; none of the pipeline as it is.
    """

    name: str
    folder: Path
    parts: tuple[PipelinePart, ...] = ()

    @classmethod
    def of(cls, part: PipelinePart) -> "Variant":
        """Returns the pipeline without a part, or with one that is put in."""
        word = "without" if part.added is None else "with"
        return cls(name=f"{word} {part.name}", folder=Path(word) / quoted(part.name), parts=(part,))


AS_IT_IS = Variant(name="as it is", folder=Path("as-it-is"))


@dataclass(kw_only=True)
class AblationRuns:
    """Builds and trains variants of a pipeline, as far as that is not done.

    Attributes:
      opened: the pipeline, with a model to train.
      home: folder of the runs.
      tried: the pipeline with its data.
      seeds: seeds of the trainings.
      building: how datasets are built, as `build` takes it: `workers`, `on_progress`.
      starting: what surrounds the start of TensorFlow.
      shown: what is called as trainings go on.
      on_run: what is called before each training.
      planned: number of trainings.
      manifests: manifests of the datasets, by the names of the variants.
      warnings: what a person should know of the first training.
    """

    opened: OpenedPipeline
    home: Path
    tried: TriedPipeline
    seeds: tuple[int, ...]
    building: Mapping[str, Any]
    starting: Callable[[], AbstractContextManager[None]]
    shown: "Shown"
    on_run: OnRun
    planned: int = 0
    manifests: dict[str, Manifest] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    _begun: int = 0

    def build(self, variant: Variant) -> None:
        """Builds the dataset of a variant.

        Raises:
          DsbuilderError: it cannot be built.
        """
        for seed in self.seeds:  # what was begun otherwise is told before anything is made
            check_begun(self._folder(variant, seed), self._changed(variant, seed))
        built = build_for_training(self._changed(variant, self.seeds[0]), **self.building)
        self.manifests[variant.name] = built.manifest

    def train(self, variant: Variant, seed: int) -> Run | str:
        """Trains a variant by a seed; returns its run, or why it does not come to its end.

        Raises:
          DsbuilderError: the pipeline as it is does not come to its end.
          OSError, CacheError: the disk's fault, not the variant's.
        """
        self._begun += 1
        folder, opened = self._folder(variant, seed), self._changed(variant, seed)
        if not is_done(folder):
            self.on_run(self._begun, self.planned, f"{variant.name}, seed {seed}")
        try:
            run = train_in(folder, opened, starting=self.starting, **self.building, **self.shown)
        except (OSError, CacheError):
            raise
        except DsbuilderError as error:
            if not variant.parts:
                raise
            return str(error).splitlines()[0]
        self.warnings = self.warnings or run.warnings  # of others there is the same to say
        return run

    def train_all(self, variants: Sequence[Variant]) -> dict[str, Sequence[Run] | str]:
        """Trains variants by all seeds, seed by seed; returns their runs, or why one failed.

        A variant that failed by one seed is trained by no other.
        """
        found: dict[str, list[Run]] = {each.name: [] for each in variants}
        failed: dict[str, str] = {}
        for seed in self.seeds:
            for variant in variants:
                if variant.name in failed:
                    continue
                run = self.train(variant, seed)
                if isinstance(run, str):
                    failed[variant.name] = run
                else:
                    found[variant.name].append(run)
        return {**found, **failed}

    def _folder(self, variant: Variant, seed: int) -> Path:
        return self.home / variant.folder / f"seed-{seed}"

    def _changed(self, variant: Variant, seed: int) -> OpenedPipeline:
        said = (*assignments_of(self.tried, variant.parts), f"train.seed={seed}")
        return replace(
            self.opened, out=self.home / "data", overrides=(*self.opened.overrides, *said)
        )


def together(parts: Sequence[PipelinePart]) -> Variant:
    """Returns the pipeline with several changes at once."""
    return Variant(name="all changes together", folder=Path(TOGETHER), parts=tuple(parts))
