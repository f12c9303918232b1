"""images/split and annotations/kind_split.json: what pycocotools and its many readers take.

    out/
      dsbuilder.json
      images/train/a.png
      annotations/
        instances_train.json           boxes; their other attributes under `attributes`
        stuff_train.json               masks, as run lengths of every class of an image
        person_keypoints_train.json    keypoints, with the box around those of each object
        captions_train.json            texts, a caption for each line

Categories are numbered from 1 in the order of the classes. In masks the class `background`, if it
is the first, is what no segment covers; pixels to ignore are a category of their own, which is
called `ignore` unless they have a class. Stored JPEG and PNG files are taken over byte for byte,
raw pixels become PNG. Other targets are left out and noted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.images import encoding, rle
from dsbuilder.layouts import boxes as box
from dsbuilder.layouts.coco import format as coco
from dsbuilder.layouts.coco.annotation import CROWD, CocoCategory, Size
from dsbuilder.layouts.coco.targets import mask_categories
from dsbuilder.layouts.file_names import Names
from dsbuilder.layouts.holding import check_images, chosen, left_out
from dsbuilder.paths import below
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    Exportable,
    Exporter,
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


@exporter("coco")
@dataclass(frozen=True, kw_only=True)
class CocoExporter(Exporter):
    """Writes images and COCO annotations, for pycocotools and others.

    Boxes, masks, keypoints and texts each have a file for every split; of targets of one kind the
    first is written.
    """

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes images/split and annotations/kind_split.json.

        Raises:
          DataError: there are neither boxes, masks, keypoints nor texts, a crowd of boxes is no
            flag, or images are of a type that no image file holds.
          CacheError: a shard is missing, cut or corrupt.
        """
        check_images(dataset)
        names = chosen(dataset, *(each.kind for each in coco.KINDS.values()))
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
            written = _entries(dataset, sample, name, size)
            entries[kind] += ({"image_id": number, **entry} for entry in written)
    for each in coco.KINDS.values():
        if each.kind in names:
            categories = _categories(dataset.signature.targets[names[each.kind]])
            text = coco.written(images, entries[each.kind], categories)
            path = below(folder, each.place(split))
            path.write_text(text, encoding="utf-8", newline="\n")
    return len(images)


def _entries(dataset: Exportable, sample: StoredSample, name: str, size: Size) -> Iterable[Entry]:
    """Returns the annotations of a sample, without an image."""
    target, value = dataset.signature.targets[name], sample.targets[name]
    if isinstance(target, Boxes):
        return _boxes(target, value, size, f"{dataset.where}: '{sample.key}'")
    if isinstance(target, Mask):
        return _segments(target, value)
    if isinstance(target, Keypoints):
        return _points(value, size)
    return ({"caption": line} for line in value.split("\n"))


def _categories(target: Target) -> list[CocoCategory]:
    if isinstance(target, Boxes):
        pairs = zip(_numbers(target), target.names, strict=True)
        return [CocoCategory(id=number, name=name) for number, name in pairs]
    if isinstance(target, Mask):
        names = mask_categories(target).values()
        return [CocoCategory(id=number, name=name) for number, name in enumerate(names, start=1)]
    if isinstance(target, Keypoints):
        return [CocoCategory(id=1, name=_OBJECT, keypoints=target.names, edges=target.edges)]
    return []


def _numbers(target: Boxes) -> Sequence[int]:
    return target.numbers or range(1, len(target.names) + 1)


def _boxes(target: Boxes, boxes: BoxSet, size: Size, where: str) -> Iterable[Entry]:
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


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _segments(target: Mask, mask: np.ndarray) -> Iterable[Entry]:
    for category, number in enumerate(mask_categories(target), start=1):
        covered = mask == number
        rows, columns = (np.flatnonzero(covered.any(axis=axis)).tolist() for axis in (1, 0))
        if rows:
            left, top = columns[0], rows[0]
            yield {
                "category_id": category,
                "bbox": [left, top, columns[-1] + 1 - left, rows[-1] + 1 - top],
                "area": int(covered.sum()),
                "segmentation": {"counts": rle.encode(covered), "size": list(mask.shape)},
                CROWD: 0,
            }


def _points(points: PointSet, size: Size) -> Iterable[Entry]:
    for shares, visibility in zip(points.points, points.visibility, strict=True):
        pixels = np.asarray(shares, np.float64) * size[::-1]
        known = pixels[visibility > 0] if (visibility > 0).any() else np.zeros((1, 2))
        (left, top), (right, bottom) = known.min(axis=0).tolist(), known.max(axis=0).tolist()
        triples = zip(pixels.tolist(), visibility.tolist(), strict=True)
        yield {
            "category_id": 1,
            "keypoints": [each for (x, y), seen in triples for each in (x, y, seen)],
            "num_keypoints": int((visibility > 0).sum()),
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "segmentation": [],
            CROWD: 0,
        }
