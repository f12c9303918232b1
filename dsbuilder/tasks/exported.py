"""What a model says in another program: probabilities instead of logits, and names beside them.

A model that leaves for TensorFlow Lite or ONNX ends in functions that need none of this package.
Each kind of head has its own here, with the way back by which a model elsewhere is measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class ExportedHead:
    """How a head is exported; what it yields then says what `Task.answer` says.

    Attributes:
      values: description of what is yielded for a sample.
      names: names of classes, points or characters, in the order of what is yielded.
      thresholds: probability over which a class is said, by its name; none where the most probable
        one is.
      to_values: function from outputs of the head to what is yielded, in operations of Keras.
      to_outputs: function from what is yielded to outputs that say the same.
      unit: deviation of what is yielded over the train split, which broadcasts to it; 1 of
        probabilities.
    """

    values: str
    names: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    to_values: Callable[[Any], Any]
    to_outputs: Callable[[np.ndarray], np.ndarray]
    unit: np.ndarray = field(default_factory=lambda: np.ones(1))


def exclusive(values: str, names: Sequence[str], *, temperature: float = 1.0) -> ExportedHead:
    """Returns the export of logits of classes that exclude each other, along the last axis.

    Args:
      temperature: number that logits are divided by, here and below.
    """

    def to_values(outputs: Any) -> Any:
        import keras

        return keras.ops.softmax(_divided(outputs, temperature), axis=-1)

    return ExportedHead(
        values=values,
        names=tuple(names),
        to_values=to_values,
        to_outputs=lambda found: _logarithms(found) * temperature,
    )


def of_two(
    values: str, names: Sequence[str], *, temperature: float, threshold: float
) -> ExportedHead:
    """Returns the export of the logit of the second class of two: both probabilities.

    Args:
      threshold: probability over which the second class is said.
    """

    def to_values(outputs: Any) -> Any:
        import keras

        logit = _divided(outputs, temperature)
        both = [keras.ops.sigmoid(-logit), keras.ops.sigmoid(logit)]
        return keras.ops.concatenate(both, axis=-1)

    def to_outputs(found: np.ndarray) -> np.ndarray:
        first, second = np.split(_logarithms(found), 2, axis=-1)
        return np.asarray((second - first) * temperature)

    return ExportedHead(
        values=values,
        names=tuple(names),
        thresholds={names[1]: threshold},
        to_values=to_values,
        to_outputs=to_outputs,
    )


def each_by_itself(
    values: str, names: Sequence[str], *, temperature: float, thresholds: Sequence[float]
) -> ExportedHead:
    """Returns the export of logits of classes of which a sample may have several.

    Args:
      thresholds: probability over which each class is said.
    """

    def to_values(outputs: Any) -> Any:
        import keras

        return keras.ops.sigmoid(_divided(outputs, temperature))

    def to_outputs(found: np.ndarray) -> np.ndarray:
        return np.asarray((_logarithms(found) - _logarithms(1 - found)) * temperature)

    return ExportedHead(
        values=values,
        names=tuple(names),
        thresholds=dict(zip(names, thresholds, strict=True)),
        to_values=to_values,
        to_outputs=to_outputs,
    )


def numbers(values: str, deviation: Sequence[float]) -> ExportedHead:
    """Returns the export of numbers: as they are.

    Args:
      deviation: deviation of each over the train split; empty if it is not known.
    """
    return ExportedHead(
        values=values,
        to_values=lambda outputs: outputs,
        to_outputs=lambda found: found,
        unit=np.array(deviation or (1.0,)),
    )


def points(values: str, names: Sequence[str], deviation: Sequence[float]) -> ExportedHead:
    """Returns the export of x and y of points, `(B, k, 2)`, none beyond the image.

    Args:
      deviation: as that of `numbers`.
    """

    def to_values(outputs: Any) -> Any:
        import keras

        return keras.ops.reshape(keras.ops.clip(outputs, 0.0, 1.0), (-1, len(names), 2))

    return ExportedHead(
        values=values,
        names=tuple(names),
        to_values=to_values,
        to_outputs=lambda found: found.reshape(len(found), -1),
        unit=np.array(deviation or (1.0,) * 2 * len(names)).reshape(-1, 2),
    )


def _divided(logits: Any, temperature: float) -> Any:
    return logits if temperature == 1 else logits / temperature


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Returns the logarithms of probabilities; of 0 that of the least number above."""
    return np.asarray(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)))
