"""Image files of an export: their names, and their bytes.

Stored JPEG and PNG files are taken over byte for byte, raw pixels become PNG.
"""

import hashlib
import itertools
import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder import targets
from dsbuilder.cache import ledger
from dsbuilder.cache.codec import fixed_shape
from dsbuilder.cache.manifest import Shard, signature_to_json
from dsbuilder.dataset import Dataset
from dsbuilder.errors import DataError, shortened
from dsbuilder.images import encoding as image_format
from dsbuilder.layouts.signature import SIGNATURE
from dsbuilder.layouts.splits import split_named
from dsbuilder.records import example
from dsbuilder.sample import Target

_LOGGER = logging.getLogger(__name__)
_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "jpeg": (".jpg", ".jpeg"),
    "png": (".png",),
    "raw": (".png",),
}
_PLAIN = frozenset("._- ()=,")
_LONGEST = 180


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


@dataclass(frozen=True)
class Names:
    """Names of the files in one split, each given once.

    Attributes:
      extensions: of the stored format; the first is appended where a key ends in none of them.
    """

    extensions: tuple[str, ...]
    taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, dataset: Dataset, *, stems: bool = False) -> "Names":
        """Returns names for images as a dataset stores them.

        Args:
          stems: whether names must differ in more than their extensions.
        """
        extensions = _EXTENSIONS[dataset.manifest.image]
        return cls(extensions[:1] if stems else extensions)

    def place(self, key: str, folder: str = "") -> str:
        """Returns the path of a sample's file below the split's folder.

        Args:
          key: the sample's, or the part of it that the folder does not say.
          folder: what the path begins with, with a slash behind.
        """
        root, mark, derived = key.partition("//")
        name = quoted(root) + ("@" if mark else "") + quoted(derived)
        if not name.lower().endswith(self.extensions):
            name += self.extensions[0]
        stem, _, extension = name.rpartition(".")
        candidates = (f"{stem}~{n}.{extension}" for n in itertools.count(2))
        place = f"{folder}{name}"
        while place.casefold() in self.taken:  # some file systems do not tell A from a
            place = f"{folder}{next(candidates)}"
        self.taken.add(place.casefold())
        return place

    def nested(self, key: str, *, split: str, folder: str = "") -> str:
        """Returns the path of a sample's file below the split's folder, in the folders of its key.

        A split that the key begins with, and the folder, are not repeated: so a sample that is read
        again has the key that it had where the layout was the same.

        Args:
          split: the sample's.
          folder: what the path begins with, with a slash behind.
        """
        root, mark, derived = key.partition("//")
        root = root.removeprefix("/")  # of what was made from nothing
        first, _, rest = root.partition("/")
        below = (rest if rest and split_named(first) == split else root).removeprefix(folder)
        *folders, name = below.split("/")
        above = "".join(f"{quoted(each)}/" for each in folders)
        return self.place(f"{name}{mark}{derived}", f"{folder}{above}")


def quoted(text: str) -> str:
    """Returns a text as a file's name: `+` for `/`, `%xx` for what else a name cannot hold.

    Different texts have different names; `@` and `~` never stand in one. A very long text is cut,
    and the hash of all of it takes the place of its end.
    """
    kept = "".join(map(_letter, text))
    if kept.startswith((".", " ")):  # hidden files are passed over, and lists lose spaces
        kept = f"%{ord(kept[0]):02X}{kept[1:]}"
    if kept.endswith(" "):
        kept = f"{kept[:-1]}%20"
    if len(kept.encode()) <= _LONGEST:
        return kept
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{kept.encode()[: _LONGEST - 20].decode(errors='ignore')}%{digest}"


def folder_names(names: Sequence[str]) -> dict[str, str]:
    """Returns the folder of each class: its name, unless there is one that no folder can have.

    Then all are escaped as `quoted` does.
    """
    plain = all(map(_is_folder_name, names))
    return {name: name if plain else quoted(name) for name in names}


def _is_folder_name(name: str) -> bool:
    fits = name.isprintable() and len(name.encode()) <= _LONGEST
    return fits and not name.startswith(".") and not set(name) & set("/\\")


def _letter(letter: str) -> str:
    if letter.isalnum() or letter in _PLAIN:
        return letter
    if letter == "/":
        return "+"
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))
