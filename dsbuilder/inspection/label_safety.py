"""What augmentation does to labels, judged from probes of variants; see `probing.py`.

Each question has one measure and one bound, both stated here. A class that a mirror or a turn makes
another is looked for among originals: each is mirrored and turned as one of its variants was, with
nothing else done to it, and the nearest other original is sought by the correlation of 16x16
pixels. It looks like the other class if that is where the nearest is, and as near as three of four
originals of that class have theirs. That counts as far as more do so than do unmoved, by the lower
end of an interval of 95 %.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from dsbuilder.inspection.probing import VariantLook, gray_of, turned
from dsbuilder.tasks import intervals

NEAR_LEVELS = 2.0
"""Mean difference in levels of 8 bits below which two images are near-identical."""
LEAST_LIKENESS = 0.25
"""Correlation with its original below which a variant is unrecognisable."""
LEAST_SHOWN = 0.2
"""Share of the original below which a variant shows hardly anything of it."""
MOST_TURN = 20.0
"""Degrees up to which a turn is taken to leave every class as it is."""
LEAST_MORE = 0.2
"""Share by which more come out as another class than do without a turn."""
_FEWEST = 8
_SIDE = 16


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Classes that a mirror or a turn makes others.

    Attributes:
      label, becomes: the class, and the one that its images come to look like.
      how: how they were moved, in words.
      of: number of originals of the class that were moved so.
      before: share of originals of the class that look like the other unmoved.
      probes: those that look like the other class, moved as they were.
    """

    label: str
    becomes: str
    how: str
    of: int
    before: float
    probes: tuple[VariantLook, ...]


def is_near(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images are near-identical; of different sizes, the second is resized."""
    if one.shape[2] != other.shape[2]:
        return False
    first, second = one.astype(np.float32), other.astype(np.float32)
    if first.shape != second.shape:
        height, width = first.shape[:2]
        second = cv2.resize(second, (width, height), interpolation=cv2.INTER_AREA)
        second = second.reshape(first.shape)
    levels = 1.0 if one.dtype == np.uint8 else 255.0 / max(float(first.max(initial=0.0)), 1e-9)
    return float(np.abs(first - second).mean()) * levels < NEAR_LEVELS


def is_unrecognisable(probe: VariantLook) -> bool:
    """Whether nothing of the original is seen, or what is seen is not like it."""
    if probe.likeness is not None:
        return abs(probe.likeness) < LEAST_LIKENESS
    return probe.shown == 0


def is_turned(probe: VariantLook) -> bool:
    """Whether a variant is mirrored, or turned by more than leaves a class as it is."""
    if probe.mirrored is None or probe.angle is None:
        return False
    return probe.mirrored or abs(probe.angle) > MOST_TURN


def most_telling(probes: Sequence[VariantLook], chosen: Sequence[VariantLook]) -> str | None:
    """Returns the stage whose share among chosen variants exceeds that among the others most."""
    among = Counter(stage for each in chosen for stage in each.stages)
    all_of = Counter(stage for each in probes for stage in each.stages)
    others = len(probes) - len(chosen)

    def lift(stage: str) -> float:
        rest = (all_of[stage] - among[stage]) / others if others else 0.0
        return among[stage] / len(chosen) - rest

    found = [stage for stage, count in among.items() if count > len(chosen) / 2]
    return max(found, key=lift, default=None)


def turned_classes(
    images: Mapping[str, np.ndarray], labels: Mapping[str, str], probes: Sequence[VariantLook]
) -> list[Turn]:
    """Returns which classes a mirror or a turn makes others; see this module's docstring.

    Args:
      images: originals `(H, W, C)` as they are stored, by the keys of their records.
      labels: their classes.
    """
    moves = [each for each in probes if is_turned(each) and each.root in labels]
    keys = [key for key in images if key in labels]
    if len({labels[key] for key in keys}) < 2 or not moves:
        return []
    album = _Album([labels[key] for key in keys], np.stack([_features(images[k]) for k in keys]))
    place = {key: index for index, key in enumerate(keys)}
    likes = album.looks_like(album.features, range(len(keys)))
    before = Counter(zip(album.names, likes, strict=True))
    moved = np.stack([_features(_moved(images[each.root], each)) for each in moves])
    after = album.looks_like(moved, [place[each.root] for each in moves])
    came: dict[tuple[str, str], dict[str, list[VariantLook]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for each, other in zip(moves, after, strict=True):
        came[how_moved(each), labels[each.root]][other].append(each)
    size = Counter(album.names)
    found = [
        Turn(
            label=label,
            becomes=other,
            how=how,
            of=sum(map(len, others.values())),
            before=before[label, other] / size[label],
            probes=tuple(those),
        )
        for (how, label), others in came.items()
        for other, those in others.items()
        if other not in ("", label)
    ]
    return sorted(filter(_is_more, found), key=lambda each: -len(each.probes) / each.of)


def _is_more(turn: Turn) -> bool:
    count = len(turn.probes)
    interval = intervals.wilson(count, turn.of)
    return (
        turn.of >= _FEWEST
        and count / turn.of >= turn.before + LEAST_MORE
        and interval is not None
        and interval.low > turn.before + LEAST_MORE / 2
    )


def how_moved(probe: VariantLook) -> str:
    """Says how a variant is mirrored or turned."""
    quarter = round((probe.angle or 0.0) / 90) % 4
    if probe.mirrored:
        return ("in a mirror", _AROUND, "upside down", _AROUND)[quarter]
    return ("turned a little", "turned by about 90 degrees", "turned by about 180 degrees")[
        min(quarter, 4 - quarter)
    ]


_AROUND = "in a mirror, turned by about 90 degrees"


def _moved(image: np.ndarray, probe: VariantLook) -> np.ndarray:
    angle = probe.angle or 0.0
    quarter = 90.0 * round(angle / 90)  # markers are a little off
    angle = quarter if abs(angle - quarter) < 2 else angle
    return turned(image, mirrored=bool(probe.mirrored), angle=angle)


def _features(image: np.ndarray) -> np.ndarray:
    """Returns 16x16 pixels as a vector whose products are correlations."""
    small = cv2.resize(gray_of(image), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).ravel()
    small = small - small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6))


@dataclass(frozen=True)
class _Album:
    """Originals: their classes, and their features `(N, 256)`."""

    names: Sequence[str]
    features: np.ndarray

    @cached_property
    def _usual(self) -> Mapping[str, float]:
        """How near three of four originals of a class have another one of it."""
        found: dict[str, float] = {}
        names = np.array(self.names)
        for name in set(self.names):
            own = self.features[names == name]
            alike = own @ own.T
            np.fill_diagonal(alike, -np.inf)
            nearest = alike.max(axis=1)
            found[name] = float(np.quantile(nearest, 0.25)) if len(own) > 1 else 1.0
        return found

    def looks_like(self, asked: np.ndarray, own: Sequence[int]) -> list[str]:
        """Returns the class that each looks like, empty for none.

        Args:
          asked: features `(M, 256)`.
          own: place of the original that each is, or is made of; it does not count.
        """
        alike = asked @ self.features.T
        alike[np.arange(len(asked)), list(own)] = -np.inf
        places = alike.argmax(axis=1)
        names = [self.names[place] for place in places]
        near = alike[np.arange(len(asked)), places]
        return [
            name if each >= self._usual[name] - 1e-6 else ""
            for name, each in zip(names, near.tolist(), strict=True)
        ]
