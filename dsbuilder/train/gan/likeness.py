"""How like generated images are to real ones, and to each other; numpy alone.

Distances of pixels are those of thumbnails of 32 pixels at most, as the root mean square over all
values in [0, 255]; distances of features are Euclidean.
"""

from dataclasses import dataclass

import numpy as np

from dsbuilder.images.scale import resize

THUMBNAIL = 32
_ROWS = 1024
_PAIRS = 2000
_LEAST = 1e-6


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Returns images as rows of float32, `(N, P)`, shrunk so that no side is above 32 pixels."""
    height, width = images.shape[1:3]
    longer = max(height, width)
    if longer > THUMBNAIL:
        size = tuple(max(1, round(side * THUMBNAIL / longer)) for side in (height, width))
        images = np.stack([resize(each, (size[0], size[1])) for each in images])
    return images.reshape(len(images), -1).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class NearestRows:
    """The nearest of some rows to each of others.

    Attributes:
      place: its number, int64 `(N,)`.
      distance: its distance, float32 `(N,)`; infinite where there is none.
    """

    place: np.ndarray
    distance: np.ndarray


def nearest(rows: np.ndarray, among: np.ndarray, *, own: np.ndarray | None = None) -> NearestRows:
    """Returns the nearest of `among` to each row, by the root mean square of what differs.

    Args:
      own: for each row its own number among those, which does not count; None where it has none.
    """
    place = np.zeros(len(rows), np.int64)
    squared = np.full(len(rows), np.inf, np.float64)
    lengths = np.einsum("ij,ij->i", among, among, dtype=np.float64)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        at = np.arange(len(part))
        apart = lengths - 2.0 * (part @ among.T)
        if own is not None:
            apart[at, own[start : start + _ROWS]] = np.inf
        found = apart.argmin(axis=1)
        place[start : start + _ROWS] = found
        # Anew from the difference: what is left of two large numbers is not exact near 0.
        exact = np.square(part - among[found], dtype=np.float64).mean(axis=1)
        alone = np.isinf(apart[at, found])
        squared[start : start + _ROWS] = np.where(alone, np.inf, exact)
    return NearestRows(place=place, distance=np.sqrt(squared).astype(np.float32))


def closeness(rows: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, NearestRows]:
    """Returns how near each row is to its nearest of train, in shares of what is usual there.

    What is usual is how far that one is from the nearest other of train (after Alaa et al., "How
    faithful is your synthetic data?", 2022): where real images lie close together, so may others.
    """
    found = nearest(rows, train)
    of_train, back = np.unique(found.place, return_inverse=True)
    usual = nearest(train[of_train], train, own=of_train).distance[back]
    return found.distance / np.maximum(usual, _LEAST), found


def spread(rows: np.ndarray, rng: np.random.Generator) -> float:
    """Returns the mean distance of two rows, from random pairs; 0 of fewer than two."""
    if len(rows) < 2:
        return 0.0
    one = rng.integers(0, len(rows), _PAIRS)
    other = (one + rng.integers(1, len(rows), _PAIRS)) % len(rows)
    squared = np.square(rows[one] - rows[other], dtype=np.float64).mean(axis=1)
    return float(np.sqrt(squared).mean())


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Where features of one class lie.

    Attributes:
      share: share of all images that are of the class.
      mean, deviation: mean and deviation of each feature.
    """

    share: float
    mean: np.ndarray
    deviation: np.ndarray


def clouds(features: np.ndarray, labels: np.ndarray) -> dict[int, Cloud]:
    """Returns the cloud of each class."""
    return {
        int(each): Cloud(
            share=float((labels == each).mean()),
            mean=features[labels == each].mean(axis=0),
            deviation=features[labels == each].std(axis=0),
        )
        for each in np.unique(labels)
    }


def distance(real: dict[int, Cloud], found: dict[int, Cloud], scale: np.ndarray) -> float:
    """Returns how far clouds of generated images are from those of real ones, class by class.

    It is the Fréchet distance of Gaussians whose features do not hang together, which a class of
    few images can still tell, in units of `scale` and the mean over features; so it grows when
    images are of another class, when they are unlike any, and when they are too much alike.

    Args:
      scale: deviation of each feature over all real images.
    """
    total, shares = 0.0, 0.0
    unit = np.maximum(scale, _LEAST + 0.01 * scale.max(initial=0.0))
    for each, own in real.items():
        if each in found:
            moved = (own.mean - found[each].mean) / unit
            spread_ = (own.deviation - found[each].deviation) / unit
            total += own.share * float((moved**2 + spread_**2).mean())
            shares += own.share
    return total / shares if shares else float("inf")
