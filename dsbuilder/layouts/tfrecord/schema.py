"""What records hold: their files, the feature of the image, and those of each target.

The files of TensorFlow Datasets say it, and what we leave beside them (`tfds_schema`); of other
files their first records do (`plain_schema`).
"""

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsbuilder import typed_json
from dsbuilder.errors import shortened
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.splits import split_named
from dsbuilder.layouts.tfrecord import detection, tfds
from dsbuilder.layouts.tfrecord.fields import Field, PlainLabel, StoredTarget, fields_of
from dsbuilder.layouts.tfrecord.format import RecordFiles, is_record_file
from dsbuilder.layouts.tfrecord.tfds import FeatureColumn
from dsbuilder.names import MANIFEST
from dsbuilder.plugin import DataError, Target, did_you_mean, targets_from_json
from dsbuilder.plugin.sources import told
from dsbuilder.records.example import Features, blobs, numbers

KEYS = ("key", "image/filename", "image/source_id", "file_name", "filename", "id", "image/id")
"""Features that say which record it is, the best first."""

_TRIED = 100
"""How many records say what is in files that do not say it themselves."""

_IMAGES = ("image/encoded", "image", "image_raw", "encoded", "jpeg", "png")
_LABELS = ("label", "image/class/text", "image/class/label", "class")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a user asks for; see the options of the source."""

    only_targets: tuple[str, ...] | None
    only_splits: tuple[str, ...] | None
    image: str | None
    label: str | None
    classes: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class RecordFile:
    """One file of records.

    Attributes:
      path: path of the file.
      name: what keys call it.
      split: the split it is of, or None.
      count: number of records that it must hold; None where nothing says so.
    """

    path: Path
    name: str
    split: str | None
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class Schema:
    """How records are read.

    Attributes:
      files: the files, in order.
      image: the feature of the image.
      shape: shape of an image that is stored as raw values; None where it is an image file.
      fields: how each target is read, by its name.
      described: names of files that say what is in the records.
      notes: sentences on what is not read.
    """

    files: Sequence[RecordFile]
    image: str
    shape: tuple[int, ...] | None
    fields: Mapping[str, Field]
    described: Collection[str] = ()
    notes: Sequence[str] = ()

    def pixels(self, features: Features) -> bytes | np.ndarray:
        """Returns the image of an Example: an image file, or `(H, W, C)` uint8.

        Raises:
          DataError: it is missing or of another size.
        """
        if self.shape is None:
            found = blobs(features, self.image)
            if len(found) != 1:
                raise DataError(f"{self.image}: expected one image, found {len(found)}.")
            return found[0]
        stored = features.get(self.image, ())
        if isinstance(stored, np.ndarray):
            values = numbers(features, self.image).astype(np.uint8)
        else:
            values = np.frombuffer(b"".join(blobs(features, self.image)), np.uint8)
        if values.size != np.prod(self.shape):
            raise DataError(
                f"{self.image}: expected {self.shape} values, found {values.size} of them."
            )
        return values.reshape(self.shape)


def tfds_schema(path: Path, home: Path, wanted: Wanted) -> Schema:
    """Returns what is in a folder that TensorFlow Datasets opens.

    Args:
      path: what the user names: the folder, or one above it.
      home: the folder.

    Raises:
      DataError: a file that describes it is damaged, or there is no image or target to read.
    """
    columns = tfds.read_columns(home)
    image = _image_column(home, columns, wanted.image)
    info = tfds.read_info(home)
    others = {name: each for name, each in columns.items() if name != image.name}
    fields = _chosen(home, _tfds_fields(path, home, others), wanted.only_targets)
    read = {name for field in fields.values() for name in field.reads} | set(KEYS)
    files, notes = _tfds_files(home, info, wanted.only_splits)
    return Schema(
        files=files,
        image=image.name,
        shape=_raw_shape(home, image),
        fields=fields,
        described={
            *(tfds.INFO, tfds.FEATURES, MANIFEST, sidecar.NAME),
            *map(tfds.labels_file, columns),
        },
        notes=[*notes, *_unread(name for name in others if name not in read)],
    )


def _tfds_fields(path: Path, home: Path, columns: Mapping[str, FeatureColumn]) -> dict[str, Field]:
    """Returns how the targets are read: those that we state, else what columns look like."""
    stated = _stated(path, home)
    stored = {feature for name, kind in stated.items() for feature in kind.features(name)}
    if stated and stored <= columns.keys():
        return {name: StoredTarget(name=name, kind=kind) for name, kind in stated.items()}
    return fields_of({name: each for name, each in columns.items() if name not in KEYS})


def _stated(path: Path, home: Path) -> Mapping[str, Target]:
    """Returns the targets that an export or a dataset of ours states; none where there is none.

    The sidecar lies at the root of an export, two folders above name/version; a dataset has a
    manifest.
    """
    for root in dict.fromkeys((path, home, *home.absolute().parents[1:2])):
        found = sidecar.read(root)
        if found is not None:
            return found.targets
    manifest = home / MANIFEST
    with suppress(OSError, ValueError, LookupError, TypeError, DataError):
        described = typed_json.loads(manifest.read_bytes())["signature"]["targets"]
        return targets_from_json(described, str(manifest))
    return {}  # or what another keeps there


def _image_column(
    folder: Path, columns: Mapping[str, FeatureColumn], wanted: str | None
) -> FeatureColumn:
    if wanted is not None and wanted not in columns:
        raise DataError(f"{folder}: there is no feature '{wanted}'.{did_you_mean(wanted, columns)}")
    found = [
        each
        for name, each in columns.items()
        if name == wanted
        or (wanted is None and (each.kind == "image" or _is_raw_image(each)) and not each.is_list)
    ]
    if not found:
        raise DataError(
            f"{folder}: expected a feature that is an image, found {shortened(columns)}. "
            "Say which with `image`."
        )
    return next((each for each in found if each.name == "image"), found[0])


def _is_raw_image(column: FeatureColumn) -> bool:
    """Whether a column of numbers has the form of an image."""
    return column.name == "image" and column.kind == "number" and len(column.shape) == 3


def _raw_shape(folder: Path, image: FeatureColumn) -> tuple[int, ...] | None:
    if image.kind == "image":
        return None
    sides = tuple(side for side in image.shape if side is not None)
    if len(sides) != 3 or sides[2] not in (1, 3, 4) or image.dtype != "uint8":
        raise DataError(
            f"{folder}: {image.name}: expected an image, encoded or uint8 (H, W, C) of a fixed "
            f"size, found {image.dtype} {image.shape}. Choose another with `image`."
        )
    return sides


def _chosen(
    folder: Path, fields: Mapping[str, Field], wanted: Sequence[str] | None
) -> dict[str, Field]:
    for name in wanted or ():
        if name not in fields:
            raise DataError(f"{folder}: there is no target '{name}'.{did_you_mean(name, fields)}")
    return {name: field for name, field in fields.items() if wanted is None or name in wanted}


def _tfds_files(
    home: Path, info: tfds.DatasetInfo, wanted: Sequence[str] | None
) -> tuple[list[RecordFile], list[str]]:
    """Returns the files to read, and notes on those that are not."""
    for name in wanted or ():
        if name not in info.splits:
            hint = did_you_mean(name, info.splits)
            raise DataError(f"{home}: there is no split '{name}'.{hint}")
    named = {name for name in info.splits if split_named(name)}
    read = set(wanted) if wanted is not None else named or set(info.splits)
    files = [
        RecordFile(
            path=home / shard.path,
            name=shard.path,
            split=split_named(name) if named & read else None,
            count=shard.count,
        )
        for name, shards in info.splits.items()
        if name in read
        for shard in shards
    ]
    left = {
        name: sum(shard.count for shard in shards)
        for name, shards in info.splits.items()
        if name not in read
    }
    shown = ", ".join(f"'{name}' ({count} records)" for name, count in left.items())
    return files, [f"splits that are not read: {shown}"] if left else []


def _unread(features: Iterable[str]) -> list[str]:
    """Returns a note on features that are not read; none where there is none."""
    shown = shortened(features)
    return [f"features that are not read: {shown}"] if shown else []


def plain_schema(path: Path, names: Sequence[str], opened: RecordFiles, wanted: Wanted) -> Schema:
    """Returns what is in files that do not say what is in them, from their first records.

    Args:
      path: the folder, or a single file.
      names: of all files below it.

    Raises:
      DataError: there are no files, or their first records have no image or no label.
    """
    root = path if path.is_dir() else path.parent
    files = list(_plain_files(root, [path.name] if path.is_file() else names))
    first = _first(files, opened)
    if first is None:
        raise DataError(
            f"{path}: expected TFRecord files with records, found {len(files)} files and no "
            "record. Check the path."
        )
    image = _feature(path, first, "image", wanted.image, _IMAGES)
    maps = [name for name in names if name.lower().endswith(".pbtxt") and "/" not in name]
    fields = _chosen(path, _plain_fields(path, root, maps, first, wanted), wanted.only_targets)
    read = {image, *KEYS, *(name for each in fields.values() for name in each.reads)}
    groups = tuple(name for name in read if name.endswith("/"))
    left = (name for name in first if name not in read and not name.startswith(groups))
    return Schema(
        files=files, image=image, shape=None, fields=fields, described=maps, notes=_unread(left)
    )


def _first(files: Sequence[RecordFile], opened: RecordFiles) -> Features | None:
    """Returns the features that any of the first records has, with a value if one has any.

    An image without objects may lack what others have. None if there is no record to read.

    Raises:
      DataError: not one of them can be read.
    """
    found = (features for each in files for _, features in opened.examples(each.path))
    tried = list(itertools.islice(found, _TRIED))
    merged: dict[str, Any] = {}
    for features in tried:
        if not isinstance(features, DataError):
            for name, value in features.items():
                if not len(merged.get(name, ())):
                    merged[name] = value
    broken = [each for each in tried if isinstance(each, DataError)]
    if broken and len(broken) == len(tried):
        raise DataError(told([str(each) for each in broken]))
    return merged if tried else None


def _plain_files(root: Path, names: Sequence[str]) -> Iterator[RecordFile]:
    for name in names:
        if is_record_file(name.rpartition("/")[2]) or len(names) == 1:
            words = re.split(r"[^a-z]+", name.lower())
            splits = {split_named(word) for word in words} - {None}
            yield RecordFile(
                path=root / name, name=name, split=splits.pop() if len(splits) == 1 else None
            )


def _plain_fields(
    path: Path, root: Path, maps: Sequence[str], first: Features, wanted: Wanted
) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    if detection.has_boxes(first):
        names = _label_map(root, maps)
        fields["objects"] = detection.DetectionBoxes(classes=wanted.classes, names=names)
    if not fields or wanted.label is not None:
        label = _feature(path, first, "label", wanted.label, _LABELS)
        fields["label"] = PlainLabel(feature=label, classes=wanted.classes)
    return fields


def _label_map(root: Path, maps: Sequence[str]) -> dict[int, str]:
    if len(maps) != 1:
        return {}
    try:
        return detection.read_label_map((root / maps[0]).read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{root / maps[0]}: expected a label map in UTF-8: {error}.") from None


def _feature(
    path: Path, first: Features, option: str, wanted: str | None, known: Sequence[str]
) -> str:
    """Returns the name of the feature that an option names, or the first known one."""
    name = wanted or next((each for each in known if each in first), None)
    if name is None or name not in first:
        expected = f"'{wanted}'" if wanted else f"such as {', '.join(known)}"
        raise DataError(
            f"{path}: expected a feature {expected} in the first records, found "
            f"{shortened(first)}. Say which holds it with `{option}`."
        )
    return name
