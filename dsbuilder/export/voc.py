"""The layout of Pascal VOC: XML files of boxes, palette masks, lists of splits.

    out/
      Annotations/a.xml
      ImageSets/Main/train.txt            as well as val.txt and test.txt
      ImageSets/Segmentation/train.txt    the same, if there are masks
      JPEGImages/a.png
      SegmentationClass/a.png             palette index = line of labelmap.txt, 255 = not to count
      keys.csv                            where paths do not say the keys: file,key
      labelmap.txt                        the classes of masks in their order, then those of boxes

Corners are numbers of pixels from 1 on, as the development kit counts them, with at most five
digits behind the point; whole ones have no point. Of the attributes of boxes `difficult` and
`truncated` are kept, as integers. A comment of `labelmap.txt` says which classes are of masks and
which of boxes, and the id of pixels to ignore, for the source `voc`. Stored JPEG and PNG files are
taken over byte for byte, raw pixels become PNG. Other attributes and targets are left out, which
the log reports.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.dataset import Dataset
from dsbuilder.errors import DataError, shortened
from dsbuilder.export.files import Names, Stored, check_images, chosen, described, stored
from dsbuilder.images import encoding as image_format
from dsbuilder.layouts import keys
from dsbuilder.layouts.voc import format as voc
from dsbuilder.sample import Target
from dsbuilder.targets import Boxes, BoxSet, Mask

_LOGGER = logging.getLogger(__name__)
_LISTS = {"train": "train.txt", "validation": "val.txt", "test": "test.txt"}


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: it has neither boxes nor masks, too many classes, or a class of boxes that is
        called background; or images are of a type that no image file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    check_images(dataset)
    writer = _Writer(dataset, folder)
    text = voc.written_labelmap(writer.labels, writer.stated)
    (folder / "labelmap.txt").write_text(text, encoding="utf-8", newline="\n")
    samples = {split: writer.write(split) for split in dataset.splits}
    keys.write(folder, writer.keys)
    return samples


@dataclass(frozen=True)
class _Masks:
    """The target of masks: its name, and the palette index of every id."""

    name: str
    indices: np.ndarray


class _Writer:
    """Writes splits; no two images of any have one name."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        names = chosen(dataset, Boxes, Mask)
        targets = {kind: dataset.signature.targets[name] for kind, name in names.items()}
        boxes, mask = targets.get(Boxes), targets.get(Mask)
        self._dataset, self._folder = dataset, folder
        self._boxes = names.get(Boxes)
        self._box_names = boxes.class_names if boxes is not None else ()
        self.labels = _labels(dataset, self._box_names, mask.class_names if mask else ())
        self._masks = None
        self._attributes: tuple[str, ...] = ()
        stated: dict[str, Target] = {}
        if isinstance(mask, Mask):
            self._masks = _Masks(names[Mask], _indices(mask))
            stated["mask"] = mask
        if isinstance(boxes, Boxes):
            self._attributes = _attributes(dataset, boxes)
            kept: Any = tuple((name, "int64") for name in self._attributes)
            stated["objects"] = Boxes(names=boxes.names, attributes=kept)
        self.stated = json.dumps(described(stated), ensure_ascii=False)
        self._names = Names.of(dataset, stems=True)
        self.keys: dict[str, str] = {}
        self._lists = ["Main", *(["Segmentation"] if self._masks else [])]
        masks = ["SegmentationClass"] if self._masks else []
        for each in ("JPEGImages", "Annotations", *masks, *(f"ImageSets/{x}" for x in self._lists)):
            (folder / each).mkdir(parents=True)

    def write(self, split: str) -> int:
        names = [self._write(sample) for sample in stored(self._dataset, split)]
        text = "".join(f"{name}\n" for name in names)
        for each in self._lists:
            path = self._folder / "ImageSets" / each / _LISTS[split]
            path.write_text(text, encoding="utf-8", newline="\n")
        return len(names)

    def _write(self, sample: Stored) -> str:
        """Writes all files of a sample and returns the name that they share."""
        file = self._names.place(sample.key)
        name = file.rpartition(".")[0]
        (self._folder / "JPEGImages" / file).write_bytes(sample.image)
        self.keys[f"JPEGImages/{file}"] = sample.key
        size = image_format.size(sample.image)
        boxes = sample.targets[self._boxes] if self._boxes is not None else None
        objects = tuple(self._objects(boxes, size)) if boxes is not None else ()
        text = voc.written(
            voc.Annotation(file_name=file, size=size, objects=objects),
            depth=self._dataset.signature.image.channels,
            segmented=self._masks is not None,
        )
        path = self._folder / "Annotations" / f"{name}.xml"
        path.write_text(text, encoding="utf-8", newline="\n")
        if self._masks is not None:
            mask = self._masks.indices[sample.targets[self._masks.name]]
            (self._folder / "SegmentationClass" / f"{name}.png").write_bytes(voc.written_mask(mask))
        return name

    def _objects(self, boxes: BoxSet, size: voc.Size) -> Iterator[voc.Object]:
        height, width = size
        rows: Any = np.asarray(boxes.corners, np.float64) * (width, height, width, height)
        for place, (number, corners) in enumerate(zip(boxes.classes, rows.tolist(), strict=True)):
            flags = {name: int(boxes.attributes[name][place]) for name in self._attributes}
            _check_flags(flags)
            name = self._box_names[int(number)]
            yield voc.Object(name=name, corners=tuple(corners), attributes=flags)


def _labels(dataset: Dataset, boxes: Sequence[str], masks: Sequence[str]) -> tuple[str, ...]:
    """Returns the classes of `labelmap.txt`: those of masks, else the background; then of boxes."""
    if voc.BACKGROUND in boxes:
        raise DataError(
            f"{dataset.path}: expected classes of boxes, found '{voc.BACKGROUND}', which VOC takes "
            "for pixels of no object. Rename the class."
        )
    labels = tuple(dict.fromkeys((*(masks or (voc.BACKGROUND,)), *boxes)))
    if masks and len(labels) > voc.VOID:
        raise DataError(
            f"{dataset.path}: expected at most {voc.VOID} classes for a palette, found "
            f"{len(labels)}. Export to another layout, such as coco."
        )
    return labels


def _indices(mask: Mask) -> np.ndarray:
    """Returns the palette index of every id, uint8 `(256,)`."""
    indices = np.arange(256, dtype=np.uint8)
    if mask.ignore is not None:
        indices[mask.ignore] = voc.VOID
    return indices


def _attributes(dataset: Dataset, boxes: Boxes) -> tuple[str, ...]:
    """Returns the attributes that VOC knows, in their order; reports all others."""
    kept = tuple(name for name, kind in boxes.attributes if _is_flag(name, kind))
    left = [name for name, _ in boxes.attributes if name not in kept]
    if left:
        _LOGGER.warning("%s: attributes left out: %s.", dataset.path, shortened(left))
    return kept


def _is_flag(name: str, kind: str) -> bool:
    return name in voc.ATTRIBUTES and kind == "int64"


def _check_flags(flags: Mapping[str, int]) -> None:
    wrong = [name for name, value in flags.items() if value not in (0, 1)]
    if wrong:
        raise DataError(
            f"expected the attribute '{wrong[0]}' of boxes to be 0 or 1, found {flags[wrong[0]]}. "
            "Export to another layout, such as imagefolder."
        )
