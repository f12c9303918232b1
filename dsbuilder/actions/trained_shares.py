"""Trainings of one pipeline on growing shares of train, by several seeds, in one folder.

runs/digits-diagnosis-1/
  data/                 the datasets; each share is copied from the whole one
  6.25-percent-seed-1/  a run like any other, with `learning.json` and `validation.csv`
  ...

Each share is an ordinary dataset, of records as `split.subset` draws them, and each training an
ordinary run of it, so that either can be looked at, and made again, by itself.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dsbuilder import typed_json
from dsbuilder.actions.folder_of_runs import check_begun, train_in
from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.actions.train import build_for_training
from dsbuilder.dataset import StoredDataset, load
from dsbuilder.diagnosis.advice import still_fell
from dsbuilder.diagnosis.learning_curve import TrainedShare
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile import Spec
from dsbuilder.tasks import ErrorScore
from dsbuilder.train.monitor import Monitor
from dsbuilder.train.phases import best_row
from dsbuilder.train.run import LEARNING, Run

JUDGMENTS = "validation.csv"


@dataclass(frozen=True, kw_only=True)
class LearntHead:
    """What a training has learnt of one target, as `train/learning.py` says it.

    Attributes:
      kind: kind of the target.
      trained: its errors.
      chance: error on validation of an answer that is the same for every image.
      classes: name, number of samples and score of each class.
    """

    kind: str
    trained: TrainedShare
    chance: float
    classes: tuple[dict[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class SharesFolder:
    """A folder of trainings on shares.

    Attributes:
      opened: the pipeline, with a train section, whose datasets lie in the folder.
      home: the folder.
      spec: the pipeline, resolved.
      seeds, shares: number of trainings on each share, and of shares, each half of the next.
    """

    opened: OpenedPipeline
    home: Path
    spec: Spec
    seeds: int
    shares: int

    @property
    def parts(self) -> list[tuple[int, float]]:
        """Seed and share of each training, seed by seed, the smallest share first."""
        sizes = [0.5 ** (self.shares - 1 - place) for place in range(self.shares)]
        return [(seed, share) for seed in range(1, self.seeds + 1) for share in sizes]

    @property
    def full(self) -> list[Path]:
        """Folders of the trainings on all of train."""
        return [self.folder(seed, share) for seed, share in self.parts if share == 1]

    def folder(self, seed: int, share: float) -> Path:
        """Returns the folder of a training."""
        return self.home / f"{100 * share:g}-percent-seed-{seed}"

    def train(
        self,
        seed: int,
        share: float,
        *,
        workers: int | None,
        starting: Callable[[], AbstractContextManager[None]],
        **given: Any,
    ) -> tuple[str, ...]:
        """Trains on a share and measures what was learnt, as far as it is not done; warnings.

        Raises:
          TrainError: the training cannot start or go on, or its folder holds another run.
        """
        folder, opened = self.folder(seed, share), self._part(seed, share)
        check_begun(folder, opened)
        if (folder / LEARNING).is_file():
            return ()
        if share < 1:
            self.whole(workers)  # what its samples are copied from
        done = train_in(folder, opened, workers=workers, starting=starting, **given)
        with starting():
            from dsbuilder.train.learning import measure_learning
        measure_learning(
            done,
            load(done.config()["dataset"]["path"]),
            predictions=folder / JUDGMENTS,
            plugins=self.spec.registry.folders,
        )
        return done.warnings

    def whole(self, workers: int | None) -> StoredDataset:
        """Builds the dataset with all of train, as far as it is not there, and opens it."""
        return load(build_for_training(self.opened, workers=workers).path)

    def _part(self, seed: int, share: float) -> OpenedPipeline:
        """Returns the pipeline of a training."""
        settings = self.spec.settings
        own = settings.train.seed if settings.train is not None else None
        first = settings.seed if own is None else own
        said = [f"train.seed={first + seed - 1}"]
        if share < 1:
            said.append(f"split.subset={{share: {share!r}, seed: {seed}}}")
        return replace(self.opened, overrides=(*self.opened.overrides, *said))

    def learnt(self, head: str) -> list[LearntHead]:
        """Returns what each training has learnt of a target, in the order of `parts`.

        Raises:
          TrainError: a run says of it what no run writes.
        """
        return [self._learnt(head, seed, share) for seed, share in self.parts]

    def _learnt(self, head: str, seed: int, share: float) -> LearntHead:
        path = self.folder(seed, share) / LEARNING
        try:
            said = typed_json.loads(path.read_text(encoding="utf-8"))
            own = said["heads"][head]
            errors = {each: ErrorScore(**own[each]) for each in ("train", "validation")}
            return LearntHead(
                kind=str(own["kind"]),
                trained=TrainedShare(
                    share=share, seed=seed, samples=int(said["samples"]), **errors
                ),
                chance=float(own["chance"]),
                classes=tuple(own["classes"]),
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TrainError(
                f"{path}: expected what a run has learnt, found another ({error!r}). Remove the "
                "file; it is made again."
            ) from None

    @property
    def stopped_early(self) -> bool:
        """Whether the loss on train still fell when most trainings on all of it ended."""
        return 2 * sum(map(_stopped_early, self.full)) > self.seeds


def _stopped_early(folder: Path) -> bool:
    """Whether the loss on train of a run still fell when it ended."""
    run = Run(path=folder)
    rows = run.rows()
    best = best_row(rows, Monitor.of(run.config()["train"]))
    losses = [row.train["loss"] for row in rows]
    return best is not None and still_fell(losses, best.epoch)
