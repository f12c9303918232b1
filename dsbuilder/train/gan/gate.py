"""The gate: which of the images that were drawn may be trained on.

An image is turned away

* as a copy, where it lies so near to an image of train, in pixels or in the judge's features, as
  only one real held-out image in a hundred does, or nearer;
* with its whole class, where images of the class are too much alike, or where the judge recognizes
  too few of them;
* by itself, where the judge takes it for another class than was intended.

How near real images may lie is asked of validation; without such a split, of train, each image
among the others.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.train.gan import likeness
from dsbuilder.train.gan.judge import RealJudge, real_images
from dsbuilder.train.gan.likeness import NearestRows
from dsbuilder.train.gan.reference import reference_of

COPY, UNIFORM, STRANGE = "copy", "uniform class", "unrecognized"
UNRECOGNIZED_CLASS = "unrecognized class"

_ASKED = 2000
_RARE = 0.01
_NEAREST = 0.5
"""Most that a copy may be apart, in shares of what is usual among images of train."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the gate asks for.

    Attributes:
      diversity: least distance of two images of a class, in shares of that of real ones.
      recognition: least share of a class that the judge recognizes.
    """

    diversity: float = 0.6
    recognition: float = 0.5


@dataclass(frozen=True, kw_only=True)
class ClassVerdict:
    """What the gate found of a class.

    Attributes:
      drawn: number of its images.
      passed: number of those that may be trained on.
      diversity: distance of two of them, in shares of that of real ones.
      recognition: share of them that the judge recognizes; None of images without classes.
      real_recognition: the same of real held-out images.
    """

    drawn: int
    passed: int
    diversity: float
    recognition: float | None
    real_recognition: float | None


@dataclass(frozen=True, kw_only=True)
class GateVerdict:
    """What the gate says of images.

    Attributes:
      reasons: why each image was turned away; None of one that passed.
      nearest: number of the nearest image of train in stored order, by pixels.
      closeness: distance of each image from it, in shares of what is usual among images of train.
      copy_limits: closeness up to which an image is a copy, by pixels and by features.
      classes: findings by class id.
      recognition: share of all images that the judge recognizes; None without classes.
    """

    reasons: tuple[str | None, ...]
    nearest: np.ndarray
    closeness: np.ndarray
    copy_limits: Mapping[str, float]
    classes: Mapping[int, ClassVerdict]
    recognition: float | None

    @property
    def passed(self) -> np.ndarray:
        """Whether each image may be trained on."""
        return np.array([reason is None for reason in self.reasons])

    @property
    def counts(self) -> dict[str, int]:
        """Number of images that were turned away, by reason."""
        return dict(Counter(reason for reason in self.reasons if reason is not None))


def examine(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    dataset: StoredDataset,
    target: str | None,
    judge: RealJudge,
    limits: Limits = Limits(),
) -> GateVerdict:
    """Returns what the gate says of images that were drawn.

    Args:
      images: uint8 `(N, H, W, C)`.
      labels: their intended class ids; 0 of images without classes.
      dataset: what the generator was trained on.
      target: name of its target with the classes; None without.
    """
    said, features = judge.look(images)
    close = _Closeness.of(dataset, target, judge)
    by_pixels, found = likeness.closeness(likeness.thumbnails(images), close.pixels)
    by_features, _ = likeness.closeness(features, close.features)
    copied = (by_pixels <= close.limits["pixels"]) | (by_features <= close.limits["features"])
    real = reference_of(dataset, target, judge)
    diversity = real.diversity(images, labels)
    known = judge.classes > 0
    reasons: list[str | None] = [None] * len(images)
    for each in np.unique(labels):
        own = np.flatnonzero(labels == each)
        right = said[own] == each
        whole = None
        if diversity[int(each)] < limits.diversity:
            whole = UNIFORM
        elif known and right.mean() < limits.recognition:
            whole = UNRECOGNIZED_CLASS
        for place, is_right in zip(own, right, strict=True):
            alone = STRANGE if known and not is_right else None
            reasons[place] = COPY if copied[place] else whole or alone
    return GateVerdict(
        reasons=tuple(reasons),
        nearest=found.place,
        closeness=by_pixels,
        copy_limits=close.limits,
        classes=_classes(labels, said, reasons, diversity, close.recognition),
        recognition=float((said == labels).mean()) if known else None,
    )


def _classes(
    labels: np.ndarray,
    said: np.ndarray,
    reasons: list[str | None],
    diversity: Mapping[int, float],
    real: Mapping[int, float],
) -> dict[int, ClassVerdict]:
    passed = np.array([reason is None for reason in reasons])
    known = bool(real)
    return {
        int(each): ClassVerdict(
            drawn=int((labels == each).sum()),
            passed=int(passed[labels == each].sum()),
            diversity=round(diversity[int(each)], 4),
            recognition=round(float((said == each)[labels == each].mean()), 4) if known else None,
            real_recognition=real.get(int(each)),
        )
        for each in np.unique(labels)
    }


@dataclass(frozen=True, kw_only=True)
class _Closeness:
    """Train as copies are looked for in it, and how near real images lie to it.

    Attributes:
      pixels, features: thumbnails and features of train, a row each.
      limits: closeness up to which an image is a copy, by name.
      recognition: share of held-out images of each class that the judge recognizes.
    """

    pixels: np.ndarray
    features: np.ndarray
    limits: Mapping[str, float]
    recognition: Mapping[int, float]

    @classmethod
    def of(cls, dataset: StoredDataset, target: str | None, judge: RealJudge) -> "_Closeness":
        pixels, features, said, labels = _seen(dataset, "train", target, judge, None)
        if dataset.has_samples("validation"):
            *held, said, labels = _seen(dataset, "validation", target, judge, _ASKED)
            apart = [
                likeness.closeness(rows, among)[0]
                for rows, among in zip(held, (pixels, features), strict=True)
            ]
        else:
            said, labels = said[:_ASKED], labels[:_ASKED]
            apart = [_among_themselves(rows) for rows in (pixels, features)]
        limits = [min(_NEAREST, float(np.quantile(each, _RARE))) for each in apart]
        right = {
            int(each): round(float((said == each)[labels == each].mean()), 4)
            for each in np.unique(labels)
        }
        return cls(
            pixels=pixels,
            features=features,
            limits=dict(zip(("pixels", "features"), limits, strict=True)),
            recognition=right if judge.classes else {},
        )


def _among_themselves(rows: np.ndarray) -> np.ndarray:
    """Returns the closeness of images of train to the others of it."""
    own = np.arange(min(len(rows), _ASKED))
    found: NearestRows = likeness.nearest(rows[own], rows, own=own)
    usual = likeness.nearest(rows[found.place], rows, own=found.place).distance
    apart: np.ndarray = found.distance / np.maximum(usual, 1e-6)
    return apart


def _seen(
    dataset: StoredDataset, split: str, target: str | None, judge: RealJudge, most: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns thumbnails, features, what the judge says, and class ids of a split."""
    parts = []
    for images, labels in real_images(dataset, split, target, most=most):
        said, features = judge.look(images)
        parts.append((likeness.thumbnails(images), features, said, labels))
    pixels, features, said, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    return pixels, features, said, labels


def to_json(verdict: GateVerdict, limits: Limits, class_names: tuple[str, ...]) -> dict[str, Any]:
    """Returns what a bank's note says of the gate, as JSON values."""
    return {
        "limits": {**asdict(limits), "copy": dict(verdict.copy_limits)},
        "recognition": verdict.recognition,
        "turned_away": verdict.counts,
        "classes": {
            class_names[each] if class_names else "": asdict(found)
            for each, found in verdict.classes.items()
        },
    }
