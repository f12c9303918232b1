"""Pictures within an even frame, or between even bars, among others that have none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.plugin import Finding, Inspector, Seen, View, inspector

_LEAST_SIDE = 64
_EVEN, _EDGE = 10, 16
_STRAIGHT = 0.6
_WITH_ALPHA, _OPAQUE = (2, 4), 255
_SOFT, _MOST_SOFT = 32, 6
"""A JPEG blurs an edge by its blocks: over a 32nd of the side, and at most 6 pixels."""
_LEAST_INSIDE = 0.2
_MOST_FRAMED = 0.2

Frame = tuple[int, int, int, int]
"""Pixels of a frame at the top, the bottom, the left and the right."""


@inspector("framed")
@dataclass(frozen=True, kw_only=True)
class Framed(Inspector):
    """Finds pictures within a white or other even frame, and between bars as of films.

    A frame is of even rows and columns along two opposite sides at least, all of one gray value to
    10 levels, and ends in straight edges: a thing on an even ground has none, nor has a picture of
    transparent parts. Where a fifth of the set or more has a frame, that is how these pictures are,
    and no finding.

    Attributes:
      above: share of the image that the frame takes, in [0, 1).
    """

    above: float = 0.02
    advice: ClassVar[str] = "Cut the frame off, or leave the image out."

    def __post_init__(self) -> None:
        if not 0 <= self.above < 1:
            raise ValueError(f"above: expected a number in [0, 1), found {self.above:g}.")

    def measure(self, view: View) -> tuple[Frame, float] | None:
        """Returns the frame of a picture that has one, and its share of the image."""
        if view.image is None or view.gray is None or min(view.gray.shape) < _LEAST_SIDE:
            return None
        if view.image.shape[2] in _WITH_ALPHA and int(view.image[..., -1].min()) < _OPAQUE:
            return None
        frame = _frame(view.gray)
        height, width = view.gray.shape
        top, bottom, left, right = frame
        inside = (height - top - bottom) * (width - left - right) / view.gray.size
        is_whole = (top and bottom) or (left and right)
        return (frame, 1 - inside) if is_whole and 1 - inside > self.above else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the framed pictures, where most have no frame."""
        found = list(seen.measured())
        if len(found) >= _MOST_FRAMED * len(seen.records):
            return
        for record, (frame, share) in found:
            sides = ", ".join(map(str, frame))
            yield Finding(
                key=record.key,
                text=f"an even frame of {sides} pixels (top, bottom, left, right)",
                value=round(share, 4),
                threshold=self.above,
            )


def _frame(gray: np.ndarray) -> Frame:
    """Returns the frame of an image; zeros if it has none.

    Args:
      gray: `(H, W)` uint8.
    """
    turned = (gray, gray[::-1], gray.T, gray.T[::-1])
    top, bottom, left, right = depths = [_depth(each) for each in turned]
    height, width = gray.shape
    inside = (height - top - bottom) * (width - left - right)
    if inside < _LEAST_INSIDE * gray.size or min(height - top - bottom, width - left - right) < 1:
        return 0, 0, 0, 0
    sides = list(zip(turned, depths, strict=True))
    colors = [float(np.median(each[0])) for each, depth in sides if depth]
    if not colors or max(colors) - min(colors) > _EVEN:
        return 0, 0, 0, 0
    within = (slice(left, width - right),) * 2 + (slice(top, height - bottom),) * 2
    straight = all(
        _is_straight(each[:, across], depth)
        for (each, depth), across in zip(sides, within, strict=True)
        if depth
    )
    return (top, bottom, left, right) if straight else (0, 0, 0, 0)


def _depth(rows: np.ndarray) -> int:
    """Returns how many rows from the first on are of its value."""
    color = int(np.median(rows[0]))
    low, high = max(0, color - _EVEN), min(255, color + _EVEN)
    differ = ((rows < low) | (rows > high)).any(axis=1)
    return int(np.argmax(differ)) if differ.any() else len(rows)


def _is_straight(rows: np.ndarray, depth: int) -> bool:
    """Whether most of what follows a frame begins at once."""
    color = float(np.median(rows[0]))
    soft = min(_MOST_SOFT, len(rows) // _SOFT)
    next_rows = rows[depth : depth + 1 + soft].astype(np.int16)
    return float((np.abs(next_rows - color) > _EDGE).any(axis=0).mean()) >= _STRAIGHT
