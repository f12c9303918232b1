"""images/split, labels/split and `data.yaml`: what Ultralytics and its many readers take.

    out/
      data.yaml                 train: images/train, names: {0: cat, ...}
      keys.csv                  where paths do not say the keys: file,key
      images/train/a.png
      labels/train/a.txt        0 0.5 0.5 0.25 0.1

Boxes are written with ten digits. An image without a box has an empty label file. Stored JPEG and
PNG files are taken over byte for byte, raw pixels become PNG. Attributes of boxes and other targets
are left out, which the log reports.

Keypoints follow the box of their object, as pose sets have them, where each box has its points: in
every sample there are as many objects of one as of the other, and the middle of the points lies in
the box. Where it does not, they are left out. Without boxes, each object has the box around its
points.

A mask without either is written as polygons, one for each connected part of a class, along the
edges of its pixels, so that the mask comes out of them again. What polygons cannot say is refused:
pixels to ignore, and a class 0 that is not the background.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.dataset import Dataset
from dsbuilder.errors import DataError, shortened
from dsbuilder.export.files import Names, check_images, chosen, labels, stored
from dsbuilder.images.outline import outlines
from dsbuilder.layouts import keys
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.layouts.yolo.line import Point, Pose, Row
from dsbuilder.targets import Boxes, BoxSet, Keypoints, Mask, PointSet

_LOGGER = logging.getLogger(__name__)
_OBJECT = "object"
_BACKGROUND = "background"


@dataclass(frozen=True, kw_only=True)
class _Written:
    """The names of the targets that are written; None of a kind that is not."""

    boxes: str | None = None
    points: str | None = None
    mask: str | None = None

    def rows(self, targets: Any) -> Iterator[Row]:
        """Yields the objects of a sample."""
        if self.mask is not None:
            yield from _polygons(targets[self.mask])
            return
        points = None if self.points is None else targets[self.points]
        if self.boxes is None:
            yield from (Row(0, _around(points, row), points=each) for row, each in _points(points))
            return
        boxes: BoxSet = targets[self.boxes]
        found = dict(_points(points))
        pairs = zip(boxes.classes.tolist(), boxes.corners.tolist(), strict=True)
        for row, (number, corners) in enumerate(pairs):
            yield Row(number, tuple(corners), points=found.get(row, ()))


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: it has neither boxes, keypoints nor a mask that polygons can say, or images are of
        a type that no image file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    check_images(dataset)
    written = _chosen(dataset)
    kinds = dataset.signature.targets
    target, points = (kinds.get(name or "") for name in (written.boxes, written.points))
    if isinstance(target, Boxes) and target.attributes:
        left = shortened(name for name, _ in target.attributes)
        _LOGGER.warning("%s: attributes left out: %s.", dataset.path, left)
    if isinstance(points, Keypoints) and points.edges:
        _LOGGER.warning("%s: edges of '%s' left out.", dataset.path, written.points)
    places = {split: f"images/{split}" for split in dataset.splits}
    names = _class_names(dataset, written)
    pose = Pose(names=points.names, swaps=points.swaps) if isinstance(points, Keypoints) else None
    text = yolo.written_data(names, places, pose=pose)
    (folder / "data.yaml").write_text(text, encoding="utf-8", newline="\n")
    found: dict[str, str] = {}
    samples = {
        split: _write_split(dataset, split, folder, written, found) for split in dataset.splits
    }
    keys.write(folder, found)
    return samples


def _chosen(dataset: Dataset) -> _Written:
    """Returns what is written, and reports what is not."""
    first: dict[type, str] = {}
    for name, kind in dataset.signature.targets.items():
        first.setdefault(type(kind), name)
    found = _Written(boxes=first.get(Boxes), points=first.get(Keypoints))
    if found.boxes is None and found.points is None:
        name = chosen(dataset, Boxes, Keypoints, Mask)[Mask]
        _check_mask(dataset, name)
        return _Written(mask=name)
    if found.boxes is None or found.points is None:
        names = chosen(dataset, Boxes, Keypoints)
        return _Written(boxes=names.get(Boxes), points=names.get(Keypoints))
    for split in dataset.splits:
        for key, targets in labels(dataset, split):
            if not _belong(targets[found.boxes], targets[found.points]):
                _LOGGER.warning(
                    "%s: '%s' is left out, since not every box of '%s' has points of its own, "
                    "first at '%s'.",
                    dataset.path,
                    found.points,
                    found.boxes,
                    key,
                )
                chosen(dataset, Boxes)
                return _Written(boxes=found.boxes, points=None)
    chosen(dataset, Boxes, Keypoints)
    return found


def _check_mask(dataset: Dataset, name: str) -> None:
    """Raises a DataError if polygons cannot say what masks hold."""
    target = dataset.signature.targets[name]
    if not isinstance(target, Mask) or target.names[0] != _BACKGROUND:
        raise DataError(
            f"{dataset.path}: {name}: expected '{_BACKGROUND}' as the class 0 of a mask, found "
            f"'{target.class_names[0]}', which polygons cannot say. Export to another layout, such "
            "as imagefolder."
        )
    if target.ignore is None:
        return
    for split in dataset.splits:
        for key, targets in labels(dataset, split):
            if (targets[name] == target.ignore).any():
                raise DataError(
                    f"{dataset.path}: {name}: expected a class for every pixel, found pixels to "
                    f"ignore at '{key}', which polygons cannot say. Export to another layout, such "
                    "as imagefolder."
                )


def _class_names(dataset: Dataset, written: _Written) -> tuple[str, ...]:
    if written.mask is not None:
        return dataset.signature.targets[written.mask].class_names[1:]
    if written.boxes is None:
        return (_OBJECT,)
    return dataset.signature.targets[written.boxes].class_names


def _belong(boxes: BoxSet, points: PointSet) -> bool:
    """Whether there are as many boxes as objects, each with the middle of its points inside."""
    if len(boxes) != len(points):
        return False
    for (x_min, y_min, x_max, y_max), places, seen in zip(
        boxes.corners.tolist(), points.points, points.visibility, strict=True
    ):
        if seen.any():
            x, y = places[seen > 0].mean(axis=0).tolist()
            if not (x_min <= x <= x_max and y_min <= y <= y_max):
                return False
    return True


def _write_split(
    dataset: Dataset, split: str, folder: Path, written: _Written, found: dict[str, str]
) -> int:
    """Writes images and label files of a split, and notes the keys of images."""
    names = Names.of(dataset, stems=True)
    for kind in ("images", "labels"):
        (folder / kind / split).mkdir(parents=True)
    for sample in stored(dataset, split):
        place = names.place(sample.key, f"images/{split}/")
        (folder / place).write_bytes(sample.image)
        found[place] = sample.key
        label = folder / yolo.label_path(place)
        label.write_text(yolo.written_labels(written.rows(sample.targets)), newline="\n")
    return len(names.taken)


def _points(points: PointSet | None) -> Iterator[tuple[int, tuple[Point, ...]]]:
    """Yields the number of each object and its points."""
    if points is not None:
        rows = zip(points.points.tolist(), points.visibility.tolist(), strict=True)
        for number, (places, visibility) in enumerate(rows):
            pairs = zip(places, visibility, strict=True)
            yield number, tuple((x, y, seen) for (x, y), seen in pairs)


def _polygons(mask: np.ndarray) -> Iterator[Row]:
    """Yields the connected parts of each class but the background."""
    height, width = mask.shape
    for number in np.unique(mask[mask > 0]).tolist():
        for outline in outlines(mask == number):
            xs, ys = zip(*((x / width, y / height) for x, y in outline), strict=True)
            flat = tuple(each for point in zip(xs, ys, strict=True) for each in point)
            yield Row(number - 1, (min(xs), min(ys), max(xs), max(ys)), flat)


def _around(points: Any, row: int) -> tuple[float, float, float, float]:
    """Returns the box around the known points of an object; at 0, 0 if none is known."""
    known = points.points[row][points.visibility[row] > 0]
    corners = np.concatenate([known.min(axis=0), known.max(axis=0)]) if len(known) else np.zeros(4)
    x_min, y_min, x_max, y_max = corners.tolist()
    return x_min, y_min, x_max, y_max
