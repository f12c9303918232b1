"""Boxes of no area."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dsbuilder.plugin import Boxes, Finding, Inspector, Instances, Seen, View, inspector


@inspector("flat_box")
@dataclass(frozen=True, kw_only=True)
class FlatBox(Inspector):
    """Finds boxes that hold next to nothing: slips of the mouse, corners that are exchanged.

    Attributes:
      pixels: how wide and how high a box should be at least, in pixels of its image; above 0.
    """

    pixels: float = 1.0
    advice: ClassVar[str] = "Remove the box, or draw it again."

    def __post_init__(self) -> None:
        if self.pixels <= 0:
            raise ValueError(f"pixels: expected more than 0, found {self.pixels:g}.")

    def measure(self, view: View) -> tuple[int, float] | None:
        """Returns how many boxes of a record are flat, and the shortest side in pixels."""
        sets = [boxes for _, _, boxes in view.values(Boxes)]
        sets += [objects.boxes for _, _, objects in view.values(Instances)]
        if not sum(map(len, sets)) or view.image is None:
            return None
        height, width = view.image.shape[:2]
        corners = np.concatenate([boxes.corners for boxes in sets])
        sides = (corners[:, 2:] - corners[:, :2]) * (width, height)
        shortest = sides.min(axis=1)
        count = int((shortest < self.pixels).sum())
        return (count, round(float(shortest.min()), 3)) if count else None

    def judge(self, seen: Seen) -> Iterator[Finding]:
        """Yields the records that have such a box."""
        for record, (count, side) in seen.measured():
            boxes = "box has a side" if count == 1 else "boxes have sides"
            text = f"{count} {boxes} of at most {side:g} pixels"
            yield Finding(key=record.key, text=text, value=side, threshold=self.pixels)
