"""Tar files of samples, for webdataset and Hugging Face.

    out/
      train-00000.tar
        cat+tom%2Epng.jpg     the image, as it is stored; raw pixels become PNG
        cat+tom%2Epng.cls     the class id, if there is a class
        cat+tom%2Epng.txt     the text, if there is one
        cat+tom%2Epng.json    the key, and every label
      train-00001.tar
      test-00000.tar

There is a tar file for each shard. A sample is called by its key, in which slashes and dots are
escaped. In the JSON a class has its name, several classes are a list of names, boxes are a list of
`{"label": ..., "box": [x_min, y_min, x_max, y_max]}` with their attributes, and keypoints of each
object `[x, y, visibility]`, all as shares of the image's sides. A mask is a PNG of class ids, such
as `cat+tom%2Epng.mask.png`. The same dataset gives the same bytes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.cache.manifest import Shard
from dsbuilder.dataset import Dataset
from dsbuilder.export.files import Stored, check_images, quoted, stored_in
from dsbuilder.formats import mask, webdataset
from dsbuilder.sample import Target
from dsbuilder.targets import Boxes, BoxSet, ClassLabel, Keypoints, Mask, MultiLabel, PointSet, Text

_ENDINGS = {"jpeg": "jpg", "png": "png", "raw": "png"}


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: images are of a type that no image file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    check_images(dataset)
    return {
        split: sum(
            webdataset.write_shard(folder / f"{split}-{index:05d}.tar", _samples(dataset, shard))
            for index, shard in enumerate(dataset.shards(split))
        )
        for split in dataset.splits
    }


def _samples(dataset: Dataset, shard: Shard) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    targets = dataset.signature.targets
    ending = _ENDINGS[dataset.manifest.image]
    for sample in stored_in(dataset, shard):
        name = webdataset.sample_name(quoted(sample.key))
        yield name, {ending: sample.image, **_contents(sample, targets)}


def _contents(sample: Stored, targets: Mapping[str, Target]) -> dict[str, bytes]:
    """Returns what is stored beside the image, by its ending."""
    contents: dict[str, bytes] = {}
    labels: dict[str, Any] = {"key": sample.key}
    for name, target in targets.items():
        value = sample.targets[name]
        if isinstance(target, ClassLabel):
            contents.setdefault("cls", str(_id(sample, name)).encode())
        if isinstance(target, Text):
            contents.setdefault("txt", value.encode())
        if isinstance(target, Mask):
            contents[f"{name}.png"] = mask.encode_ids(value)
        else:
            labels.update(_PLAIN.get(type(target), _numbers)(sample, name, target))
    text = json.dumps(labels, ensure_ascii=False)
    return {**contents, "json": text.encode()}


def _id(sample: Stored, name: str) -> int:
    """Returns the id of a class; of a mixed label that of the dominant one."""
    return int(np.asarray(sample.features[name]).item())


def _class(sample: Stored, name: str, target: Any) -> dict[str, Any]:
    labels: dict[str, Any] = {name: target.names[_id(sample, name)]}
    if target.soft:
        labels[f"{name}_weights"] = sample.targets[name].tolist()
    return labels


def _classes(sample: Stored, name: str, target: Any) -> dict[str, Any]:
    return {name: target.classes(sample.targets[name])}


def _text(sample: Stored, name: str, target: Any) -> dict[str, Any]:
    return {name: sample.targets[name]}


def _numbers(sample: Stored, name: str, target: Any) -> dict[str, Any]:
    return {name: np.asarray(sample.targets[name]).tolist()}


def _boxes(sample: Stored, name: str, target: Any) -> dict[str, Any]:
    boxes: BoxSet = sample.targets[name]
    labels = target.classes(boxes)
    attributes = {each: values.tolist() for each, values in boxes.attributes.items()}
    return {
        name: [
            {
                "label": labels[row],
                "box": corners,
                **{each: values[row] for each, values in attributes.items()},
            }
            for row, corners in enumerate(boxes.corners.tolist())
        ]
    }


def _points(sample: Stored, name: str, target: Any) -> dict[str, Any]:
    points: PointSet = sample.targets[name]
    rows = zip(points.points.tolist(), points.visibility.tolist(), strict=True)
    return {
        name: [
            [[x, y, seen] for (x, y), seen in zip(places, visible, strict=True)]
            for places, visible in rows
        ]
    }


_PLAIN: Mapping[type[Target], Callable[[Stored, str, Any], dict[str, Any]]] = {
    ClassLabel: _class,
    MultiLabel: _classes,
    Text: _text,
    Boxes: _boxes,
    Keypoints: _points,
}
