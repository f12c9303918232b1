"""split/metadata.jsonl beside the images: what Hugging Face `imagefolder` reads, for any labels.

    out/
      dsbuilder.json
      train/
        metadata.jsonl    {"file_name": "a.png", "label": "cat", "mask_file_name": "masks/a.png"}
        a.png
        masks/a.png
      test/
        ...

A class is written by its name, several classes as a list of names, boxes as `objects` with `bbox`
([x, y, width, height] in pixels), `categories` and their attributes, a mask as a PNG of class ids,
keypoints as a list for each object, of x, y (in pixels) and visibility of each point in turn.
Of a mixed label the dominant class is kept, of several classes those that weigh a half or more,
which is noted. Ids of classes stand in the sidecar alone, of which the source `imagefolder` reads
all as it was. Stored JPEG and PNG files are taken over byte for byte, raw pixels become PNG.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.images import encoding as image_format
from dsbuilder.images import mask
from dsbuilder.layouts import boxes as box
from dsbuilder.layouts.file_names import Names, quoted
from dsbuilder.layouts.holding import check_images, held_if_any, left_out
from dsbuilder.layouts.imagefolder import format as imagefolder
from dsbuilder.paths import below
from dsbuilder.plugin import (
    Boxes,
    BoxSet,
    ClassLabel,
    Exportable,
    Exporter,
    Keypoints,
    Mask,
    MultiLabel,
    PointSet,
    StoredSample,
    Target,
    Text,
    Value,
    Written,
    exporter,
)

_TABLE = "metadata.jsonl"
_LISTS = (MultiLabel, Boxes, Keypoints)


@exporter("imagefolder")
@dataclass(frozen=True, kw_only=True)
class ImageFolderExporter(Exporter):
    """Writes images with a metadata.jsonl beside them, for Hugging Face `imagefolder`.

    It holds labels of every kind. Of a mixed label the dominant class is written, of several
    classes those that weigh a half or more.
    """

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes split/metadata.jsonl and the images.

        Raises:
          DataError: there are labels, of which none is of a kind that a table can hold, or images
            are of a type that no image file holds.
        """
        check_images(dataset)
        targets = held_if_any(dataset, *_CELLS)
        account = _Account(mixed={name for name, kind in targets.items() if _is_soft(kind)})
        samples: dict[str, int] = {}
        for split in dataset.splits:
            below(folder, split).mkdir()
            account.empty[split] = {n for n, kind in targets.items() if isinstance(kind, _LISTS)}
            rows = _rows(dataset, split, folder / split, targets, account)
            samples[split] = imagefolder.write(folder / split / _TABLE, rows)
        notes = [*left_out(dataset, targets), *_notes_of_mixed(account), *_notes_of_empty(account)]
        return Written(samples=samples, keys=account.keys, targets=list(targets), notes=notes)


def _is_soft(kind: Target) -> bool:
    return isinstance(kind, ClassLabel) and kind.soft


@dataclass(frozen=True, kw_only=True)
class _Account:
    """What is known once all samples are written.

    Attributes:
      mixed: names of targets that hold mixed labels.
      keys: key by path of an image below the folder.
      empty: names of lists in which no sample has anything, by split.
    """

    mixed: set[str]
    keys: dict[str, str] = field(default_factory=dict)
    empty: dict[str, set[str]] = field(default_factory=dict)


def _notes_of_mixed(account: _Account) -> Iterator[str]:
    for name in sorted(account.mixed):
        yield (
            f"'{name}' holds mixed labels: written is the dominant class of each sample, or of "
            "several those that weigh a half or more; weights are left out"
        )


def _notes_of_empty(account: _Account) -> Iterator[str]:
    """Yields which lists are empty throughout a split: no reader can tell what they would hold."""
    for split, names in account.empty.items():
        for name in sorted(names):
            if not all(name in others for others in account.empty.values()):
                yield (
                    f"'{name}' is empty in all samples of {split}: Hugging Face refuses splits "
                    "whose tables seem to be of different types. Open that split alone"
                )


