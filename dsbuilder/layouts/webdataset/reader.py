"""Tar files of samples, as webdataset and Hugging Face have them, and as dsbuilder exports them."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from dsbuilder.errors import printable, shortened
from dsbuilder.layouts import keys, sidecar, tree
from dsbuilder.layouts.catalog import SourceCatalog, digest, file_of
from dsbuilder.layouts.cells import targets_of, value_target
from dsbuilder.layouts.classes import check_class_count, check_classes, numbered_names
from dsbuilder.layouts.mask_names import MaskNames
from dsbuilder.layouts.webdataset import format as webdataset
from dsbuilder.layouts.webdataset import tar
from dsbuilder.layouts.webdataset.format import TarSample
from dsbuilder.layouts.webdataset.labels import ExportedLabels, LabelPlaces
from dsbuilder.layouts.webdataset.signs import signs_of
from dsbuilder.plugin import (
    Catalog,
    ClassLabel,
    DataError,
    Listing,
    MultiLabel,
    Record,
    Signs,
    Source,
    Target,
    Text,
    source,
)
from dsbuilder.plugin.sources import check_some_read

Split = Literal["train", "validation", "test"]

_TRIED = 100
"""How many samples say which labels there are."""
_ROLES = ("label", "labels", "value", "text", "mask")


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
    key in its JSON, such as `json:caption`. Those of the default names are read if most of the
    first 100 samples have them, those that you name must be there, and null reads none. A sample
    without an image, and files that nothing reads, are skipped, counted, and reported.

    A word in the name of a tar file, else of a folder, says the split (train, training; validation,
    val, valid, dev; test, testing, eval, evaluation), if it does for every file. The key of a
    record is the name of its sample; where names are there in several tar files, the path of the
    file without its ending stands before them, such as `train-000000/000000`.

    Beside the tar files that dsbuilder exports, `dsbuilder.json` says of which kinds the targets
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
      mask_classes: class names of masks in id order. Without `mask_colors` the stored values are
        the ids; one of the two is needed where there is a mask.
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
            raise ValueError("only: at least one is needed, such as train.")
        if self.mask is not None or self.mask_classes or self.mask_colors:
            _ = self.mask_names

    @property
    def mask_names(self) -> MaskNames | None:
        """What the options say of the values in masks; None where none are read."""
        if self.mask is None:
            return None
        return MaskNames(classes=self.mask_classes, colors=self.mask_colors, ignore=self.ignore)

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks at the names of files in the first tar file, and at the JSON of a sample."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the tar files.

        Raises (when it is listed):
          DataError: there is no tar file, one is cut, or there is only one class. A header that is
            damaged is a record with an error, and what follows is read where a whole one does. A
            sample that lacks a label or has several images is a record with an error.
        """
        return _WebDatasetCatalog(self)


