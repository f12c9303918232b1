"""TFRecord files of `tf.train.Example`: ours, those of TensorFlow Datasets, and others."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.layouts import keys, sidecar, tree
from dsbuilder.layouts.catalog import SourceCatalog, digest, file_of
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.faults import FEW
from dsbuilder.layouts.tfrecord import tfds
from dsbuilder.layouts.tfrecord.format import RecordFiles
from dsbuilder.layouts.tfrecord.schema import (
    KEYS,
    RecordFile,
    Schema,
    Wanted,
    plain_schema,
    tfds_schema,
)
from dsbuilder.layouts.tfrecord.signs import signs_of
from dsbuilder.names import MANIFEST, PAGES
from dsbuilder.plugin import (
    Catalog,
    ClassLabel,
    DataError,
    Listing,
    Record,
    Signs,
    Source,
    Target,
    source,
)
from dsbuilder.plugin.sources import told
from dsbuilder.records.example import Features

_SUMS, _LOGS = "SHA256SUMS", "log/"
"""Where a dataset that we built has the checksums of its files, and how these came about."""


@source("tfrecord")
@dataclass(frozen=True, kw_only=True)
class TFRecord(Source):
    """Reads images and labels from TFRecord files, packed with gzip or not, without TensorFlow.

        path/                                    path/
          dataset_info.json                        train.record-00000-of-00002
          features.json                            train.record-00001-of-00002
          toy-train.tfrecord-00000-of-00001        val.record
          toy-test.tfrecord-00000-of-00001         label_map.pbtxt

    On the left is what TensorFlow Datasets opens, and what dsbuilder builds and exports; it may lie
    up to three folders below `path`. Its files say what is in it: classes, several labels, numbers,
    texts, masks, and boxes with their attributes. A split of another name than train, validation or
    test (also training; val, valid, dev; testing, eval, evaluation) is left out, unless all are.

    On the right are other files, of which the first 100 records say what is in them. The image is
    the feature `image/encoded`, `image`, `image_raw`,
    `encoded`, `jpeg` or `png`; boxes are those of the TensorFlow Object Detection API, with the
    names of a label map if there is one; the class is the feature `label`, `image/class/text`,
    `image/class/label` or `class`, a text or a number. A split's name in a file's name is its
    split. Features, files and splits that are not read are reported.

    The key of a record is its feature `key`, `image/filename`, `image/source_id`, `file_name` or
    `filename`, the first that tells all records apart; else the file's name and the place in it,
    such as `toy-train.tfrecord-00000-of-00001/00042`.

    Attributes:
      path: the folder, or a single file.
      only_targets: names of the targets to read, where not all that are known.
      only_splits: names of the splits to read, as TensorFlow Datasets knows them, where not all.
      image: the feature that holds the image.
      label: the feature that holds the class, of files that do not say what is in them.
      classes: class names in id order, of files that do not say them; by default those found.
    """

    path: Path
    only_targets: tuple[str, ...] | None = None
    only_splits: tuple[str, ...] | None = None
    image: str | None = None
    label: str | None = None
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_classes(self.classes)

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks at the files that say what is in a dataset, or at the names of others."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the files.

        Raises (when it is listed):
          DataError: a file is missing, cut or has more or fewer records than it should, or there is
            only one class. A record that is damaged, lacks a feature or holds another kind of value
            is one with an error.
        """
        return _TFRecordCatalog(self)


@dataclass(frozen=True, kw_only=True)
class _Scanned:
    """A record as it was read once.

    Attributes:
      file, row, offset: the file that it lies in, the number of records before it, and its byte.
      raws: raw labels by target.
      names: what it may be called, by the feature that says so.
      error: why it cannot be read; None if it can.
    """

    file: RecordFile
    row: int
    offset: int
    raws: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None


