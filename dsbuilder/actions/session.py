"""A pipeline file as Python opens it: the verbs about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder.actions.arguments import Progress, ignore, ignore_all, path_of, paths_of
from dsbuilder.actions.opened import OUT, OpenedPipeline
from dsbuilder.errors import Problem, SpecError
from dsbuilder.pipelinefile.patch import read_patch

if TYPE_CHECKING:
    from dsbuilder.actions.ablate import AblateDocument
    from dsbuilder.actions.ablation_runs import OnRun
    from dsbuilder.actions.browse import BrowserServer
    from dsbuilder.actions.build import BuildDocument
    from dsbuilder.actions.check import CheckDocument
    from dsbuilder.actions.cross_validate import CrossValidateDocument
    from dsbuilder.actions.diagnose import Baseline, DiagnoseDocument
    from dsbuilder.actions.find_rate import FindRateDocument
    from dsbuilder.actions.inspect import InspectDocument
    from dsbuilder.actions.inspect_augmentation import AugmentationDocument
    from dsbuilder.actions.plan import PlanDocument
    from dsbuilder.actions.preview import PreviewDocument
    from dsbuilder.actions.summary import SummaryDocument
    from dsbuilder.actions.suspects import SuspectsDocument
    from dsbuilder.actions.synth_train import SynthTrainDocument
    from dsbuilder.actions.train import TrainDocument
    from dsbuilder.actions.tune import TuneDocument
    from dsbuilder.tasks.confident_learning import Pruning
    from dsbuilder.train.callbacks import OnBatch, OnEpoch, OnFeatures
    from dsbuilder.train.gan.options import Gan


@dataclass(frozen=True, kw_only=True)
class Session(OpenedPipeline):
    """A pipeline file with verbs, which do what those of the command line do.

    Its attributes are those of `OpenedPipeline`.
    """

    def check(self) -> "CheckDocument":
        """Says whether the pipeline is right, and what it would build; decodes no image."""
        from dsbuilder.actions.check import check

        return check(self)

    def inspect(
        self,
        *,
        only: Sequence[str] = (),
        exclude: Path | str | None = None,
        sheet: Path | str | None = None,
        workers: int | None = None,
        on_progress: Progress = ignore,
    ) -> "InspectDocument":
        """Says what is wrong with the data: images, labels, duplicates, leaks.

        See `actions/inspect.py` for what the options mean; likewise for the verbs below.
        """
        from dsbuilder.actions.inspect import inspect

        return inspect(
            self,
            only=only,
            exclude=path_of(exclude),
            sheet=path_of(sheet),
            workers=workers,
            on_progress=on_progress,
        )

    def browse(
        self,
        out: Path | str | None = None,
        *,
        count: int = 24,
        port: int = 0,
        exclude: Path | str | None = None,
        corrections: Path | str | None = None,
        source: Path | str | None = None,
    ) -> "BrowserServer":
        """Returns a server that shows what was built of the pipeline, or some of what would be.

        `with session.browse() as server:` serves it at `server.told.url` meanwhile; see
        `actions/browse_pipeline.py`.
        """
        from dsbuilder.actions.browse_pipeline import browse_pipeline

        return browse_pipeline(
            self.into(out),
            count=count,
            port=port,
            exclude=path_of(exclude),
            corrections=path_of(corrections),
            source=path_of(source),
        )

    def inspect_augmentation(
        self,
        *,
        records: int = 200,
        sheet: Path | str | None = None,
        on_progress: Progress = ignore,
    ) -> "AugmentationDocument":
        """Says what augmentation does to labels: boxes lost, copies wasted, classes turned."""
        from dsbuilder.actions.inspect_augmentation import inspect_augmentation

        return inspect_augmentation(
            self, records=records, sheet=path_of(sheet), on_progress=on_progress
        )

    def preview(
        self,
        output: Path | str | None = None,
        *,
        count: int = 6,
        copies: int | None = None,
        seed: int = 0,
        stages: bool = False,
    ) -> "PreviewDocument":
        """Draws a picture sheet: originals beside their variants."""
        from dsbuilder.actions.preview import preview

        return preview(self, path_of(output), count=count, copies=copies, seed=seed, stages=stages)

    def plan(
        self,
        out: Path | str | None = None,
        *,
        workers: int | None = None,
        rehash: bool = False,
    ) -> "PlanDocument":
        """Says what a build would make, reuse and need; writes nothing."""
        from dsbuilder.actions.plan import plan

        return plan(self.into(out), workers=workers, rehash=rehash)

    def build(
        self,
        out: Path | str | None = None,
        *,
        workers: int | None = None,
        rehash: bool = False,
        sample_timeout_s: float | None = None,
        exclude: Path | str | None = None,
        on_progress: Progress = ignore,
    ) -> "BuildDocument":
        """Builds the dataset, whole or not at all; `dsbuilder.load(built.path)` opens it.

        Args:
          out: folder that datasets are built in, here and now; None takes that of the session.
        """
        from dsbuilder.actions.build import build

        return build(
            self.into(out),
            workers=workers,
            rehash=rehash,
            sample_timeout_s=sample_timeout_s,
            exclude=path_of(exclude),
            on_progress=on_progress,
        )

    def train(
        self,
        out: Path | str | None = None,
        *,
        run: Path | str | None = None,
        resume: bool = False,
        epochs: int | None = None,
        schedule_epochs: int | None = None,
        workers: int | None = None,
        on_progress: Progress = ignore,
        on_batch: "OnBatch" = ignore_all,
        on_epoch: "OnEpoch" = ignore_all,
        on_features: "OnFeatures" = ignore,
    ) -> "TrainDocument":
        """Builds the dataset as far as it is not there, and trains a model on it.

        Raises:
          SpecError: the pipeline asks for folds, which `cross_validate` trains.
        """
        from dsbuilder.actions.cross_validate import said_folds
        from dsbuilder.actions.train import prepare, train

        if not resume and said_folds(self.spec().settings) is not None:
            wrong = "expected null to train one model. Call cross_validate(), or override it."
            raise SpecError([Problem("train.cross_validate", wrong)])
        training = prepare(
            self.into(out),
            run=path_of(run),
            resume=resume,
            epochs=epochs,
            schedule_epochs=schedule_epochs,
            workers=workers,
            on_progress=on_progress,
        )
        return train(training, on_batch=on_batch, on_epoch=on_epoch, on_features=on_features)

    def cross_validate(
        self,
        folds: int | None = None,
        *,
        run: Path | str | None = None,
        workers: int | None = None,
        on_progress: Progress = ignore,
        on_batch: "OnBatch" = ignore_all,
        on_epoch: "OnEpoch" = ignore_all,
    ) -> "CrossValidateDocument":
        """Trains a model for each fold; see `actions/cross_validate.py`."""
        from dsbuilder.actions.cross_validate import cross_validate

        given: dict[str, Any] = {"run": path_of(run), "workers": workers}
        told: dict[str, Any] = {"on_batch": on_batch, "on_epoch": on_epoch}
        return cross_validate(self, folds, on_progress=on_progress, **given, **told)

    def diagnose(
        self,
        *,
        baseline: "Baseline" = None,
        small: float | None = None,
        seeds: int = 3,
        shares: int = 5,
        run: Path | str | None = None,
        workers: int | None = None,
        on_progress: Progress = ignore,
        on_batch: "OnBatch" = ignore_all,
        on_epoch: "OnEpoch" = ignore_all,
    ) -> "DiagnoseDocument":
        """Trains on growing shares of train, and says what holds the model back.

        See `actions/diagnose.py`.
        """
        from dsbuilder.actions.diagnose import diagnose

        given: dict[str, Any] = {"baseline": baseline, "small": small, "seeds": seeds}
        given |= {"shares": shares, "run": path_of(run), "workers": workers}
        told: dict[str, Any] = {"on_batch": on_batch, "on_epoch": on_epoch}
        return diagnose(self, on_progress=on_progress, **given, **told)

    def suspects(
        self,
        *,
        folds: int | None = None,
        pruning: "Pruning" = "class",
        run: Path | str | None = None,
        exclude: Path | str | None = None,
        corrections: Path | str | None = None,
        sheet: Path | str | None = None,
        **given: Any,
    ) -> "SuspectsDocument":
        """Cross-validates, and ranks the labels that are probably wrong.

        Args:
          given: further arguments of `actions/suspects.py`: `workers`, and who is told of progress.
        """
        from dsbuilder.actions.suspects import suspects

        return suspects(
            self,
            folds=folds,
            pruning=pruning,
            run=path_of(run),
            exclude=path_of(exclude),
            corrections=path_of(corrections),
            sheet=path_of(sheet),
            **given,
        )

    def tune(
        self,
        out: Path | str | None = None,
        *,
        minutes: float = 30.0,
        trials: int | None = None,
        seeds: int = 3,
        seed: int | None = None,
        run: Path | str | None = None,
        workers: int | None = None,
        on_progress: Progress = ignore,
        on_batch: "OnBatch" = ignore_all,
        on_epoch: "OnEpoch" = ignore_all,
    ) -> "TuneDocument":
        """Searches better values of options by successive halving; see `actions/tune.py`."""
        from dsbuilder.actions.tune import tune

        asked: dict[str, Any] = {"minutes": minutes, "trials": trials, "seeds": seeds, "seed": seed}
        given: dict[str, Any] = {"run": path_of(run), "workers": workers}
        told: dict[str, Any] = {"on_batch": on_batch, "on_epoch": on_epoch}
        return tune(self.into(out), on_progress=on_progress, **asked, **given, **told)

    def synth_train(
        self,
        gan: "Gan | None" = None,
        *,
        run: Path | str | None = None,
        resume: bool = False,
        epochs: int | None = None,
        minutes: float | None = None,
        workers: int | None = None,
        on_progress: Progress = ignore,
        on_batch: "OnBatch" = ignore_all,
        on_epoch: "OnEpoch" = ignore_all,
        **options: Any,
    ) -> "SynthTrainDocument":
        """Trains a GAN on the train split; see `actions/synth_train.py`.

        Args:
          gan: `cgan` draws images of a class, `dcgan` images alone; None to resume a run.
          options: further options of the training; see `GanOptions`.
        """
        from dsbuilder.actions.synth_train import synth_train

        said = options if gan is None else {"gan": gan, **options}
        given: dict[str, Any] = {"run": path_of(run), "resume": resume, "workers": workers}
        told: dict[str, Any] = {"on_batch": on_batch, "on_epoch": on_epoch}
        given |= {"epochs": epochs, "minutes": minutes, "options": said}
        return synth_train(self, on_progress=on_progress, **given, **told)

    def ablate(
        self,
        *,
        add: Sequence[str] = (),
        only: Sequence[str] = (),
        seeds: int = 5,
        epochs: int | None = None,
        run: Path | str | None = None,
        workers: int | None = None,
        on_progress: Progress = ignore,
        on_run: "OnRun" = lambda number, of, what: None,
        on_batch: "OnBatch" = ignore_all,
        on_epoch: "OnEpoch" = ignore_all,
    ) -> "AblateDocument":
        """Says which stages help, by trainings without each of them; see `actions/ablate.py`."""
        from dsbuilder.actions.ablate import ablate

        asked: dict[str, Any] = {"add": add, "only": only, "seeds": seeds, "epochs": epochs}
        given: dict[str, Any] = {"run": path_of(run), "workers": workers, "on_run": on_run}
        told: dict[str, Any] = {"on_batch": on_batch, "on_epoch": on_epoch}
        return ablate(self, on_progress=on_progress, **asked, **given, **told)

    def find_rate(
        self, out: Path | str | None = None, *, chart: Path | str | None = None
    ) -> "FindRateDocument":
        """Builds the dataset as far as it is not there, and proposes a learning rate."""
        from dsbuilder.actions.find_rate import NO_RUN, find_rate
        from dsbuilder.actions.train import prepare

        return find_rate(prepare(self.into(out), run=NO_RUN), chart=path_of(chart))

    def summarize(self) -> "SummaryDocument":
        """Says what the network that `train` would train is made of; builds and trains nothing."""
        from dsbuilder.actions.summary import summarize

        return summarize(self)

    def into(self, out: Path | str | None) -> "Session":
        """Returns the session with another output folder; None leaves it as it is."""
        return self if out is None else replace(self, out=Path(out))


def open(
    pipeline: Path | str,
    *,
    out: Path | str = OUT,
    overrides: Sequence[str] = (),
    patches: Sequence[Path | str] = (),
    plugins: Sequence[Path | str] | None = None,
) -> Session:
    """Returns the session of a pipeline file, which is read when a verb needs it.

    Args:
      pipeline: pipeline file.
      out: folder that datasets are built in, as `out/name/version`.
      overrides: `key=value` assignments, as `--set` takes them.
      patches: files of further assignments, which come before these, as `--patch` takes them.
      plugins: folders of plugins; None takes the nearest `plugins/` folder.

    Raises:
      SpecError: a patch cannot be read.
    """
    patched = (each for path in patches for each in read_patch(Path(path)))
    return Session(
        pipeline=Path(pipeline),
        out=Path(out),
        overrides=(*patched, *overrides),
        plugins=paths_of(plugins),
    )
