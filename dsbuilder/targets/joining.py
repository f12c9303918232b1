"""Objects that lie in several windows of one image, put together again.

Windows overlap, so one object may be seen whole in two of them, and cut in as many as it reaches
into. Two objects of different windows are one where **each, cut to the other's window, is the
same**: then both show what there is where both can see it. How far they must agree is an
intersection over union; of windows that only touch, what lies along the seam counts.

So labels that were cut come together exactly, and the answers of a detector, which differ a little
from window to window, by a lower share.
"""

from collections.abc import Callable, Sequence

import numpy as np

from dsbuilder.disjoint_sets import DisjointSets
from dsbuilder.sample import Window

LABELS, ANSWERS = 0.9, 0.5
"""How far objects must agree to be one: labels that were cut, and what a model said."""

_SLACK = 1.0
"""Pixels by which an object that ends at a seam may miss it."""

Corners = np.ndarray
"""float64 `(n, 4)`: x_min, y_min, x_max, y_max in pixels of the whole image."""


def in_image(corners: np.ndarray, window: Window) -> Corners:
    """Returns boxes, shares of a window's sides, in pixels of the whole image."""
    top, left, height, width = window.box
    tall, wide = window.image
    scale = np.array([width, height, width, height], np.float64)
    placed = np.asarray(corners, np.float64).reshape(-1, 4) * scale + [left, top, left, top]
    whole: Corners = placed.clip(0, [wide, tall, wide, tall])
    return whole


def seams(corners: Corners, window: Window) -> np.ndarray:
    """Returns whether a box ends at an edge of its window that is none of the image's, `(n,)`."""
    low, high = _ends(window)
    tall, wide = window.image
    at_low = (corners[:, :2] <= low + _SLACK) & (low > 0)
    at_high = (corners[:, 2:] >= high - _SLACK) & (high < [wide, tall])
    return np.asarray((at_low | at_high).any(axis=1))


def groups(
    classes: Sequence[np.ndarray],
    windows: Sequence[Window],
    agree: Callable[[int, int], np.ndarray],
    least: float,
) -> list[list[tuple[int, int]]]:
    """Returns which objects are one: lists of (window, place in it), in the order of the first.

    Args:
      classes: ids of the objects of each window.
      agree: returns for two windows how far their objects agree, `(n, m)` in [0, 1].
      least: share from which on two are one.
    """
    sets: DisjointSets[tuple[int, int]] = DisjointSets()
    for at, own in enumerate(classes):
        for place in range(len(own)):
            sets.root((at, place))
    for one, other in _meeting(windows, [at for at, own in enumerate(classes) if len(own)]):
        alike = classes[one][:, None] == classes[other]
        for first, second in np.argwhere((agree(one, other) >= least) & alike).tolist():
            sets.join((one, first), (other, second))
    return [sorted(each) for each in sets.groups()]


def agreement(one: Corners, other: Corners, windows: tuple[Window, Window]) -> np.ndarray:
    """Returns how far boxes of two windows are the same where both windows see, `(n, m)`."""
    low, high = _common(*windows)
    first, second = _clipped(one, low, high)[:, None], _clipped(other, low, high)[None]
    is_seam = high <= low  # an axis along which the windows only touch
    begins = np.maximum(first[..., :2], second[..., :2])
    ends = np.minimum(first[..., 2:], second[..., 2:])
    common = np.where(is_seam, 1.0, (ends - begins).clip(0)).prod(axis=-1)
    areas = [
        np.where(is_seam, 1.0, each[..., 2:] - each[..., :2]).prod(axis=-1)
        for each in (first, second)
    ]
    either = areas[0] + areas[1] - common
    reached = _reaches(one, low, high)[:, None] & _reaches(other, low, high)[None]
    share: np.ndarray = np.where(reached & (either > 0), common / np.maximum(either, 1e-12), 0.0)
    return share


def _common(one: Window, other: Window) -> tuple[np.ndarray, np.ndarray]:
    """Returns the (x, y) at which what two windows have in common begins and ends."""
    (low, high), (other_low, other_high) = _ends(one), _ends(other)
    return np.maximum(low, other_low), np.minimum(high, other_high)


def _ends(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Returns the (x, y) at which a window begins and ends in its image."""
    top, left, height, width = window.inside
    return np.array([left, top], np.float64), np.array([left + width, top + height], np.float64)


def _meeting(windows: Sequence[Window], places: Sequence[int]) -> list[tuple[int, int]]:
    """Returns the pairs of some of the windows that overlap or touch, the earlier one first."""
    if not places:
        return []
    low, high = (
        np.stack(each) for each in zip(*(_ends(windows[at]) for at in places), strict=True)
    )
    met = (np.minimum(high[:, None], high) >= np.maximum(low[:, None], low)).all(axis=-1)
    pairs = np.argwhere(np.triu(met, 1)).tolist()
    return [(places[one], places[other]) for one, other in pairs]


def _clipped(corners: Corners, low: np.ndarray, high: np.ndarray) -> Corners:
    bounds = np.concatenate([low, low]), np.concatenate([high, high])
    clipped: Corners = corners.clip(*bounds)
    return clipped


def _reaches(corners: Corners, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Returns whether boxes have a part of the area from `low` to `high`, `(n,)`."""
    slack = np.where(high - low <= 0, _SLACK, 0.0)
    begins, ends = corners[:, :2] < high + slack, corners[:, 2:] > low - slack
    return np.asarray((begins & ends).all(axis=1))


def overlap(one: np.ndarray, other: np.ndarray, first: Window, second: Window) -> float:
    """Returns how far two masks of windows are the same where both windows see, in [0, 1].

    Of windows that only touch, the lines of pixels on both sides of the seam are compared.

    Args:
      one, other: bool `(H, W)`, each of the size of its window.
    """
    low, high = (each.astype(np.int64) for each in _common(first, second))
    parts = []
    for mask, window in ((one, first), (other, second)):
        begins, ends = (each.astype(np.int64) for each in _ends(window))
        start, stop = low - begins, high - begins
        for axis in np.flatnonzero(high <= low):  # the last line before a seam, or the first after
            start[axis] = 0 if begins[axis] == low[axis] else ends[axis] - begins[axis] - 1
            stop[axis] = start[axis] + 1
        parts.append(mask[start[1] : stop[1], start[0] : stop[0]])
    either = np.count_nonzero(parts[0] | parts[1])
    share = np.count_nonzero(parts[0] & parts[1]) / either if either else 0.0
    return 1.0 if (high <= low).any() and share >= ANSWERS else share  # no pixel is in both


def depth(window: Window) -> np.ndarray:
    """Returns how far each pixel of a window in its image lies from the seams, 1 or more, uint16.

    Edges of the image are no seams: beyond them there is nothing that another window would show.
    """
    top, left, height, width = window.inside
    down = _from_seams(height, top > 0, top + height < window.image[0])
    across = _from_seams(width, left > 0, left + width < window.image[1])
    return np.asarray(np.minimum(down[:, None], across))


def _from_seams(length: int, before: bool, after: bool) -> np.ndarray:  # noqa: FBT001
    farthest = np.full(length, np.iinfo(np.uint16).max, np.int64)
    if before:
        farthest = np.minimum(farthest, np.arange(length) + 1)
    if after:
        farthest = np.minimum(farthest, length - np.arange(length))
    return farthest.astype(np.uint16)
