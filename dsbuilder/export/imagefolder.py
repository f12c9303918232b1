"""split/metadata.jsonl beside the images: what Hugging Face `imagefolder` reads, for any labels.

    out/
      keys.csv            where paths do not say the keys: file,key
      signature.json      of which kinds the targets are
      train/
        metadata.jsonl    {"file_name": "a.png", "label": "cat", "mask_file_name": "masks/a.png"}
        a.png
        masks/a.png
      test/
        ...

A class is written by its name, several classes as a list of names, boxes as `objects` with `bbox`
([x, y, width, height] in pixels), `categories` and their attributes, a mask as a PNG of class ids,
keypoints as a list for each object, of x, y (in pixels) and visibility of each point in turn.
Of a mixed label the dominant class is kept, of several classes those that weigh a half or more; the
log reports it. Ids of classes stand in `signature.json` alone, of which `dsbuilder init` makes the
options that read all as it was. Stored JPEG and PNG files are taken over byte for byte, raw pixels
become PNG.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.dataset import Dataset
from dsbuilder.export.files import Names, Stored, check_images, held, stored, write_signature
from dsbuilder.images import encoding as image_format
from dsbuilder.images import mask
from dsbuilder.layouts import keys, points
from dsbuilder.layouts.imagefolder import format as imagefolder
from dsbuilder.sample import Target
from dsbuilder.targets import (
    Boxes,
    BoxSet,
    ClassLabel,
    Keypoints,
    Mask,
    MultiLabel,
    PointSet,
    Text,
    Value,
)

_LOGGER = logging.getLogger(__name__)
_TABLE = "metadata.jsonl"
_LISTS = (MultiLabel, Boxes, Keypoints)

Cell = tuple[str, Any]
"""A column and what a row has in it."""


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: no target is of a kind that a table can hold, or images are of a type that no image
        file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    check_images(dataset)
    targets = held(dataset, *_CELLS)
    samples: dict[str, int] = {}
    empty: dict[str, set[str]] = {}
    soft = {name for name, each in targets.items() if isinstance(each, ClassLabel) and each.soft}
    account = _Account(mixed=soft)
    for split in dataset.splits:
        (folder / split).mkdir()
        empty[split] = {name for name, kind in targets.items() if isinstance(kind, _LISTS)}
        rows = _rows(dataset, split, folder / split, targets, account)
        table = folder / split / _TABLE
        samples[split] = imagefolder.write(table, _watched(rows, empty[split]))
    _report_mixed(dataset, account.mixed)
    _report_empty(dataset, empty)
    keys.write(folder, account.keys)
    write_signature(dataset, folder)
    return samples


def _watched(rows: Iterable[dict[str, Any]], empty: set[str]) -> Iterator[dict[str, Any]]:
    """Yields rows, and takes out of `empty` the columns in which one of them has something."""
    for row in rows:
        empty -= {name for name in empty if _holds(row[name])}
        yield row


def _holds(cell: Any) -> bool:
    return any(cell.values()) if isinstance(cell, dict) else bool(cell)


def _report_empty(dataset: Dataset, empty: Mapping[str, set[str]]) -> None:
    """Logs which lists are empty throughout a split: a reader cannot tell what they would hold."""
    for split, names in empty.items():
        for name in sorted(names):
            if all(name in others for others in empty.values()):
                continue
            _LOGGER.warning(
                "%s: '%s' is empty in all samples of %s: Hugging Face refuses splits whose tables "
                "seem to be of different types. Open that split alone.",
                dataset.path,
                name,
                split,
            )


def _report_mixed(dataset: Dataset, names: Iterable[str]) -> None:
    for name in sorted(names):
        _LOGGER.warning(
            "%s: '%s' holds mixed labels: written is the dominant class of each sample, or of "
            "several those that weigh a half or more; weights are left out.",
            dataset.path,
            name,
        )


@dataclass(frozen=True, kw_only=True)
class _Account:
    """What is known once all samples are written.

    Attributes:
      mixed: names of targets that hold mixed labels.
      keys: by path of an image below the folder.
    """

    mixed: set[str]
    keys: dict[str, str] = field(default_factory=dict)


def _rows(
    dataset: Dataset, split: str, folder: Path, targets: Mapping[str, Target], account: _Account
) -> Iterator[dict[str, Any]]:
    """Writes the images and masks of a split and yields a row for each sample."""
    names = Names.of(dataset)
    for sample in stored(dataset, split):
        place = names.nested(sample.key, split=split)
        account.keys[f"{split}/{place}"] = sample.key
        _write(folder / place, sample.image)
        written = _Written(sample=sample, folder=folder, split=split, names=names, account=account)
        cells = (_CELLS[type(target)](written, name, target) for name, target in targets.items())
        yield {imagefolder.FILE_NAME: place, **dict(cells)}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A sample whose image was written.

    Attributes:
      folder: of the split.
      names: of the files in that folder.
    """

    sample: Stored
    folder: Path
    split: str
    names: Names
    account: _Account

    def value(self, name: str) -> Any:
        return self.sample.targets[name]


def _class(written: _Written, name: str, target: Any) -> Cell:
    """Returns the class; of a mixed label the dominant one, whose id is stored."""
    return name, target.names[int(np.asarray(written.sample.features[name]).item())]


def _classes(written: _Written, name: str, target: Any) -> Cell:
    """Returns the classes; of mixed ones those that weigh a half or more."""
    weights = written.value(name)
    if not np.isin(weights, (0, 1)).all():
        written.account.mixed.add(name)
    return name, target.classes(weights)


def _value(written: _Written, name: str, target: Any) -> Cell:
    return name, np.asarray(written.value(name), np.float64).tolist()


def _text(written: _Written, name: str, target: Any) -> Cell:
    return name, written.value(name)


def _mask(written: _Written, name: str, target: Any) -> Cell:
    """Writes the mask as a PNG of ids and returns its place."""
    names = Names((".png",), written.names.taken)
    place = names.nested(written.sample.key, split=written.split, folder=f"{name}s/")
    _write(written.folder / place, mask.encode_ids(written.value(name)))
    return imagefolder.file_column(name), place


def _boxes(written: _Written, name: str, target: Any) -> Cell:
    boxes: BoxSet = written.value(name)
    objects = [
        {
            "box": corners.tolist(),
            "label": target.names[int(number)],
            **{attribute: _plain(values[place]) for attribute, values in boxes.attributes.items()},
        }
        for place, (corners, number) in enumerate(zip(boxes.corners, boxes.classes, strict=True))
    ]
    size = image_format.size(written.sample.image)
    return name, imagefolder.written_objects(objects, boxes.attributes, size)


def _points(written: _Written, name: str, target: Any) -> Cell:
    found: PointSet = written.value(name)
    size = image_format.size(written.sample.image)
    pairs = zip(np.asarray(found.points, np.float64), found.visibility, strict=True)
    return name, [points.to_pixels(places, seen, size) for places, seen in pairs]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


_CELLS: Mapping[type[Target], Callable[[_Written, str, Any], Cell]] = {
    ClassLabel: _class,
    MultiLabel: _classes,
    Value: _value,
    Text: _text,
    Mask: _mask,
    Boxes: _boxes,
    Keypoints: _points,
}
