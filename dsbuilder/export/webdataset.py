"""Tar files of samples, for webdataset and Hugging Face.

    out/
      signature.json            of which kinds the targets are
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
object `[x, y, visibility]`, all as shares of the image's sides; of what was mixed the weights of
all classes stand there as well. A mask is a PNG of class ids, such as `cat+tom%2Epng.mask.png`. The
same dataset gives the same bytes.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.cache.manifest import Shard
from dsbuilder.dataset import Dataset
from dsbuilder.export.files import Stored, check_images, quoted, stored_in, write_signature
from dsbuilder.images import mask
from dsbuilder.layouts.webdataset import format as webdataset
from dsbuilder.sample import Target
from dsbuilder.targets import ClassLabel, Mask, MultiLabel, Text

_ENDINGS = {"jpeg": "jpg", "png": "png", "raw": "png"}


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: images are of a type that no image file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    check_images(dataset)
    write_signature(dataset, folder)
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
            labels.update(_plain(sample, name, target))
    text = json.dumps(labels, ensure_ascii=False)
    return {**contents, "json": text.encode()}


def _id(sample: Stored, name: str) -> int:
    """Returns the id of a class; of a mixed label that of the dominant one."""
    return int(np.asarray(sample.features[name]).item())


def _plain(sample: Stored, name: str, target: Target) -> dict[str, Any]:
    """Returns what the JSON says of a label that is no mask."""
    raw = target.raw(sample.targets[name])
    if not isinstance(raw, Mapping):
        return {name: raw}
    if isinstance(target, MultiLabel):
        names: Any = target.classes(sample.targets[name])
    else:
        names = target.class_names[_id(sample, name)]
    return {name: names, f"{name}_weights": list(raw.values())}
