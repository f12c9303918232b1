"""How far a run has learnt: its errors on what it was trained on, and on validation.

Both are of the best model, of samples as they are stored: no stage of `stream.stages` draws, and of
a record with variants its original is asked alone. Of a large train split some thousand samples
tell enough; stored order is that of a hash, so the first are drawn evenly.

`learning.json` of a run folder has it, so that a run is asked once:

  samples  number of records that train was made of, and of synthesized samples
  heads    target -> `kind`, `train` and `validation` (an `ErrorScore` each), `chance`: the error on
           validation of an answer that is the same for every image, and scores of `classes`
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import TrainError
from dsbuilder.tasks import Evaluation, Heads, Measuring, Task, error_of
from dsbuilder.tasks.units import Standardized
from dsbuilder.train.archive import Trained, load_model
from dsbuilder.train.evaluation import Pass, for_loss
from dsbuilder.train.judgments import writing
from dsbuilder.train.run import LEARNING, Run

MOST = 2000
"""Samples of train that are asked."""

_CERTAIN = 1e-6


def measure_learning(
    run: Run, dataset: StoredDataset, *, predictions: Path, plugins: Sequence[Path] = ()
) -> None:
    """Writes `learning.json` into a run, and what its model says of every sample of validation.

    Args:
      dataset: the one that it was trained on.
      predictions: file of what it says; see `train/judgments.py`.
      plugins: folders of plugins that the model and the stream's stages are from.

    Raises:
      TrainError: the model cannot be asked, or an error is of no sample.
    """
    trained, learnt = load_model(run.path, plugins=plugins), learnt_keys(dataset)
    some = frozenset(key.encode() for key in learnt[:MOST])
    on_train, shares = _train_errors(trained, dataset, some, plugins)
    measured, chance = _validation_errors(trained, dataset, shares, plugins, predictions)
    heads = {
        name: {
            "kind": task.target.kind,
            "train": _error(on_train[name], run),
            "validation": _error(measured[name], run),
            "chance": _error(chance[name], run)["value"],
            "classes": _classes(task, measured[name]),
        }
        for name, task in trained.note.heads.items()
    }
    run.write_json(LEARNING, {"samples": len(learnt), "heads": heads})


def learnt_keys(dataset: StoredDataset) -> list[str]:
    """Returns keys of train in stored order: originals, or variants where no original is stored."""
    entries = [entry for _, entry in dataset.entries("train")]
    originals = [e.key for e in entries if not e.parents or e.key == e.parents[0]]
    return originals or [each.key for each in entries]


def _train_errors(
    trained: Trained,
    dataset: StoredDataset,
    some: frozenset[bytes],
    plugins: Sequence[Path],
) -> tuple[dict[str, Evaluation], dict[str, np.ndarray]]:
    """Returns how good each head is on samples of train, and how often its classes are there."""
    passing = Pass.over(trained, dataset, "train", None, plugins, only=some)
    measured = _measuring(passing.tasks)
    counts: dict[str, np.ndarray] = {}
    for truth, outputs, _ in passing.batches():
        for name, task in passing.tasks.items():
            same = for_loss(task, truth[name])
            measured[name].add(same, outputs[name])
            if task.exclusive is not None:
                weights = task.by_class(keras.ops.convert_to_tensor(same), keras.ops)
                rows = keras.ops.convert_to_numpy(weights).reshape(-1, weights.shape[-1])
                # The last number: of how many rows they are.
                counted = np.append(rows.sum(axis=0, dtype=np.float64), len(rows))
                counts[name] = counts.get(name, 0.0) + counted
    return {name: each.evaluation() for name, each in measured.items()}, counts


def _validation_errors(
    trained: Trained,
    dataset: StoredDataset,
    counts: Mapping[str, np.ndarray],
    plugins: Sequence[Path],
    predictions: Path,
) -> tuple[dict[str, Evaluation], dict[str, Evaluation]]:
    """Returns how good each head is on validation, and how good what is the same for every image.

    Args:
      counts: see `_train_errors`.
    """
    passing = Pass.over(trained, dataset, "validation", None, plugins)
    measured, chance = _measuring(passing.tasks), _measuring(passing.tasks, threshold=0.5)
    with writing(predictions, passing.tasks, "validation") as writer:
        for truth, outputs, keys in passing.batches():
            for name, task in passing.tasks.items():
                same = for_loss(task, truth[name])
                measured[name].add(same, outputs[name])
                chance[name].add(same, _constant(task, counts.get(name), outputs[name]))
            writer.add(keys, keras.tree.map_structure(lambda each: each.numpy(), truth), outputs)
    found, by_chance = (
        {name: each.evaluation() for name, each in of.items()} for of in (measured, chance)
    )
    return found, by_chance


def _measuring(tasks: Heads, *, threshold: float | None = None) -> dict[str, Measuring]:
    return {
        name: Measuring(task if threshold is None else task.at(threshold))
        for name, task in tasks.items()
    }


def _constant(task: Task, counts: np.ndarray | None, outputs: np.ndarray) -> np.ndarray:
    """Returns outputs that say the same of every image: how often each class is, or the mean.

    Of a text they say that there is none.

    Args:
      counts: weights of the classes over train, then the number of rows that they are of.
      outputs: what a model yields for a batch, of the same shape.
    """
    if counts is not None and task.exclusive:
        one = np.log(np.maximum(counts[:-1] / max(counts[:-1].sum(), 1.0), _CERTAIN))
    elif counts is not None:
        shares = np.clip(counts[:-1] / max(counts[-1], 1.0), _CERTAIN, 1 - _CERTAIN)
        one = np.log(shares / (1 - shares))
    elif isinstance(task, Standardized) and task.units is not None:
        one = np.array(task.units.mean)
    else:
        one = np.eye(outputs.shape[-1])[0]
    return np.broadcast_to(one, outputs.shape).astype(outputs.dtype)


def _error(found: Evaluation, run: Run) -> dict[str, Any]:
    """Returns an error as JSON values."""
    error = error_of(found.to_json())
    if error is None:
        raise TrainError(
            f"{run.path}: expected samples to measure an error on, found none that has one. "
            "Give train and validation labels."
        )
    return vars(error)


def _classes(task: Task, found: Evaluation) -> list[dict[str, Any]]:
    """Returns name, number of samples (or pixels) and score of each class that has one."""
    if task.of_classes is None:
        return []
    return [
        {"name": each["name"], "samples": each.get("samples", each.get("pixels")), "score": score}
        for each in found.to_json()["classes"]
        if (score := each[task.of_classes.score]) is not None
    ]
