"""What is chosen for a trained model on validation: a temperature, thresholds of rare classes.

It is chosen when a training ends, for the best model, whose file tells it from then on; nothing of
it is chosen on the split that the model is measured on, unless there is no other.
"""

import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import TrainError
from dsbuilder.pipelinefile.training import TrainOptions
from dsbuilder.targets import counts_of
from dsbuilder.tasks import Heads
from dsbuilder.tasks.decision import is_skewed
from dsbuilder.train import archive
from dsbuilder.train.archive import Trained
from dsbuilder.train.evaluation import Pass, for_loss
from dsbuilder.train.loop import Ongoing

_SPLIT = "validation"


def check_settling(options: TrainOptions, dataset: StoredDataset) -> None:
    """Checks before a training that there is a split to choose on, where that is asked for.

    Raises:
      TrainError: there is none.
    """
    if options.calibrate is not None and not dataset.has_samples(_SPLIT):
        raise TrainError(
            f"train.calibrate: expected a validation split in {dataset.where} to find a "
            "temperature on. Leave it out, or build such a split."
        )


def settle(training: Ongoing) -> Trained:
    """Returns the best model of a run with what is chosen for it, as its file says then."""
    found = archive.load_model(training.run.path, plugins=training.note.plugins)
    model = found.with_heads(training.heads)
    if training.validation is not None:
        model = model.with_heads(_chosen(training, model))
    if model.note.to_json() != found.note.to_json():
        archive.rewrite_note(model.path, model.note)
    return model


def _chosen(training: Ongoing, model: Trained) -> Heads:
    """Returns the heads of a model with what is chosen on validation."""
    calibrate = training.options.calibrate is not None
    skewed = _is_skewed(training)
    kept: dict[str, list[np.ndarray]] = {
        name: []
        for name, task in training.heads.items()
        if (calibrate and task.calibrates) or (skewed and task.decides)
    }
    if not kept:
        return training.heads
    passing = Pass.over(model, training.dataset, _SPLIT, None, training.note.plugins)
    for truth, outputs, _ in passing.batches():
        for name, rows in kept.items():
            task = passing.tasks[name]
            rows.append(task.keep(for_loss(task, truth[name]), outputs[name]))
    heads = dict(training.heads)
    for name, rows in kept.items():
        whole = np.concatenate(rows)
        heads[name] = heads[name].calibrated(whole) if calibrate else heads[name]
        heads[name] = heads[name].decided(whole)
    return heads


def _is_skewed(training: Ongoing) -> bool:
    """Whether a head may have other thresholds than a half, as far as counts of classes tell."""
    dataset = training.dataset
    counts, samples = dataset.manifest.class_counts(_SPLIT), dataset.num_samples(_SPLIT)
    return any(
        is_skewed(counts_of(name, dataset.signature.targets, counts).values(), samples)
        for name, task in training.heads.items()
        if task.decides
    )
