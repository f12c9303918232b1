"""The columns of a batch: which stored features it holds, and how samples of any length fit in.

A target of one feature is one column by its own name, float32 `(B, n)` say. A target of several,
such as boxes, has one for each, by the feature's name, and is yielded as a dict of them.

The masks of instances are a column of their run lengths, which a stream makes masks of; see
`tensorflow_instances.py`.

What a sample has any number of, such as boxes, is padded to the largest number of the batch, with
`PADDING`: class ids and other whole numbers with -1, which none of them is, so
`objects["label"] >= 0` says which boxes there are; floats with 0, texts with "".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsbuilder.sample import Feature, Sample, Signature, Target

PADDING: Mapping[str, Any] = {"int64": -1, "float32": 0.0, "string": b""}
"""What stands where a sample has fewer values than another of its batch, by dtype."""

_DTYPES = {"int64": np.int64, "float32": np.float32, "uint8": np.uint8, "string": object}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a batch.

    Attributes:
      target: the name of the target it belongs to.
      part: its name in the target's dict; None where it is all of the target.
      stored: the name of the stored feature that holds it.
      feature: the feature as it is stored.
    """

    target: str
    part: str | None
    stored: str
    feature: Feature

    @property
    def name(self) -> str:
        """Of the column in a batch."""
        return self.target if self.part is None else f"{self.target}/{self.part}"

    def shape(self, image: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of one sample's values; None is what is padded.

        Args:
          image: `(H, W, C)`.
        """
        return image[:2] if self.feature.kind == "mask" else self.feature.shape

    def stack(self, samples: Sequence[Sample], kind: Target) -> np.ndarray:
        """Returns the column of samples, as `PADDING` says where their lengths differ."""
        values = [sample.targets[self.target] for sample in samples]
        if self.feature.kind == "mask":
            return np.stack(values)
        encoded = [kind.encode(self.target, value)[self.stored] for value in values]
        if not self.feature.is_ragged:
            return np.array(encoded, _DTYPES[self.feature.dtype])
        longest = max(len(each) for each in encoded)
        sides = [side for side in self.feature.shape[1:] if side is not None]
        padded = np.empty((len(encoded), longest, *sides), _DTYPES[self.feature.dtype])
        padded[:] = PADDING[self.feature.dtype]
        for row, each in zip(padded, encoded, strict=True):
            row[: len(each)] = each
        return padded


def columns_of(name: str, kind: Target, stored: Target | None = None) -> list[Column]:
    """Returns the columns of a target.

    Args:
      stored: the target as it is in the cache, where that may be another. Where a stream mixes
        classes and the cache holds ids, the column is the id.
    """
    source = kind if stored is None else stored
    features = source.features(name)
    wanted = kind.streamed(name)
    names = wanted if set(wanted) <= set(features) else source.streamed(name)
    return [
        Column(
            target=name,
            part=feature.removeprefix(f"{name}/") if len(names) > 1 else None,
            stored=feature,
            feature=features[feature],
        )
        for feature in names
    ]


def labels_of(signature: Signature, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a batch holds for each target, by its name: a column, or a dict of several."""
    labels: dict[str, Any] = {}
    for name, kind in signature.targets.items():
        columns = columns_of(name, kind)
        parts = {column.part: batch[column.name] for column in columns}
        labels[name] = parts.get(None, parts)
    return labels
