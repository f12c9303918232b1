"""Cut-out objects: read with their alpha, resized, turned and laid on an image with soft edges.

Colors are held multiplied by alpha, so that resizing and turning mix no color of transparent
pixels, which nobody sees and which is often black, into the edge.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from dsbuilder.builtin.synth.files import Pictures, is_hidden, picture, state_of
from dsbuilder.builtin.synth.planes import turned
from dsbuilder.images.bit_planes import bounds
from dsbuilder.plugin import DataError

_HALF = 0.5
_LEAST = 128
"""Alpha, of 255, of a pixel that is more of an object than of what lies behind."""
_FINER = 2
"""What an object is held and turned in, in times of the side that it is to have."""


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """An object without what was around it.

    Attributes:
      colors: float32 `(H, W, 3)` in [0, 255], multiplied by alpha.
      alpha: float32 `(H, W)` in [0, 1].
    """

    colors: np.ndarray
    alpha: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.alpha.shape
        return height, width

    @property
    def mask(self) -> np.ndarray:
        """The pixels that are more of it than of what lies behind, bool `(H, W)`."""
        covered: np.ndarray = self.alpha >= _HALF
        return covered

    @classmethod
    def of(cls, planes: np.ndarray) -> Self:
        """Returns it of planes `(H, W, 4)` of its colors, multiplied by alpha, and its alpha.

        Args:
          planes: uint8, or float32 in [0, 255].
        """
        held = planes.astype(np.float32)
        return cls(colors=held[..., :3], alpha=(held[..., 3] / 255).clip(0, 1))

    @property
    def _planes(self) -> np.ndarray:
        return np.dstack([self.colors, self.alpha * 255])

    def trimmed(self) -> Self:
        """Returns it without the rows and columns around it in which nothing of it is."""
        found = bounds(self.mask)
        if found is None:
            return self
        left, top, right, bottom = found
        part = (slice(top, bottom), slice(left, right))
        return type(self)(colors=self.colors[part], alpha=self.alpha[part])

    def transformed(self, side: int, angle: float, *, mirrored: bool) -> Self:
        """Returns it mirrored, turned, and then so large that its longer side has a length.

        Args:
          side: pixels of the longer side, 1 or more.
          angle: degrees, counter-clockwise.
        """
        planes = self._planes[:, ::-1] if mirrored else self._planes
        if angle % 360:
            planes = turned(shrunk(np.ascontiguousarray(planes), _FINER * side), angle)
        whole = type(self).of(planes).trimmed()
        return type(self).of(_resized(whole._planes, side / max(whole.size)))

    def softened(self, radius: float) -> Self:
        """Returns it with edges that fade inwards over a radius in pixels.

        What is thinner than the radius fades wholly, and is no more in the mask. How far one sees
        through what is within the edges stays as it is.
        """
        if not radius:
            return self
        margin = int(np.ceil(2 * radius))
        framed = np.pad(self.mask.astype(np.float32), margin)  # beyond the array is nothing
        blurred = cv2.GaussianBlur(framed, (0, 0), radius)[margin:-margin, margin:-margin]
        share = (2 * blurred - 1).clip(0, 1)  # a straight edge is blurred to a half
        return type(self)(colors=self.colors * share[..., None], alpha=self.alpha * share)


def shrunk(planes: np.ndarray, most: int) -> np.ndarray:
    """Returns planes whose longer side is at most so many pixels."""
    longer = max(planes.shape[:2])
    return planes if longer <= most else _resized(planes, most / longer)


def _resized(planes: np.ndarray, scale: float) -> np.ndarray:
    height, width = (max(1, round(scale * each)) for each in planes.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized: np.ndarray = cv2.resize(planes, (width, height), interpolation=way)
    return resized


def read(path: Path, side: int) -> Cutout:
    """Returns the object of a file, upright and trimmed.

    Args:
      side: pixels of the longest side that it is asked for in; it is kept no larger than is needed
        for that, since photographs are.

    Raises:
      DataError: it cannot be read, or is no cut-out: nothing of it is transparent, or nothing is
        more of it than of what lies behind.
    """
    return Cutout.of(_read(path, _FINER * side, state_of(path)))


@lru_cache(maxsize=16)
def _read(path: Path, most: int, state: object) -> np.ndarray:
    pixels = picture(path, "rgba")
    alpha = pixels[..., 3]
    found = bounds(alpha >= _LEAST)
    if found is None or alpha.all():
        seen = f"no alpha of {_LEAST} or more" if found is None else "no transparent pixel"
        raise DataError(
            f"{path}: expected an object cut out, transparent pixels around it, found {seen}. "
            "Cut it out, or remove it."
        )
    left, top, right, bottom = found
    part = pixels[top:bottom, left:right]
    shares = np.repeat(part[..., 3:], 3, axis=2)
    colors = cv2.multiply(np.ascontiguousarray(part[..., :3]), shares, scale=1 / 255)
    return shrunk(np.dstack([colors, part[..., 3]]), most)


def listed(folder: Path, classes: tuple[str, ...] | None) -> dict[str, Pictures]:
    """Returns the files of each class, a folder each.

    Args:
      classes: names in id order; None takes those there are, without hidden ones.

    Raises:
      ValueError: there is none, or a class has no file.
    """
    if not folder.is_dir():
        raise ValueError(f"objects: {folder}: no such folder. Check the path.")
    if classes is None:
        folders = (each for each in folder.iterdir() if each.is_dir() and not is_hidden(each))
        classes = tuple(sorted(each.name for each in folders))
    elif not classes:
        raise ValueError("classes: at least one is needed. Name one, or leave the option out.")
    if not classes:
        raise ValueError(f"objects: {folder} holds no folder of a class. Make one for each class.")
    found = {name: Pictures.of(folder / name) for name in classes}
    empty = [name for name, files in found.items() if not files.names]
    if empty:
        raise ValueError(f"objects: there is no image in {folder / empty[0]}. Add one.")
    return found
