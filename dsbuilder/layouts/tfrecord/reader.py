"""TFRecord files of `tf.train.Example`: ours, those of TensorFlow Datasets, and others."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder.errors import shortened
from dsbuilder.layouts import keys, tree
from dsbuilder.layouts.classes import check_class_count, check_classes
from dsbuilder.layouts.glance import glance
from dsbuilder.layouts.tfrecord import tfds
from dsbuilder.layouts.tfrecord.contents import (
    KEYS,
    Layout,
    Part,
    Wanted,
    plain_layout,
    tfds_layout,
)
from dsbuilder.layouts.tfrecord.files import RecordFiles, is_record_file
from dsbuilder.plugin import (
    ClassLabel,
    DataError,
    Recognition,
    Record,
    Source,
    Target,
    source,
)
from dsbuilder.records.example_values import Features

OFFSET = "offset"
"""Where a record lies in its file, in bytes; it stands beside the labels, for a quick `read`."""

_log = logging.getLogger(__name__)


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

    On the right are other files. The image is the feature `image/encoded`, `image`, `image_raw`,
    `encoded`, `jpeg` or `png`; boxes are those of the TensorFlow Object Detection API, with the
    names of a label map if there is one; the class is the feature `label`, `image/class/text`,
    `image/class/label` or `class`, a text or a number. A split's name in a file's name is its
    split. Features, files and splits that are not read are reported in the log.

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
    def recognise(cls, folder: Path) -> Recognition:
        """Looks at the files that say what is in a dataset, or at the names of others."""
        homes = tfds.find(folder)
        if homes:
            try:
                info = tfds.read_info(_only(folder, homes))
            except DataError as error:
                return Recognition(certainty=0, reason=str(error))
            count = sum(shard.count for shards in info.splits.values() for shard in shards)
            reason = (
                f"TensorFlow Datasets: {info.name} {info.version}, {count} records in "
                f"{', '.join(info.splits)}"
            )
            return Recognition(certainty=0.97, reason=reason, options={"path": "."})
        seen = glance(folder)
        files = [path for path in seen.files if is_record_file(path.rpartition("/")[2])]
        if not files:
            return Recognition(certainty=0, reason="neither dataset_info.json nor TFRecord files")
        places = {path.rpartition("/")[0] for path in files}
        options = {"path": places.pop() or "." if len(places) == 1 else "."}
        count_text = seen.count(len(files), "TFRecord file")
        return Recognition(certainty=0.6, reason=f"{count_text}", options=options)

    def records(self) -> Iterator[Record]:
        """Yields a record for every record of the files, in their order.

        Raises:
          DataError: a file is missing, damaged, cut or has more or fewer records than it should, a
            record lacks a feature or holds another kind of value, or there is only one class.
        """
        layout = self._layout
        scanned = [each for part in layout.parts for each in self._scan(part)]
        given = _keys(scanned)
        if not scanned:
            raise DataError(f"{self.path}: expected records, found none. Check the path.")
        records = [
            Record(
                key=key,
                path=each.part.path,
                targets={**each.raws, OFFSET: each.offset},
                group=group,
                split=each.part.split,
            )
            for (key, group), each in zip(given, scanned, strict=True)
        ]
        identities = (each.identity for each in scanned)
        self._fresh.update((each.key, i) for each, i in zip(records, identities, strict=True))
        for name, kind in self.targets(records).items():
            if isinstance(kind, ClassLabel) and not kind.soft and name in layout.fields:
                found = {record.targets[name] for record in records}
                check_class_count(found, where=str(self.path), noun="classes")
        self._report()
        return iter(records)

    def watches(self) -> Sequence[Path]:
        """Returns all that lies at or below `path`."""
        return tree.everything(self.path)

    def targets(self, records: Sequence[Record]) -> Mapping[str, Target]:
        """Returns the targets that the files hold."""
        kinds: dict[str, Target] = {}
        for name, field in self._layout.fields.items():
            try:
                kinds[name] = field.target([record.targets[name] for record in records])
            except DataError as error:
                raise DataError(f"{self.path}: {name}: {error}") from None
        return kinds

    def read(self, record: Record) -> bytes | np.ndarray:
        """Returns the image of a record, as it is stored."""
        if record.path is None:
            raise DataError(f"{record.key}: expected a file of records, found none.")
        offset = int(record.targets[OFFSET])
        with _located(record.path, offset):
            return self._layout.pixels(self._files.read(record.path, offset))

    def identity(self, record: Record) -> str:
        """Returns the hash of a record's image."""
        fresh = self._fresh.pop(record.key, None)  # once, as it was when all were read
        return fresh or _digest(self.read(record))

    @cached_property
    def _files(self) -> RecordFiles:
        """The files, each opened once in a process."""
        return RecordFiles()

    @cached_property
    def _fresh(self) -> dict[str, str]:
        """Identities by key, of records that were just read."""
        return {}

    @cached_property
    def _layout(self) -> Layout:
        homes = tfds.find(self.path)
        wanted = Wanted(
            only_targets=self.only_targets,
            only_splits=self.only_splits,
            image=self.image,
            label=self.label,
            classes=self.classes,
        )
        if homes:
            return tfds_layout(_only(self.path, homes), wanted)
        names = tree.scan(self.path).files if not self.path.is_file() else [self.path.name]
        return plain_layout(self.path, names, self._files, wanted)

    def _scan(self, part: Part) -> Iterator["_Scanned"]:
        count = 0
        for offset, features in self._files.examples(part.path):
            with _located(part.path, offset):
                yield _Scanned(
                    part=part,
                    row=count,
                    offset=offset,
                    raws={n: field.raw(features) for n, field in self._layout.fields.items()},
                    names=_names(features),
                    identity=_digest(self._layout.pixels(features)),
                )
            count += 1
        if part.count not in (None, count):
            raise DataError(
                f"{part.path}: expected {part.count} records, as dataset_info.json says, found "
                f"{count}. Download or prepare the dataset again."
            )

    def _report(self) -> None:
        """Logs what is not read: splits, features, and files."""
        home = next(iter(tfds.find(self.path)), self.path)
        notes = list(self._layout.passed)
        if home.is_dir():
            below = tree.scan(home)
            read = {part.name for part in self._layout.parts} | set(self._layout.described)
            notes += below.notes(below.skipped(read) + self._beside(home))
        for note in notes:
            _log.warning("%s: %s.", home, note)

    def _beside(self, home: Path) -> Counter[str]:
        """Returns counts of the files below the path that do not belong to the dataset in it."""
        start = f"{home.relative_to(self.path).as_posix()}/"
        files = tree.scan(self.path).files if home != self.path else []
        return tree.Tree(files=[each for each in files if not each.startswith(start)]).skipped(())


