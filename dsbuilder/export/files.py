"""Image files of an export: their names, and their bytes.

Stored JPEG and PNG files are taken over byte for byte, raw pixels become PNG.
"""

import json
import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder import targets
from dsbuilder.cache import ledger
from dsbuilder.cache.codec import fixed_shape
from dsbuilder.cache.manifest import Shard
from dsbuilder.dataset import Dataset
from dsbuilder.errors import DataError, shortened
from dsbuilder.images import encoding as image_format
from dsbuilder.layouts.file_names import Names as _Names
from dsbuilder.layouts.file_names import folder_names, quoted
from dsbuilder.layouts.signature import SIGNATURE
from dsbuilder.records import example
from dsbuilder.sample import Target
from dsbuilder.targets import signature_to_json

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One sample of a dataset, as it is stored.

    Attributes:
      key: the sample's.
      image: the bytes of its image file.
      targets: values by target name.
      features: the stored features, of which the values were decoded.
    """

    key: str
    image: bytes
    targets: Mapping[str, Any]
    features: Mapping[str, Any]


def check_images(dataset: Dataset) -> None:
    """Raises a DataError if images are of a type that no image file holds."""
    if dataset.signature.image.dtype != "uint8":
        raise DataError(
            f"{dataset.path}: expected uint8 images to write as files, found "
            f"{dataset.signature.image}. Build it without the stage that changes the type."
        )


def chosen(dataset: Dataset, *kinds: type[Target]) -> dict[type[Target], str]:
    """Returns the first target of each kind that a layout can hold; reports all others.

    Raises:
      DataError: there is none.
    """
    names: dict[type[Target], str] = {}
    for name, target in _held(dataset, kinds).items():
        names.setdefault(type(target), name)
    _report_left(dataset, names.values())
    return {kind: names[kind] for kind in kinds if kind in names}


def held(dataset: Dataset, *kinds: type[Target]) -> dict[str, Target]:
    """Returns all targets of kinds that a layout can hold, by name; reports all others.

    Raises:
      DataError: there is none.
    """
    found = _held(dataset, kinds)
    _report_left(dataset, found)
    return found


def _held(dataset: Dataset, kinds: Collection[type[Target]]) -> dict[str, Target]:
    targets = dataset.signature.targets
    found = {name: target for name, target in targets.items() if type(target) in kinds}
    if not found:
        wanted = " or ".join(kind.kind for kind in kinds)
        raise DataError(
            f"{dataset.path}: expected a target of kind {wanted} to write, found "
            f"{shortened(targets) or 'none'}. Export to another layout, such as imagefolder."
        )
    return found


def _report_left(dataset: Dataset, written: Collection[str]) -> None:
    left = [name for name in dataset.signature.targets if name not in written]
    if left:
        _LOGGER.warning("%s: left out: %s.", dataset.path, shortened(left))


def stored(dataset: Dataset, split: str) -> Iterator[Stored]:
    """Yields the samples of a split with the bytes of their image files, in the stored order.

    Raises:
      CacheError: a shard is missing, cut or corrupt.
    """
    for shard in dataset.shards(split):
        yield from stored_in(dataset, shard)


def stored_in(dataset: Dataset, shard: Shard) -> Iterator[Stored]:
    """Yields the samples of a shard; see `stored`."""
    targets = dataset.signature.targets
    reader = dataset.codec.open(dataset.path, shard.stem)
    for entry in ledger.read(dataset.path / ledger.file_name(shard.stem)):
        features = example.decode(reader.read(entry.offset, entry.length))
        yield Stored(
            key=entry.key,
            image=encoded(dataset, features["image"][0]),
            targets={name: kind.decode(name, features) for name, kind in targets.items()},
            features=features,
        )


def labels(dataset: Dataset, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields key and targets of the samples of a split, in the stored order; makes no image file.

    Raises:
      CacheError: a shard is missing, cut or corrupt.
    """
    targets = dataset.signature.targets
    for shard in dataset.shards(split):
        reader = dataset.codec.open(dataset.path, shard.stem)
        for entry in ledger.read(dataset.path / ledger.file_name(shard.stem)):
            features = example.decode(reader.read(entry.offset, entry.length))
            yield entry.key, {name: kind.decode(name, features) for name, kind in targets.items()}


def encoded(dataset: Dataset, image: bytes) -> bytes:
    """Returns the bytes of an image file: those that are stored, or raw pixels as PNG."""
    if dataset.manifest.image != "raw":
        return image
    pixels = np.frombuffer(image, np.uint8).reshape(fixed_shape(dataset.signature))
    return image_format.encode(pixels, "png")


def described(kinds: Mapping[str, Target]) -> dict[str, Any]:
    """Returns targets as JSON values that a source reads, as in a signature."""
    return {"targets": {name: targets.to_json(kind) for name, kind in kinds.items()}}


def write_signature(dataset: Dataset, folder: Path) -> None:
    """Writes of which kinds a dataset's targets are, where a layout has no place for that."""
    text = json.dumps(signature_to_json(dataset.signature), ensure_ascii=False, indent=2)
    (folder / SIGNATURE).write_text(text, encoding="utf-8", newline="\n")


class Names(_Names):
    """TRANSITION: until every writer takes an Exportable."""

    @classmethod
    def of(cls, dataset: Any, *, stems: bool = False) -> "Names":
        """TRANSITION."""
        shim = type("Shim", (), {"image": dataset.manifest.image})
        found = _Names.of(shim, stems=stems)  # type: ignore[arg-type]
        return cls(found.extensions, found.taken)


__all__ = ["Names", "Stored", "folder_names", "quoted"]
