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

from dsbuilder.builtin.synth.files import picture, pictures, state_of
from dsbuilder.plugin import DataError

_HALF = 0.5


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

    def trimmed(self) -> Self:
        """Returns it without the rows and columns around it in which nothing of it is."""
        rows, columns = (np.flatnonzero(self.mask.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return self
        part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        return type(self)(colors=self.colors[part], alpha=self.alpha[part])

    def transformed(self, side: int, angle: float, *, mirrored: bool) -> Self:
        """Returns it mirrored, turned, and then so large that its longer side has a length.

        Args:
          side: pixels of the longer side, 1 or more.
          angle: degrees, counter-clockwise.
        """
        planes = np.dstack([self.colors, self.alpha])
        planes = planes[:, ::-1] if mirrored else planes
        if angle % 360:
            planes = _turned(np.ascontiguousarray(planes), angle)
        whole = type(self)(colors=planes[..., :3], alpha=planes[..., 3]).trimmed()
        scale = side / max(whole.size)
        height, width = (max(1, round(scale * each)) for each in whole.size)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        planes = np.dstack([whole.colors, whole.alpha])
        planes = cv2.resize(planes, (width, height), interpolation=way)
        return type(self)(colors=planes[..., :3], alpha=planes[..., 3].clip(0, 1))

    def softened(self, radius: float) -> Self:
        """Returns it with edges that fade inwards over a radius in pixels.

        What is thinner than the radius fades wholly, and is no more in the mask.
        """
        if not radius:
            return self
        margin = int(np.ceil(2 * radius))
        framed = np.pad(self.alpha, margin)  # what is beyond the array is nothing, and fades it too
        blurred = cv2.GaussianBlur(framed, (0, 0), radius)[margin:-margin, margin:-margin]
        share = (2 * blurred - 1).clip(0, 1)  # a straight edge is blurred to a half
        return type(self)(colors=self.colors * share[..., None], alpha=self.alpha * share)


def read(path: Path) -> Cutout:
    """Returns the object of a file, upright and trimmed; its arrays are not to be written to.

    Raises:
      DataError: it cannot be read, or is no cut-out: all of it is opaque, or nothing.
    """
    return _read(path, state_of(path))


@lru_cache(maxsize=8)
def _read(path: Path, state: object) -> Cutout:
    pixels = picture(path, "rgba")
    if not pixels[..., 3].any() or pixels[..., 3].all():
        found = "all opaque" if pixels[..., 3].all() else "wholly transparent"
        raise DataError(
            f"{path}: expected an object cut out, transparent pixels around it, found one that is "
            f"{found}. Cut it out, or remove it."
        )
    alpha = pixels[..., 3].astype(np.float32) / 255
    whole = Cutout(colors=pixels[..., :3] * alpha[..., None], alpha=alpha).trimmed()
    whole.colors.flags.writeable = whole.alpha.flags.writeable = False
    return whole


def listed(folder: Path, classes: tuple[str, ...] | None) -> dict[str, list[Path]]:
    """Returns the files of each class, a folder each, in order.

    Args:
      classes: names in id order; None takes those there are.

    Raises:
      ValueError: there is none, or a class has no file.
    """
    if not folder.is_dir():
        raise ValueError(f"objects: {folder}: no such folder. Check the path.")
    names = classes or sorted(each.name for each in folder.iterdir() if each.is_dir())
    found = {name: pictures(folder / name) for name in names}
    if not found:
        raise ValueError(f"objects: {folder} holds no folder of a class. Make one for each class.")
    empty = [name for name, files in found.items() if not files]
    if empty:
        raise ValueError(f"objects: there is no image in {folder / empty[0]}. Add one.")
    return found


def _turned(planes: np.ndarray, angle: float) -> np.ndarray:
    """Returns planes turned around their middle, on a canvas that holds all of them."""
    height, width = planes.shape[:2]
    side = int(np.ceil(np.hypot(height, width))) + 2
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    turned: np.ndarray = cv2.warpAffine(planes, matrix, (side, side), flags=cv2.INTER_LINEAR)
    return turned
