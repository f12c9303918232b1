"""What an object covers, as a raw label says it: polygons in pixels, or COCO's run lengths."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dsbuilder.errors import DataError
from dsbuilder.images import polygon, rle
from dsbuilder.sample import Window
from dsbuilder.targets.number import is_number

MAX_PIXELS = 178_956_970
"""Of what segments cover: no image is larger."""
WINDOW = "window"
"""The name under which a raw label says that it is of a part of an image."""
_FARTHEST = 1e9
"""Pixels from the corner of an image: float32, in which polygons are stored, goes far beyond."""


def check_segment(segment: Any) -> None:
    """Raises a DataError unless it has `polygons` or `counts`, of which it opens no more."""
    if not isinstance(segment, Mapping) or ("polygons" in segment) == ("counts" in segment):
        raise DataError(f"expected a segment's polygons or its counts, found {segment!r}.")
    polygons = segment.get("polygons", ())
    if not isinstance(polygons, (list, tuple)):
        raise DataError(f"expected a list of polygons, found {polygons!r}.")
    for points in polygons:
        _check_polygon(points)


def _check_polygon(points: Any) -> None:
    count = len(points) if isinstance(points, (list, tuple)) else 0
    if count < 6 or count % 2 or not all(map(is_number, points)):
        raise DataError(
            "expected a polygon [x0, y0, x1, y1, ...] of 3 points or more, found "
            f"{count} numbers. Correct or remove it."
        )
    far = next((each for each in points if not -_FARTHEST < each < _FARTHEST), None)
    if far is not None:
        raise DataError(
            f"expected a polygon of coordinates below {_FARTHEST:g} pixels, found {far}. Correct "
            "or remove it."
        )


def window_of(raw: Mapping[str, Any]) -> Window | None:
    """Returns the part of an image that a raw label is of; None of one of the whole.

    Raises:
      DataError: it is none.
    """
    if WINDOW not in raw:
        return None
    try:
        return Window.from_json(raw[WINDOW])
    except ValueError as error:
        raise DataError(f"{WINDOW}: {error}.") from None


def bounds(segment: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray | None:
    """Returns x_min, y_min, x_max, y_max around a segment in pixels; None of an empty one."""
    if "counts" in segment:
        found = rle.bounds(segment["counts"], size)
        return None if found is None else np.array(found, np.float64)
    points = [np.asarray(each, np.float64).reshape(-1, 2) for each in segment["polygons"]]
    if not points:
        return None
    every = np.concatenate(points)
    return np.concatenate([every.min(axis=0), every.max(axis=0)])


def check_size(raw: Mapping[str, Any], window: Window) -> None:
    """Raises a DataError unless a raw label is of an image of the size that a part is cut of."""
    own = window_of(raw)
    found = own.size if own is not None else size_of(raw)
    if found != window.image:
        height, width = window.image
        raise DataError(
            f"expected segments of an image of {width} x {height} pixels, as it is, found "
            f"{found[1]} x {found[0]}. Correct the size in the annotation."
        )


def covered(
    segment: Mapping[str, Any], size: tuple[int, int], window: Window | None = None
) -> np.ndarray:
    """Returns the pixels of a segment, bool `(H, W)`; of a window of the image just those.

    What of a window lies beyond the image is not covered.

    Raises:
      DataError: run lengths do not fill the size, or a polygon is far too large.
    """
    if window is not None:
        box = window.inside
        inside = (
            rle.decode_box(segment["counts"], size, box)
            if "counts" in segment
            else polygon.fill(segment["polygons"], size, box)
        )
        return padded(inside.view(bool), window, outside=False)
    if "counts" in segment:
        return rle.decode(segment["counts"], size).view(bool)
    return polygon.fill(segment["polygons"], size).view(bool)


def padded(inside: np.ndarray, window: Window, *, outside: Any) -> np.ndarray:
    """Returns `(H, W, ...)` of a window of which it is what lies in the image, filled up."""
    if inside.shape[:2] == window.size:
        return inside
    whole = np.full((*window.size, *inside.shape[2:]), outside, inside.dtype)
    whole[: inside.shape[0], : inside.shape[1]] = inside
    return whole


def size_of(raw: Mapping[str, Any]) -> tuple[int, int]:
    """Returns the (height, width) that a raw label states.

    Raises:
      DataError: it is none, or of more pixels than an image has.
    """
    size = raw.get("size")
    if (
        not isinstance(size, (list, tuple))
        or len(size) != 2
        or not all(type(side) is int and side > 0 for side in size)
    ):
        raise DataError(f"expected the size [height, width] of the segments, found {size!r}.")
    if size[0] * size[1] > MAX_PIXELS:
        raise DataError(
            f"expected segments of an image of at most {MAX_PIXELS} pixels, found a size of "
            f"{size[1]} x {size[0]}. Correct it."
        )
    return size[0], size[1]
