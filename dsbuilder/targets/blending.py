"""What a model says of the pixels of overlapping windows, averaged and decided.

Near the edge of a window a model sees less around a pixel, so what it says counts less there: each
pixel counts by its distance from the window's seams, up to a limit. Windows come row by row, so no
more is held than the rows that later ones may still add to, however large the image is.
"""

import numpy as np

from dsbuilder.errors import PluginError
from dsbuilder.sample import Window
from dsbuilder.targets import joining

_MOST = 64
"""Pixels from a seam beyond which it does not matter how far it is."""


class MaskBlender:
    """Blends numbers of classes of windows into class ids of the whole image.

    Args:
      size: (height, width) of the image.
      classes: number of classes.
      outside: id of what no window shows.
    """

    def __init__(self, size: tuple[int, int], classes: int, *, outside: int = 0) -> None:
        self._ids = np.full(size, outside, np.uint8)
        self._classes = classes
        self._top = 0  # rows above are decided
        self._sums = np.zeros((0, size[1], classes), np.float32)
        self._seen = np.zeros((0, size[1]), bool)

    def add(self, window: Window, numbers: np.ndarray) -> None:
        """Adds a window, none of which begins above one that was added before.

        Args:
          numbers: float `(h, w, classes)` of the window, the larger the likelier; all 0 where
            nothing is said.

        Raises:
          PluginError: it begins above what is decided.
        """
        top, left, height, width = window.inside
        if top < self._top:
            raise PluginError(f"expected windows row by row, found one at {top} after {self._top}.")
        self._decide(top)
        self._reach(top + height)
        weight = np.minimum(joining.depth(window), _MOST).astype(np.float32)
        place = slice(top - self._top, top - self._top + height), slice(left, left + width)
        self._sums[place] += numbers[:height, :width] * weight[:, :, None]
        self._seen[place] |= numbers[:height, :width].any(axis=2)

    def finish(self) -> np.ndarray:
        """Returns the ids of all pixels, uint8 `(H, W)`."""
        self._decide(len(self._ids))
        return self._ids

    def _decide(self, top: int) -> None:
        """Decides the rows above one, to which nothing is added any more."""
        count = min(top - self._top, len(self._sums))
        if count > 0:
            rows = self._ids[self._top : self._top + count]
            seen = self._seen[:count]
            rows[seen] = self._sums[:count].argmax(axis=2)[seen]
            self._sums, self._seen = self._sums[count:].copy(), self._seen[count:].copy()
        self._top = max(self._top, top)

    def _reach(self, bottom: int) -> None:
        """Makes room for rows down to one."""
        more = bottom - self._top - len(self._sums)
        if more > 0:
            width = self._ids.shape[1]
            room = np.zeros((more, width, self._classes), np.float32)
            self._sums = np.concatenate([self._sums, room])
            self._seen = np.concatenate([self._seen, np.zeros((more, width), bool)])
