"""Boxes and keypoints through what bends an image, by the field that moves the pixels.

albumentations moves targets there by other arithmetic than pixels, which is off by one pixel up to
twenty, or loses points that are plainly seen. The field says of each pixel of the result which
place of the image it shows: a box is around the pixels that show it, and a point is where the
field, taken as even around the nearest pixel, comes upon it. What no pixel shows is dropped.
"""

from typing import Any

import numpy as np

from dsbuilder.builtin.transforms.albumentations_recipe import library
from dsbuilder.images.bit_planes import bounds

_LINEAR = 1  # OpenCV's INTER_LINEAR
_NOWHERE = -1e6
_WHOLLY = 0.998
"""Share of a pixel that must be of the image for it to show a place: of 255 it is 255."""
_EVEN = 0.5
"""Pixels by which a field may differ from an even one around a pixel."""
_SEEN = 1.0
"""Pixels of the image between a point and what shows it."""


def straighten(leaf: Any) -> None:
    """Replaces a transform's own arithmetic for boxes and keypoints, if it bends the image."""
    from albumentations.augmentations.geometric.distortion import BaseDistortion

    if isinstance(leaf, (BaseDistortion, library().GridElasticDeform)):
        leaf._key2func = {**leaf._key2func, "bboxes": _boxes, "keypoints": _keypoints}


def _boxes(boxes: np.ndarray, **params: Any) -> np.ndarray:
    """Returns those that are seen; the first four columns are shares, the last one stays."""
    field = _field(params)
    height, width = params["shape"][:2]
    sides = np.array([width, height] * 2)
    moved = [[*place / sides, *box[4:]] for box in boxes if len(place := _around(field, box[:4]))]
    return np.array(moved, np.float32).reshape(-1, boxes.shape[1])


def _around(field: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Returns the corners in pixels of all that shows a box; empty where nothing does."""
    height, width = field.shape[:2]
    low, high = (corner * (width, height) - 0.5 for corner in (box[:2], box[2:4]))
    within = (field >= low) & (field < high)
    return np.array(bounds(within[..., 0] & within[..., 1]) or ())


def _keypoints(points: np.ndarray, **params: Any) -> np.ndarray:
    """Returns those that are seen; the first two columns are pixels from a center."""
    field = _field(params)
    moved = [[*place, *point[2:]] for point in points if len(place := _shown(field, point[:2]))]
    return np.array(moved, np.float32).reshape(-1, points.shape[1])


def _shown(field: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Returns x and y of where a point is seen; empty where it is not."""
    distances = ((field - point.astype(np.float32)) ** 2).sum(axis=2)
    row, column = divmod(int(distances.argmin()), field.shape[1])
    rest = point - field[row, column]
    step = _step(field[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2], rest)
    if step is None and np.abs(rest).max() > _SEEN:
        return np.zeros(0)
    return np.array([column, row]) + (0 if step is None else step)


def _step(near: np.ndarray, rest: np.ndarray) -> np.ndarray | None:
    """Returns how far from a pixel, in x and y, the field has moved on by `rest`.

    Args:
      near: the field at the pixel and its neighbors, `(3, 3, 2)`, less at an edge.

    Returns:
      None where the field is torn or flat, or where that is not at the pixel any more.
    """
    differences = [np.diff(near, axis=axis) for axis in (1, 0)]
    if any(np.abs(each - each.mean((0, 1))).max() > _EVEN for each in differences):
        return None
    slope = np.stack([each.mean((0, 1)) for each in differences], axis=1).astype(np.float64)
    if abs(np.linalg.det(slope)) < 1e-3:
        return None
    step: np.ndarray = np.linalg.solve(slope, rest)
    return step if np.abs(step).max() <= 1 else None


def _field(params: dict[str, Any]) -> np.ndarray:
    """Returns x and y of the place that each pixel of the result shows, `(H, W, 2)` float32."""
    if "map_x" in params:
        return np.stack([params["map_x"], params["map_y"]], axis=2).astype(np.float32)
    from albumentations.augmentations.geometric.functional import distort_image

    rows, columns = np.indices(params["shape"][:2], np.float32)
    places = np.stack([columns, rows, np.ones_like(rows)], axis=2)
    shown: np.ndarray = distort_image(places, params["generated_mesh"], _LINEAR)
    shown[shown[..., 2] < _WHOLLY] = _NOWHERE
    return shown[..., :2]
