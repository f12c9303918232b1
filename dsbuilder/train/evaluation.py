"""How good a model is on a split, by the tasks of its heads."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

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
) -> Evaluation:
    """Measures a model on a split.

    Returns:
      What the task of the target that was learnt says, or of several targets what each says.

    Args:
      model: as `archive.load_model` returns it, or a path as that takes it.
      batch_size: None is as the dataset's pipeline says.
      plugins: folders of plugins that layers, loss, metrics and the stream's stages are from.
      predictions: file to write what the model says of every sample; see `train/judgments.py`.

    Raises:
      TrainError: there is no such model, it was made for another target or other images, or the
        file cannot be written.
      DataError: there is no such split.
    """
    trained = load_model(model, plugins=plugins) if isinstance(model, (str, Path)) else model
    found = _evaluate_heads(trained, dataset, split, batch_size, plugins, predictions)
    first = next(iter(found.values()))
    if len(found) == 1:
        return first
    weights = {name: each.weight for name, each in trained.note.learnt.items()}
    return SeveralEvaluation(
        dataset=first.dataset,
        split=first.split,
        samples=first.samples,
        loss=sum(weights[name] * (each.loss or 0.0) for name, each in found.items()),
        heads=found,
    )


def _evaluate_heads(
    trained: Trained,
    dataset: StoredDataset,
    split: str,
    batch_size: int | None,
    plugins: Sequence[Path],
    predictions: Path | None,
) -> dict[str, Evaluation]:
    """Returns how good each head is, in one pass over the split."""
    note = trained.note
    batches = stream(
        dataset,
        split,
        images="uint8",
        shuffle=False,
        batch_size=batch_size,
        targets=list(note.heads) if len(dataset.signature.targets) > 1 else None,
        keys=True,
        plugins=plugins,
    )
    tasks = _fitting(trained, dataset, batches.signature)
    check_objects(dataset, split, tasks)
    registry = discover(plugins, hint=noted(note.plugins))
    measured = {
        name: _Head(
            task,
            choose_head(note.learnt[name], task, registry),
            smoothing=note.learnt[name].label_smoothing,
        )
        for name, task in tasks.items()
    }
    with nullcontext() if predictions is None else writing(predictions, tasks, split) as writer:
        for images, streamed, keys in batches:
            truth = outputs_by_head(tasks, streamed)
            found = outputs_by_head(tasks, trained.model.predict_on_batch(images.numpy()))
            outputs = {name: np.asarray(each) for name, each in found.items()}
            for name, head in measured.items():
                head.add(truth[name], outputs[name])
            if writer is not None:
                true = keras.tree.map_structure(lambda each: each.numpy(), truth)
                writer.add(keys.numpy().tolist(), true, outputs)
    where = {"dataset": f"{dataset.name} {dataset.manifest.version}", "split": split}
    return {name: head.evaluation(**where) for name, head in measured.items()}


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
                raise DataError(f"{dataset.path}: {split}: {name}: {wrong}")


class _Head:
    """Measures one head, its loss and the metrics that its training watched included."""

    def __init__(self, task: Task, chosen: ChosenHead, *, smoothing: float) -> None:
        ours, self._keras = make_further(chosen.metrics)
        self._names = list(chosen.metrics)
        self._task = task
        self._measuring = Measuring(task, ours)
        self._loss = make_loss(chosen.loss, task, smoothing=smoothing)
        self._total, self._samples = 0.0, 0

    def add(self, truth: Any, outputs: np.ndarray) -> None:
        """Adds a batch, what is true as it is streamed."""
        truth = keras.ops.convert_to_numpy(self._task.batch(truth))
        self._measuring.add(truth, outputs)
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
        return replace(found, **where, loss=loss, metrics=further)  # type: ignore[arg-type]


def _fitting(trained: Trained, dataset: StoredDataset, signature: Signature) -> dict[str, Task]:
    """Returns the heads for the targets of a dataset, whose classes may be mixed or not."""
    tasks = {}
    for name, task in trained.note.heads.items():
        expected = task.target
        found = signature.targets.get(name) or next(iter(signature.targets.values()), None)
        if found is None or _form(expected) != _form(found):
            kind = f"target that {trained.path} was trained on ({expected})"
            problem = instead(f"the {kind}", str(found or ""), missing=kind)
            raise TrainError(f"{dataset.path}: {problem}. Evaluate on another dataset.")
        if expected.class_names != found.class_names:
            raise TrainError(
                f"{dataset.path}: expected the classes that {trained.path} was trained on "
                f"({_listed(expected.class_names)}), found {_listed(found.class_names)}. "
                "Evaluate on another dataset."
            )
        tasks[name] = task.on(found)
    wanted, image = trained.note.signature.image, signature.image
    if wanted.shape != image.shape:
        raise TrainError(
            f"{dataset.path}: expected images {wanted} as {trained.path} was trained on, "
            f"found {image}. Build the dataset with the same finish."
        )
    return tasks


def _form(target: Target) -> Any:
    """Returns what two targets share that one model can serve; classes are compared by name."""
    points = target.names if isinstance(target, Keypoints) else ()
    return target.kind, getattr(target, "size", None), points


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f", ... {len(names)} in all" if len(names) > 10 else "")
