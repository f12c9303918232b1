"""What a model's outputs say, by the kind of target that it learnt: one function a kind.

`value` has the form of the kind's label: a class name, names of classes, a number or a list of
them, class ids. `scores` are what it was judged by.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Value
from dsbuilder.train.evaluation import log_softmax

Scores = tuple[tuple[str, float], ...]
"""Classes with a number each, the largest first."""


class Answer(NamedTuple):
    """What a model says of one image."""

    value: Any
    scores: Scores = ()


def of_class(logits: np.ndarray, target: ClassLabel, threshold: float) -> Answer:
    """Returns the most probable class, and all with their probabilities, from `(num_classes,)`."""
    scores = _ranked(target.names, np.exp(log_softmax(logits[None])[0]))
    return Answer(scores[0][0], scores)


def of_labels(logits: np.ndarray, target: MultiLabel, threshold: float) -> Answer:
    """Returns the classes whose probability is over a threshold, the most probable first."""
    scores = _ranked(target.names, np.exp(-np.logaddexp(0, -logits.astype(np.float64))))
    return Answer([name for name, probability in scores if probability > threshold], scores)


def of_value(numbers: np.ndarray, target: Value, threshold: float) -> Answer:
    """Returns the number, or a list where the target is one."""
    found = [float(str(number)) for number in numbers.astype(np.float32)]
    return Answer(found if target.size else found[0])


def of_mask(logits: np.ndarray, target: Mask, threshold: float) -> Answer:
    """Returns class ids uint8 `(H, W)`, and the share of the area that each class has."""
    ids = logits.argmax(axis=-1).astype(np.uint8)
    shares = np.bincount(ids.ravel(), minlength=len(target.names)) / ids.size
    return Answer(ids, _ranked(target.names, shares))


ANSWERS: Mapping[str, Callable[[np.ndarray, Any, float], Answer]] = {
    ClassLabel.kind: of_class,
    MultiLabel.kind: of_labels,
    Value.kind: of_value,
    Mask.kind: of_mask,
}
"""By kind of target, of those in `fitting.TRAINED`: (outputs of one image, target, threshold)."""


def _ranked(names: tuple[str, ...], values: np.ndarray) -> Scores:
    order = np.argsort(-values, kind="stable")
    return tuple((names[index], float(values[index])) for index in order)
