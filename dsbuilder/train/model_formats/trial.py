"""Whether an exported model says what the trained one says, and how good it is elsewhere.

Both are asked of it by the format's own reader. Answers differ by rounding alone: probabilities,
and numbers in deviations of the train split, may be `TOLERANCE` apart.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.errors import TrainError
from dsbuilder.stream.tensorflow import Stream, stream
from dsbuilder.tasks import Evaluation, Measuring
from dsbuilder.train.model_formats.card import ModelCard
from dsbuilder.train.model_formats.model_format import Ask
from dsbuilder.train.network import outputs_by_head

SAMPLES = 32
TOLERANCE = 1e-4

_ROUNDING = 4
"""Steps of float32 between two numbers that are equal but for rounding."""
_CALIBRATION = 128
_SEED = 0
_ANY_SIDE = 64


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What an exported model is asked.

    Attributes:
      images: images `(N, H, W, C)` as the model takes them.
      split: name of the split that they are of; None of random ones.
    """

    images: np.ndarray
    split: str | None


def trial_of(
    card: ModelCard, dataset: StoredDataset | None, *, plugins: Sequence[Path] = ()
) -> Trial:
    """Returns samples of a dataset, first of the test split; without a dataset seeded random ones.

    Raises:
      TrainError: images of the dataset are others than those that the model takes.
    """
    if dataset is None:
        return Trial(images=_random(card), split=None)
    split = judged_split(dataset)
    batches = _opened(dataset, split, card, plugins, shuffle=False)
    return Trial(images=np.stack(_first(batches, SAMPLES)), split=split)


def judged_split(dataset: StoredDataset) -> str:
    """Returns the split by which a model is judged: test, else validation, else what there is."""
    splits = list(dataset.splits)
    return next((each for each in ("test", "validation") if each in splits), splits[0])


def calibration(
    card: ModelCard, dataset: StoredDataset, *, plugins: Sequence[Path] = ()
) -> list[np.ndarray]:
    """Returns images of the train split, in seeded order, by which ranges of values are chosen."""
    return _first(_opened(dataset, "train", card, plugins, shuffle=True), _CALIBRATION)


def apart(ask: Ask, model: keras.Model, card: ModelCard, trial: Trial) -> float:
    """Returns how far answers are apart at most; see this module's docstring.

    Args:
      model: what `answering.answering_model` returned.

    Raises:
      TrainError: it is more than `TOLERANCE`.
    """
    expected = model.predict_on_batch(trial.images)
    found = ask(trial.images)
    most = 0.0
    for name, head in card.heads.items():
        here = _apart(np.asarray(expected[card.outputs[name]]), found[name], head.unit)
        if not here <= TOLERANCE:
            raise TrainError(
                f"{name}: expected answers that are at most {TOLERANCE:g} from those of the model, "
                f"found some that are {here:.2g} apart. Nothing was kept. Export it to another "
                "format."
            )
        most = max(most, here)
    return most


def _apart(expected: np.ndarray, found: np.ndarray, unit: np.ndarray) -> float:
    if expected.shape != found.shape:
        return float("inf")
    rounding = _ROUNDING * np.spacing(np.abs(expected.astype(np.float32))).astype(np.float64)
    differences = np.abs(found.astype(np.float64) - expected) - rounding
    return float(np.maximum(differences / unit, 0.0).max())


def measured(
    ask: Ask, card: ModelCard, dataset: StoredDataset, *, plugins: Sequence[Path] = ()
) -> dict[str, Evaluation]:
    """Returns how good an exported model is on the split that models are judged by, by head."""
    batches = _opened(dataset, judged_split(dataset), card, plugins, shuffle=False)
    heads = {
        name: task.on(batches.signature.targets.get(name, task.target))
        for name, task in card.note.heads.items()
    }
    measuring = {name: Measuring(task) for name, task in heads.items()}
    for images, streamed in batches:
        truth, found = outputs_by_head(heads, streamed), ask(images.numpy())
        for name, task in heads.items():
            true = keras.ops.convert_to_numpy(task.batch(truth[name]))
            measuring[name].add(true, task.exported.to_outputs(found[name]))
    return {name: each.evaluation() for name, each in measuring.items()}


def _opened(
    dataset: StoredDataset, split: str, card: ModelCard, plugins: Sequence[Path], *, shuffle: bool
) -> Stream:
    several = len(dataset.signature.targets) > 1
    batches = stream(
        dataset,
        split,
        images="uint8",
        shuffle=shuffle,
        epoch=0,
        seed=_SEED,
        targets=list(card.note.heads) if several else None,
        plugins=plugins,
    )
    if batches.signature.image.shape != card.image.shape:
        raise TrainError(
            f"{dataset.where}: expected images {card.image} as the model takes them, found "
            f"{batches.signature.image}. Give the dataset that it was trained on."
        )
    return batches


def _random(card: ModelCard) -> np.ndarray:
    rng = np.random.default_rng(_SEED)
    shape = (SAMPLES, *(side or _ANY_SIDE for side in card.image.shape))
    if card.image.dtype == "uint8":
        return rng.integers(0, 256, shape, dtype=np.uint8)
    return rng.random(shape, np.float32)


def _first(batches: Stream, count: int) -> list[np.ndarray]:
    """Returns the first images of a stream."""
    images = (image for images, _ in batches for image in images.numpy())
    return list(itertools.islice(images, count))
