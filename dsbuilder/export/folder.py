"""split/class/image: what Hugging Face `imagefolder`, Keras and torchvision read.

    out/                            out/
      train/                          train/
        cat/tom.png                     tom.png
        cat/tom.png@copy-1.png          metadata.csv    file_name,text
        dog/rex.png                   test/
      test/                             ...
        cat/felix.png
        dog/

With a class target, the class is the folder; other targets stand in `metadata.csv`, each with a
column. Stored JPEG and PNG files are taken over byte for byte, raw pixels become PNG. Every split
has a folder for every class, also an empty one: Keras numbers classes by the folders it finds. A
reader numbers them by their sorted names; where the dataset has another order, that is reported in
the log, and so is what a mixed label loses: its sample lies in the folder of the dominant class.
"""

import csv
import hashlib
import itertools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.cache import ledger
from dsbuilder.cache.codec import fixed_shape
from dsbuilder.dataset import Dataset
from dsbuilder.errors import DataError
from dsbuilder.formats import example
from dsbuilder.formats import image as image_format
from dsbuilder.sample import Target
from dsbuilder.targets import ClassLabel

METADATA = "metadata.csv"
_LOGGER = logging.getLogger(__name__)
_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "jpeg": (".jpg", ".jpeg"),
    "png": (".png",),
    "raw": (".png",),
}
_PLAIN = frozenset("._- ()=,")
_LONGEST = 180


def write(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Writes a dataset into an empty folder and returns how many samples of each split it wrote.

    Raises:
      DataError: images are of a type that no image file holds.
      CacheError: a shard is missing, cut or corrupt.
    """
    if dataset.signature.image.dtype != "uint8":
        raise DataError(
            f"{dataset.path}: expected uint8 images to write as files, found "
            f"{dataset.signature.image}. Build it without the stage that changes the type."
        )
    label = _class_target(dataset.signature.targets)
    _report(dataset, label)
    return {split: _write_split(dataset, split, folder / split, label) for split in dataset.splits}


def _class_target(targets: Mapping[str, Target]) -> tuple[str, ClassLabel] | None:
    found = ((name, kind) for name, kind in targets.items() if isinstance(kind, ClassLabel))
    return next(found, None)


def _report(dataset: Dataset, label: tuple[str, ClassLabel] | None) -> None:
    if label is None:
        return
    name, kind = label
    if list(kind.names) != sorted(kind.names):
        _LOGGER.warning(
            "%s: the classes are not in sorted order: readers of folders number them otherwise "
            "than this dataset.",
            dataset.path,
        )
    if kind.soft:
        _LOGGER.warning(
            "%s: '%s' holds mixed labels: each sample goes to its dominant class, its weights are "
            "left out.",
            dataset.path,
            name,
        )


def _write_split(
    dataset: Dataset, split: str, folder: Path, label: tuple[str, ClassLabel] | None
) -> int:
    """Writes a split's images, and where there is more than a class, the table beside them."""
    folder.mkdir()
    for name in label[1].names if label else ():
        (folder / quoted(name)).mkdir()
    targets = dataset.signature.targets
    rows = list(_write_images(dataset, split, folder, label))
    if label is None or len(targets) > 1:
        with (folder / METADATA).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["file_name", *targets])
            table.writerows(rows)
    return len(rows)


def _write_images(
    dataset: Dataset, split: str, folder: Path, label: tuple[str, ClassLabel] | None
) -> Iterator[list[str]]:
    """Writes the images of a split and yields of each its path below `folder` and its labels."""
    names = _Names(_EXTENSIONS[dataset.manifest.image])
    for shard in dataset.shards(split):
        reader = dataset.codec.open(dataset.path, shard.stem)
        for entry in ledger.read(dataset.path / ledger.file_name(shard.stem)):
            features = example.decode(reader.read(entry.offset, entry.length))
            shown = {
                name: _shown(name, target, features)
                for name, target in dataset.signature.targets.items()
            }
            place = names.place(entry.key, shown[label[0]] if label else None)
            (folder / place).write_bytes(_encoded(dataset, features["image"][0]))
            yield [place, *shown.values()]


def _shown(name: str, target: Target, features: Mapping[str, Any]) -> str:
    """Returns a label as text; of mixed classes the dominant one, whose id is stored."""
    if isinstance(target, ClassLabel):
        return target.names[int(np.asarray(features[name]).item())]
    return target.show(target.decode(name, features))


def _encoded(dataset: Dataset, stored: bytes) -> bytes:
    """Returns the bytes of an image file: those that are stored, or raw pixels as PNG."""
    if dataset.manifest.image != "raw":
        return stored
    pixels = np.frombuffer(stored, np.uint8).reshape(fixed_shape(dataset.signature))
    return image_format.encode(pixels, "png")


@dataclass(frozen=True)
class _Names:
    """Names of files in one split, each given once.

    Attributes:
      extensions: of the stored format; the first is appended where a key ends in none of them.
    """

    extensions: tuple[str, ...]
    taken: set[str] = field(default_factory=set)

    def place(self, key: str, class_name: str | None) -> str:
        """Returns the path of a sample's file below the split's folder."""
        root, mark, derived = key.partition("//")
        folder = "" if class_name is None else f"{quoted(class_name)}/"
        name = quoted(_below(root, class_name)) + ("@" if mark else "") + quoted(derived)
        if not name.lower().endswith(self.extensions):
            name += self.extensions[0]
        stem, _, extension = name.rpartition(".")
        candidates = (f"{stem}~{n}.{extension}" for n in itertools.count(2))
        place = f"{folder}{name}"
        while place.casefold() in self.taken:  # some file systems do not tell A from a
            place = f"{folder}{next(candidates)}"
        self.taken.add(place.casefold())
        return place


def _below(key: str, class_name: str | None) -> str:
    """Returns a key without the split's and the class's folders, which the new path has anyway."""
    head, mark, rest = f"/{key}".partition(f"/{class_name}/")
    return rest if class_name is not None and mark and head.count("/") < 2 else key


def quoted(text: str) -> str:
    """Returns a text as a file's name: `+` for `/`, `%xx` for what else a name cannot hold.

    Different texts have different names; `@` and `~` never stand in one. A very long text is cut,
    and the hash of all of it takes the place of its end.
    """
    kept = "".join(map(_letter, text))
    if kept.startswith("."):  # hidden files are passed over
        kept = f"%2E{kept[1:]}"
    if len(kept.encode()) <= _LONGEST:
        return kept
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{kept.encode()[: _LONGEST - 20].decode(errors='ignore')}%{digest}"


def _letter(letter: str) -> str:
    if letter.isalnum() or letter in _PLAIN:
        return letter
    if letter == "/":
        return "+"
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))
