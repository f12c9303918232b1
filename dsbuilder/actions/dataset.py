"""A built dataset as Python opens it: its samples, its stream, and the verbs about it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuilder import dataset as datasets
from dsbuilder.actions.arguments import Progress, ignore, ignore_all, path_of, paths_of
from dsbuilder.dataset import StoredDataset

if TYPE_CHECKING:
    from dsbuilder.actions.bench import BenchDocument
    from dsbuilder.actions.browse import BrowserServer
    from dsbuilder.actions.card import CardDocument
    from dsbuilder.actions.clean import CleanDocument
    from dsbuilder.actions.diff import DiffDocument
    from dsbuilder.actions.evaluate import EvaluateDocument
    from dsbuilder.actions.explain import ExplainDocument
    from dsbuilder.actions.export import ExportDocument
    from dsbuilder.actions.find_rate import FindRateDocument
    from dsbuilder.actions.info import InfoDocument
    from dsbuilder.actions.preview_dataset import PreviewDatasetDocument
    from dsbuilder.actions.replay import ReplayDocument
    from dsbuilder.actions.report import ReportDocument
    from dsbuilder.actions.summary import SummaryDocument
    from dsbuilder.actions.train import TrainDocument
    from dsbuilder.actions.verify import VerifyDocument
    from dsbuilder.pipelinefile.training import Sampling
    from dsbuilder.stream.reading import Images, Objects
    from dsbuilder.stream.tensorflow import Stream
    from dsbuilder.train.callbacks import OnBatch, OnEpoch, OnFeatures


@dataclass(frozen=True, kw_only=True, repr=False)
class Dataset(StoredDataset):
    """A built dataset with verbs, which do what those of the command line do.

    Only `stream` and what trains import TensorFlow.
    """

    def stream(
        self,
        split: str,
        *,
        batch_size: int | None = None,
        images: "Images | None" = None,
        shuffle: bool | None = None,
        epoch: int | None = None,
        seed: int | None = None,
        drop_remainder: bool = False,
        start_step: int = 0,
        shuffle_buffer: int | None = None,
        cache_mb: float | None = None,
        shard: tuple[int, int] | None = None,
        keys: bool = False,
        pixels: bool = True,
        targets: Sequence[str] | None = None,
        instances: "Objects" = "masks",
        sampling: "Sampling" = "natural",
        sampled_by: str | None = None,
        stages: bool = True,
        plugins: Sequence[Path | str] = (),
        workers: int | None = None,
        on_device: bool = False,
    ) -> "Stream":
        """Opens a split as a `tf.data.Dataset`, which yields the next epoch at every iteration.

        One that is opened anew begins at epoch 0 again, which is warned of once. What batches hold
        of each kind of target says `dsbuilder.stream.tensorflow.stream`.

        Args:
          batch_size: samples in a batch; None is as the dataset's pipeline says, as for what
            follows.
          images: `uint8`, `(B, H, W, C)` as stored; `scale`, float32 in [0, 1]; `standardize`,
            float32 less the mean and divided by the deviation that `statistics` returns.
          shuffle: None shuffles train alone; what is not shuffled comes in stored order.
          epoch: the only one that the stream yields, 0 or more; None for the next one every time.
          seed: of the order and the stages.
          drop_remainder: leaves out a last batch that is smaller.
          shuffle_buffer: None shuffles the whole split, reading it at random. Of tfrecord without
            stages, a number reads shards from end to end, for where reading at random is slow, and
            shuffles among so many encoded samples.
          start_step: number of batches that are left out of the only `epoch`; none of their images
            is decoded.
          cache_mb: of tfrecord without stages, memory that decoded samples may take, in 10**6
            bytes: a split that fits is decoded once, and not once an epoch, unless it has boxes,
            instances or keypoints. None is an eighth of the memory that is available, 0 keeps none.
          shard: (index, count), the one of `count` hosts that this is; together they see an epoch
            once.
          keys: adds the samples' keys, UTF-8 strings `(B,)`, as a last item.
          pixels: False leaves the images out, in the same order; without stages none is decoded.
          targets: names of those that are yielded; None for all. Stages see all of them.
          instances: `masks`, or `ids`: in their place one map int32 `(B, H, W)` of all objects,
            which has the number of a pixel's object, from 1 on, or 0; smaller objects cover larger
            ones.
          sampling: of train; `natural` takes every sample once an epoch. `balanced` gives each
            class the same share of an epoch, which is as long as ever: samples of rare classes are
            repeated, and pass stages anew each time; those of frequent ones take turns from epoch
            to epoch. `square_root` is halfway. `sampling.py` has the law, also of samples of
            several classes.
          sampled_by: name of the target whose classes sampling goes by; None for the only one
            yielded that is a class, several classes or boxes.
          stages: False leaves out `stream.stages`: train as it is stored, then `stream.finish`.
          plugins: folders with the plugins that the pipeline's `stream` needs.
          workers: processes that make the batches where the split passes stages; 0 makes them in a
            thread of this process, and None is 0 where an epoch is soon made, else the number of
            cores up to 16. The batches are the same.
          on_device: whether stages that the pipeline puts on the device are left to the caller,
            who trains there: batches are then `((images, drawn), labels)`, which
            `stream.on_device(batch)` finishes, and `stream.on_device.into(model)` inside of the
            steps of a compiled Keras model. False applies all of them here.

        Raises:
          DataError: no such split or target, nothing to batch, or images of several sizes.
          CacheError: a shard is missing or cut.
          SpecError: a stage of the pipeline's `stream` is not there.
        """
        from dsbuilder.stream.tensorflow import stream

        opened = stream(
            self,
            split,
            batch_size=batch_size,
            images=images,
            shuffle=shuffle,
            epoch=epoch,
            seed=seed,
            drop_remainder=drop_remainder,
            start_step=start_step,
            shuffle_buffer=shuffle_buffer,
            cache_mb=cache_mb,
            shard=shard,
            keys=keys,
            pixels=pixels,
            targets=targets,
            instances=instances,
            sampling=sampling,
            sampled_by=sampled_by,
            stages=stages,
            plugins=plugins,
            workers=workers,
            on_device=on_device,
        )
        if epoch is None and opened.fresh:
            self._count_opening(split)
        return opened

    def _repr_html_(self) -> str:
        """Returns the dataset as a notebook shows it: its splits, and some of its samples."""
        from dsbuilder.actions.notebook import dataset_html

        return dataset_html(self)

    def _count_opening(self, split: str) -> None:
        self._opened.append(split)
        if self._opened.count(split) == 2:
            warnings.warn(
                f"{self.where}: expected a stream of '{split}' to be opened once and iterated once "
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

    def report(self, output: Path | str | None = None) -> "ReportDocument":
        """Writes a page that shows the dataset; see `actions/report.py`."""
        from dsbuilder.actions.report import report_dataset

        return report_dataset(self, path_of(output))

    def browse(
        self,
        *,
        port: int = 0,
        exclude: Path | str | None = None,
        corrections: Path | str | None = None,
        source: Path | str | None = None,
        plugins: Sequence[Path | str] | None = None,
    ) -> "BrowserServer":
        """Returns a server that shows the dataset at `told.url`; see `actions/browse.py`.

        `with dataset.browse() as server:` serves it meanwhile, `server.serve()` until Ctrl-C.

        Args:
          port: number of the port, on this machine alone; 0 takes a free one.
          exclude, corrections: files that marks are written to; None takes `NAME-exclude.txt` and
            `NAME-corrections.csv` here.
          source, plugins: as for `explain`, which the page of a sample shows.

        Raises:
          DataError: the port is taken, or a file of marks is there and is none of its kind.
        """
        from dsbuilder.actions.browse import BrowserServer

        return BrowserServer(
            self,
            port=port,
            exclude=path_of(exclude) or Path(f"{self.name}-exclude.txt"),
            corrections=path_of(corrections) or Path(f"{self.name}-corrections.csv"),
            source=path_of(source),
            plugins=paths_of(plugins),
        )

    def verify(self, *, on_progress: Progress = ignore) -> "VerifyDocument":
        """Checks every checksum, count, key and label.

        Raises:
          CacheError: something is not as it was built; names all problems, one a line.
        """
        from dsbuilder.actions.verify import verify

        found = verify(self, on_progress=on_progress)
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
        card: bool = False,
        on_progress: Progress = ignore,
    ) -> "ExportDocument":
        """Writes the dataset in another layout; see `actions/export.py`."""
        from dsbuilder.actions.export import export

        return export(
            self,
            Path(target),
            to=to,
            options=options,
            plugins=paths_of(plugins),
            card=card,
            on_progress=on_progress,
        )

    def card(self) -> "CardDocument":
        """Writes a card, all samples as lines, and Croissant metadata; see `actions/card.py`."""
        from dsbuilder.actions.card import card

        return card(self)

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
        on_asked: Progress = ignore,
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
            on_asked=on_asked,
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
    return Dataset(path=stored.path, manifest=stored.manifest, given=stored.given)
