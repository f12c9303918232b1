"""images/split and annotations/kind_split.json: what pycocotools and its many readers take.

    out/
      dsbuilder.json
      images/train/a.png
      annotations/
        instances_train.json           instances with their segmentations, else boxes; their other
                                       attributes under `attributes`
        boxes_train.json               boxes, where there are instances as well
        stuff_train.json               masks, as run lengths of every class of an image
        person_keypoints_train.json    keypoints, with the class and the box of each object, where
                                       boxes are known, else the box around its points
        captions_train.json            texts, a caption for each line

Segmentations of instances are the polygons that they were read of, where nothing has moved them,
else run lengths. Categories are numbered from 1 in the order of the classes. In masks the class
`background`, if it is the first, is what no segment covers; pixels to ignore are a category of
their own, which is called `ignore` unless they have a class. Stored JPEG and PNG files are taken
over byte for byte,
raw pixels become PNG. Other targets are left out and noted.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.images import bit_planes, encoding, rle
from dsbuilder.layouts import boxes as box
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco.annotation import CROWD, CocoCategory, Size
from dsbuilder.layouts.coco.kinds import KINDS, written_kinds
from dsbuilder.layouts.coco.targets import mask_categories
from dsbuilder.layouts.file_names import Names
from dsbuilder.layouts.holding import check_images, chosen, left_out
from dsbuilder.paths import below
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
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

Entry = dict[str, Any]

_OBJECT = "object"
_OF_BOX = ("category_id", "bbox", "area", CROWD)
_SLACK = 1.0
"""How many pixels outside of its box a point of an object may lie."""


@exporter("coco")
@dataclass(frozen=True, kw_only=True)
class CocoExporter(Exporter):
    """Writes images and COCO annotations, for pycocotools and others.

    Boxes, instances, masks, keypoints and texts each have a file for every split; of targets of one
    kind the first is written. Keypoints have the class and the box of their object: that at the
    same place where there are as many of both, else the smallest one around all of its points.
    """

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes images/split and annotations/kind_split.json.

        Raises:
          DataError: there are neither boxes, instances, masks, keypoints nor texts, a crowd is no
            flag, or images are of a type that no image file holds.
          CacheError: a shard is missing, cut or corrupt.
        """
        check_images(dataset)
        names = chosen(dataset, *(each.kind for each in KINDS.values()))
        (folder / "annotations").mkdir()
        found: dict[str, str] = {}
        samples = {
            split: _write_split(dataset, split, folder, names, found) for split in dataset.splits
        }
        written = list(names.values())
        notes = left_out(dataset, written)
        return Written(samples=samples, keys=found, targets=written, notes=notes)


def _write_split(
    dataset: Exportable,
    split: str,
    folder: Path,
    names: Mapping[type[Target], str],
    found: dict[str, str],
) -> int:
    """Writes images and annotation files of a split.

    Args:
      names: of the targets to write, by their kinds.
      found: takes the key of every image.
    """
    place = below(folder, f"images/{split}")
    place.mkdir(parents=True)
    files = Names.of(dataset)
    images: list[coco.CocoImage] = []
    entries: dict[type[Target], list[Entry]] = {kind: [] for kind in names}
    for number, sample in enumerate(dataset.samples(split), start=1):
        file, data = files.place(sample.key), bytes(sample.image)
        below(place, file).write_bytes(data)
        found[f"images/{split}/{file}"] = sample.key
        size = encoding.size(data)
        images.append(coco.CocoImage(id=number, file_name=file, size=size))
        for kind, name in names.items():
            written = _entries(dataset, sample, names, name, size)
            entries[kind] += ({"image_id": number, **entry} for entry in written)
    for each in written_kinds(names).values():
        categories = _categories(dataset.signature.targets, names, each.kind)
        if each.kind is Keypoints and _boxed(names) is not None:
            used = {entry["category_id"] for entry in entries[each.kind]}
            categories = categories if categories[-1].id in used else categories[:-1]
        text = coco.written(images, entries[each.kind], categories)
        path = below(folder, each.place(split))
        path.write_text(text, encoding="utf-8", newline="\n")
    return len(images)


def _entries(
    dataset: Exportable,
    sample: StoredSample,
    names: Mapping[type[Target], str],
    name: str,
    size: Size,
) -> Iterable[Entry]:
    """Returns the annotations of a sample, without an image.

    Args:
      names: of all targets that are written, by their kinds.
      name: that of the target to write.
    """
    target, value = dataset.signature.targets[name], sample.targets[name]
    if isinstance(target, Boxes):
        return _boxes(target, value, size, f"{dataset.where}: '{sample.key}'")
    if isinstance(target, Instances):
        boxes = _boxes(target, value.boxes, size, f"{dataset.where}: '{sample.key}'")
        return (_segmented(box, value, place) for place, box in enumerate(boxes))
    if isinstance(target, Mask):
        return _segments(target, value)
    if isinstance(target, Keypoints):
        boxes = list(_boxes_of(dataset, sample, names, size))
        return _points(value, size, boxes, _bare_id(dataset, names))
    return ({"caption": line} for line in value.split("\n"))


def _boxed(names: Mapping[type[Target], str]) -> type[Target] | None:
    """Returns the kind that says class and box of what has keypoints; None if none is known."""
    return next((kind for kind in (Boxes, Instances) if kind in names), None)


def _boxes_of(
    dataset: Exportable, sample: StoredSample, names: Mapping[type[Target], str], size: Size
) -> Iterable[Entry]:
    """Returns the annotations of the boxes of a sample; none where no boxes are known."""
    kind = _boxed(names)
    return () if kind is None else _entries(dataset, sample, names, names[kind], size)


