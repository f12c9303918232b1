"""Tar files of samples, for webdataset and Hugging Face.

    out/
      dsbuilder.json
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
object `[x, y, visibility]`, all as shares of the image's sides; instances are an object with
`objects`, boxes with polygons in pixels or COCO's run lengths, and the `size` of the image; of what
was mixed the weights of all classes stand there as well. A mask is a PNG of class ids, such as
`cat+tom%2Epng.mask.png`. The same dataset gives the same bytes.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsbuilder.images import mask
from dsbuilder.layouts.holding import check_images
from dsbuilder.layouts.webdataset.format import (
    CLASS,
    JSON,
    KEY,
    TAR,
    TEXT,
    mask_endings,
    sample_name,
)
from dsbuilder.paths import below
from dsbuilder.plugin import (
    ClassLabel,
    Exportable,
    Exporter,
    Instances,
    MultiLabel,
    StoredSample,
    Target,
    Text,
    Written,
    exporter,
)

_ENDINGS = {"jpeg": "jpg", "png": "png", "raw": "png"}
_MODE = 0o644


@exporter("webdataset")
@dataclass(frozen=True, kw_only=True)
class WebDatasetExporter(Exporter):
    """Writes tar files of samples, for webdataset and Hugging Face."""

    def write(self, dataset: Exportable, folder: Path) -> Written:
        """Writes a tar file for each shard.

        Raises:
          DataError: images are of a type that no image file holds.
          CacheError: a shard is missing, cut or corrupt.
        """
        check_images(dataset)
        for split in dataset.splits:
            for shard in range(len(dataset.shards(split))):
                path = below(folder, f"{split}-{shard:05d}.{TAR}")
                write_shard(path, _samples(dataset, split, shard))
        return Written(samples={split: dataset.num_samples(split) for split in dataset.splits})


def write_shard(path: Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """Writes a tar file; equal samples give equal bytes.

    Args:
      samples: name of each, no name twice, and its files by what follows the dot.
    """
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, files in samples:
            for ending, content in files.items():
                member = tarfile.TarInfo(f"{name}.{ending}")
                member.size, member.mode = len(content), _MODE
                archive.addfile(member, io.BytesIO(content))


def _samples(
    dataset: Exportable, split: str, shard: int
) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    targets, image = dataset.signature.targets, _ENDINGS[dataset.image]
    masks = mask_endings(targets)
    for sample in dataset.samples(split, shard):
        files = {image: bytes(sample.image), **_labels(sample, targets, masks)}
        yield sample_name(sample.key), files


def _labels(
    sample: StoredSample, targets: Mapping[str, Target], masks: Mapping[str, str]
) -> dict[str, bytes]:
    """Returns the files beside the image, by their endings."""
    files: dict[str, bytes] = {}
    described: dict[str, Any] = {KEY: sample.key}
    for name, target in targets.items():
        value = sample.targets[name]
        if isinstance(target, ClassLabel):
            files.setdefault(CLASS, str(_dominant(sample, name, target)).encode())
        if isinstance(target, Text):
            files.setdefault(TEXT, value.encode())
        if name in masks:
            files[masks[name]] = mask.encode_ids(value)
        else:
            described.update(_described(sample, name, target))
    text = json.dumps(described, ensure_ascii=False)
    return {**files, JSON: text.encode()}


def _dominant(sample: StoredSample, name: str, target: Target) -> int:
    """Returns the id of a class; of a mixed label that of the dominant one."""
    return int(target.encode(name, sample.targets[name])[name])


def _described(sample: StoredSample, name: str, target: Target) -> dict[str, Any]:
    """Returns what the JSON says of a label that is no mask."""
    raw = target.raw(sample.targets[name])
    if not isinstance(raw, Mapping) or isinstance(target, Instances):
        return {name: raw}
    if isinstance(target, MultiLabel):
        names: Any = target.classes(sample.targets[name])
    else:
        names = target.class_names[_dominant(sample, name, target)]
    return {name: names, f"{name}_weights": list(raw.values())}
