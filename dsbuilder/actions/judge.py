"""What trainings of a pipeline are compared by: a score on validation, at the kept epoch."""

from collections import Counter
from dataclasses import dataclass

from dsbuilder.actions.opened import OpenedPipeline
from dsbuilder.builder.survey import Survey
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile import Spec
from dsbuilder.search.halving import Score
from dsbuilder.tasks import Heads
from dsbuilder.train.lookup import choose
from dsbuilder.train.monitor import Monitor, mode_of, watched_of
from dsbuilder.train.phases import best_row
from dsbuilder.train.run import Run

ALL = 10**9
"""More epochs than any training has: such a one is left when it is over."""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """What trainings are compared by, at the epoch whose model a run keeps.

    Attributes:
      metric: the value on validation.
      kept: what says which epoch's model is kept, as `train.monitor` does.
      headline_greatest: whether of the score of a whole run the greatest is the best.
    """

    metric: Monitor
    kept: Monitor
    headline_greatest: bool

    def score(self, run: Run, epochs: int = ALL) -> Score:
        """Returns how good a run is after some epochs; see `Score`."""
        best = best_row(run.rows()[:epochs], self.kept)
        if best is None:
            return float("inf"), float("inf")
        return self.metric.value(best), Monitor().value(best)

    def shown(self, score: Score) -> float:
        """Returns the value of the metric."""
        return -score[0] if self.metric.greatest else score[0]


def judge_of(spec: Spec, heads: Heads) -> Judge:
    """Returns what trainings are compared by: what is monitored, else the score of the one head.

    A loss is no measure where trainings differ in penalties or in the loss itself.
    """
    train = spec.settings.train
    if train is None:
        raise TrainError(f"{spec.document.origin}: there is no train section. Add one.")
    watched = watched_of(heads, choose(train, heads, spec.registry))
    mode = train.monitor_mode or mode_of(train.monitor, watched)
    kept = Monitor(name=train.monitor, greatest=mode == "max")
    first = next(iter(heads.values()))
    name = first.headline
    greatest = name not in first.metrics or first.metrics[name].greater_is_better
    if train.monitor != "loss" or len(heads) > 1 or name not in first.metrics:
        return Judge(metric=kept, kept=kept, headline_greatest=greatest)
    return Judge(
        metric=Monitor(name=name, greatest=greatest), kept=kept, headline_greatest=greatest
    )


def check_validation(opened: OpenedPipeline, surveyed: Survey) -> None:
    """Refuses a pipeline without samples that trainings could be compared on."""
    made = surveyed.pipeline.settings.synthesize
    splits = Counter(surveyed.split.split_of[record.key] for record in surveyed.records)
    if not splits["validation"] and not any(each.splits.get("validation") for each in made):
        raise TrainError(
            f"{opened.pipeline}: there is no validation split, by which trainings are compared. "
            "Give split a share of validation."
        )