def _categories(
    targets: Mapping[str, Target], names: Mapping[type[Target], str], kind: type[Target]
) -> list[CocoCategory]:
    """Returns the categories of a file; those of keypoints are those of boxes, where there are any.

    Each of them then has the points, since of which class an object is only its box says.
    """
    target = targets[names[kind]]
    boxed = _boxed(names)
    if isinstance(target, Keypoints) and boxed is not None:
        classes = _categories(targets, names, boxed)
        taken = {each.name for each in classes}
        free = next(name for name in _objects() if name not in taken)
        last = CocoCategory(id=1 + max(_numbers(targets[names[boxed]]), default=0), name=free)
        every = [*classes, last]
        return [replace(each, keypoints=target.names, edges=target.edges) for each in every]
    if isinstance(target, (Boxes, Instances)):
        pairs = zip(_numbers(target), target.names, strict=True)
        return [CocoCategory(id=number, name=name) for number, name in pairs]
    if isinstance(target, Mask):
        found = mask_categories(target).values()
        return [CocoCategory(id=number, name=name) for number, name in enumerate(found, start=1)]
    if isinstance(target, Keypoints):
        return [CocoCategory(id=1, name=_OBJECT, keypoints=target.names, edges=target.edges)]
    return []


def _numbers(target: Target) -> Sequence[int]:
    """Returns the numbers of the classes of boxes or instances."""
    stated = target.numbers if isinstance(target, (Boxes, Instances)) else ()
    return stated or range(1, len(target.class_names) + 1)


def _boxes(target: Boxes | Instances, boxes: BoxSet, size: Size, where: str) -> Iterable[Entry]:
    pairs = zip(boxes.classes.tolist(), boxes.corners.tolist(), strict=True)
    for place, (number, corners) in enumerate(pairs):
        attributes = {name: _plain(each[place]) for name, each in boxes.attributes.items()}
        crowd = attributes.pop(CROWD, 0)
        box.check_flag(CROWD, crowd, where)
        bounds = box.to_width_height(corners, size)
        yield {
            "category_id": _numbers(target)[number],
            "bbox": bounds,
            "area": bounds[2] * bounds[3],
            "segmentation": [],
            CROWD: crowd,
            **({"attributes": attributes} if attributes else {}),
        }


def _segmented(box: Entry, instances: InstanceSet, place: int) -> Entry:
    """Returns the annotation of an instance, of that of its box."""
    mask = instances.mask(place)
    runs = {"counts": rle.encode(mask), "size": list(mask.shape)}
    segmentation = instances.polygons(place) or runs
    return {**box, "area": int(mask.sum()), "segmentation": segmentation}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _segments(target: Mask, mask: np.ndarray) -> Iterable[Entry]:
    for category, number in enumerate(mask_categories(target), start=1):
        covered = mask == number
        bounds = bit_planes.bounds(covered)
        if bounds is not None:
            left, top, right, bottom = bounds
            yield {
                "category_id": category,
                "bbox": [left, top, right - left, bottom - top],
                "area": int(covered.sum()),
                "segmentation": {"counts": rle.encode(covered), "size": list(mask.shape)},
                CROWD: 0,
            }


def _objects() -> Iterator[str]:
    """Yields what the class may be called of points that belong to no box."""
    yield _OBJECT
    yield from (f"{_OBJECT} {number}" for number in itertools.count(2))


def _bare_id(dataset: Exportable, names: Mapping[type[Target], str]) -> int:
    """Returns the number of the category of keypoints that belong to no box."""
    kind = _boxed(names)
    if kind is None:
        return 1
    return 1 + max(_numbers(dataset.signature.targets[names[kind]]), default=0)


def _points(points: PointSet, size: Size, boxes: Sequence[Entry], bare: int) -> Iterable[Entry]:
    """Yields the annotations of keypoints.

    Args:
      boxes: annotations of the boxes of the image.
      bare: the category of those that belong to no box.
    """
    is_paired = len(boxes) == len(points.points)
    left_over = list(boxes)
    pairs = zip(points.points, points.visibility, strict=True)
    for place, (shares, visibility) in enumerate(pairs):
        pixels = np.asarray(shares, np.float64) * size[::-1]
        known = pixels[visibility > 0] if (visibility > 0).any() else np.zeros((1, 2))
        (left, top), (right, bottom) = known.min(axis=0).tolist(), known.max(axis=0).tolist()
        triples = zip(pixels.tolist(), visibility.tolist(), strict=True)
        bounds = (left, top, right, bottom)
        box = boxes[place] if is_paired else _around(bounds, left_over)
        yield {
            "category_id": bare,
            "keypoints": [each for (x, y), seen in triples for each in (x, y, seen)],
            "num_keypoints": int((visibility > 0).sum()),
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "segmentation": [],
            CROWD: 0,
            **{name: box[name] for name in _OF_BOX if name in box},
        }


def _around(bounds: tuple[float, float, float, float], boxes: list[Entry]) -> Entry:
    """Takes the smallest box around all points of an object from a list; empty if none is."""
    left, top, right, bottom = bounds
    found = [
        each
        for each in boxes
        if each["bbox"][0] - _SLACK <= left
        and each["bbox"][1] - _SLACK <= top
        and each["bbox"][0] + each["bbox"][2] + _SLACK >= right
        and each["bbox"][1] + each["bbox"][3] + _SLACK >= bottom
    ]
    if not found:
        return {}
    best = min(found, key=lambda each: each["area"])
    boxes.remove(best)
    return best
