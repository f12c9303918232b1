"""Tiles -> whole images: pixels and labels as they were cut, or what a model says of each tile.

Which image a tile is of and where it lies its key says (`format.py`), so nothing else is needed;
tiles may come in any order. How values of windows come together, their kinds say
(`targets/joining.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from dsbuilder.layouts.tiles import format as tiles
from dsbuilder.plugin import Boxes, BoxSet, DataError, Mask, Sample, Target, Window
from dsbuilder.targets.blending import MaskBlender

AnyValue = TypeVar("AnyValue")
Size = tuple[int, int]

_AGREE = 0.5


@dataclass(frozen=True, kw_only=True)
class JoinedBoxes:
    """What a detector found in a whole image.

    Attributes:
      corners: float32 `(n, 4)`, x_min, y_min, x_max, y_max as shares of the image's sides.
      classes: int64 `(n,)`, class ids.
      scores: float32 `(n,)`.
    """

    corners: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


def join_tiles(
    samples: Iterable[Sample],
    targets: Mapping[str, Target],
    *,
    sizes: Mapping[str, Size] | None = None,
) -> list[Sample]:
    """Returns the images of tiles, whole again with their labels, sorted by key.

    A box, an instance or an object of keypoints that several tiles show is one again; what no tile
    shows is black, and of masks what they ignore, else 0. Variants of tiles are passed over.

    Args:
      samples: tiles of any number of images, as `Dataset.samples` yields them; of the size that
        they were cut to.
      targets: kinds of their targets by name, such as `dataset.signature.targets`.
      sizes: (height, width) of images by their keys; by default what their tiles reach to.

    Raises:
      DataError: a key is not of a tile, or a tile is of another size than its key says.
    """
    found = _Parts[Sample]()
    for sample in samples:
        if "//" not in sample.key:
            found.add(sample.key, sample, sample.image.shape[:2])
    joined = []
    for key, windows, parts in found.images(sizes or {}):
        whole = np.zeros((*windows[0].image, *parts[0].image.shape[2:]), parts[0].image.dtype)
        for window, part in zip(windows, parts, strict=True):
            top, left, height, width = window.inside
            whole[top : top + height, left : left + width] = part.image[:height, :width]
        values = {
            name: kind.joined([part.targets[name] for part in parts], windows)
            for name, kind in targets.items()
        }
        joined.append(parts[0].replace(key=key, image=whole, targets=values))
    return joined


def join_masks(
    found: Mapping[str, np.ndarray], *, sizes: Mapping[str, Size] | None = None
) -> dict[str, np.ndarray]:
    """Returns what a model says of every pixel of whole images, class ids `(H, W)` by their keys.

    Args:
      found: by the key of a tile, class ids `(h, w)`, or a number for each class `(h, w, n)`, such
        as probabilities: these are averaged where tiles overlap, the more the farther a pixel lies
        from a tile's edge. Of ids, those of the tile in whose middle a pixel lies count.
      sizes: as `join_tiles` takes them.

    Raises:
      DataError: as `join_tiles`.
    """
    parts = _Parts[np.ndarray]()
    for key, value in found.items():
        parts.add(key, value, value.shape[:2])
    joined = {}
    for key, windows, values in parts.images(sizes or {}):
        if values[0].ndim == 2:
            ids = Mask(names=_NAMES)
            joined[key] = ids.joined([each.astype(np.uint8) for each in values], windows)
            continue
        blender = MaskBlender(windows[0].image, values[0].shape[2])
        for window, value in sorted(zip(windows, values, strict=True), key=lambda e: e[0].box):
            blender.add(window, value)
        joined[key] = blender.finish()
    return joined


_NAMES = tuple(map(str, range(256)))


def join_boxes(
    found: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    least: float = _AGREE,
    sizes: Mapping[str, Size] | None = None,
) -> dict[str, JoinedBoxes]:
    """Returns what a detector says of whole images, by their keys, of what it said of tiles.

    Boxes of one class in overlapping tiles are one where they agree in what both tiles show: of
    those that no edge of a tile cuts the surest is kept, others come together as the box around
    all.

    Args:
      found: by the key of a tile, boxes `(n, 4)` as x_min, y_min, x_max, y_max in shares of the
        tile's sides, class ids `(n,)` and scores `(n,)`.
      least: intersection over union, in what both tiles show, from which on two boxes are one.
      sizes: as `join_tiles` takes them.

    Raises:
      DataError: a key is not of a tile.
    """
    parts = _Parts[tuple[np.ndarray, np.ndarray, np.ndarray]]()
    for key, value in found.items():
        parts.add(key, value, None)
    joined = {}
    for key, windows, values in parts.images(sizes or {}):
        sets = [
            BoxSet(
                corners=np.asarray(corners, np.float32).reshape(-1, 4),
                classes=np.asarray(classes, np.int64).reshape(-1),
                attributes={"score": np.asarray(scores, np.float32).reshape(-1)},
            )
            for corners, classes, scores in values
        ]
        boxes = Boxes(names=("object",), attributes=(("score", "float32"),))
        scores = [each.attributes["score"] for each in sets]
        whole = boxes.joined(sets, windows, scores, least)
        joined[key] = JoinedBoxes(
            corners=whole.corners, classes=whole.classes, scores=whole.attributes["score"]
        )
    return joined


@dataclass
class _Parts(Generic[AnyValue]):
    """Values of tiles, by the keys of their images."""

    found: dict[str, list[tuple[tiles.TilePlace, AnyValue]]] = field(default_factory=dict)

    def add(self, key: str, value: AnyValue, size: tuple[int, ...] | None) -> None:
        """Adds what is known of a tile; `size` is the one that it has, if that counts."""
        place = tiles.placed(key)
        if place is None:
            raise DataError(
                f"{key}: expected the key of a tile, such as a.png@tile-000000-000512-512-512, "
                "found another. Join what the source `tiles` cut."
            )
        if size is not None and size != place.size:
            raise DataError(
                f"{key}: expected a tile of {place.size[1]} x {place.size[0]} pixels, as it was "
                f"cut, found {size[1]} x {size[0]}. Leave out what resizes it."
            )
        self.found.setdefault(place.image, []).append((place, value))

    def images(self, sizes: Mapping[str, Size]) -> Iterator[tuple[str, list[Window], list[Any]]]:
        """Yields the key of each image with its windows and their values, in the order they lie."""
        for key, parts in sorted(self.found.items()):
            reach = np.array([np.add(place.inside[:2], place.inside[2:]) for place, _ in parts])
            size = sizes.get(key) or (int(reach[:, 0].max()), int(reach[:, 1].max()))
            ordered = sorted(parts, key=lambda each: each[0].inside)
            yield (
                key,
                [place.window(size) for place, _ in ordered],
                [value for _, value in ordered],
            )
