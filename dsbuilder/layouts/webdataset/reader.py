"""Tar files of samples, as webdataset and Hugging Face have them, and as dsbuilder exports them."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from dsbuilder.errors import printable, shortened
from dsbuilder.layouts import keys, numbered, tree
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.faults import Faults
from dsbuilder.layouts.mask_names import MaskNames
from dsbuilder.layouts.signature import SIGNATURE, read_targets
from dsbuilder.layouts.tabled import targets_of, value_target
from dsbuilder.layouts.tables import read_text
from dsbuilder.layouts.webdataset import format as webdataset
from dsbuilder.layouts.webdataset import tar
from dsbuilder.layouts.webdataset.fields import Contents, Fields, exported, image_of, read_of_export
from dsbuilder.layouts.webdataset.signs import recognition
from dsbuilder.plugin import (
    ClassLabel,
    DataError,
    MultiLabel,
    Recognition,
    Record,
    Source,
    Target,
    Text,
    source,
)

Split = Literal["train", "validation", "test"]

IMAGE = "image"
"""Where the bytes of a record's image lie, (offset, length); it stands beside the labels."""

_log = logging.getLogger(__name__)
_ROLES = ("label", "labels", "value", "text", "mask")
_Targets = Mapping[str, Target]


@source("webdataset")
@dataclass(frozen=True, kw_only=True)
class WebDataset(Source):
    """Reads images and labels of tar files, as webdataset packs them; nothing is unpacked.

        path/                          train-000000.tar
          train-000000.tar               000000.jpg
          train-000001.tar               000000.cls      3
          test-000000.tar                000000.json     {"caption": "Tom asleep"}
                                         000001.jpg

    The files of a sample have one name up to the first dot and follow one another; what comes
    behind that dot, in any case of letters, says what a file holds. The image is the one that ends
    in jpg, png or the like. An option names the file of a label by its ending, such as `cls`, or a
    key in its JSON, such as `json:caption`. Those of the default names are read if the first sample
    has them, those that you name must be there, and null reads none. A sample without an image, and
    files that nothing reads, are skipped, counted, and reported in the log.

    A word in the name of a tar file, else of a folder, says the split (train, training; validation,
    val, valid, dev; test, testing, eval, evaluation), if it does for every file. The key of a
    record is the name of its sample; where names are there in several tar files, the path of the
    file without its ending stands before them, such as `train-000000/000000`.

    Beside the tar files that dsbuilder exports, `signature.json` says of which kinds the targets
    are: then all of them are read, and keys are those of the dataset, but for `@` in place of what
    says that a sample was derived. What was made of one image is one group.

    Attributes:
      path: the folder of tar files at any depth, or one of them; they are not packed with gzip.
      only: the splits that are read; by default all files.
      image: the ending of the image, where a sample has several.
      label: the class, by its name or its number.
      labels: several classes, a list in JSON, or a text with commas between them.
      value: a number or a list of numbers.
      text: a text.
      mask: the ending of the masks' files, such as seg.png.
      classes, labels_classes: class names in id order; by default those found.
      mask_classes: the same of masks. Without `mask_colors` the stored values are the ids; one of
        the two is needed where there is a mask.
      mask_colors: color or stored value of masks -> class, such as {'#ff0000': road}.
      ignore: the color or the stored value of masks that is of no class, such as 255.
    """

    path: Path
    only: tuple[Split, ...] | None = None
    image: str | None = None
    label: str | None = "cls"
    labels: str | None = None
    value: str | None = None
    text: str | None = "txt"
    mask: str | None = None
    classes: tuple[str, ...] | None = None
    labels_classes: tuple[str, ...] | None = None
    mask_classes: tuple[str, ...] | None = None
    mask_colors: Mapping[str, str] | None = None
    ignore: str | None = None

    def __post_init__(self) -> None:
        check_classes(self.classes)
        if self.only is not None and not self.only:
            raise ValueError("only: expected at least one, such as train, found none.")
        if self.mask is not None or self.mask_classes or self.mask_colors:
            _ = self.mask_names

    @property
    def mask_names(self) -> MaskNames | None:
        """What the options say of the values in masks; None where none are read."""
        if self.mask is None:
            return None
        return MaskNames(classes=self.mask_classes, colors=self.mask_colors, ignore=self.ignore)

    @classmethod
    def recognise(cls, folder: Path) -> Recognition:
        """Looks at the names of files in the first tar file, and at the JSON of a sample."""
        return recognition(folder)

    def records(self) -> Iterator[Record]:
        """Yields a record for every sample with an image, in the order of the files.

        Raises:
          DataError: there is no tar file, one is cut or damaged, a sample lacks a label or has
            several images, or there is only one class.
        """
        return iter(_Reader(self).read())

    def targets(self, records: Sequence[Record]) -> _Targets:
        """Returns the targets of an export; else those that options name."""
        known = _signature(self.path)
        if known is not None:
            return known
        found = {
            "label": lambda: _class_target(records, self.classes),
            "labels": lambda: _labels_target(records, self.labels_classes),
            "value": lambda: value_target(records),
            "text": Text,
            "mask": lambda: None if self.mask_names is None else self.mask_names.target,
        }
        try:
            return targets_of(records, found)
        except DataError as error:
            raise DataError(f"{self.path}: {error}") from None

    def watches(self) -> Sequence[Path]:
        """Returns all that lies at or below `path`."""
        return tree.everything(self.path)

    def read(self, record: Record) -> bytes:
        """Returns the bytes of a record's image file."""
        if record.path is None:
            raise DataError(f"{record.key}: expected a tar file, found none.")
        offset, length = record.targets[IMAGE]
        return tar.content(record.path, offset, length)

    def identity(self, record: Record) -> str:
        """Returns the hash of the bytes of a record's image file, and of those of its masks."""
        digest = hashlib.blake2b(self.read(record), digest_size=16)
        for raw in record.targets.values():
            if isinstance(raw, dict) and "offset" in raw and "path" in raw:
                digest.update(tar.content(Path(raw["path"]), raw["offset"], raw["length"]))
        return digest.hexdigest()


