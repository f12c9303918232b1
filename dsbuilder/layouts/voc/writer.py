"""The layout of Pascal VOC: XML files of boxes, palette masks, lists of splits.

    out/
      dsbuilder.json
      Annotations/a.xml
      ImageSets/Main/train.txt            as well as val.txt and test.txt
      ImageSets/Segmentation/train.txt    the same, if there are masks
      JPEGImages/a.png
      SegmentationClass/a.png             palette index = line of labelmap.txt, 255 = not to count
      labelmap.txt                        the classes of masks in their order, then those of boxes

Corners are numbers of pixels from 1 on, as the development kit counts them, with at most five
digits behind the point; whole ones have no point. Of the attributes of boxes `difficult` and
`truncated` are kept, as integers. Stored JPEG and PNG files are taken over byte for byte, raw
pixels become PNG. Other attributes and targets are left out and noted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.images import encoding
from dsbuilder.layouts import boxes as box
from dsbuilder.layouts.classes import BACKGROUND
from dsbuilder.layouts.file_names import Names
from dsbuilder.layouts.holding import check_images, chosen, left_out
from dsbuilder.layouts.voc import format as voc
from dsbuilder.paths import below
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    DataError,
    Exportable,
    Exporter,
    Mask,
    StoredSample,
    Written,
    exporter,
)

_LISTS = {"train": "train.txt", "validation": "val.txt", "test": "test.txt"}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")


@exporter("voc")
@dataclass(frozen=True, kw_only=True)
class VocExporter(Exporter):
    """Writes boxes and masks as Pascal VOC has them, for the development kit and others.

    The first target of each of the two kinds is written, with the attributes `difficult` and
    `truncated` of boxes.
    """

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes XML files, masks, lists of splits, and `labelmap.txt`.

        Raises:
          DataError: there are neither boxes nor masks, too many classes, a class of boxes that is
            called background, or a flag that is neither 0 nor 1; or images are of a type that no
            image file holds.
          CacheError: a shard is missing, cut or corrupt.
        """
        check_images(dataset)
        writer = _VocWriter(dataset, folder)
        text = voc.written_labelmap(writer.labels)
        (folder / voc.LABELMAP).write_text(text, encoding="utf-8", newline="\n")
        samples = {split: writer.write(split) for split in dataset.splits}
        return Written(
            samples=samples, keys=writer.keys, targets=writer.targets, notes=writer.notes
        )


class _VocWriter:
    """Writes splits; no two images of any have one name.

    Attributes:
      labels: classes of `labelmap.txt`, in order.
      keys: key of every image by its path.
      targets: names of the targets that are written.
      notes: sentences on what is left out.
    """

    def __init__(self, dataset: Exportable, folder: Path) -> None:
        names, targets = chosen(dataset, Boxes, Mask), dataset.signature.targets
        self._dataset, self._folder = dataset, folder
        self._box_name, self._mask_name = names.get(Boxes), names.get(Mask)
        boxes, mask = targets.get(self._box_name or ""), targets.get(self._mask_name or "")
        self._box_classes = boxes.class_names if boxes is not None else ()
        self._attributes = voc.kept_attributes(boxes) if isinstance(boxes, Boxes) else ()
        self._indices = _indices(mask) if isinstance(mask, Mask) else np.zeros(0, np.uint8)
        self.labels = _labels(dataset, self._box_classes, mask.class_names if mask else ())
        self.keys: dict[str, str] = {}
        self.targets = list(names.values())
        self.notes = [*left_out(dataset, names.values()), *_left_attributes(boxes)]
        self._names = Names.of(dataset, stems=True)
        self._lists = ["Main", *(["Segmentation"] if mask else [])]
        masks = [voc.MASKS] if mask else []
        lists = [f"{voc.LISTS}/{each}" for each in self._lists]
        for each in (voc.IMAGES, voc.ANNOTATIONS, *masks, *lists):
            (folder / each).mkdir(parents=True)

    def write(self, split: str) -> int:
        """Writes a split and returns how many samples it has."""
        names = [self._write(sample) for sample in self._dataset.samples(split)]
        text = "".join(f"{name}\n" for name in names)
        for each in self._lists:
            path = self._folder / voc.LISTS / each / _LISTS[split]
            path.write_text(text, encoding="utf-8", newline="\n")
        return len(names)

    def _write(self, sample: StoredSample) -> str:
        """Writes all files of a sample and returns the name that they share."""
        file, data = self._names.place(sample.key), bytes(sample.image)
        name = file.rpartition(".")[0]
        below(self._folder / voc.IMAGES, file).write_bytes(data)
        self.keys[f"{voc.IMAGES}/{file}"] = sample.key
        size = encoding.size(data)
        text = voc.written(
            voc.VocAnnotation(
                file_name=file, size=size, objects=tuple(self._objects(sample, size))
            ),
            depth=self._dataset.signature.image.channels,
            segmented=self._mask_name is not None,
        )
        path = below(self._folder / voc.ANNOTATIONS, f"{name}.xml")
        path.write_text(text, encoding="utf-8", newline="\n")
        if self._mask_name is not None:
            mask = voc.written_mask(self._indices[sample.targets[self._mask_name]])
            below(self._folder / voc.MASKS, f"{name}.png").write_bytes(mask)
        return name

    def _objects(self, sample: StoredSample, size: voc.Size) -> Iterator[voc.VocObject]:
        if self._box_name is None:
            return
        boxes: BoxSet = sample.targets[self._box_name]
        height, width = size
        rows: Any = np.asarray(boxes.corners, np.float64) * (width, height, width, height)
        for place, (number, corners) in enumerate(zip(boxes.classes, rows.tolist(), strict=True)):
            flags = {name: int(boxes.attributes[name][place]) for name in self._attributes}
            for name, flag in flags.items():
                box.check_flag(name, flag, f"{self._dataset.where}: '{sample.key}'")
            label = self._box_classes[int(number)]
            yield voc.VocObject(name=label, corners=tuple(corners), attributes=flags)


def _labels(dataset: Exportable, boxes: Sequence[str], masks: Sequence[str]) -> tuple[str, ...]:
    """Returns the classes of `labelmap.txt`: those of masks, else the background; then of boxes."""
    if BACKGROUND in boxes:
        raise DataError(
            f"{dataset.where}: expected classes of boxes, found '{BACKGROUND}', which VOC takes "
            "for pixels of no object. Rename the class."
        )
    labels = tuple(dict.fromkeys((*(masks or (BACKGROUND,)), *boxes)))
    wrong = [name for name in labels if _CONTROL.search(name)]
    if wrong:
        raise DataError(
            f"{dataset.where}: expected classes without control characters, which XML cannot hold, "
            f"found {shortened(wrong)}. Rename them, or export to another layout, such as coco."
        )
    if masks and len(labels) > voc.VOID:
        raise DataError(
            f"{dataset.where}: expected at most {voc.VOID} classes for a palette, found "
            f"{len(labels)}. Export to another layout, such as coco."
        )
    return labels


def _indices(mask: Mask) -> np.ndarray:
    """Returns the palette index of every id, uint8 `(256,)`."""
    indices = np.arange(256, dtype=np.uint8)
    if mask.ignore is not None:
        indices[mask.ignore] = voc.VOID
    return indices


def _left_attributes(boxes: object) -> list[str]:
    """Returns a note on the attributes that VOC does not know, if there are any."""
    if not isinstance(boxes, Boxes):
        return []
    kept = voc.kept_attributes(boxes)
    left = [name for name, _ in boxes.attributes if name not in kept]
    return [f"attributes left out: {shortened(left)}"] if left else []
