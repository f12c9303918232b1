"""A built dataset as Python opens it: its samples, its stream, and the verbs about it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsbuilder import dataset as datasets
from dsbuilder.actions.arguments import ignore, ignore_all, path_of, paths_of
from dsbuilder.dataset import StoredDataset

if TYPE_CHECKING:
    from dsbuilder.actions.bench import BenchDocument
    from dsbuilder.actions.clean import CleanDocument
    from dsbuilder.actions.diff import DiffDocument
    from dsbuilder.actions.evaluate import EvaluateDocument
    from dsbuilder.actions.explain import ExplainDocument
    from dsbuilder.actions.export import ExportDocument
    from dsbuilder.actions.find_rate import FindRateDocument
    from dsbuilder.actions.info import InfoDocument
    from dsbuilder.actions.preview_dataset import PreviewDatasetDocument
    from dsbuilder.actions.replay import ReplayDocument
    from dsbuilder.actions.summary import SummaryDocument
    from dsbuilder.actions.train import TrainDocument
    from dsbuilder.actions.verify import VerifyDocument
    from dsbuilder.stream.tensorflow import Stream
    from dsbuilder.train.callbacks import OnBatch, OnEpoch, OnFeatures


@dataclass(frozen=True, kw_only=True)
class Dataset(StoredDataset):
    """A built dataset with verbs, which do what those of the command line do.

    Only `stream` and what trains import TensorFlow.
    """

    def stream(self, split: str, *, epoch: int | None = None, **options: Any) -> "Stream":
        """Opens a split as a `tf.data.Dataset`; see `dsbuilder.stream.tensorflow.stream`.

        A stream counts the times that it is iterated, unless `epoch` says which epoch it yields;
        one that is opened anew begins at 0 again, which is warned of once.
        """
        from dsbuilder.stream.tensorflow import stream

        opened = stream(self, split, epoch=epoch, **options)
        if epoch is None and opened.fresh:
            self._count_opening(split)
        return opened

    def _count_opening(self, split: str) -> None:
        self._opened.append(split)
        if self._opened.count(split) == 2:
            warnings.warn(
                f"{self.path}: expected a stream of '{split}' to be opened once and iterated once "
                "an epoch, found it opened again: it begins at epoch 0, with the same order and "
                "augmentation. Keep the first one, or say which epoch is meant: epoch=0.",
                stacklevel=3,
            )

    @cached_property
    def _opened(self) -> list[str]:
        """The split of each stream that was opened to count its epochs."""
        return []

    def info(self) -> "InfoDocument":
        """Says what the dataset is: splits, classes, signature, size, versions."""
        from dsbuilder.actions.info import info

        return info(self)

    def preview(
        self, output: Path | str | None = None, *, count: int = 6, seed: int = 0
    ) -> "PreviewDatasetDocument":
        """Draws samples of each split as they are stored; see `actions/preview_dataset.py`."""
        from dsbuilder.actions.preview_dataset import preview_dataset

        return preview_dataset(self, path_of(output), count=count, seed=seed)

    def verify(self) -> "VerifyDocument":
        """Checks every checksum, count, key and label.

        Raises:
          CacheError: something is not as it was built; names all problems, one a line.
        """
        from dsbuilder.actions.verify import verify

        found = verify(self)
        found.raise_if_damaged()
        return found

    def explain(
        self,
        key: str,
        *,
        source: Path | str | None = None,
        plugins: Sequence[Path | str] | None = None,
        output: Path | str | None = None,
    ) -> "ExplainDocument":
        """Says how a sample came to be, and draws its way; see `actions/explain.py`."""
        from dsbuilder.actions.explain import explain

        return explain(
            self, key, source=path_of(source), plugins=paths_of(plugins), output=path_of(output)
        )

    def replay(
        self,
        key: str,
        *,
        source: Path | str | None = None,
        plugins: Sequence[Path | str] | None = None,
        output: Path | str | None = None,
    ) -> "ReplayDocument":
        """Makes a sample again and compares its bytes; see `actions/replay.py`."""
        from dsbuilder.actions.replay import replay

        return replay(
            self, key, source=path_of(source), plugins=paths_of(plugins), output=path_of(output)
        )

    def diff(self, after: StoredDataset) -> "DiffDocument":
        """Says which samples `after` has added, removed or changed since this one, and why."""
        from dsbuilder.actions.diff import diff

        return diff(self, after)

    def export(
        self,
        target: Path | str,
        *,
        to: str = "folder",
        options: Sequence[str] = (),
        plugins: Sequence[Path | str] | None = None,
    ) -> "ExportDocument":
        """Writes the dataset in another layout; see `actions/export.py`."""
        from dsbuilder.actions.export import export

        return export(self, Path(target), to=to, options=options, plugins=paths_of(plugins))

    def train(
        self,
        *,
        run: Path | str | None = None,
        resume: bool = False,
        epochs: int | None = None,
        schedule_epochs: int | None = None,
        overrides: Sequence[str] = (),
        plugins: Sequence[Path | str] | None = None,
        workers: int | None = None,
        on_batch: "OnBatch" = ignore_all,
        on_epoch: "OnEpoch" = ignore_all,
        on_features: "OnFeatures" = ignore,
    ) -> "TrainDocument":
        """Trains a model as the pipeline of the dataset says; see `actions/train.py`."""
        from dsbuilder.actions.train import prepare_dataset, train

        training = prepare_dataset(
            self,
            overrides=overrides,
            plugins=paths_of(plugins),
            run=path_of(run),
            resume=resume,
            epochs=epochs,
            schedule_epochs=schedule_epochs,
            workers=workers,
        )
        return train(training, on_batch=on_batch, on_epoch=on_epoch, on_features=on_features)

    def find_rate(
        self,
        *,
        overrides: Sequence[str] = (),
        plugins: Sequence[Path | str] | None = None,
        chart: Path | str | None = None,
    ) -> "FindRateDocument":
        """Proposes a learning rate; see `actions/find_rate.py`."""
        from dsbuilder.actions.find_rate import NO_RUN, find_rate
        from dsbuilder.actions.train import prepare_dataset

        training = prepare_dataset(self, overrides=overrides, plugins=paths_of(plugins), run=NO_RUN)
        return find_rate(training, chart=path_of(chart))

    def bench(
        self,
        *,
        overrides: Sequence[str] = (),
        plugins: Sequence[Path | str] | None = None,
        workers: int | None = None,
        seconds: float = 3.0,
        model: bool = True,
    ) -> "BenchDocument":
        """Measures what bounds a training on the dataset; see `actions/bench.py`."""
        from dsbuilder.actions.bench import bench

        return bench(
            self,
            overrides=overrides,
            plugins=paths_of(plugins),
            workers=workers,
            seconds=seconds,
            model=model,
        )

    def summarize(
        self,
        *,
        overrides: Sequence[str] = (),
        plugins: Sequence[Path | str] | None = None,
    ) -> "SummaryDocument":
        """Says what the network that `train` would train is made of; see `actions/summary.py`."""
        from dsbuilder.actions.summary import summarize_dataset

        return summarize_dataset(self, overrides=overrides, plugins=paths_of(plugins))

    def evaluate(
        self,
        model: Path | str,
        *,
        split: str = "test",
        threshold: float | None = None,
        predictions: Path | str | None = None,
        mistakes: Path | str | None = None,
        plugins: Sequence[Path | str] | None = None,
    ) -> "EvaluateDocument":
        """Measures a trained model on a split; see `actions/evaluate.py`."""
        from dsbuilder.actions.evaluate import evaluate

        return evaluate(
            Path(model),
            self,
            split=split,
            threshold=threshold,
            predictions=path_of(predictions),
            mistakes=path_of(mistakes),
            plugins=paths_of(plugins),
        )

    def clean(self, *, dry_run: bool = False) -> "CleanDocument":
        """Removes builds beside this one that no version stands for; see `actions/clean.py`."""
        from dsbuilder.actions.clean import clean

        return clean(self.path, dry_run=dry_run)


def load(path: Path | str) -> Dataset:
    """Returns the dataset in a folder, such as `out/flowers/1.0.0`.

    A folder that holds exactly one version, such as `out/flowers`, stands for that version.

    Raises:
      CacheError: there is no dataset, or files of it are missing.
    """
    stored = datasets.load(path)
    return Dataset(path=stored.path, manifest=stored.manifest)
