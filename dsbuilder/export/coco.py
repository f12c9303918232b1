"""images/split and annotations/kind_split.json: what pycocotools and its many readers take.

    out/
      keys.csv                         where paths do not say the keys: file,key
      images/train/a.png
      annotations/
        instances_train.json           boxes; their other attributes under `attributes`
        stuff_train.json               masks, as run lengths of every class of an image
        person_keypoints_train.json    keypoints, with the box around those of each object
        captions_train.json            texts, a caption for each line

Categories are numbered from 1 in the order of the classes. In masks the class `background`, if it
is the first, is what no segment covers; pixels to ignore are a category of their own, which is
called `ignore` unless they have a class. What these files have no place for, such as the ids of
masks, stands below `info`, where the source `coco` finds it. Stored JPEG and PNG files are taken
over byte for byte, raw pixels become PNG. Other targets are left out, which the log reports.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.dataset import Dataset
from dsbuilder.errors import DataError
from dsbuilder.export.files import Names, check_images, chosen, described, stored
from dsbuilder.images import encoding as image_format
from dsbuilder.images import rle
from dsbuilder.layouts import boxes as box
from dsbuilder.layouts import keys
from dsbuilder.layouts.coco import format as coco
from dsbuilder.sample import Target
from dsbuilder.targets import Boxes, BoxSet, Keypoints, Mask, PointSet, Text

Entry = dict[str, Any]
Size = tuple[int, int]

_CROWD = "iscrowd"
_BACKGROUND = "background"
_IGNORE = "ignore"
_OBJECT = "object"


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: it has neither boxes, masks, keypoints nor texts, or images are of a type that no
        image file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    check_images(dataset)
    names = chosen(dataset, *_KINDS)
    (folder / "annotations").mkdir()
    found: dict[str, str] = {}
    samples = {
        split: _write_split(dataset, split, folder, names, found) for split in dataset.splits
    }
    keys.write(folder, found)
    return samples


def _write_split(
    dataset: Dataset,
    split: str,
    folder: Path,
    names: Mapping[type[Target], str],
    found: dict[str, str],
) -> int:
    """Writes images and annotation files of a split, and notes the keys of images."""
    place = folder / "images" / split
    place.mkdir(parents=True)
    files = Names.of(dataset)
    images: list[coco.Image] = []
    entries: dict[type[Target], list[Entry]] = {kind: [] for kind in names}
    for number, sample in enumerate(stored(dataset, split), start=1):
        file = files.place(sample.key)
        (place / file).write_bytes(sample.image)
        found[f"images/{split}/{file}"] = sample.key
        size = image_format.size(sample.image)
        images.append(coco.Image(id=number, file_name=file, size=size))
        for kind, name in names.items():
            target, value = dataset.signature.targets[name], sample.targets[name]
            written = _KINDS[kind].entries(target, value, size)
            entries[kind] += ({"image_id": number, **entry} for entry in written)
    for kind, name in names.items():
        how, target = _KINDS[kind], dataset.signature.targets[name]
        stated = described({how.name: target})
        text = coco.written(images, entries[kind], how.categories(target), stated)
        path = folder / "annotations" / f"{how.file}_{split}.json"
        path.write_text(text, encoding="utf-8", newline="\n")
    return len(images)


def _numbered(names: Sequence[str]) -> list[coco.Category]:
    return [coco.Category(id=number, name=name) for number, name in enumerate(names, start=1)]


def _box_categories(target: Any) -> list[coco.Category]:
    pairs = zip(_numbers(target), target.names, strict=True)
    return [coco.Category(id=number, name=name) for number, name in pairs]


def _numbers(target: Any) -> Sequence[int]:
    return target.numbers or range(1, len(target.names) + 1)


def _boxes(target: Any, boxes: BoxSet, size: Size) -> Iterable[Entry]:
    pairs = zip(boxes.classes.tolist(), boxes.corners.tolist(), strict=True)
    for place, (number, corners) in enumerate(pairs):
        attributes = {name: _plain(each[place]) for name, each in boxes.attributes.items()}
        crowd = attributes.pop(_CROWD, 0)
        if crowd not in (0, 1):
            raise DataError(
                f"expected the attribute '{_CROWD}' of boxes to be 0 or 1, found {crowd!r}. Export "
                "to another layout, such as imagefolder."
            )
        bounds = box.to_width_height(corners, size)
        yield {
            "category_id": _numbers(target)[number],
            "bbox": bounds,
            "area": bounds[2] * bounds[3],
            "segmentation": [],
            _CROWD: crowd,
            **({"attributes": attributes} if attributes else {}),
        }


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _mask_names(target: Any) -> dict[int, str]:
    """Returns the name of every id of a mask that is a category."""
    names = dict(enumerate(target.names))
    if names[0] == _BACKGROUND:
        del names[0]
    if target.ignore is not None and target.ignore >= len(target.names):
        names[target.ignore] = _free_name(target.names)
    return names


def _free_name(names: Sequence[str]) -> str:
    """Returns what pixels to ignore are called, which no class is."""
    candidates = (_IGNORE, *(f"{_IGNORE} {number}" for number in range(2, len(names) + 3)))
    return next(name for name in candidates if name not in names)


def _mask_categories(target: Any) -> list[coco.Category]:
    return _numbered(list(_mask_names(target).values()))


def _segments(target: Any, mask: np.ndarray, size: Size) -> Iterable[Entry]:
    for category, number in enumerate(_mask_names(target), start=1):
        covered = mask == number
        rows, columns = (np.flatnonzero(covered.any(axis=axis)).tolist() for axis in (1, 0))
        if rows:
            left, top = columns[0], rows[0]
            yield {
                "category_id": category,
                "bbox": [left, top, columns[-1] + 1 - left, rows[-1] + 1 - top],
                "area": int(covered.sum()),
                "segmentation": {"counts": rle.encode(covered), "size": list(mask.shape)},
                _CROWD: 0,
            }


def _point_categories(target: Any) -> list[coco.Category]:
    return [coco.Category(id=1, name=_OBJECT, keypoints=target.names, edges=target.edges)]


def _points(target: Any, points: PointSet, size: Size) -> Iterable[Entry]:
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
            _CROWD: 0,
        }


def _no_categories(target: Any) -> list[coco.Category]:
    return []


def _captions(target: Any, text: str, size: Size) -> Iterable[Entry]:
    return ({"caption": line} for line in text.split("\n"))


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How targets of a kind are written.

    Attributes:
      file: what the names of its files begin with.
      name: what the source calls such a target.
      entries: from target, value and the image's size to annotations without an image.
      categories: from the target.
    """

    file: str
    name: str
    entries: Callable[[Any, Any, Size], Iterable[Entry]]
    categories: Callable[[Any], list[coco.Category]] = field(default=_no_categories)


_KINDS: Mapping[type[Target], _Kind] = {
    Boxes: _Kind(file="instances", name="objects", entries=_boxes, categories=_box_categories),
    Mask: _Kind(file="stuff", name="mask", entries=_segments, categories=_mask_categories),
    Keypoints: _Kind(
        file="person_keypoints", name="keypoints", entries=_points, categories=_point_categories
    ),
    Text: _Kind(file="captions", name="text", entries=_captions),
}
