"""A trained model, measured on a split."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import folders_here
from dsbuilder.dataset import StoredDataset, load
from dsbuilder.tasks import doubts
from dsbuilder.train.run import Run


@dataclass(frozen=True, kw_only=True)
class EvaluateDocument(Document):
    """How good a model is on a split.

    Attributes:
      evaluation: what the task that was learnt says, by name; its `kind` is that of the target.
    """

    evaluation: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation as `evaluation.json` of a run has it; warnings stand last."""
        return {**self.evaluation, "warnings": list(self.warnings)}


def evaluate(
    model: Path,
    dataset: StoredDataset | None = None,
    *,
    split: str = "test",
    predictions: Path | None = None,
    plugins: Sequence[Path] | None = None,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> EvaluateDocument:
    """Measures a trained model on a split.

    Args:
      model: a run folder, of which the best model is taken, or a `.keras` file that a run wrote.
      dataset: None takes the one that it was trained on.
      split: `train`, `validation` or `test`.
      predictions: CSV file to write what the model says of every sample, beside what is true.
      plugins: folders of plugins that the model and the stream's stages are from; None takes the
        nearest `plugins/` folder.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      TrainError: there is no such model, or it was made for another target or other images.
      DataError: there is no such split.
    """
    if dataset is None:
        home = model if model.is_dir() else model.parent
        dataset = load(Run(path=home).config()["dataset"]["path"])
    with starting():
        from dsbuilder.train.evaluation import evaluate as measure
    folders = folders_here(plugins, data=model)
    found = measure(model, dataset, split=split, predictions=predictions, plugins=folders)
    document = found.to_json()
    return EvaluateDocument(evaluation=document, warnings=tuple(doubts(document)))