def _class_target(records: Sequence[Record], classes: tuple[str, ...] | None) -> ClassLabel:
    found = (each.targets["label"] for each in records)
    return ClassLabel(names=numbered.class_names(found, classes))


def _labels_target(records: Sequence[Record], classes: tuple[str, ...] | None) -> MultiLabel:
    found = (name for each in records for name in each.targets["labels"])
    return MultiLabel(names=numbered.class_names(found, classes))


def _signature(path: Path) -> _Targets | None:
    """Returns the targets of an export of ours; None where there is no signature."""
    file = (path if path.is_dir() else path.parent) / SIGNATURE
    return read_targets(read_text(file), str(file)) if file.is_file() else None


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A sample as it was read.

    Attributes:
      shard: the path of its tar file below the top folder.
      key: as the export states it, else its name.
    """

    shard: str
    key: str
    targets: Mapping[str, Any]


@dataclass(kw_only=True)
class _Counts:
    """What was skipped: of the members of tar files, and samples without an image."""

    members: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    bare: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        skipped = {f".{each}": count for each, count in self.unread.items()} | self.members
        notes = []
        if skipped:
            kinds = sorted(skipped.items(), key=lambda kind: (-kind[1], kind[0]))
            shown = ", ".join(f"{count} {kind}" for kind, count in kinds)
            notes.append(f"in the tar files were skipped: {shown}")
        if self.bare:
            one = len(self.bare) == 1
            count = "1 sample was" if one else f"{len(self.bare)} samples were"
            notes.append(
                f"{count} skipped, which {'has' if one else 'have'} no image: "
                f"{shortened(self.bare)}"
            )
        return notes


class _Reader:
    """Reads the tar files once, and remembers what of them was read."""

    def __init__(self, source: WebDataset) -> None:
        self._source = source
        self._known = _signature(source.path)
        self._fields: Fields | None = None
        self._tree = None if source.path.is_file() else tree.scan(source.path)
        self._root = source.path if self._tree else source.path.parent
        names = [source.path.name] if self._tree is None else self._tree.files
        self._shards = [name for name in names if tree.extension(name) == webdataset.TAR]
        self._splits, self._notes = _splits(self._shards)
        self._counts = _Counts()
        self._faults = Faults()

    def read(self) -> list[Record]:
        wanted = self._source.only
        shards = [name for name in self._shards if not wanted or self._splits[name] in wanted]
        if not shards:
            others = f"{len(self._shards)} of other splits" if self._shards else "none"
            raise DataError(
                f"{self._source.path}: expected tar files, found {others}. Check the path or "
                "`only`."
            )
        found = [each for name in shards for each in self._samples(name)]
        self._faults.check()
        if not found:
            raise DataError(
                f"{self._source.path}: expected samples with an image, found none in "
                f"{len(shards)} tar files. Check them."
            )
        records = self._records(found)
        if "label" in found[0].targets and self._known is None:
            classes = {each.targets["label"] for each in found}
            check_class_count(classes, where=str(self._source.path), noun="classes")
        self._report(shards)
        return records

    def _records(self, found: Sequence[_Read]) -> list[Record]:
        paths = {name: self._root / name for name in self._shards}
        return [
            Record(
                key=key,
                path=paths[each.shard],
                targets=each.targets,
                group=group,
                split=self._splits[each.shard],
            )
            for each, (key, group) in zip(found, self._keys(found), strict=True)
        ]

    def _keys(self, found: Sequence[_Read]) -> list[tuple[str, str | None]]:
        """Returns key and group of each sample."""
        if self._known is not None:
            return keys.with_groups([each.key for each in found])
        is_plain = len({each.key for each in found}) == len(found)
        return [
            (each.key if is_plain else f"{each.shard.rpartition('.')[0]}/{each.key}", None)
            for each in found
        ]

    def _samples(self, shard: str) -> Iterator[_Read]:
        path = self._root / shard
        for sample in webdataset.samples(path, self._counts.members):
            with self._faults.collecting(f"{path}: {printable(sample.name)}"):
                found = self._sample(shard, Contents(path=path, sample=sample))
                if found is not None:
                    yield found

    def _sample(self, shard: str, contents: Contents) -> _Read | None:
        sample = contents.sample
        if self._known is None and self._fields is None:
            self._fields = _fields(self._source, sample)
        read = self._fields.endings if self._fields else read_of_export(self._known or {})
        masks = read if self._known is not None else {self._source.mask} & read
        image = image_of(sample, self._source.image, {each for each in masks if each})
        if image is None:
            self._counts.bare.append(sample.name)
            self._counts.unread.update(sample.parts.keys())
            return None
        self._counts.unread.update(sample.parts.keys() - read - {image})
        key, raws = self._labels(contents)
        part = sample.parts[image]
        return _Read(shard=shard, key=key, targets={**raws, IMAGE: (part.offset, part.size)})

    def _labels(self, contents: Contents) -> tuple[str, dict[str, Any]]:
        if self._fields is None:
            return exported(contents, self._known or {})
        return contents.sample.name, self._fields.raws(contents)

    def _report(self, shards: Sequence[str]) -> None:
        notes = self._notes + self._counts.notes()
        if self._tree is not None:
            read = {*shards, *([SIGNATURE] if self._known is not None else [])}
            notes = [*self._tree.notes(self._tree.skipped(read)), *notes]
        for note in notes:
            _log.warning("%s: %s.", self._source.path, note)


def _splits(shards: Sequence[str]) -> tuple[dict[str, str | None], list[str]]:
    """Returns the split of each tar file, if all state one, and a note if only some do."""
    found = {name: webdataset.split_of(name) for name in shards}
    silent = [name for name, split in found.items() if split is None]
    if not silent or len(silent) == len(found):
        return found, []
    note = f"splits in names are not used, since none stands in {shortened(silent)}"
    return dict.fromkeys(found), [note]


def _fields(source: WebDataset, first: webdataset.Sample) -> Fields:
    """Returns what is read of samples like the first.

    Raises:
      DataError: nothing says what an image is labelled with.
    """
    defaults = {each.name: each.default for each in fields(source)}
    stated = {role: getattr(source, role) for role in _ROLES}
    places = {
        role: place
        for role, place in stated.items()
        if place is not None and (place != defaults[role] or place in first.parts)
    }
    if not places:
        raise DataError(
            "expected a file that says what an image is labelled with, such as .cls, found "
            f"{', '.join(f'.{each}' for each in first.parts)}. Say which holds it, such as "
            "label: json:class."
        )
    return Fields(
        places=places,
        classes=source.classes,
        labels_classes=source.labels_classes,
        mask_names=source.mask_names,
    )