class _TFRecordCatalog(SourceCatalog[TFRecord]):
    """The records of files; the place of one is the byte at which it begins."""

    def __init__(self, source: TFRecord) -> None:
        super().__init__(source)
        self._opened = RecordFiles()
        self._digests: dict[tuple[Path, int], str] = {}
        """Hashes of images that were just read, each given away once."""

    def scan(self) -> Listing:
        path, schema = self._source.path, self._schema
        scanned = [each for file in schema.files for each in self._scan(file)]
        if not scanned:
            raise DataError(f"{path}: there are no records. Check the path.")
        sound = [each for each in scanned if each.error is None]
        wrong = [each.error for each in scanned if each.error is not None]
        if not sound:
            raise DataError(told(wrong))
        targets = self._targets(sound)
        for name, kind in targets.items():
            if isinstance(kind, ClassLabel) and not kind.soft:
                found = {each.raws[name] for each in sound}
                if len(found) < 2 and len(wrong) > FEW * len(sound):
                    raise DataError(told(wrong))
                check_class_count(found, where=str(path), noun="classes")
        records = [
            Record(
                key=key,
                path=each.file.path,
                targets=each.raws,
                group=group,
                split=each.file.split,
                place={"offset": each.offset},
                error=each.error,
            )
            for (key, group), each in zip(_keys(scanned), scanned, strict=True)
        ]
        cut = [note for each in schema.fields.values() for note in each.notes()]
        return Listing(records=records, targets=targets, notes=[*self._notes(), *cut])

    def watches(self) -> Sequence[Path]:
        return tree.everything(self._source.path)

    def read(self, record: Record) -> bytes | np.ndarray:
        path, offset = _place(record)
        with _located(path, offset):
            return self._schema.pixels(self._opened.read(path, offset))

    def identity(self, record: Record) -> str:
        return self._digests.pop(_place(record), None) or _digest(self.read(record))

    @cached_property
    def _schema(self) -> Schema:
        source, homes = self._source, self._homes
        wanted = Wanted(
            only_targets=source.only_targets,
            only_splits=source.only_splits,
            image=source.image,
            label=source.label,
            classes=source.classes,
        )
        if homes:
            return tfds_schema(source.path, tfds.only(source.path, homes), wanted)
        is_file = source.path.is_file()
        names = [source.path.name] if is_file else tree.scan(source.path).files
        return plain_schema(source.path, names, self._opened, wanted)

    @cached_property
    def _homes(self) -> Sequence[Path]:
        return tfds.find(self._source.path)

    def _scan(self, file: RecordFile) -> Iterator[_Scanned]:
        schema, count = self._schema, 0
        for offset, features in self._opened.examples(file.path):
            place = _Scanned(file=file, row=count, offset=offset)
            if isinstance(features, DataError):
                yield replace(place, error=str(features))
            else:
                yield self._read(schema, place, features)
            count += 1
        if file.count not in (None, count):
            raise DataError(
                f"{file.path}: expected {file.count} records, as dataset_info.json says, found "
                f"{count}. Download or prepare the dataset again."
            )

    def _read(self, schema: Schema, place: _Scanned, features: Features) -> _Scanned:
        """Returns a record with its labels, or with what is wrong with it."""
        path, offset = place.file.path, place.offset
        named = replace(place, names=_names(features))
        try:
            with _located(path, offset):
                raws = {name: each.raw(features) for name, each in schema.fields.items()}
                self._digests[path, offset] = _digest(schema.pixels(features))
        except DataError as error:
            return replace(named, error=str(error))
        return replace(named, raws=raws)

    def _targets(self, scanned: Sequence[_Scanned]) -> dict[str, Target]:
        kinds: dict[str, Target] = {}
        for name, each in self._schema.fields.items():
            try:
                kinds[name] = each.target([record.raws[name] for record in scanned])
            except DataError as error:
                raise DataError(f"{self._source.path}: {name}: {error}") from None
        return kinds

    def _notes(self) -> Sequence[str]:
        """Says what is not read: splits, features, and files."""
        home = next(iter(self._homes), self._source.path)
        if not home.is_dir():
            return self._schema.notes
        below = tree.scan(home)
        read = {file.name for file in self._schema.files} | set(self._schema.described)
        read |= _built(home, below.files)
        skipped = below.skipped(read) + self._beside(home)
        return [*self._schema.notes, *below.notes(skipped)]

    def _beside(self, home: Path) -> Counter[str]:
        """Returns counts of the files below the path that do not belong to the dataset in it."""
        path = self._source.path
        if home == path:
            return Counter()
        start = f"{home.relative_to(path).as_posix()}/"
        others = [each for each in tree.scan(path).files if not each.startswith(start)]
        return tree.Tree(files=others).skipped((sidecar.NAME,))


def _built(home: Path, files: Sequence[str]) -> set[str]:
    """Returns what of a folder a build of ours wrote; nothing where there was none."""
    sums = home / _SUMS
    if not (home / MANIFEST).is_file() or not sums.is_file():
        return set()
    with suppress(OSError, UnicodeDecodeError):
        lines = sums.read_text(encoding="utf-8").splitlines()
        named = (name for _, _, name in (line.partition("  ") for line in lines))
        return {_SUMS, *PAGES, *named, *(each for each in files if each.startswith(_LOGS))}
    return set()  # what cannot be read, is not ours


def _place(record: Record) -> tuple[Path, int]:
    return file_of(record), int(record.place["offset"])


def _keys(scanned: Sequence[_Scanned]) -> list[tuple[str, str | None]]:
    """Returns key and group of each: the first feature that tells all apart, else its place.

    Only what was made of one image has a group. One that cannot be read changes no other's key.
    """
    for name in KEYS:
        sound = [each.names.get(name, "") for each in scanned if each.error is None]
        if all(sound) and len(set(sound)) == len(sound):
            taken = Counter(each.names.get(name, "") for each in scanned)
            return keys.with_groups([_named_key(each, name, taken) for each in scanned])
    return [(_place_key(each), None) for each in scanned]


def _named_key(scanned: _Scanned, name: str, taken: Mapping[str, int]) -> str:
    found = scanned.names.get(name, "")
    if scanned.error is not None and (keys.fault(found) or taken[found] > 1):
        return _place_key(scanned)
    return found


def _place_key(scanned: _Scanned) -> str:
    return f"{scanned.file.name}/{scanned.row:05d}"


def _names(features: Features) -> dict[str, str]:
    """Returns what a record may be called, by feature; what is no text or number is none."""
    found: dict[str, str] = {}
    for name in KEYS:
        values = features.get(name, ())
        if len(values) == 1:
            value = values[0]
            with suppress(UnicodeDecodeError):
                found[name] = value.decode() if isinstance(value, bytes) else str(value)
    return found


def _digest(pixels: bytes | np.ndarray) -> str:
    if isinstance(pixels, bytes):
        return digest(pixels)
    return f"{pixels.shape} {digest(pixels.tobytes())}"


@contextmanager
def _located(path: Path, offset: int) -> Iterator[None]:
    """Says in which record something is wrong."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: record at byte {offset}: {error}") from None
