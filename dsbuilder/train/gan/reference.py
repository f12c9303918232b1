"""What real images are like, by which snapshots are compared: of validation, as far as it goes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsbuilder.dataset import StoredDataset
from dsbuilder.seeding import generator
from dsbuilder.train.gan import likeness
from dsbuilder.train.gan.judge import RealJudge, real_images
from dsbuilder.train.gan.likeness import Cloud

_MOST = 2000
_LEAST = 10
"""Images of a class that validation must have; of fewer, those of train count as well."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What real images are like.

    Attributes:
      clouds: where the features of each class lie.
      scale: deviation of each feature over all images.
      spread: mean distance of two images of each class, of their thumbnails.
      recognized: share of images whose class the judge says; None of images without classes.
    """

    clouds: dict[int, Cloud]
    scale: np.ndarray
    spread: Mapping[int, float]
    recognized: float | None

    def measured(
        self, judge: RealJudge, images: np.ndarray, labels: np.ndarray
    ) -> dict[str, float]:
        """Returns what generated images are like, by name.

        `distance` is that of features, `diversity` the distance of two images of a class in shares
        of that of real ones, `recognition` the share of images whose intended class the judge says.
        """
        said, features = judge.look(images)
        found = {
            "distance": likeness.distance(
                self.clouds, likeness.clouds(features, labels), self.scale
            ),
            "diversity": float(np.mean(list(self.diversity(images, labels).values()))),
        }
        recognized = {"recognition": float((said == labels).mean())} if judge.classes else {}
        return {**found, **recognized}

    def diversity(self, images: np.ndarray, labels: np.ndarray) -> dict[int, float]:
        """Returns the distance of two images of each class, in shares of that of real ones."""
        found = spreads(images, labels)
        return {
            each: own / self.spread[each] if self.spread.get(each) else 1.0
            for each, own in found.items()
        }


def spreads(images: np.ndarray, labels: np.ndarray) -> dict[int, float]:
    """Returns the mean distance of two images of each class."""
    rows, rng = likeness.thumbnails(images), generator("spread")
    return {int(each): likeness.spread(rows[labels == each], rng) for each in np.unique(labels)}


def reference_of(dataset: StoredDataset, target: str | None, judge: RealJudge) -> Reference:
    """Returns what the real images of a dataset are like."""
    images, labels = _gathered(dataset, target)
    said, features = judge.look(images)
    return Reference(
        clouds=likeness.clouds(features, labels),
        scale=features.std(axis=0),
        spread=spreads(images, labels),
        recognized=float((said == labels).mean()) if judge.classes else None,
    )


def _gathered(dataset: StoredDataset, target: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of validation, and of train of those classes that it has few of."""
    parts = []
    if dataset.has_samples("validation"):
        parts += list(real_images(dataset, "validation", target, most=_MOST))
    names = dataset.signature.targets[target].class_names if target else ("",)
    counts = np.zeros(len(names), np.int64)
    for _, labels in parts:
        counts += np.bincount(labels, minlength=len(names))
    if (counts < _LEAST).any():
        for images, labels in real_images(dataset, "train", target, most=_MOST):
            few = counts[labels] < _LEAST
            parts.append((images[few], labels[few]))
    images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    return images, labels
