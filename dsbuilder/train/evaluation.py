"""How good a model is on a split, by the tasks of its heads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import DataError, TrainError, instead
from dsbuilder.registry import discover
from dsbuilder.sample import Signature, Target
from dsbuilder.stream.tensorflow import stream
from dsbuilder.stream.tensorflow_statistics import object_counts
from dsbuilder.targets import Keypoints
from dsbuilder.tasks import (
    Evaluation,
    Heads,
    Locate,
    Measuring,
    SeveralEvaluation,
    Task,
    objects_fault,
)
from dsbuilder.train.archive import Trained, load_model
from dsbuilder.train.cost import cost_of
from dsbuilder.train.judgments import writing
from dsbuilder.train.lookup import ChosenHead, choose_head
from dsbuilder.train.losses import make_loss
from dsbuilder.train.network import outputs_by_head
from dsbuilder.train.watching import make_further
from dsbuilder.trust import noted


def evaluate(
    model: Trained | Path | str,
    dataset: StoredDataset,
    *,
    split: str = "test",
    batch_size: int | None = None,
    plugins: Sequence[Path] = (),
    predictions: Path | None = None,
    on_asked: Callable[[int, int], None] = lambda asked, of: None,
) -> Evaluation:
    """Measures a model on a split.

    Returns:
      What the task of the target that was learnt says, or of several targets what each says.

    Args:
      model: as `archive.load_model` returns it, or a path as that takes it.
      batch_size: None is as the dataset's pipeline says.
      plugins: folders of plugins that layers, loss, metrics and the stream's stages are from.
      predictions: file to write what the model says of every sample; see `train/judgments.py`.
      on_asked: called with samples asked about so far, and samples in all.

    Raises:
      TrainError: there is no such model, it was made for another target or other images, or the
        file cannot be written.
      DataError: there is no such split.
    """
    trained = load_model(model, plugins=plugins) if isinstance(model, (str, Path)) else model
    passing = Pass.over(trained, dataset, split, batch_size, plugins)
    passing.on_asked = on_asked
    found = _evaluate_heads(passing, plugins, predictions)
    cost = cost_of(trained, passing.images)
    first = next(iter(found.values()))
    if len(found) == 1:
        return replace(first, cost=cost)
    weights = {name: each.weight for name, each in trained.note.learnt.items()}
    return SeveralEvaluation(
        dataset=first.dataset,
        split=first.split,
        samples=first.samples,
        loss=sum(weights[name] * (each.loss or 0.0) for name, each in found.items()),
        heads=found,
        cost=cost,
    )


@dataclass(kw_only=True)
class Pass:
    """A model and the batches of a split.

    Attributes:
      tasks: the heads for the targets of the dataset.
      only: keys of the samples that it is asked about; None for all.
      images: the first batch, once it is there.
      on_asked: called with samples asked about so far, and samples of the split.
    """

    trained: Trained
    dataset: StoredDataset
    split: str
    tasks: Heads
    streamed: Any
    only: frozenset[bytes] | None = None
    images: np.ndarray | None = None
    on_asked: Callable[[int, int], None] = lambda asked, of: None

    @classmethod
    def over(
        cls,
        trained: Trained,
        dataset: StoredDataset,
        split: str,
        batch_size: int | None,
        plugins: Sequence[Path],
        *,
        only: frozenset[bytes] | None = None,
    ) -> Self:
        """Opens a split for a model that is asked about each sample once, in stored order.

        Args:
          only: keys of the samples that it is asked about, as they are stored: those of train
            pass no stage that draws. None for all, as they are streamed.
        """
        streamed = stream(
            dataset,
            split,
            images="uint8",
            shuffle=False,
            batch_size=batch_size,
            targets=list(trained.note.heads) if len(dataset.signature.targets) > 1 else None,
            keys=True,
            stages=only is None,
            plugins=plugins,
        )
        tasks = _fitting(trained, dataset, streamed.signature)
        check_objects(dataset, split, tasks)
        return cls(
            trained=trained,
            dataset=dataset,
            split=split,
            tasks=tasks,
            streamed=streamed,
            only=only,
        )

    def batches(self) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray], list[bytes]]]:
        """Yields what is true as it is streamed, what the model yields, by head, and keys."""
        asked, of = 0, self.dataset.num_samples(self.split)
        for images, streamed, keys in self._asked():
            pixels = images.numpy()
            self.images = pixels if self.images is None else self.images
            truth = outputs_by_head(self.tasks, streamed)
            found = outputs_by_head(self.tasks, self.trained.model.predict_on_batch(pixels))
            yield truth, {n: np.asarray(each) for n, each in found.items()}, keys.numpy().tolist()
            asked += len(pixels)
            self.on_asked(asked, of)

    def _asked(self) -> Iterator[Any]:
        """Yields batches of the samples that the model is asked about, until it knows of all."""
        left = len(self.only) if self.only is not None else 0
        for batch in self.streamed:
            if self.only is None:
                yield batch
                continue
            places = [n for n, key in enumerate(batch[-1].numpy()) if key in self.only]
            left -= len(places)
            if places:
                yield keras.tree.map_structure(partial(tf.gather, indices=places), batch)
            if left <= 0:
                return


def _evaluate_heads(
    passing: Pass, plugins: Sequence[Path], predictions: Path | None
) -> dict[str, Evaluation]:
    """Returns how good each head is, in one pass over the split."""
    note, tasks, split = passing.trained.note, passing.tasks, passing.split
    registry = discover(plugins, hint=noted(note.plugins))
    synthetic = _synthetic(passing.dataset, split)
    measured = {
        name: _Head(
            task,
            choose_head(note.learnt[name], task, registry),
            smoothing=note.learnt[name].label_smoothing,
        )
        for name, task in tasks.items()
    }
    with nullcontext() if predictions is None else writing(predictions, tasks, split) as writer:
        for truth, outputs, keys in passing.batches():
            made = np.array([key in synthetic for key in keys]) if synthetic else None
            for name, head in measured.items():
                head.add(truth[name], outputs[name], made)
            if writer is not None:
                true = keras.tree.map_structure(lambda each: each.numpy(), truth)
                writer.add(keys, true, outputs)
    dataset = passing.dataset
    where = {"dataset": f"{dataset.name} {dataset.manifest.version}", "split": split}
    return {name: head.evaluation(**where) for name, head in measured.items()}


def _synthetic(dataset: StoredDataset, split: str) -> frozenset[bytes]:
    """Returns the keys of synthesized samples, where a split has others as well."""
    if not dataset.pipeline.sections.get("synthesize"):
        return frozenset()
    found = {entry.key.encode(): entry.synthetic for _, entry in dataset.entries(split)}
    made = frozenset(key for key, synthetic in found.items() if synthetic)
    return made if len(made) < len(found) else frozenset()


def check_objects(dataset: StoredDataset, split: str, heads: Heads) -> None:
    """Refuses samples of a split with no object or several where keypoints are learnt.

    The only target of a dataset may have another name than the head.

    Raises:
      DataError: there are such.
    """
    known = dataset.signature.targets
    for head, task in heads.items():
        if isinstance(task, Locate):
            name = head if head in known else next(iter(known))
            wrong = objects_fault(object_counts(dataset, split, name).tolist())
            if wrong is not None:
                raise DataError(f"{dataset.where}: {split}: {name}: {wrong}")


class _Head:
    """Measures one head, its loss and the metrics that its training watched included."""

    def __init__(self, task: Task, chosen: ChosenHead, *, smoothing: float) -> None:
        ours, self._keras = make_further(chosen.metrics, task)
        self._names = list(chosen.metrics)
        self._task = task
        self._measuring = Measuring(task, ours)
        self._by_origin = {origin: Measuring(task) for origin in ("real", "synthetic")}
        self._loss = make_loss(chosen.loss, task, smoothing=smoothing)
        self._total, self._samples = 0.0, 0

    def add(self, truth: Any, outputs: np.ndarray, synthetic: np.ndarray | None) -> None:
        """Adds a batch, what is true as it is streamed.

        Args:
          synthetic: bool `(B,)`, which samples are; None where all samples are of one kind.
        """
        truth = for_loss(self._task, truth)
        self._measuring.add(truth, outputs)
        if synthetic is not None:
            for origin, which in (("real", ~synthetic), ("synthetic", synthetic)):
                if which.any():
                    self._by_origin[origin].add(truth[which], outputs[which])
        # As Keras sums it up while it trains: of each batch its mean, which counts by its samples.
        loss = float(self._loss(*map(keras.ops.convert_to_tensor, (truth, outputs))))
        self._total += loss * len(outputs)
        self._samples += len(outputs)
        for metric in self._keras.values():
            metric.update_state(truth, outputs)

    def evaluation(self, **where: str) -> Evaluation:
        """Returns how good the head is."""
        found = self._measuring.evaluation()
        of_keras = {name: float(metric.result()) for name, metric in self._keras.items()}
        values: dict[str, float | None] = {**found.metrics, **of_keras}
        further = {name: values[name] for name in self._names}
        loss = self._total / self._samples
        by_origin = {
            origin: each.evaluation().overall()
            for origin, each in self._by_origin.items()
            if each.samples
        }
        return replace(found, **where, loss=loss, metrics=further, by_origin=by_origin)  # type: ignore[arg-type]


def for_loss(task: Task, truth: Any) -> np.ndarray:
    """Returns a batch of what is true as the loss takes it."""
    return np.asarray(keras.ops.convert_to_numpy(task.batch(truth)))


def _fitting(trained: Trained, dataset: StoredDataset, signature: Signature) -> dict[str, Task]:
    """Returns the heads for the targets of a dataset, whose classes may be mixed or not."""
    tasks = {}
    for name, task in trained.note.heads.items():
        expected = task.target
        found = signature.targets.get(name) or next(iter(signature.targets.values()), None)
        if found is None or _form(expected) != _form(found):
            kind = f"target that {trained.path} was trained on ({expected})"
            problem = instead(f"the {kind}", str(found or ""), missing=kind)
            raise TrainError(f"{dataset.where}: {problem}. Evaluate on another dataset.")
        if expected.class_names != found.class_names:
            raise TrainError(
                f"{dataset.where}: expected the classes that {trained.path} was trained on "
                f"({_listed(expected.class_names)}), found {_listed(found.class_names)}. "
                "Evaluate on another dataset."
            )
        tasks[name] = task.on(found)
    wanted, image = trained.note.signature.image, signature.image
    if wanted.shape != image.shape:
        raise TrainError(
            f"{dataset.where}: expected images {wanted} as {trained.path} was trained on, "
            f"found {image}. Build the dataset with the same finish."
        )
    return tasks


def _form(target: Target) -> Any:
    """Returns what two targets share that one model can serve; classes are compared by name."""
    points = target.names if isinstance(target, Keypoints) else ()
    return target.kind, getattr(target, "size", None), points


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f", ... {len(names)} in all" if len(names) > 10 else "")
