"""images/split, labels/split and `data.yaml`: what Ultralytics and its many readers take.

    out/
      dsbuilder.json
      data.yaml                 train: images/train, names: {0: cat, ...}
      images/train/a.png
      labels/train/a.txt        0 0.5 0.5 0.25 0.1

Boxes are written with ten digits. An image without a box has an empty label file. Stored JPEG and
PNG files are taken over byte for byte, raw pixels become PNG. Attributes of boxes and other targets
are left out and noted.

Keypoints follow the box of their object, as pose sets have them, where each box has its points: in
every sample there are as many objects of one as of the other, and the middle of the points lies in
the box. Where it does not, they are left out. Without boxes, each object has the box around its
points.

Instances are written as polygons, one for each, with the box around it: the one that it was read
of, where nothing has moved it and it lies in the image, else along the edges of its pixels; several
become one, joined by ways of no width, so that the pixels come out of it again. Objects without a
pixel are left out.

A mask without any of these is written as polygons, one for each connected part of a class, along
the edges of its pixels, so that the mask comes out of them again. What polygons cannot say is
refused: pixels to ignore, and a class 0 that is not the background.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.images.polygon import Point, fill, joined, outlines
from dsbuilder.layouts.classes import BACKGROUND
from dsbuilder.layouts.file_names import Names
from dsbuilder.layouts.holding import check_images, chosen, left_out
from dsbuilder.layouts.yolo import format as yolo
from dsbuilder.layouts.yolo.line import Pose, PosePoint, YoloObject
from dsbuilder.paths import below
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    DataError,
    Exportable,
    Exporter,
    Instances,
    InstanceSet,
    Keypoints,
    Mask,
    PointSet,
    StoredSample,
    Target,
    Written,
    exporter,
)

TargetNames = Mapping[type[Target], str]
"""Names of targets by their kinds."""

_OBJECT = "object"


@exporter("yolo")
@dataclass(frozen=True, kw_only=True)
class YoloExporter(Exporter):
    """Writes boxes, keypoints or polygons of instances or masks as Ultralytics has them.

    The first target of instances is written; or the first of boxes, with the keypoints of each box
    where these fit; or the first of keypoints; or, where there is none of these, the first mask.
    """

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes images, label files and `data.yaml`.

        Raises:
          DataError: there are neither instances, boxes, keypoints nor a mask that polygons can say,
            or images are of a type that no image file holds.
          CacheError: a shard is missing, cut or corrupt.
        """
        check_images(dataset)
        names, notes = _chosen(dataset)
        text = _data_yaml(dataset, names)
        (folder / "data.yaml").write_text(text, encoding="utf-8", newline="\n")
        found: dict[str, str] = {}
        samples = {
            split: _write_split(dataset, split, folder, names, found) for split in dataset.splits
        }
        return Written(samples=samples, keys=found, targets=list(names.values()), notes=notes)


def _chosen(dataset: Exportable) -> tuple[TargetNames, list[str]]:
    """Returns the names of the targets to write by kind, and notes on what is left out."""
    names = chosen(dataset, Instances, Boxes, Keypoints, Mask)
    if Instances in names:
        return {Instances: names[Instances]}, _instance_notes(dataset, names[Instances])
    if not yolo.is_of_masks(names):
        names.pop(Mask, None)
    told = set(names.values())
    notes = []
    apart = _first_apart(dataset, names) if Boxes in names and Keypoints in names else None
    if apart is not None:
        notes.append(
            f"'{names[Keypoints]}' is left out, since not every box of '{names[Boxes]}' has points "
            f"of its own, first at '{apart}'"
        )
        del names[Keypoints]
    notes += left_out(dataset, told)
    boxes, points = (dataset.signature.targets.get(names.get(k, "")) for k in (Boxes, Keypoints))
    if isinstance(boxes, Boxes) and boxes.attributes:
        left = shortened(name for name, _ in boxes.attributes)
        notes.append(f"attributes left out: {left}")
    if isinstance(points, Keypoints) and points.edges:
        notes.append(f"edges of '{names[Keypoints]}' left out")
    return names, notes


def _instance_notes(dataset: Exportable, name: str) -> list[str]:
    """Returns notes on what is left out where instances are written."""
    target, notes = dataset.signature.targets[name], left_out(dataset, {name})
    if isinstance(target, Instances) and target.attributes:
        left = shortened(attribute for attribute, _ in target.attributes)
        notes.append(f"attributes left out: {left}")
    samples = (each for split in dataset.splits for each in dataset.samples(split))
    outside = sum(not mask.any() for each in samples for mask in each.targets[name].masks())
    if outside:
        notes.append(f"instances of '{name}' left out, which have no pixel: {outside}")
    return notes


def _first_apart(dataset: Exportable, names: TargetNames) -> str | None:
    """Returns the key of the first sample in which not every box has points of its own, if any."""
    for split in dataset.splits:
        for sample in dataset.samples(split):
            if not _belong(sample.targets[names[Boxes]], sample.targets[names[Keypoints]]):
                return sample.key
    return None


