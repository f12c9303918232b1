"""What the models of a cross-validation say of every record, each one that never saw it.

Models and datasets of the folds stand in their folders, so all is asked anew in one pass over each
tested part: no file of a run holds probabilities, which would be as many as records times classes.
What is tested are plain samples of records, as no test split is augmented; synthesized samples are
no record's, and are passed over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np

from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import TrainError
from dsbuilder.tasks import Judgment, Task
from dsbuilder.train.archive import load_model
from dsbuilder.train.evaluation import Pass
from dsbuilder.train.run import Run


@dataclass(frozen=True, kw_only=True)
class AskedHead:
    """What is said of every record for one target.

    Attributes:
      task: task of the first fold's model.
      judged: judgments in the order of the records.
      probabilities: probability of each class, float32 `(N, classes)`; of no classes `(N, 0)`.
    """

    task: Task
    judged: Sequence[Judgment]
    probabilities: np.ndarray


@dataclass(frozen=True, kw_only=True)
class AskedRecords:
    """What is said of every record that was tested.

    Attributes:
      datasets: dataset of each fold.
      keys: keys of the records.
      places: fold of each record, and the place of its sample in stored order in the tested split.
      heads: what is said for each target, by its name.
      split: name of the tested split.
    """

    datasets: Sequence[StoredDataset]
    keys: Sequence[str]
    places: Sequence[tuple[int, int]]
    heads: Mapping[str, AskedHead]
    split: ClassVar[str] = "test"


@dataclass(kw_only=True)
class _Head:
    """What is said for one target, batch by batch or fold by fold."""

    task: Task
    judged: list[Judgment] = field(default_factory=list)
    probabilities: list[np.ndarray] = field(default_factory=list)

    def joined(self) -> AskedHead:
        """Returns all of it."""
        rows = np.concatenate(self.probabilities)
        return AskedHead(task=self.task, judged=self.judged, probabilities=rows)


def ask(
    runs: Sequence[Path],
    *,
    plugins: Sequence[Path] = (),
    on_asked: Callable[[int, int], None] = lambda asked, of: None,
) -> AskedRecords:
    """Asks the best model of each fold about the records that it was not trained on.

    Args:
      runs: folders of runs that have come to their end, one of each fold.
      plugins: folders of plugins that layers and stages are from.
      on_asked: called with samples asked so far, and samples in all.

    Raises:
      TrainError: a folder holds no run, or one whose training diverged.
      CacheError: the dataset of a fold is not there any more.
    """
    split = AskedRecords.split
    datasets = [load(Run(path=each).config()["dataset"]["path"]) for each in runs]
    counts = [each.num_samples(split) if split in each.splits else 0 for each in datasets]
    keys: list[str] = []
    places: list[tuple[int, int]] = []
    heads: dict[str, _Head] = {}
    for fold, (run, dataset) in enumerate(zip(runs, datasets, strict=True)):
        if not counts[fold]:
            continue  # of few records a part may be left empty
        told = partial(_count, on_asked, sum(counts[:fold]), sum(counts))
        records = _records(dataset)
        keys += records
        places += [(fold, place) for place in records.values()]
        for name, said in _said(run, dataset, plugins, told).items():
            head = heads.setdefault(name, _Head(task=said.task))
            head.judged += [said.judged[place] for place in records.values()]
            head.probabilities.append(said.probabilities[[*records.values()]])
    found = {name: head.joined() for name, head in heads.items()}
    return AskedRecords(datasets=datasets, keys=keys, places=places, heads=found)


def _count(on_asked: Callable[[int, int], None], before: int, of: int, asked: int) -> None:
    on_asked(before + asked, of)


def _said(
    run: Path, dataset: StoredDataset, plugins: Sequence[Path], on_asked: Callable[[int], None]
) -> dict[str, AskedHead]:
    """Returns what the model of a fold says of each sample that it is tested on, by target."""
    trained = load_model(run, plugins=plugins)
    passing = Pass.over(trained, dataset, AskedRecords.split, None, plugins)
    heads = {name: _Head(task=task) for name, task in passing.tasks.items()}
    asked = 0
    for truth, outputs, keys in passing.batches():
        if not all(np.isfinite(each).all() for each in outputs.values()):
            raise TrainError(
                f"{run}: expected finite numbers from the model, found others: its training "
                "diverged. Train with a lower learning rate, in another folder."
            )
        true = keras.tree.map_structure(lambda each: each.numpy(), truth)
        for name, head in heads.items():
            head.judged += head.task.judge(true[name], outputs[name])
            head.probabilities.append(head.task.probabilities(outputs[name]))
        asked += len(keys)
        on_asked(asked)
    return {name: head.joined() for name, head in heads.items()}


def _records(dataset: StoredDataset) -> dict[str, int]:
    """Returns keys of the records that are tested -> places of their samples in stored order."""
    entries = enumerate(entry for _, entry in dataset.entries(AskedRecords.split))
    return {entry.key: place for place, entry in entries if entry.parents == (entry.key,)}