@dataclass(frozen=True, kw_only=True)
class _Scanned:
    """A record as it was read once.

    Attributes:
      part, row, offset: where it lies: the file, how many stand before it, and the byte.
      raws: raw labels by target.
      names: what it may be called, by the feature that says so.
      identity: of its image.
    """

    part: Part
    row: int
    offset: int
    raws: Mapping[str, Any]
    names: Mapping[str, str]
    identity: str


def _only(path: Path, homes: Sequence[Path]) -> Path:
    if len(homes) > 1:
        found = shortened(str(home.relative_to(path)) for home in homes)
        raise DataError(
            f"{path}: expected one dataset, found {len(homes)}: {found}. Let `path` name one."
        )
    return homes[0]


def _keys(scanned: Sequence[_Scanned]) -> list[tuple[str, str | None]]:
    """Returns key and group of each record: the first feature that tells all apart, else its place.

    Only what was made of one image has a group.
    """
    for name in KEYS:
        found = [each.names.get(name, "") for each in scanned]
        if all(found) and len(set(found)) == len(found):
            return keys.with_groups(found)
    return [(f"{each.part.name}/{each.row:05d}", None) for each in scanned]


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
        return hashlib.blake2b(pixels, digest_size=16).hexdigest()
    digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).hexdigest()
    return f"{pixels.shape} {digest}"


@contextmanager
def _located(path: Path, offset: int) -> Iterator[None]:
    """Says in which record something is wrong."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: record at byte {offset}: {error}") from None