def _data_yaml(dataset: Exportable, names: TargetNames) -> str:
    """Returns the text of `data.yaml`.

    Raises:
      DataError: polygons cannot say what the classes of a mask are.
    """
    targets = {kind: dataset.signature.targets[name] for kind, name in names.items()}
    points = targets.get(Keypoints)
    classes: Sequence[str] = (_OBJECT,)
    if Mask in targets:
        first, *others = targets[Mask].class_names
        if first != BACKGROUND:
            raise DataError(
                f"{dataset.where}: {names[Mask]}: expected '{BACKGROUND}' as the class 0 of a "
                f"mask, found '{first}', which polygons cannot say. Export to another layout, such "
                "as imagefolder."
            )
        classes = others
    for kind in (Boxes, Instances):
        if kind in targets:
            classes = targets[kind].class_names
    pose = Pose(names=points.names, swaps=points.swaps) if isinstance(points, Keypoints) else None
    places = {split: f"images/{split}" for split in dataset.splits}
    return yolo.written_data(classes, places, pose=pose)


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
    dataset: Exportable, split: str, folder: Path, names: TargetNames, found: dict[str, str]
) -> int:
    """Writes images and label files of a split.

    Args:
      names: of the targets to write, by kind.
      found: takes the key of every image.
    """
    files = Names.of(dataset, stems=True)
    for kind in ("images", "labels"):
        below(folder, f"{kind}/{split}").mkdir(parents=True)
    for sample in dataset.samples(split):
        place = files.place(sample.key, f"images/{split}/")
        below(folder, place).write_bytes(bytes(sample.image))
        found[place] = sample.key
        label = below(folder, yolo.label_path(place))
        objects = _objects(dataset, sample, names)
        label.write_text(yolo.written_labels(objects), newline="\n")
    return len(files.taken)


def _objects(dataset: Exportable, sample: StoredSample, names: TargetNames) -> Iterator[YoloObject]:
    """Yields the objects of a sample.

    Raises:
      DataError: a mask has pixels to ignore.
    """
    if Mask in names:
        mask, target = sample.targets[names[Mask]], dataset.signature.targets[names[Mask]]
        ignore = target.ignore if isinstance(target, Mask) else None
        if ignore is not None and (mask == ignore).any():
            raise DataError(
                f"{dataset.where}: {names[Mask]}: expected a class for every pixel, found pixels "
                f"to ignore at '{sample.key}', which polygons cannot say. Export to another "
                "layout, such as imagefolder."
            )
        yield from _polygons(mask)
        return
    if Instances in names:
        yield from _instances(sample.targets[names[Instances]])
        return
    points = sample.targets[names[Keypoints]] if Keypoints in names else None
    if Boxes not in names:
        for row, each in _points(points):
            yield YoloObject(0, _around(points, row), points=each)
        return
    boxes: BoxSet = sample.targets[names[Boxes]]
    found = dict(_points(points))
    pairs = zip(boxes.classes.tolist(), boxes.corners.tolist(), strict=True)
    for row, (number, corners) in enumerate(pairs):
        yield YoloObject(number, tuple(corners), points=found.get(row, ()))


def _points(points: PointSet | None) -> Iterator[tuple[int, tuple[PosePoint, ...]]]:
    """Yields the number of each object and its points."""
    if points is not None:
        rows = zip(points.points.tolist(), points.visibility.tolist(), strict=True)
        for number, (places, visibility) in enumerate(rows):
            pairs = zip(places, visibility, strict=True)
            yield number, tuple((x, y, seen) for (x, y), seen in pairs)


def _polygons(mask: np.ndarray) -> Iterator[YoloObject]:
    """Yields the connected parts of each class but the background."""
    for number in np.unique(mask[mask > 0]).tolist():
        for outline in outlines(mask == number):
            yield _outlined(number - 1, outline, mask.shape)


def _instances(instances: InstanceSet) -> Iterator[YoloObject]:
    """Yields the objects that have a pixel."""
    for place, number in enumerate(instances.boxes.classes.tolist()):
        mask = instances.mask(place)
        if mask.any():
            yield _outlined(number, _one_polygon(mask, instances.polygons(place)), mask.shape)


def _one_polygon(mask: np.ndarray, polygons: Sequence[Sequence[float]]) -> Sequence[Point]:
    """Returns a polygon that covers what a mask does: one that is known, if it does.

    What reaches out of the image is none: readers refuse it, or cut it to other pixels.
    """
    height, width = mask.shape
    known = [list(zip(each[::2], each[1::2], strict=True)) for each in polygons]
    if not all(0 <= x <= width and 0 <= y <= height for each in known for x, y in each):
        return joined(outlines(mask))
    if len(known) == 1:
        return known[0]
    whole = joined(known) if known else []
    flat = [[number for point in whole for number in point]]
    if known and np.array_equal(fill(flat, (height, width)), mask):
        return whole
    return joined(outlines(mask))


def _outlined(number: int, outline: Sequence[Point], size: tuple[int, ...]) -> YoloObject:
    height, width = size
    xs, ys = zip(*((x / width, y / height) for x, y in outline), strict=True)
    flat = tuple(each for point in zip(xs, ys, strict=True) for each in point)
    return YoloObject(number, (min(xs), min(ys), max(xs), max(ys)), flat)


def _around(points: Any, row: int) -> tuple[float, float, float, float]:
    """Returns the box around the known points of an object; at 0, 0 if none is known."""
    known = points.points[row][points.visibility[row] > 0]
    corners = np.concatenate([known.min(axis=0), known.max(axis=0)]) if len(known) else np.zeros(4)
    x_min, y_min, x_max, y_max = corners.tolist()
    return x_min, y_min, x_max, y_max
