"""A trained model, measured on a split."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.actions.arguments import Progress, ignore
from dsbuilder.actions.document import Document
from dsbuilder.actions.plugins import folders_here
from dsbuilder.actions.predict import check_options
from dsbuilder.dataset import StoredDataset, load
from dsbuilder.errors import DataError
from dsbuilder.tasks import Evaluation, doubts, evaluations_of
from dsbuilder.train.drawing import draw_curves
from dsbuilder.train.run import CURVES, EVALUATION, PREDICTIONS, Run, write_curves
from dsbuilder.train.run_page import write_run_page


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
    threshold: float | None = None,
    predictions: Path | None = None,
    mistakes: Path | None = None,
    plugins: Sequence[Path] | None = None,
    on_asked: Progress = ignore,
    starting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> EvaluateDocument:
    """Measures a trained model on a split.

    Of a run, on the dataset that it was trained on, the curves are written into its folder: those
    of the split that the run was evaluated on as `curves.json`, of another as `curves-SPLIT.json`.

    Args:
      model: a run folder, of which the best model is taken, or a `.keras` file that a run wrote.
      dataset: None takes the one that it was trained on.
      split: `train`, `validation` or `test`.
      threshold: probability in (0, 1) over which one of several classes is said, or the second of
        two; None takes what the training chose, or a half.
      predictions: CSV file to write what the model says of every sample, beside what is true.
      mistakes: folder that the worst mistakes are drawn into as pictures, of classes with where
        the reason for them lies, if the model has a feature map.
      plugins: folders of plugins that the model and the stream's stages are from; None takes the
        nearest `plugins/` folder.
      on_asked: called with samples that the model was asked about so far, and samples in all.
      starting: what surrounds the start of TensorFlow, which takes seconds.

    Raises:
      SpecError: a threshold is given for a model that learnt no classes by themselves.
      TrainError: there is no such model, or it was made for another target or other images.
      DataError: there is no such split.
    """
    home = Run.of(model)
    own = dataset is None
    if dataset is None:
        dataset = load(home.config()["dataset"]["path"])
    with starting():
        from dsbuilder.train.archive import load_model
        from dsbuilder.train.attribution import fault
        from dsbuilder.train.evaluation import evaluate as measure
        from dsbuilder.train.gallery import draw_mistakes
    folders = folders_here(plugins, data=model)
    trained = load_model(model, plugins=folders)
    if threshold is not None:
        check_options(trained.note.heads, {"threshold": threshold})
        trained = trained.at(threshold)
    wrong = None
    with tempfile.TemporaryDirectory() as spare:
        judged = predictions or (Path(spare) / PREDICTIONS if mistakes else None)
        asked: dict[str, Any] = {"predictions": judged, "on_asked": on_asked}
        found = measure(trained, dataset, split=split, plugins=folders, **asked)
        if mistakes is not None and judged is not None:
            wrong = fault(trained)
            given: dict[str, Any] = {"folder": mistakes, "plugins": folders, "why": not wrong}
            draw_mistakes(trained, dataset, split, predictions=judged, **given)
    document = found.to_json()
    warnings = [*doubts(document), *(_curves(home, found) if own and model.is_dir() else ())]
    warnings.extend([wrong] if wrong else [])
    return EvaluateDocument(evaluation=document, warnings=tuple(warnings))


def _curves(run: Run, found: Evaluation) -> Iterator[str]:
    """Writes curves into the folder of a run, its own drawn; yields why they are not written."""
    evaluated = run.evaluation() if (run.path / EVALUATION).is_file() else None
    own = evaluated is not None and next(evaluations_of(evaluated))[1].get("split") == found.split
    name = CURVES if own else f"{Path(CURVES).stem}-{found.split}.json"
    try:
        write_curves(run, found, name)
        if own:
            draw_curves(run)
            yield from write_run_page(run)
    except (OSError, DataError) as error:
        reason = getattr(error, "strerror", None) or error
        yield (
            f"{run.path / name}: expected a file that can be written, found that it fails "
            f"({reason}): the curves are not kept. Make the folder writable."
        )