def _rows(
    dataset: Exportable, split: str, folder: Path, targets: Mapping[str, Target], account: _Account
) -> Iterator[dict[str, Any]]:
    """Writes the images and masks of a split and yields a row for each sample."""
    names = Names.of(dataset)
    for sample in dataset.samples(split):
        place = names.nested(sample.key, split=split)
        account.keys[f"{split}/{place}"] = sample.key
        data = bytes(sample.image)
        _write(below(folder, place), data)
        size = image_format.size(data)
        written = _WrittenImage(
            sample=sample, size=size, folder=folder, split=split, names=names, account=account
        )
        cells = {name: _CELLS[type(kind)](written, name, kind) for name, kind in targets.items()}
        account.empty[split] -= {name for name in account.empty[split] if _holds(cells[name])}
        columns = {imagefolder.column_of(n, type(targets[n])): cell for n, cell in cells.items()}
        yield {imagefolder.FILE_NAME: place, **columns}


def _holds(cell: Any) -> bool:
    return any(cell.values()) if isinstance(cell, dict) else bool(cell)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@dataclass(frozen=True, kw_only=True)
class _WrittenImage:
    """A sample whose image was written.

    Attributes:
      size: (height, width).
      folder: folder of the split.
      split: name of the split.
      names: names of the files in that folder.
      account: takes what is known once all are written.
    """

    sample: StoredSample
    size: tuple[int, int]
    folder: Path
    split: str
    names: Names
    account: _Account

    def value(self, name: str) -> Any:
        return self.sample.targets[name]


def _class(written: _WrittenImage, name: str, target: Any) -> str:
    """Returns the class; of a mixed label the dominant one, whose id is stored."""
    found: str = target.names[int(target.encode(name, written.value(name))[name])]
    return found


def _classes(written: _WrittenImage, name: str, target: Any) -> list[str]:
    """Returns the classes; of mixed ones those that weigh a half or more."""
    weights = written.value(name)
    if not np.isin(weights, (0, 1)).all():
        written.account.mixed.add(name)
    return list(target.classes(weights))


def _value(written: _WrittenImage, name: str, target: Any) -> Any:
    return np.asarray(written.value(name), np.float64).tolist()


def _text(written: _WrittenImage, name: str, target: Any) -> str:
    return str(written.value(name))


def _mask(written: _WrittenImage, name: str, target: Any) -> str:
    """Writes the mask as a PNG of ids and returns its place."""
    names = Names((".png",), written.names.taken)
    folder = f"{quoted(f'{name}s')}/"
    place = names.nested(written.sample.key, split=written.split, folder=folder)
    _write(below(written.folder, place), mask.encode_ids(written.value(name)))
    return place


def _boxes(written: _WrittenImage, name: str, target: Any) -> Any:
    boxes: BoxSet = written.value(name)
    objects = [
        {
            "box": corners.tolist(),
            "label": target.names[int(number)],
            **{attribute: _plain(values[place]) for attribute, values in boxes.attributes.items()},
        }
        for place, (corners, number) in enumerate(zip(boxes.corners, boxes.classes, strict=True))
    ]
    return imagefolder.written_objects(objects, boxes.attributes, written.size)


def _points(written: _WrittenImage, name: str, target: Any) -> Any:
    found: PointSet = written.value(name)
    pairs = zip(np.asarray(found.points, np.float64), found.visibility, strict=True)
    return [box.keypoints_to_pixels(places, seen, written.size) for places, seen in pairs]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


_CELLS: Mapping[type[Target], Callable[[_WrittenImage, str, Any], Any]] = {
    ClassLabel: _class,
    MultiLabel: _classes,
    Value: _value,
    Text: _text,
    Mask: _mask,
    Boxes: _boxes,
    Keypoints: _points,
}
