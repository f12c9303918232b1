"""images/split, labels/split and `data.yaml`: what Ultralytics and its many readers take.

    out/
      data.yaml                 train: images/train, names: {0: cat, ...}
      keys.csv                  where paths do not say the keys: file,key
      images/train/a.png
      labels/train/a.txt        0 0.5 0.5 0.25 0.1

Boxes are written with ten digits. An image without a box has an empty label file. Stored JPEG and
PNG files are taken over byte for byte, raw pixels become PNG. Attributes of boxes and other targets
are left out, which the log reports.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from dsbuilder.dataset import Dataset
from dsbuilder.export.files import Names, check_images, chosen, stored
from dsbuilder.formats import keys, yolo
from dsbuilder.formats.layout import shortened
from dsbuilder.targets import Boxes, BoxSet

_LOGGER = logging.getLogger(__name__)


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: it has no boxes, or images are of a type that no image file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    check_images(dataset)
    (name,) = chosen(dataset, Boxes).values()
    target = dataset.signature.targets[name]
    attributes = [each for each, _ in target.attributes] if isinstance(target, Boxes) else []
    if attributes:
        _LOGGER.warning("%s: attributes left out: %s.", dataset.path, shortened(attributes))
    places = {split: f"images/{split}" for split in dataset.splits}
    text = yolo.written_data(target.class_names, places)
    (folder / "data.yaml").write_text(text, encoding="utf-8", newline="\n")
    found: dict[str, str] = {}
    samples = {split: _write_split(dataset, split, folder, name, found) for split in dataset.splits}
    keys.write(folder, found)
    return samples


def _write_split(
    dataset: Dataset, split: str, folder: Path, name: str, found: dict[str, str]
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
        label.write_text(yolo.written_labels(_rows(sample.targets[name])), newline="\n")
    return len(names.taken)


def _rows(boxes: BoxSet) -> Iterator[yolo.Row]:
    for number, corners in zip(boxes.classes.tolist(), boxes.corners.tolist(), strict=True):
        yield yolo.Row(number, tuple(corners))