class _WebDatasetCatalog(SourceCatalog[WebDataset]):
    """The samples of tar files; the place of one is that of the bytes of its image and masks."""

    def scan(self) -> Listing:
        return _Shards(self._source).listing()

    def watches(self) -> Sequence[Path]:
        path = self._source.path
        beside = path.parent / sidecar.NAME
        return [*tree.everything(path), *([beside] if path.is_file() and beside.is_file() else [])]

    def read(self, record: Record) -> bytes:
        return tar.content(file_of(record), record.place["offset"], record.place["length"])

    def identity(self, record: Record) -> str:
        path, masks = file_of(record), record.place.get("masks", ())
        return digest(self.read(record), *(tar.content(path, *place) for place in masks))


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A sample as it was read.

    Attributes:
      shard: the path of its tar file below the top folder.
      key: the key that the export states, else the name of the sample.
      targets: raw labels by target name.
      place: where its image and its masks lie in the tar file.
      error: why it cannot be read; None if it can.
    """

    shard: str
    key: str
    targets: Mapping[str, Any] = field(default_factory=dict)
    place: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(kw_only=True)
class _SkippedFiles:
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


class _Shards:
    """Reads the tar files once, and remembers what of them was read."""

    def __init__(self, source: WebDataset) -> None:
        self._source = source
        self._root = source.path if source.path.is_dir() else source.path.parent
        self._stated = sidecar.read(self._root)
        self._labels: ExportedLabels | LabelPlaces | None = None
        if self._stated is not None:
            self._labels = ExportedLabels(targets=self._stated.targets)
        self._skipped = _SkippedFiles()

    def listing(self) -> Listing:
        source = self._source
        below = None if source.path.is_file() else tree.scan(source.path)
        names = [source.path.name] if below is None else below.files
        shards = [name for name in names if tree.extension(name) == webdataset.TAR]
        splits, notes = _splits(shards)
        wanted = [name for name in shards if not source.only or splits[name] in source.only]
        if not wanted:
            problem = "there are no tar files"
            if shards:
                problem = f"expected tar files, found {len(shards)} of other splits"
            raise DataError(f"{source.path}: {problem}. Check the path or `only`.")
        found = [each for name in wanted for each in self._samples(name)]
        if not found:
            raise DataError(
                f"{source.path}: no sample in {len(wanted)} tar files has an image. Check them."
            )
        if below is not None:
            beside = [] if self._stated is None else [sidecar.NAME]
            notes = [*below.notes(below.skipped({*wanted, *beside})), *notes]
        records = self._records(found, splits)
        check_some_read(records)
        return Listing(
            records=records,
            targets=self._stated.targets if self._stated else _targets(source, records),
            notes=[*notes, *self._skipped.notes()],
        )

    def _samples(self, shard: str) -> Iterator[_Read]:
        path = self._root / shard
        damage: dict[int, str] = {}
        samples = webdataset.samples(path, self._skipped.members, damage)
        if self._labels is None:
            first = list(itertools.islice(samples, _TRIED))
            if first:
                self._labels = self._places(path, first)
            samples = itertools.chain(first, samples)
        for sample in samples:
            try:
                found = self._sample(shard, sample)
            except DataError as error:
                text = f"{path}: {printable(sample.name)}: {error}"
                yield _Read(shard=shard, key=sample.name, error=text)
            else:
                if found is not None:
                    yield found
        for offset, reason in damage.items():
            yield _Read(shard=shard, key=f"{shard}: byte {offset}", error=reason)

    def _places(self, path: Path, first: Sequence[TarSample]) -> LabelPlaces:
        try:
            return _places(self._source, first)
        except DataError as error:
            raise DataError(f"{path}: {printable(first[0].name)}: {error}") from None

    def _sample(self, shard: str, sample: TarSample) -> _Read | None:
        labels = self._labels
        if labels is None:
            return None
        image = sample.image(self._source.image, labels.masks)
        if image is None:
            self._skipped.bare.append(sample.name)
            self._skipped.unread.update(sample.files.keys())
            return None
        self._skipped.unread.update(sample.files.keys() - labels.endings - {image})
        raws = labels.raws(sample)
        place: dict[str, Any] = asdict(sample.files[image])
        if labels.masks:
            masks = (sample.files[ending] for ending in sorted(labels.masks))
            place["masks"] = [[each.offset, each.length] for each in masks]
        return _Read(shard=shard, key=labels.key(sample), targets=raws, place=place)

    def _records(self, found: Sequence[_Read], splits: Mapping[str, str | None]) -> list[Record]:
        paths = {name: self._root / name for name in splits}
        return [
            Record(
                key=key,
                path=paths[each.shard],
                targets=each.targets,
                group=group,
                split=splits[each.shard],
                place=each.place,
                error=each.error,
            )
            for each, (key, group) in zip(found, self._keys(found), strict=True)
        ]

    def _keys(self, found: Sequence[_Read]) -> list[tuple[str, str | None]]:
        """Returns key and group of each sample."""
        if self._stated is not None:
            return keys.with_groups([each.key for each in found])
        is_plain = len({each.key for each in found}) == len(found)
        return [
            (each.key if is_plain else f"{each.shard.rpartition('.')[0]}/{each.key}", None)
            for each in found
        ]


def _targets(source: WebDataset, listed: Sequence[Record]) -> Mapping[str, Target]:
    """Returns the targets that options name, as the records that can be read have them.

    Raises:
      DataError: there is only one class, or values are not of one length.
    """
    records = [each for each in listed if each.error is None]
    makers: Mapping[str, Callable[[], Target | None]] = {
        "label": lambda: _class_target(records, source.classes),
        "labels": lambda: _labels_target(records, source.labels_classes),
        "value": lambda: value_target(records),
        "text": Text,
        "mask": lambda: None if source.mask_names is None else source.mask_names.target,
    }
    try:
        found = targets_of(records, makers)
    except DataError as error:
        raise DataError(f"{source.path}: {error}") from None
    if "label" in found:
        classes = {each.targets["label"] for each in records}
        wrong = [each for each in listed if each.error is not None]
        where = str(source.path)
        check_class_count(classes, where=where, noun="classes", wrong=wrong, of=len(records))
    return found


def _class_target(records: Sequence[Record], classes: tuple[str, ...] | None) -> ClassLabel:
    found = (each.targets["label"] for each in records)
    return ClassLabel(names=numbered_names(found, classes))


def _labels_target(records: Sequence[Record], classes: tuple[str, ...] | None) -> MultiLabel:
    found = (name for each in records for name in each.targets["labels"])
    return MultiLabel(names=numbered_names(found, classes))


def _splits(shards: Sequence[str]) -> tuple[dict[str, str | None], list[str]]:
    """Returns the split of each tar file, if all state one, and a note if only some do."""
    found = {name: webdataset.split_of(name) for name in shards}
    silent = [name for name, split in found.items() if split is None]
    if not silent or len(silent) == len(found):
        return found, []
    note = f"splits in names are not used, since none stands in {shortened(silent)}"
    return dict.fromkeys(found), [note]


def _places(source: WebDataset, first: Sequence[TarSample]) -> LabelPlaces:
    """Returns what is read of samples like the first ones: what most of them have.

    Raises:
      DataError: nothing says what an image is labeled with.
    """
    defaults = {each.name: each.default for each in fields(source)}
    counts = Counter(ending for sample in first for ending in sample.files)
    stated = {role: getattr(source, role) for role in _ROLES}
    places = {
        role: place
        for role, place in stated.items()
        if place is not None and (place != defaults[role] or 2 * counts[place] > len(first))
    }
    if not places:
        raise DataError(
            "expected a file that says what an image is labeled with, such as .cls, found "
            f"{', '.join(f'.{each}' for each in counts)}. Say which holds it, such as "
            "label: json:class."
        )
    return LabelPlaces(
        places=places,
        classes=source.classes,
        labels_classes=source.labels_classes,
        mask_names=source.mask_names,
    )
