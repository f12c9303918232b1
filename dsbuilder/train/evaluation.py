"""How good a model is on a split; of classes also which one it takes for which."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dsbuilder.dataset import Dataset
from dsbuilder.errors import TrainError
from dsbuilder.sample import SampleSpec
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Value
from dsbuilder.train.measured import Measured
from dsbuilder.train.scores import Pairs, score_labels, score_masks, score_values

if TYPE_CHECKING:
    from dsbuilder.train.archive import Trained


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How well one class is recognised.

    Attributes:
      name: of the class.
      samples: that are of it.
      precision: share of what was taken for it that is of it; 0 if nothing was.
      recall: share of its samples that were recognised; 0 if it has none.
      f1: harmonic mean of both; 0 if both are 0.
    """

    name: str
    samples: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class Evaluation(Measured):
    """A model of classes measured on a split; its loss is the mean cross-entropy in nats.

    Attributes:
      accuracy: share of samples whose dominant class came out on top.
      classes: scores by class, in id order.
      confusion: rows by true class, columns by predicted class, counts.
    """

    kind: ClassVar[str] = ClassLabel.kind
    accuracy: float
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """In id order."""
        return tuple(score.name for score in self.classes)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes."""
        return float(np.mean([score.f1 for score in self.classes]))

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation as JSON values."""
        return {**super().to_json(), "macro_f1": self.macro_f1}


def evaluate(
    model: "Trained | Path | str",
    dataset: Dataset,
    *,
    split: str = "test",
    batch_size: int | None = None,
    plugins: Sequence[Path] = (),
) -> Measured:
    """Measures a model on a split.

    Returns:
      By the kind of target that was learnt: an `Evaluation` of classes, or one of `scores.py`.

    Args:
      model: as `archive.load_model` returns it, or a path as that takes it.
      batch_size: None is as the dataset's pipeline says.
      plugins: folders of plugins that the stream's stages are from.

    Raises:
      TrainError: there is no such model, or it was made for another target or other images.
      DataError: there is no such split.
    """
    from dsbuilder.stream.tensorflow import stream
    from dsbuilder.train.archive import load_model

    trained = load_model(model) if isinstance(model, (str, Path)) else model
    learnt = trained.note.signature.targets
    batches = stream(
        dataset,
        split,
        images="uint8",
        shuffle=False,
        batch_size=batch_size,
        targets=list(learnt) if len(dataset.signature.targets) > 1 else None,
        plugins=plugins,
    )
    _check_fits(trained, dataset, batches.signature)
    (target,) = learnt.values()
    pairs = (
        (truth.numpy(), np.asarray(trained.model.predict_on_batch(images.numpy())))
        for images, truth in batches
    )
    where = {"dataset": f"{dataset.name} {dataset.manifest.version}", "split": split}
    units = trained.note.units
    counted = {} if units is None else {"deviation": units.deviation}
    return SCORES[target.kind](pairs, target, **counted, **where)


def _score_classes(pairs: Pairs, target: Any, **where: str) -> Evaluation:
    names = target.class_names
    dense = [(_dense(truth, len(names)), logits) for truth, logits in pairs]
    truth, logits = (np.concatenate(each) for each in zip(*dense, strict=True))
    return score(truth, logits, class_names=names, **where)


SCORES: Mapping[str, Callable[..., Measured]] = {
    ClassLabel.kind: _score_classes,
    MultiLabel.kind: score_labels,
    Value.kind: score_values,
    Mask.kind: score_masks,
}
"""By kind of target, of those in `fitting.TRAINED`."""


def score(
    truth: np.ndarray,
    logits: np.ndarray,
    *,
    class_names: Sequence[str],
    dataset: str = "",
    split: str = "",
) -> Evaluation:
    """Returns the evaluation of logits.

    Args:
      truth: `(N, num_classes)` weights that sum to 1; ties go to the lower id.
      logits: `(N, num_classes)`.
    """
    true, predicted = truth.argmax(axis=1), logits.argmax(axis=1)
    confusion = np.zeros((len(class_names), len(class_names)), np.int64)
    np.add.at(confusion, (true, predicted), 1)
    return Evaluation(
        dataset=dataset,
        split=split,
        samples=len(truth),
        loss=float(-(truth * log_softmax(logits)).sum(axis=1).mean()),
        accuracy=float((true == predicted).mean()),
        classes=tuple(_class_scores(class_names, confusion)),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the logarithms of the probabilities of logits, `(N, num_classes)` float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _class_scores(names: Sequence[str], confusion: np.ndarray) -> Iterator[ClassScore]:
    for index, name in enumerate(names):
        hits, samples = int(confusion[index, index]), int(confusion[index].sum())
        precision = _share(hits, int(confusion[:, index].sum()))
        recall = _share(hits, samples)
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        yield ClassScore(name=name, samples=samples, precision=precision, recall=recall, f1=f1)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _dense(values: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns labels of either kind as weights `(N, num_classes)`."""
    return np.asarray(values if values.ndim == 2 else np.eye(num_classes)[values], np.float32)


def _check_fits(trained: "Trained", dataset: Dataset, signature: SampleSpec) -> None:
    (expected,) = trained.note.signature.targets.values()
    found = next(iter(signature.targets.values()), None)
    if found is None or expected.kind != found.kind or _width(expected) != _width(found):
        raise TrainError(
            f"{dataset.path}: expected the target that {trained.path} was trained on ({expected}), "
            f"found {found or 'none'}. Evaluate on another dataset."
        )
    names = trained.class_names
    if names != found.class_names:
        raise TrainError(
            f"{dataset.path}: expected the classes that {trained.path} was trained on "
            f"({_listed(names)}), found {_listed(found.class_names)}. Evaluate on another dataset."
        )
    wanted, image = trained.note.signature.image, signature.image
    if wanted.shape != image.shape:
        raise TrainError(
            f"{dataset.path}: expected images {wanted} as {trained.path} was trained on, "
            f"found {image}. Build the dataset with the same finish."
        )


def _width(target: Any) -> int:
    """Returns how many numbers a target of values is; 0 for other kinds."""
    return target.size if isinstance(target, Value) else 0


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f", ... {len(names)} in all" if len(names) > 10 else "")
